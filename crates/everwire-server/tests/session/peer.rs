//! A client that speaks the frames a test tells it to, over a socket with small buffers, and reads only when told.

use std::net::SocketAddr;
use std::time::Duration;

use everwire_core::session::{Frame, Welcome};
use everwire_server::{Incoming, Message, SUBPROTOCOL};
use everwire_tokio::Socket;
use everwire_ws::{Config, Connection, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub(crate) struct Peer {
    pub(crate) socket: Socket<TcpStream>,
    pub(crate) welcome: Welcome,
}

impl Peer {
    /// With a session of its own.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let mut socket = Socket::new(stream, Connection::new(Role::Client, Config::default(), [7; 32]));
        assert!(socket.queue(&Message::text("h{}")));
        let Some(Incoming::Message(message)) = socket.recv().await.unwrap() else { panic!("no message") };
        let Ok(Frame::Welcome(welcome)) = Frame::parse(message) else { panic!("no welcome") };
        Self { socket, welcome }
    }

    /// Writes a frame, and reads nothing. False once the server takes no more.
    pub(crate) async fn write(&mut self, frame: impl Into<Message>) -> bool {
        self.socket.queue(&frame.into()) && self.socket.flush().await.is_ok()
    }

    /// Reads until the server has said nothing for a while, or has closed. What it said, and the code it closed with.
    pub(crate) async fn read_all(&mut self) -> (Vec<Incoming>, Option<u16>) {
        let mut all = Vec::new();
        while let Ok(Ok(Some(incoming))) = tokio::time::timeout(Duration::from_millis(300), self.socket.recv()).await {
            if let Incoming::Close(frame) = incoming {
                return (all, frame.map(|frame| frame.code.0));
            }
            all.push(incoming);
        }
        (all, None)
    }
}
