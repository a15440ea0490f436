//! What a socket holds, and how it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use everwire_ws::{Incoming, Message, MessageRef, Role};
use futures_util::FutureExt as _;

use crate::streams::*;

#[tokio::test]
async fn an_idle_socket_holds_next_to_no_buffers_after_a_burst() {
    let (mut client, mut server) = pair(1 << 16);
    let message = Message::text("x".repeat(100));
    for _ in 0..20_000 {
        assert!(client.queue(&message));
        assert!(server.queue(&message));
    }
    let mut by_client = 0;
    let mut by_server = 0;
    while by_client < 20_000 || by_server < 20_000 {
        while let Some(incoming) = client.recv().now_or_never() {
            assert_eq!(incoming.unwrap(), Some(Incoming::Message(message.clone())));
            by_client += 1;
        }
        while let Some(incoming) = server.recv().now_or_never() {
            assert_eq!(incoming.unwrap(), Some(Incoming::Message(message.clone())));
            by_server += 1;
        }
        tokio::task::yield_now().await;
    }
    for socket in [client, server] {
        let size = size_of_val(&socket);
        let (_, mut connection) = socket.into_parts();
        let held = size + allocated(connection.read_buffer()) + allocated(connection.outgoing());
        assert!(held < 2 << 10, "{held} bytes");
    }
}

#[tokio::test]
async fn what_is_left_of_a_burst_is_given_back_with_its_last_byte() {
    let stream = Scripted::with(Script { takes: 50_000, ..Script::default() });
    let mut socket = socket(stream, Role::Server);
    let message = Message::binary(vec![7; 1 << 20]);
    assert!(socket.queue(&message) && socket.queue(&message));
    socket.flush().await.unwrap();
    let (_, mut connection) = socket.into_parts();
    assert!(allocated(connection.outgoing()) <= 256 << 10);
}

/// The bytes behind an empty buffer. Its capacity does not count those in front of what was taken from it.
fn allocated(buffer: &mut BytesMut) -> usize {
    assert!(buffer.is_empty());
    let mut bytes = buffer.capacity();
    while buffer.try_reclaim(bytes + 1) {
        bytes = buffer.capacity();
    }
    bytes
}

#[tokio::test]
async fn reads_grow_under_load() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    let wire = from_server(0x82, &[7; 100]).repeat(20_000);
    let length = wire.len();
    stream.script().reads.push_back(wire);
    let mut client = socket(stream.clone(), Role::Client);
    for _ in 0..20_000 {
        assert!(client.recv().await.unwrap().is_some());
    }
    let calls = stream.script().read_calls;
    assert!(calls < 5 + length / (60 << 10), "{calls} reads for {length} bytes");
}

#[tokio::test]
async fn a_large_message_arrives_through_small_reads() {
    let (mut client, mut server) = pair(1000);
    let message = Message::binary((0..3 << 20).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let (sent, received) = tokio::join!(client.send(&message), server.recv());
    sent.unwrap();
    assert_eq!(received.unwrap(), Some(Incoming::Message(message)));
}

#[tokio::test]
async fn a_batch_is_taken_in_place_after_one_read() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    stream.script().reads.push_back([from_server(0x81, b"one").repeat(3), from_server(0x89, b"p")].concat());
    let mut client = socket(stream.clone(), Role::Client);
    assert!(client.recv().await.unwrap().is_some());
    assert_eq!(client.try_recv_ref(), Some(MessageRef::Text("one")));
    assert_eq!(client.try_recv_ref(), Some(MessageRef::Text("one")));
    assert_eq!(client.try_recv_ref(), None);
    assert_eq!(stream.script().read_calls, 1);
    assert_eq!(client.recv().await.unwrap(), Some(Incoming::Ping("p".into())));
    assert_eq!(stream.script().read_calls, 1);
}

#[tokio::test]
async fn a_batch_is_taken_after_one_read() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    stream.script().reads.push_back(from_server(0x81, b"one").repeat(3));
    let mut client = socket(stream.clone(), Role::Client);
    assert!(client.recv().await.unwrap().is_some());
    assert!(client.try_recv().unwrap().is_some());
    assert!(client.try_recv().unwrap().is_some());
    assert_eq!(client.try_recv().unwrap(), None);
    assert_eq!(stream.script().read_calls, 1);
}

/// How often another task runs while one receives all of this.
async fn turns_of_others(messages: impl Iterator<Item = Message>) -> usize {
    let (mut sender, mut receiver) = pair(8 << 20);
    let mut count = 0;
    for message in messages {
        assert!(sender.queue(&message));
        count += 1;
    }
    sender.flush().await.unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let receiving = tokio::spawn(async move {
        for _ in 0..count {
            assert!(receiver.recv().await.unwrap().is_some());
        }
    });
    receiving.await.unwrap();
    other.abort();
    turns.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "current_thread")]
async fn a_task_that_is_flooded_lets_others_run() {
    let small = turns_of_others((0..10_000).map(|_| Message::text("x"))).await;
    assert!(small >= 10_000 / 128, "others ran {small} times during 10,000 small messages");
    let large = turns_of_others((0..64).map(|_| Message::binary(vec![0; 100_000]))).await;
    assert!(large >= 6, "others ran {large} times during 6.4 MB of large ones");
}
