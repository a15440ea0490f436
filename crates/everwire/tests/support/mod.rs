//! Servers on 127.0.0.1, well-behaved and not, and waiting with a deadline.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test program uses a part of it")]

pub mod proxy;
pub mod secure;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everwire::{Builder, Cause, Client, State};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
pub use tokio_tungstenite::tungstenite::Message as Peer;

pub type PeerSocket = WebSocketStream<TcpStream>;

/// What a healthy machine does in far less, even under load.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(SOON, future).await {
        Ok(value) => value,
        Err(_) => panic!("not in time: {what}"),
    }
}

/// Waits for a state.
pub async fn state(client: &Client, what: &str, matches: impl Fn(&State) -> bool) -> State {
    let mut states = client.watch_state();
    match timeout(SOON, states.wait_for(|state| matches(state))).await {
        Ok(Ok(state)) => state.clone(),
        Ok(Err(_)) => panic!("the client is gone"),
        Err(_) => panic!("not in time: {what}; the state is: {}", client.state()),
    }
}

pub async fn connected(client: &Client) {
    state(client, "connected", State::is_connected).await;
}

/// Waits until the client has failed once, and tells why.
pub async fn first_cause(client: &Client) -> Cause {
    let state = state(client, "a failure", |state| matches!(state, State::Disconnected { .. }) || state.is_final());
    match state.await {
        State::Disconnected { cause, .. } | State::Closed(everwire::Closed::Refused(cause)) => cause,
        other => panic!("no failure: {other}"),
    }
}

/// The same, where the opening failed.
pub async fn first_failure(client: &Client) -> everwire::OpenFailure {
    match first_cause(client).await {
        Cause::OpenFailed(failure) => failure,
        other => panic!("it opened: {other:?}"),
    }
}

/// Waits for the end, which an opening's failure has brought.
pub async fn final_failure(client: &Client) -> everwire::OpenFailure {
    match state(client, "the end", State::is_final).await {
        State::Closed(everwire::Closed::Refused(Cause::OpenFailed(failure))) => failure,
        other => panic!("another end: {other}"),
    }
}

/// A message goes there and back.
pub async fn assert_echo(client: &Client) {
    let mut inbox = client.messages();
    connected(client).await;
    let delivery = client.send("hello").expect("room");
    assert_eq!(soon("the echo", inbox.next()).await, Some("hello".into()));
    assert_eq!(soon("the outcome", delivery).await, everwire::Outcome::Received);
}

/// Waits until something becomes true.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A client that retries within milliseconds.
pub fn hasty(url: impl AsRef<str>) -> Builder {
    Client::builder(url).initial_delay(Duration::from_millis(20)).max_delay(Duration::from_millis(50))
}

/// A listener, and the URL of it.
pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    (listener, url)
}

/// A URL where nobody listens.
pub async fn nobody() -> String {
    listen().await.1
}

/// A server that handles each connection by itself; dropping it closes the listener and all connections.
pub struct Server {
    pub url: String,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Plain TCP, by script.
    pub async fn raw<F, Fut>(handler: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (listener, url) = listen().await;
        Self::on(listener, url, handler)
    }

    pub fn on<F, Fut>(listener: TcpListener, url: String, handler: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(handler(stream, count.fetch_add(1, Ordering::SeqCst)));
            }
        });
        Self { url, accepted, task }
    }

    /// WebSocket by tokio-tungstenite; the handler also gets the connection's number from 0.
    pub async fn web_socket<F, Fut>(handler: F) -> Self
    where
        F: Fn(PeerSocket, usize) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::raw(move |stream, number| {
            let handler = handler.clone();
            async move {
                if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                    handler(socket, number).await;
                }
            }
        })
        .await
    }

    pub async fn echo() -> Self {
        Self::web_socket(|socket, _| echo(socket)).await
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn echo(mut socket: PeerSocket) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Reads an upgrade request's head; its text.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("a head in ASCII")
}

/// Answers the upgrade request with these bytes, then ends the stream.
pub async fn answer(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    read_head(&mut stream).await;
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.shutdown().await;
    // Not to reset what the client has not read yet.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Upgrades and gives the bare stream, for bytes that no decent peer would send.
pub async fn upgrade(stream: TcpStream) -> TcpStream {
    let mut stream = stream;
    let head = read_head(&mut stream).await;
    let key = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().starts_with("sec-websocket-key:").then(|| line[18..].trim().to_owned())
        })
        .expect("a key");
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
         {accept}\r\n\r\n"
    );
    let _ = stream.write_all(response.as_bytes()).await;
    stream
}

/// Ends a connection with a reset.
pub fn reset(stream: TcpStream) {
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}
