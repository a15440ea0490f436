//! Members with and without compression in one room, seen on the wire.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

mod support;

use std::time::Duration;

use everwire::{Client, Deflate};
use everwire_chat_server::ServerConfig;
use serde_json::{Value, json};
use support::{Plain, Server, soon, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A member that speaks in bytes, so that it sees what others' libraries hide.
struct Bytes {
    stream: TcpStream,
    head: String,
}

#[derive(Debug, PartialEq)]
struct Frame {
    compressed: bool,
    payload: Vec<u8>,
}

impl Bytes {
    async fn join(server: &Server, name: &str, extensions: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!(
            "GET /ws?userId={name} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extensions}\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        let read = async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
        };
        soon("an answer", read).await;
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    async fn compressing(server: &Server, name: &str) -> Self {
        Self::join(server, name, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n").await
    }

    /// The next text that is no announcement.
    async fn next(&mut self) -> Frame {
        loop {
            let frame = soon("a frame", self.frame()).await;
            if !frame.event()["type"].as_str().unwrap_or_default().starts_with("user_") {
                return frame;
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        let first = self.stream.read_u8().await.unwrap();
        assert_eq!(first & 0x8f, 0x81, "a whole text");
        let length = match self.stream.read_u8().await.unwrap() {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.unwrap();
        Frame { compressed: first & 0x40 != 0, payload }
    }
}

impl Frame {
    fn event(&self) -> Value {
        if !self.compressed {
            return serde_json::from_slice(&self.payload).unwrap();
        }
        let mut all = Vec::with_capacity(100_000);
        let payload = [self.payload.as_slice(), &[0, 0, 0xff, 0xff]].concat();
        let mut inflater = flate2::Decompress::new(false);
        inflater.decompress_vec(&payload, &mut all, flate2::FlushDecompress::Sync).unwrap();
        serde_json::from_slice(&all).unwrap()
    }
}

fn long() -> String {
    "the same words again and ".repeat(50)
}

#[tokio::test]
async fn compressed_and_plain_members_of_a_room_hear_the_same() {
    let server = Server::start(ServerConfig::default()).await;
    let mut plain = Bytes::join(&server, "plain", "").await;
    let (mut one, mut other) = (Bytes::compressing(&server, "one").await, Bytes::compressing(&server, "other").await);
    assert!(!plain.head.contains("permessage-deflate"), "{}", plain.head);
    assert!(one.head.contains("permessage-deflate"), "{}", one.head);

    let client =
        Client::builder(format!("{}?userId=two", server.url())).compression(Deflate::default()).build().unwrap();
    let mut inbox = client.messages();
    // The room is complete once this client, which came last, hears of a user who came later.
    let first = async {
        for n in 0.. {
            let _late = Plain::join(&server, &format!("userId=late{n}")).await;
            if timeout(Duration::from_millis(100), inbox.next()).await.is_ok() {
                return;
            }
        }
    };
    soon("the client is in", first).await;

    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", &long())).await;
    let (to_plain, to_one, to_other) = (plain.next().await, one.next().await, other.next().await);
    assert_eq!((to_plain.compressed, to_one.compressed), (false, true));
    assert_eq!(to_one, to_other, "compressed once, for both");
    assert!(to_one.payload.len() < to_plain.payload.len() / 4, "{}", to_one.payload.len());
    assert_eq!(to_plain.event()["text"], json!(long()));
    assert_eq!(to_one.event(), to_plain.event());
    let heard = async {
        loop {
            let message = inbox.next().await.unwrap();
            let event: Value = serde_json::from_str(message.as_text().unwrap()).unwrap();
            if event["type"] == "text" {
                return event;
            }
        }
    };
    assert_eq!(soon("the client hears it", heard).await, to_plain.event());
}

#[tokio::test]
async fn short_lines_go_out_as_they_are() {
    let server = Server::start(ServerConfig::default()).await;
    let mut one = Bytes::compressing(&server, "one").await;
    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", "hi")).await;
    assert!(!one.next().await.compressed);
}

#[tokio::test]
async fn what_is_missed_is_caught_up_compressed() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", &long())).await;
    ben.barrier().await;
    let mut late = Bytes::join(&server, "late&after=", "Sec-WebSocket-Extensions: permessage-deflate\r\n").await;
    assert_eq!(late.next().await.event()["type"], "sync");
    let line = late.next().await;
    assert_eq!((line.compressed, &line.event()["text"]), (true, &json!(long())));
}

#[tokio::test]
async fn a_server_told_not_to_compress_agrees_to_nothing() {
    let mut config = ServerConfig::default();
    config.compression = None;
    let server = Server::start(config).await;
    let mut one = Bytes::compressing(&server, "one").await;
    assert!(!one.head.contains("permessage-deflate"), "{}", one.head);
    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", &long())).await;
    assert!(!one.next().await.compressed);
}
