//! A socket as a stream and a sink: one task, two tasks, futures that are dropped.

use std::time::Duration;

use everwire_tokio::{Socket, SocketError};
use everwire_ws::{CloseCode, Incoming, Message, Role};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};

use crate::streams::*;

fn numbered(number: usize) -> Message {
    Message::text(format!("{number} {}", "x".repeat(number % 1000)))
}

#[tokio::test]
async fn a_stream_yields_the_messages_and_ends_with_the_closing_handshake() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (mut client, mut server) = (socket(near, Role::Client), socket(far, Role::Server));
    assert!(server.queue(&Message::text("one")));
    assert!(server.queue_ping(b"there?"));
    assert!(server.queue(&Message::binary(vec![2])));
    server.queue_close(CloseCode::GOING_AWAY, "later");
    let ends = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(incoming) = server.recv().await.unwrap() {
            seen.push(incoming);
        }
        seen
    });
    let messages: Vec<_> = client.by_ref().map(Result::unwrap).collect().await;
    assert_eq!(messages, [Message::text("one"), Message::binary(vec![2])]);
    let seen = ends.await.unwrap();
    assert!(
        matches!(&seen[..], [Incoming::Pong(payload), Incoming::Close(Some(frame))]
        if payload == "there?" && frame.code == CloseCode::GOING_AWAY),
        "{seen:?}"
    );
    assert!(client.next().await.is_none(), "and stays ended");
}

#[tokio::test]
async fn a_sink_refuses_what_comes_behind_its_close() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (client, mut server) = (socket(near, Role::Client), socket(far, Role::Server));
    let (mut writer, _reader) = client.split();
    writer.send(Message::text("last")).await.unwrap();
    writer.close().await.unwrap();
    assert!(matches!(writer.send(Message::text("behind")).await, Err(SocketError::Closing)));
    assert_eq!(server.recv().await.unwrap(), Some(Incoming::Message(Message::text("last"))));
    let close = server.recv().await.unwrap();
    assert!(matches!(&close, Some(Incoming::Close(Some(frame))) if frame.code == CloseCode::NORMAL), "{close:?}");
}

#[tokio::test]
async fn a_sink_holds_back_a_sender_whose_peer_does_not_read() {
    let (near, _far) = tokio::io::duplex(64);
    let mut client = socket(near, Role::Client);
    let mut fed = 0;
    while client.feed(Message::binary(vec![7; 1000])).now_or_never().is_some() {
        fed += 1;
    }
    assert!((60..80).contains(&fed), "{fed} messages of 1,000 bytes");
    assert!(Socket::buffered(&client) < (64 << 10) + 1100);
}

/// The transport keeps one waker for writing. The reader's pongs must not make it forget the writer.
#[tokio::test]
async fn one_task_may_read_and_another_write_while_the_peer_reads_slowly() {
    const MESSAGES: usize = 2000;
    let (near, far) = tokio::io::duplex(256);
    let (client, mut server) = (socket(near, Role::Client), socket(far, Role::Server));
    let (mut writer, mut reader) = client.split();
    let writes = tokio::spawn(async move {
        for number in 0..MESSAGES {
            writer.send(numbered(number)).await.unwrap();
        }
        writer.close().await.unwrap();
    });
    let reads = tokio::spawn(async move {
        let mut count = 0;
        while let Some(message) = reader.next().await {
            message.unwrap();
            count += 1;
        }
        count
    });
    let serves = async {
        let mut received = 0;
        while let Some(incoming) = server.recv().await.unwrap() {
            if let Incoming::Message(message) = incoming {
                assert_eq!(message, numbered(received));
                received += 1;
                // It wakes the reader, whose pong goes the writer's way.
                assert!(server.queue_ping(b"p") && server.queue(&Message::text("taken")));
                server.flush().await.unwrap();
            }
        }
        received
    };
    let all = async { (serves.await, writes.await.unwrap(), reads.await.unwrap()) };
    let (received, (), answered) =
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("nobody waits in vain");
    assert_eq!((received, answered), (MESSAGES, MESSAGES));
}

#[tokio::test]
async fn a_dropped_next_or_send_loses_and_doubles_nothing() {
    let (near, far) = tokio::io::duplex(32);
    let (mut client, mut server) = (socket(near, Role::Client), socket(far, Role::Server));
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < 100 {
        // Each future is polled once and dropped. One that has queued its message counts as sent.
        if sent < 100 && client.feed(numbered(sent)).now_or_never().is_some_and(|fed| fed.is_ok()) {
            sent += 1;
        }
        let _ = futures_util::SinkExt::<Message>::flush(&mut client).now_or_never();
        while let Some(Some(message)) = server.next().now_or_never() {
            received.push(message.unwrap());
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(received, (0..100).map(numbered).collect::<Vec<_>>());
}
