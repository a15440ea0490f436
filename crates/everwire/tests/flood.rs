//! Servers that send and never read: what they make the client hold is bounded.
#![cfg(feature = "session")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Message, SessionMode};
use everwire_core::session::SUBPROTOCOL;
use everwire_tokio::Socket;
use everwire_ws::{Config, Connection, Incoming, Role};
use support::{Server, hasty, read_head, soon};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};

/// What may be on its way to a server that does not read: the bound on replies, and the kernel's buffers, of which that for
/// sending grows to 4 MiB.
const BOUND: usize = 5 << 20;
/// Pings of 60 bytes: their answers are more than that.
const PINGS: u64 = 120_000;

/// Every frame of the protocol that a server may send as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reliable,
    Volatile,
    Ack,
    Ping,
    Pong,
    GoAway,
    WebSocketPing,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Reliable, Self::Volatile, Self::Ack, Self::Ping, Self::Pong, Self::GoAway, Self::WebSocketPing];

    /// How many: of reliable messages, what a server may send that hears of no acknowledgement.
    fn count(self) -> u64 {
        match self {
            Self::Reliable => 1_000,
            Self::Ping => PINGS,
            Self::Volatile | Self::Ack | Self::Pong | Self::GoAway | Self::WebSocketPing => 20_000,
        }
    }

    fn queue(self, socket: &mut Socket<TcpStream>, number: u64) -> bool {
        let frame = match self {
            Self::Reliable => format!("m{number}:{number:060}"),
            Self::Volatile => format!("v:{number:060}"),
            Self::Ack => "a0".to_owned(),
            Self::Ping => format!("p{number:060}"),
            Self::Pong => format!("q{number:060}"),
            Self::GoAway => "g{\"within\":60000}".to_owned(),
            Self::WebSocketPing => return socket.queue_ping(&[7; 60]),
        };
        socket.queue(&Message::text(frame))
    }
}

/// Answers the upgrade and the hello.
async fn welcome(mut stream: TcpStream) -> Socket<TcpStream> {
    let head = read_head(&mut stream).await;
    let is_key = |line: &&str| line.to_ascii_lowercase().starts_with("sec-websocket-key:");
    let key = head.lines().find(is_key).and_then(|line| line.split(": ").nth(1)).expect("a key");
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.trim().as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
         {accept}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await.expect("a client");
    let mut socket = Socket::new(stream, Connection::new(Role::Server, Config::default(), [0; 32]));
    assert!(matches!(socket.recv().await, Ok(Some(Incoming::Message(_)))), "a hello");
    let welcome = "w{\"session\":\"s\",\"token\":\"t\",\"resumed\":false,\"processed\":0,\"resume_within\":60000}";
    assert!(socket.queue(&Message::text(welcome)));
    socket.flush().await.expect("a client");
    socket
}

/// Floods the first connection, then tells what the client has said, once it has read it all.
async fn flood(stream: TcpStream, kind: Kind, read: Arc<Notify>) -> (usize, Vec<String>) {
    let mut socket = welcome(stream).await;
    for number in 1..=kind.count() {
        assert!(kind.queue(&mut socket, number));
        if number % 64 == 0 {
            socket.flush().await.expect("a client");
        }
    }
    let last = if kind == Kind::Reliable { kind.count() + 1 } else { 1 };
    assert!(socket.queue(&Message::text(format!("m{last}:the last"))));
    socket.flush().await.expect("a client");
    read.notified().await;
    let (mut bytes, mut said) = (0, Vec::new());
    // Nothing more comes then.
    while let Ok(Ok(Some(incoming))) = tokio::time::timeout(Duration::from_millis(300), socket.recv()).await {
        match incoming {
            Incoming::Message(message) => {
                bytes += message.len() + 8;
                said.push(String::from_utf8_lossy(message.payload()).into_owned());
            }
            Incoming::Ping(payload) | Incoming::Pong(payload) => bytes += payload.len() + 6,
            Incoming::Close(_) => break,
        }
    }
    (bytes, said)
}

#[tokio::test]
async fn what_a_server_makes_the_client_write_is_bounded_though_it_never_reads() {
    for kind in Kind::ALL {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Accepted sockets inherit it.
        socket.set_recv_buffer_size(4 << 10).expect("a buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(16).expect("a listener");
        let url = format!("ws://{}/", listener.local_addr().expect("an address"));
        let read = Arc::new(Notify::new());
        let (tell, result) = oneshot::channel();
        let (reading, tell) = (Arc::clone(&read), Arc::new(Mutex::new(Some(tell))));
        let server = Server::on(listener, url, move |stream, _| {
            let (reading, tell) = (Arc::clone(&reading), tell.lock().expect("no panic").take());
            async move {
                match tell {
                    Some(tell) => drop(tell.send(flood(stream, kind, reading).await)),
                    // A move leads nowhere.
                    None => std::future::pending().await,
                }
            }
        });
        let client = hasty(&server.url).session(SessionMode::Require).build().expect("good settings");
        let mut inbox = client.messages();
        let reader = tokio::spawn(async move {
            while let Some(message) = inbox.next().await {
                if message.as_text() == Some("the last") {
                    read.notify_one();
                }
            }
        });
        let (bytes, said) = soon(&format!("the flood of {kind:?}"), result).await.expect("no panic");
        reader.abort();
        assert!(bytes <= BOUND, "{kind:?}: {bytes} bytes were held or on their way");
        if kind == Kind::Ping {
            assert!(said.contains(&format!("q{PINGS:060}")), "the answer to the last ping");
        }
        if kind == Kind::GoAway {
            assert_eq!(server.accepted(), 2, "one move, however often it is asked for");
        }
    }
}
