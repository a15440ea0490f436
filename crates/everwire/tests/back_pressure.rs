//! More comes than the user takes.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::VecDeque;
use std::time::Duration;

use everwire::{Client, Deliveries, EventItem, Message, Outcome, SendError};
use futures_util::{FutureExt, SinkExt, StreamExt};
use support::{Peer, Server, connected, soon, until};
use tokio::sync::watch;

/// A server that sends numbers as fast as it can, and tells how many it could hand to its socket.
async fn flood(messages: u64, size: usize) -> (Server, watch::Receiver<u64>) {
    let (report, reports) = watch::channel(0);
    let server = Server::web_socket(move |mut socket, _| {
        let report = report.clone();
        async move {
            for n in 0..messages {
                let mut payload = n.to_be_bytes().to_vec();
                payload.resize(size, 0);
                if socket.send(Peer::binary(payload)).await.is_err() {
                    return;
                }
                report.send_replace(n + 1);
            }
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
    (server, reports)
}

fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.payload()[..8].try_into().expect("8 bytes"))
}

#[tokio::test]
async fn t15_t16_a_flood_waits_in_order_and_the_connection_outlives_a_user_who_is_slow() {
    const MESSAGES: u64 = 20_000;
    let (server, sent) = flood(MESSAGES, 4096).await;
    let client = Client::builder(&server.url)
        .inbox(64, 1 << 20)
        .heartbeat_interval(Some(Duration::from_millis(100)))
        .heartbeat_timeout(Duration::from_millis(100))
        .build()
        .expect("good settings");
    let mut inbox = client.messages();
    connected(&client).await;
    until("the inbox is full", || client.stats().inbox_messages == 64).await;
    // Many heartbeats go by unseen.
    let mut before = 0;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        before = *sent.borrow();
    }
    assert!(before < MESSAGES, "the peer has to wait");
    assert_eq!(client.stats().inbox_messages, 64);
    for expected in 0..MESSAGES {
        let message = soon("the next message", inbox.next()).await.expect("a message");
        assert_eq!(number(&message), expected);
    }
    let stats = client.stats();
    assert_eq!((stats.machine.connections, stats.inbox_discarded, stats.messages_received), (1, 0, MESSAGES));
}

#[tokio::test]
async fn a_client_that_only_sends_is_not_held_up_by_what_it_never_reads() {
    let (server, sent) = flood(10_000, 4096).await;
    let client = Client::builder(&server.url).inbox(16, 1 << 20).build().expect("good settings");
    let mut events = client.events();
    for n in 0..100 {
        assert_eq!(soon("the outcome", client.send(n.to_string()).expect("room")).await, Outcome::Received);
    }
    until("all is read", || *sent.borrow() == 10_000 && client.stats().messages_received == 10_000).await;
    let stats = client.stats();
    assert_eq!((stats.inbox_messages, stats.inbox_discarded), (16, 10_000 - 16));
    let told = async { while !matches!(events.next().await.expect("an event"), EventItem::Discarded(1..)) {} };
    soon("word of what is discarded", told).await;
    // A reader that comes late gets the newest messages.
    let mut inbox = client.messages();
    for expected in 10_000 - 16..10_000 {
        assert_eq!(number(&inbox.next().await.expect("a message")), expected);
    }
}

#[tokio::test]
async fn after_the_inbox_is_dropped_what_comes_is_discarded_and_the_client_lives_on() {
    let (server, _) = flood(5000, 1024).await;
    let client = Client::builder(&server.url).inbox(16, 1 << 20).build().expect("good settings");
    let inbox = client.messages();
    until("the inbox is full", || client.stats().inbox_messages == 16).await;
    drop(inbox);
    until("all is discarded", || client.stats().inbox_discarded == 5000).await;
    assert_eq!(soon("the outcome", client.send("x").expect("room")).await, Outcome::Received);
}

#[tokio::test]
async fn t16_close_gets_its_evidence_though_the_inbox_is_full() {
    let (server, _) = flood(5000, 1024).await;
    let client = Client::builder(&server.url).inbox(16, 1 << 20).build().expect("good settings");
    let mut inbox = client.messages();
    until("the inbox is full", || client.stats().inbox_messages == 16).await;
    let delivery = client.send("x").expect("room");
    let left = soon("closed", client.close(Duration::from_secs(15))).await;
    assert_eq!(left, everwire::Undelivered::default());
    assert_eq!(delivery.await, Outcome::Received);
    for expected in 0..16 {
        assert_eq!(number(&inbox.next().await.expect("what was there before")), expected);
    }
    assert_eq!(inbox.next().await, None);
    assert_eq!(client.stats().inbox_discarded, 5000 - 16);
}

#[tokio::test]
async fn a_peer_that_does_not_read_fills_the_outbox_and_no_more() {
    let server = Server::raw(|stream, _| async move {
        let _stream = support::upgrade(stream).await;
        std::future::pending().await
    })
    .await;
    let client = Client::builder(&server.url).outbox_bytes(1 << 20).build().expect("good settings");
    connected(&client).await;
    let mut taken = 0;
    loop {
        match client.send(vec![0; 1 << 14]) {
            Ok(_) => taken += 1,
            Err(everwire::SendError::Full(_)) => break,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(taken, 64, "unproven messages count");
}

/// With this many messages queued, a sender that can wait lets the driver have its turn.
const CROWD: usize = 2048;

#[tokio::test]
async fn who_sends_into_a_crowd_steps_back_once_and_has_sent_nothing_until_then() {
    let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build().expect("good settings");
    for n in 0..CROWD {
        drop(client.send_wait(n.to_string()).now_or_never().expect("no reason to wait").expect("room"));
    }
    assert!(client.send_wait("given up").now_or_never().is_none(), "the driver has its turn first");
    assert_eq!(client.stats().machine.queued_messages, CROWD);
    drop(client.send_wait("sent").now_or_never().expect("its turn is over").expect("room"));
    assert_eq!(client.stats().machine.queued_messages, CROWD + 1);
}

#[tokio::test]
async fn who_never_polls_has_sent_nothing_and_who_comes_too_late_is_told() {
    let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build().expect("good settings");
    drop(client.send_wait("never polled"));
    assert_eq!(client.stats().machine.queued_messages, 0);
    client.close(Duration::ZERO).await;
    let error = client.send_wait("too late").await.expect_err("it has ended");
    assert!(matches!(&error, SendError::Closed(message, _) if message.as_text() == Some("too late")), "{error}");
    let error = client.send("too late").expect_err("it has ended");
    assert!(matches!(&error, SendError::Closed(message, _) if message.as_text() == Some("too late")), "{error}");
}

#[tokio::test]
async fn sending_many_given_up_halfway_has_sent_what_has_a_delivery_and_nothing_else() {
    let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build().expect("good settings");
    let mut messages: VecDeque<Message> = (0..3 * CROWD).map(|n| Message::from(n.to_string())).collect();
    let mut deliveries = Deliveries::new();
    let mut calls = 0;
    while client.send_many_wait(&mut messages, &mut deliveries).now_or_never().is_none() {
        calls += 1;
        assert_eq!(deliveries.len() + messages.len(), 3 * CROWD);
        assert_eq!(client.stats().machine.queued_messages, deliveries.len());
        let next = messages.front().and_then(|message| message.as_text()?.parse().ok());
        assert_eq!(next, Some(deliveries.len()));
    }
    assert!(calls > 1, "the driver had its turns");
    assert_eq!((deliveries.len(), messages.len()), (3 * CROWD, 0));
}
