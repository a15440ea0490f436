//! A server that can be killed, and plain clients as a foreign library makes them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test program uses a part; it is all test code"
)]

pub(crate) mod accounts;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use everwire_chat_server::{ChatServer, OpenError, ServerConfig, StoreOpenError, listen};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// No single thing takes longer, even on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A server on a runtime of its own, so that all its tasks can be dropped at once.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(config: ServerConfig) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), config).await
    }

    /// Waits until the address and the data folder are free: those of a killed server may be let go of a little later.
    pub(crate) async fn on(address: SocketAddr, config: ServerConfig) -> Self {
        let deadline = Instant::now() + SOON;
        let server = loop {
            match ChatServer::open(config.clone()) {
                Err(OpenError::Store(StoreOpenError::InUse { .. })) if Instant::now() < deadline => pause().await,
                opened => break opened.unwrap(),
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = loop {
            match runtime.spawn(listen(address)).await.unwrap() {
                Err(error) if address.port() != 0 && Instant::now() < deadline => drop((error, pause().await)),
                listener => break listener.unwrap(),
            }
        };
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = runtime.spawn(async move {
            let until = async { drop(stopped.await) };
            server.serve(listener, until).await;
        });
        Self { address, runtime: Some(runtime), stop: Some(stop), serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Sends these bytes and reads until the server ends the connection.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    pub(crate) async fn metrics(&self) -> String {
        self.ask(&format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)).await
    }

    /// Drops everything that the server is doing, wherever it is.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        soon("the server ends", &mut self.serving).await.unwrap();
    }

    fn end(&mut self) {
        // Kept until here: dropping it would be the request to end in order.
        std::mem::forget(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(SOON, future).await {
        Ok(value) => value,
        Err(_) => panic!("not in time: {what}"),
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

pub(crate) fn with_data(folder: &Path) -> ServerConfig {
    ServerConfig::with_data(folder)
}

/// A client that knows nothing but WebSocket and JSON.
pub(crate) struct Plain {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Its address has `after`: it may be sent arrays.
    is_extended: bool,
    /// The rest of an array.
    rest: VecDeque<Value>,
}

impl Plain {
    pub(crate) async fn join(server: &Server, query: &str) -> Self {
        Self::join_at(&server.url(), query).await
    }

    pub(crate) async fn join_at(url: &str, query: &str) -> Self {
        let (socket, _) = soon("an upgrade", connect_async(format!("{url}?{query}"))).await.unwrap();
        Self { socket, is_extended: query.contains("after="), rest: VecDeque::new() }
    }

    /// Joins the lobby by name; the connection is in the room when this returns.
    pub(crate) async fn named(server: &Server, name: &str) -> Self {
        let mut client = Self::join(server, &format!("userId={name}&userName={}", name.to_uppercase())).await;
        client.barrier().await;
        client
    }

    pub(crate) async fn send(&mut self, message: Message) {
        soon("a write", self.socket.send(message)).await.unwrap();
    }

    pub(crate) async fn say(&mut self, event: &Value) {
        self.send(Message::text(event.to_string())).await;
    }

    pub(crate) async fn raw(&mut self) -> Message {
        soon("a message", self.socket.next()).await.expect("the connection is open").expect("the connection holds")
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        while self.rest.is_empty() {
            self.rest = self.next_message().await.into();
        }
        self.rest.pop_front().unwrap()
    }

    /// The events of the next message.
    pub(crate) async fn next_message(&mut self) -> Vec<Value> {
        let text = soon("an event", async {
            loop {
                match self.raw().await {
                    Message::Text(text) => break text,
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("no event: {other:?}"),
                }
            }
        });
        let text = text.await;
        assert!(self.is_extended || !text.starts_with('['), "an array for one who can't read it");
        events(&text)
    }

    /// The next event's type, and who or what it is about.
    pub(crate) async fn brief(&mut self) -> String {
        let event = self.next().await;
        let of = |key: &str| event[key].as_str().unwrap_or_default();
        format!("{} {} {}", of("type"), of("userId"), of("text")).trim_end().to_owned()
    }

    /// Everything that was sent before has been taken, and nothing has come since the last look.
    pub(crate) async fn barrier(&mut self) {
        self.send(Message::text("ping")).await;
        assert_eq!(self.next().await, json!("pong"));
    }

    /// [`barrier`](Self::barrier), behind `events` events.
    pub(crate) async fn barrier_after(&mut self, events: usize) {
        self.send(Message::text("ping")).await;
        for _ in 0..events {
            self.next().await;
        }
        assert_eq!(self.next().await, json!("pong"));
    }

    /// The code with which the server closes, after whatever else it says.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close_frame().await.code.into()
    }

    pub(crate) async fn close_frame(&mut self) -> CloseFrame {
        let frame = soon("the close frame", async {
            loop {
                if let Message::Close(frame) = self.raw().await {
                    break frame;
                }
            }
        });
        frame.await.expect("a code")
    }
}

/// What one message says.
pub(crate) fn events(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Array(events)) => events,
        Ok(event) => vec![event],
        Err(_) => vec![json!(text)],
    }
}

pub(crate) fn text(id: &str, user: &str, text: &str) -> Value {
    json!({"type": "text", "id": id, "userId": user, "userName": user.to_uppercase(), "text": text, "timestamp": 5, "status": "SENDING"})
}
