//! Users who wait for what becomes of a message before they take the next one out of the inbox.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Cause, Client, Event, EventItem, Guarantee, Loss, Outcome, Progress, Stage};
use futures_util::{SinkExt, StreamExt};
use support::{Peer, PeerSocket, Server, hasty, soon, until};

const MESSAGES: usize = 5000;

/// Says all of it before it reads anything.
async fn says_then_reads(mut socket: PeerSocket, messages: usize, size: usize) {
    for n in 0..messages {
        let mut payload = (n as u64).to_be_bytes().to_vec();
        payload.resize(size, 0);
        if socket.feed(Peer::binary(payload)).await.is_err() {
            return;
        }
    }
    let _ = socket.flush().await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn flood(messages: usize, size: usize) -> Server {
    Server::web_socket(move |socket, _| says_then_reads(socket, messages, size)).await
}

#[tokio::test]
async fn a_loop_that_awaits_an_outcome_for_each_message_goes_through_a_flood() {
    let server = flood(MESSAGES, 8).await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    for _ in 0..MESSAGES {
        soon("the next message", inbox.next()).await.expect("a message");
        let delivery = client.send("x").expect("room");
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
    let stats = client.stats();
    assert_eq!((stats.machine.connections, stats.inbox_discarded), (1, 0));
}

#[tokio::test]
async fn a_loop_that_waits_for_room_in_a_full_outbox_goes_through_a_flood() {
    let server = flood(MESSAGES, 8).await;
    let client = Client::builder(&server.url).outbox_messages(1).build().expect("good settings");
    let mut inbox = client.messages();
    for _ in 0..MESSAGES {
        soon("the next message", inbox.next()).await.expect("a message");
        drop(soon("room", client.send_wait("x")).await.expect("the client lives"));
    }
    assert_eq!(client.stats().machine.connections, 1);
}

#[tokio::test]
async fn a_loop_that_waits_until_much_is_written_goes_through_a_flood_of_a_peer_that_reads_afterwards() {
    // Beyond the inbox's bounds; and what the loop writes is more than the sockets hold.
    let server = flood(MESSAGES, 4096).await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    for n in 0..MESSAGES {
        soon("the next message", inbox.next()).await.expect("a message");
        if n % 25 == 0 {
            let mut delivery = client.send(vec![0; 100_000]).expect("room");
            assert_ne!(soon("written", delivery.written()).await, Progress::Queued);
        }
    }
    assert_eq!(client.stats().machine.connections, 1);
}

#[tokio::test]
async fn at_the_hard_bound_it_is_told_and_the_connection_given_up_when_nobody_reads_for_too_long() {
    const SIZE: usize = 1 << 20;
    let server = Server::web_socket(|socket, number| async move {
        // The first says more than the inbox ever takes.
        says_then_reads(socket, if number == 0 { 100 } else { 0 }, SIZE).await;
    })
    .await;
    let client = hasty(&server.url)
        .inbox(8, 16 << 20)
        .heartbeat_interval(Some(Duration::from_millis(300)))
        .heartbeat_timeout(Duration::from_millis(300))
        .build()
        .expect("good settings");
    let mut events = client.events();
    let mut inbox = client.messages();
    until("the inbox is full", || client.stats().inbox_messages == 8).await;
    let delivery = client.send("x").expect("room");
    // Nobody takes a message while this is awaited.
    assert_eq!(soon("the outcome", delivery).await, Outcome::Unknown(Stage::Written));

    let mut full = 0;
    let cause = soon("the connection's end", async {
        loop {
            match events.next().await.expect("an event") {
                EventItem::InboxFull { messages, bytes } => {
                    full += 1;
                    assert!(bytes >= 64 << 20 && messages * SIZE == bytes, "{messages} messages, {bytes} bytes");
                }
                EventItem::Event(Event::Disconnected(post_mortem)) => return post_mortem.cause,
                _ => {}
            }
        }
    })
    .await;
    assert_eq!((full, cause), (1, Cause::Lost(Loss::Unread { stalled_for: Duration::from_millis(600) })));

    // What had been read is there, in order, and the client goes on.
    let read = client.stats().messages_received;
    for n in 0..read {
        let message = soon("the next message", inbox.next()).await.expect("a message");
        assert_eq!(message.payload()[..8], n.to_be_bytes());
    }
    assert_eq!(soon("the outcome", client.send("y").expect("room")).await, Outcome::Received);
    assert_eq!(client.stats().inbox_discarded, 0);
}

#[tokio::test]
async fn with_at_least_once_what_is_awaited_at_the_hard_bound_ends_with_the_second_connection() {
    let server = Server::web_socket(|socket, number| async move {
        says_then_reads(socket, if number == 0 { 100 } else { 0 }, 1 << 20).await;
    })
    .await;
    let client = hasty(&server.url)
        .guarantee(Guarantee::AtLeastOnce)
        .inbox(8, 16 << 20)
        .heartbeat_interval(Some(Duration::from_millis(300)))
        .heartbeat_timeout(Duration::from_millis(300))
        .build()
        .expect("good settings");
    let mut events = client.events();
    let _inbox = client.messages();
    until("the inbox is full", || client.stats().inbox_messages == 8).await;
    let delivery = client.send("x").expect("room");
    assert_eq!(soon("the outcome", delivery).await, Outcome::Unknown(Stage::Written));
    let mut unread = 0;
    while unread < 2 {
        if let EventItem::Event(Event::Disconnected(end)) = soon("an end", events.next()).await.expect("an event") {
            assert!(matches!(end.cause, Cause::Lost(Loss::Unread { .. })), "{}", end.cause);
            assert_eq!(end.unproven, 1, "{end}");
            unread += 1;
        }
    }
}

#[tokio::test]
async fn dropping_the_inbox_tells_what_was_discarded_with_it() {
    let server = flood(10, 8).await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut events = client.events();
    let inbox = client.messages();
    until("all is there", || client.stats().inbox_messages == 10).await;
    drop(inbox);
    let told = async {
        loop {
            if let EventItem::Discarded(messages) = events.next().await.expect("an event") {
                return messages;
            }
        }
    };
    assert_eq!(soon("word of what is discarded", told).await, 10);
}
