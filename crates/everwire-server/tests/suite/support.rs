//! A server to be abused, and clients that write what no library would.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use everwire_server::{Incoming, Server, ShutdownReport, Socket, Stats, Upgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// No single thing takes longer, even on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// An opening timeout that a test can wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(150);

pub(crate) const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) async fn echo(mut socket: Socket) {
    while let Ok(Some(incoming)) = socket.recv().await {
        if let Incoming::Message(message) = incoming
            && socket.send(&message).await.is_err()
        {
            return;
        }
    }
}

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits for a condition that nothing announces.
pub(crate) async fn until(what: &str, fits: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !fits() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stats: Stats,
    stop: oneshot::Sender<()>,
    pub(crate) serving: JoinHandle<ShutdownReport>,
    /// Lets `/slow` answer.
    pub(crate) answer: Arc<Notify>,
    /// Told when `/slow` is asked.
    pub(crate) asked: Arc<Notify>,
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Running {
    pub(crate) async fn start(server: Server) -> Self {
        let (answer, asked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (answering, told) = (Arc::clone(&answer), Arc::clone(&asked));
        let slow = async move || {
            told.notify_one();
            answering.notified().await;
            "at last"
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/ws", any(async |upgrade: Upgrade| upgrade.on_upgrade(echo)))
            .route("/read", post(async |body: String| body))
            .route("/large", get(async || "x".repeat(64 << 20)))
            .route("/slow", get(slow));
        let (listener, address) = listener().await;
        let stats = server.stats();
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async { drop(stopped.await) };
        let serving = tokio::spawn(server.serve_router(listener, router, until));
        Self { address, stats, stop, serving, answer, asked }
    }

    /// Ends it, and says how it ended.
    pub(crate) async fn stop(self) -> ShutdownReport {
        drop(self.stop);
        soon("the server ends", self.serving).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        soon("a connection", TcpStream::connect(self.address)).await.unwrap()
    }

    /// Sends these bytes and reads until the server ends the connection.
    pub(crate) async fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        let _ = stream.write_all(bytes).await;
        rest(&mut stream).await
    }

    /// It still serves.
    pub(crate) async fn works(&self) {
        let answer = self.answer(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("here"), "{answer}");
    }
}

/// What comes until the end of the stream, or its reset.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let ended = async { while stream.read_buf(&mut all).await.is_ok_and(|read| read > 0) {} };
    soon("the connection ends", ended).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until these words have come.
pub(crate) async fn heard(stream: &mut TcpStream, words: &str) -> String {
    let mut all = Vec::new();
    let heard = async {
        while !String::from_utf8_lossy(&all).contains(words) {
            assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "{}", String::from_utf8_lossy(&all));
        }
    };
    soon(words, heard).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// A WebSocket on bare bytes, open when this returns.
pub(crate) async fn open(running: &Running) -> TcpStream {
    let mut stream = running.connect().await;
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    let answer = heard(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

/// A service for servers whose connections never get that far.
pub(crate) async fn never(
    _: http::Request<everwire_server::RequestBody>,
) -> Result<http::Response<String>, Infallible> {
    Ok(http::Response::new(String::new()))
}
