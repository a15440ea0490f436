//! Large messages over a slow path: whole or in fragments, they cost no connection, and let pings pass.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Builder, Guarantee, Outcome};
use support::{Server, connected, hasty, soon, upgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const TEXT: u8 = 1;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// First bytes and lengths of the frames that have come.
type Frames = Arc<Mutex<Vec<(u8, usize)>>>;

/// A server whose buffers are small and that reads slowly, some 1.5 MB/s.
async fn slow_server(asks: bool) -> (Server, Frames) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(32 << 10).expect("an option");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(8).expect("listens");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let frames = Frames::default();
    let log = Arc::clone(&frames);
    let server = Server::on(listener, url, move |stream, _| {
        let frames = Arc::clone(&log);
        async move {
            let mut stream = upgrade(stream).await;
            let mut asks = asks;
            while let Some((first, payload)) = frame(&mut stream, &mut asks).await {
                frames.lock().expect("a lock").push((first, payload.len()));
                if first == FIN | PING {
                    let pong = [&[FIN | PONG, payload.len() as u8], &payload[..]].concat();
                    let _ = stream.write_all(&pong).await;
                }
            }
        }
    });
    (server, frames)
}

/// Reads one frame of the client's. `asks`: pings it once when the first long one has begun.
async fn frame(stream: &mut TcpStream, asks: &mut bool) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.ok()?;
    let length = match head[1] & 0x7f {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut key = [0; 4];
    stream.read_exact(&mut key).await.ok()?;
    if length > 1000 && std::mem::take(asks) {
        stream.write_all(b"\x89\x01?").await.ok()?;
    }
    let mut payload = vec![0; usize::try_from(length).ok()?];
    for piece in payload.chunks_mut(16 << 10) {
        stream.read_exact(piece).await.ok()?;
        if length > 1000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some((head[0], payload))
}

/// Sends 1.5 MB, which take much longer than the heartbeat allows, and says which frames came.
async fn upload(set: impl FnOnce(Builder) -> Builder) -> Vec<(u8, usize)> {
    let (server, frames) = slow_server(false).await;
    let client = set(hasty(&server.url))
        .heartbeat_interval(Some(Duration::from_millis(200)))
        .heartbeat_timeout(Duration::from_millis(200))
        .guarantee(Guarantee::AtLeastOnce)
        .build()
        .expect("good settings");
    connected(&client).await;
    let delivery = client.send("x".repeat(1_500_000)).expect("room");
    assert_eq!(soon("the upload", delivery).await, Outcome::Received);
    assert_eq!(client.stats().machine.connections, 1, "the connection has held");
    frames.lock().expect("a lock").clone()
}

#[tokio::test]
async fn a_message_that_uploads_longer_than_the_heartbeat_allows_arrives_once() {
    let frames = upload(|builder| builder.fragment_above(None)).await;
    let large: Vec<_> = frames.iter().filter(|(_, length)| *length > 1000).collect();
    assert_eq!(large, [&(FIN | TEXT, 1_500_000)], "in one frame");
}

#[tokio::test]
async fn pings_pass_between_the_fragments_of_a_large_message() {
    let frames = upload(|builder| builder.fragment_above(Some(1 << 20))).await;
    let fragments = frames.iter().filter(|(_, length)| *length > 1000);
    assert!(fragments.clone().all(|(_, length)| *length <= 64 << 10), "{frames:?}");
    assert_eq!(fragments.map(|(_, length)| length).sum::<usize>(), 1_500_000);
    let first = frames.iter().position(|frame| frame.0 == TEXT).expect("a first fragment");
    let last = frames.iter().position(|frame| frame.0 == FIN).expect("a last fragment");
    assert!(frames[first..last].iter().any(|frame| frame.0 == FIN | PING), "{frames:?}");
}

#[tokio::test]
async fn a_servers_ping_is_answered_while_a_large_message_is_on_its_way() {
    let (server, frames) = slow_server(true).await;
    let client = hasty(&server.url).build().expect("good settings");
    connected(&client).await;
    let delivery = client.send("x".repeat(1_500_000)).expect("room");
    assert_eq!(soon("the upload", delivery).await, Outcome::Received);
    let frames = frames.lock().expect("a lock").clone();
    let pong = frames.iter().position(|frame| frame.0 == FIN | PONG).expect("an answer");
    // What both operating systems hold, and the fragment that was queued already, go first.
    assert!(pong <= 4, "behind {pong} of {} frames", frames.len());
}

#[tokio::test]
async fn messages_sent_behind_one_in_fragments_follow_it_in_order() {
    let server = Server::echo().await;
    let client = hasty(&server.url).fragment_above(Some(100_000)).build().expect("good settings");
    let mut inbox = client.messages();
    let messages: Vec<String> = (0..9).map(|n| n.to_string().repeat(if n % 3 == 0 { 300_000 } else { 7 })).collect();
    for message in &messages {
        drop(client.send(message.clone()).expect("room"));
    }
    for message in messages {
        assert_eq!(soon("the echo", inbox.next()).await, Some(message.into()));
    }
}
