//! A client that sends frames of a kind, and never reads.

use std::time::Duration;

use everwire_server::SUBPROTOCOL;
use everwire_tokio::Socket;
use everwire_ws::{Config, Connection, Incoming, Message, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Done;

/// The longest time for a write; after it, the server counts as one that has stopped reading.
const PATIENCE: Duration = Duration::from_secs(2);

/// The frames that a client may send as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reliable,
    Volatile,
    Ack,
    Ping,
    Pong,
    WebSocketPing,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Reliable, Self::Volatile, Self::Ack, Self::Ping, Self::Pong, Self::WebSocketPing];
}

pub(super) struct Peer {
    socket: Socket<TcpStream>,
    reliable: u64,
}

impl Peer {
    /// Connects, with a new session.
    pub(super) async fn connect(address: &str, path: &str) -> Done<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let mut socket = Socket::new(stream, Connection::new(Role::Client, Config::default(), [7; 32]));
        if !socket.queue(&Message::text("h{}")) {
            return Err("the socket is closed".into());
        }
        match timeout(PATIENCE, socket.recv()).await?? {
            Some(Incoming::Message(_)) => Ok(Self { socket, reliable: 0 }),
            _ => Err("no welcome".into()),
        }
    }

    /// Writes this many frames of a kind; returns false once the server accepts no more.
    pub(super) async fn flood(&mut self, kind: Kind, frames: usize) -> bool {
        for _ in 0..frames {
            let queued = match kind {
                Kind::Reliable => {
                    self.reliable += 1;
                    self.socket.queue(&Message::text(format!("m{}:{}", self.reliable, "x".repeat(200))))
                }
                Kind::Volatile => self.socket.queue(&Message::text(format!("v:{}", "x".repeat(200)))),
                Kind::Ack => self.socket.queue(&Message::text("a0")),
                Kind::Ping => self.socket.queue(&Message::text(format!("p{}", "x".repeat(64)))),
                Kind::Pong => self.socket.queue(&Message::text(format!("q{}", "x".repeat(64)))),
                Kind::WebSocketPing => self.socket.queue_ping(&[7; 64]),
            };
            if !queued {
                return false;
            }
        }
        matches!(timeout(PATIENCE, self.socket.flush()).await, Ok(Ok(())))
    }
}
