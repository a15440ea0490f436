//! An Everwire server for foreign clients: it echoes, obeys commands in messages, and reports what it receives.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use everwire_server::{CloseCode, Deflate, Incoming, Message, Socket, Upgrade};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// What the server observes of its clients.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// A connection was accepted.
    Open,
    /// A ping came.
    Ping,
    /// A pong came, with this text.
    Pong(String),
    /// The client's close frame came: its code and reason, if it has any.
    Close(Option<(u16, String)>),
    /// The connection has ended; `None`: with a closing handshake, else the error.
    End(Option<String>),
}

/// An echo server at `/`; dropping it breaks its connections. It runs a text message that starts with "!" as a command:
/// `!close CODE REASON` closes with that code, `!ping TEXT` sends a ping.
pub struct EchoServer {
    address: String,
    seen: UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl EchoServer {
    /// Starts on any loopback port.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0", Router::new()).await
    }

    /// Starts at an address, which an earlier server may have had, with further pages.
    pub async fn listen(address: &str, pages: Router) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (tell, seen) = unbounded_channel();
        let app = Router::new().route("/", get(upgraded)).with_state(tell).merge(pages);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves for ever") });
        Self { address, seen, task }
    }

    /// The address at which it listens, as in `127.0.0.1:80`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The next thing that it observes.
    pub async fn seen(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.seen.recv()).await.expect("it sees something in time").expect("it runs")
    }

    /// Waits until it has observed this.
    pub async fn sees(&mut self, what: Seen) {
        let seen = async { while self.seen().await != what {} };
        tokio::time::timeout(PATIENCE, seen).await.expect("it sees what is expected in time");
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn upgraded(State(tell): State<UnboundedSender<Seen>>, upgrade: Upgrade) -> impl IntoResponse {
    upgrade.compression(Deflate::default()).on_upgrade(|mut socket| async move {
        let _ = tell.send(Seen::Open);
        let end = tokio::select! {
            end = echo(&mut socket, &tell) => end.err().map(|error| error.to_string()),
            () = tell.closed() => return,
        };
        let _ = tell.send(Seen::End(end));
    })
}

async fn echo(socket: &mut Socket, tell: &UnboundedSender<Seen>) -> Result<(), everwire_server::SocketError> {
    while let Some(incoming) = socket.recv().await? {
        let seen = match incoming {
            Incoming::Message(message) => {
                answer(socket, &message).await;
                continue;
            }
            Incoming::Ping(_) => Seen::Ping,
            Incoming::Pong(text) => Seen::Pong(String::from_utf8_lossy(&text).into_owned()),
            Incoming::Close(frame) => Seen::Close(frame.map(|frame| (frame.code.0, frame.reason.to_string()))),
        };
        let _ = tell.send(seen);
    }
    Ok(())
}

async fn answer(socket: &mut Socket, message: &Message) {
    let text = message.as_text().unwrap_or_default();
    if let Some(close) = text.strip_prefix("!close ") {
        let (code, reason) = close.split_once(' ').expect("a code and a reason");
        socket.queue_close(CloseCode(code.parse().expect("a code")), reason);
    } else if let Some(text) = text.strip_prefix("!ping ") {
        socket.queue_ping(text.as_bytes());
    } else {
        // The reading side notices a client that has gone.
        let _ = socket.send(message).await;
    }
}
