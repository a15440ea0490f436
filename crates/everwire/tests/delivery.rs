//! What becomes of messages: order, evidence, and honest outcomes when connections are cut.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Batching, Client, Guarantee, Message, Outcome, Overflow, Progress, SendError, Stage};
use futures_util::StreamExt;
use support::{Peer, PeerSocket, Server, connected, hasty, listen, soon, until};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

fn text(message: Option<Peer>) -> String {
    message.expect("a message").into_text().expect("text").to_string()
}

/// Reports all messages that come, with the connection's number.
async fn record(mut socket: PeerSocket, number: usize, report: UnboundedSender<(usize, Peer)>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            let _ = report.send((number, message));
        }
    }
}

async fn recorder() -> (Server, UnboundedReceiver<(usize, Peer)>) {
    let (report, reports) = unbounded_channel();
    (Server::web_socket(move |socket, number| record(socket, number, report.clone())).await, reports)
}

#[tokio::test]
async fn t12_t14_messages_sent_while_offline_go_out_in_order_text_and_binary_alike() {
    let (listener, url) = listen().await;
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = hasty(&url).build().expect("good settings");
    let mut deliveries = Vec::new();
    for n in 0..1000u32 {
        let message = if n % 2 == 0 { Message::text(n.to_string()) } else { Message::binary(n.to_be_bytes().to_vec()) };
        deliveries.push(client.send(message).expect("room"));
    }
    until("a failed attempt", || client.stats().machine.attempts >= 2).await;
    assert!(deliveries.iter().all(|delivery| delivery.progress() == Progress::Queued));

    let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
    let (report, mut reports) = unbounded_channel();
    let _server = Server::on(listener, url, move |stream: TcpStream, number| {
        let report = report.clone();
        async move {
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                record(socket, number, report).await;
            }
        }
    });
    connected(&client).await;
    drop(client.send("a new one does not overtake").expect("room"));
    for n in 0..1000u32 {
        let (_, message) = soon("the next message", reports.recv()).await.expect("a message");
        match n % 2 {
            0 => assert_eq!(text(Some(message)), n.to_string()),
            _ => assert_eq!(message.into_data(), n.to_be_bytes().to_vec()),
        }
    }
    assert!(soon("the new one", reports.recv()).await.is_some());
    for (n, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(delivery.id().0, n as u64 + 1);
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_senders_order_is_kept_when_many_send_at_once_and_all_outcomes_come() {
    const SENDERS: usize = 8;
    const EACH: usize = 5000;
    let (server, mut reports) = recorder().await;
    let client = Client::builder(&server.url).build().expect("good settings");
    for sender in 0..SENDERS {
        let client = client.clone();
        tokio::spawn(async move {
            let mut deliveries = Vec::with_capacity(EACH);
            for n in 0..EACH {
                deliveries.push(client.send(format!("{sender} {n}")).expect("room"));
            }
            for delivery in deliveries {
                assert_eq!(delivery.await, Outcome::Received);
            }
        });
    }
    let mut next = [0; SENDERS];
    for _ in 0..SENDERS * EACH {
        let message = text(soon("the next message", reports.recv()).await.map(|(_, message)| message));
        let (sender, n) = message.split_once(' ').expect("two numbers");
        let (sender, n): (usize, usize) = (sender.parse().expect("a number"), n.parse().expect("a number"));
        assert_eq!(n, next[sender]);
        next[sender] += 1;
    }
    until("all is proven", || client.stats().machine.unproven_messages == 0).await;
    assert_eq!(client.stats().messages_sent, (SENDERS * EACH) as u64);
}

#[tokio::test]
async fn large_messages_keep_their_place_among_small_ones() {
    let (server, mut reports) = recorder().await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut deliveries = Vec::new();
    for n in 0..20u8 {
        let size = if n % 3 == 1 { 1 << 20 } else { 10 };
        deliveries.push(client.send(vec![n; size]).expect("room"));
    }
    for n in 0..20u8 {
        let (_, message) = soon("the next message", reports.recv()).await.expect("a message");
        assert!(message.into_data().iter().all(|byte| *byte == n));
    }
    for delivery in deliveries {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
}

/// A server that cuts each of the first connections after some messages, without answering their pings.
async fn cutting_server(cuts: usize) -> (Server, UnboundedReceiver<(usize, Peer)>) {
    let (report, reports) = unbounded_channel();
    let server = Server::web_socket(move |mut socket, number| {
        let report = report.clone();
        async move {
            if number >= cuts {
                return record(socket, number, report).await;
            }
            for _ in 0..10 * (number + 1) {
                // Polled no further than to the next message, so pongs stay queued in here.
                match socket.next().await {
                    Some(Ok(message)) if message.is_text() => drop(report.send((number, message))),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                }
            }
        }
    })
    .await;
    (server, reports)
}

/// Sends numbers through cuts and returns, per message, its outcome and how often it arrived.
async fn through_cuts(guarantee: Guarantee) -> Vec<(Outcome, usize)> {
    const CUTS: usize = 5;
    const MESSAGES: usize = 2000;
    let (server, mut reports) = cutting_server(CUTS).await;
    let client = hasty(&server.url).guarantee(guarantee).build().expect("good settings");
    let mut outcomes = Vec::new();
    for part in 0..MESSAGES / 100 {
        let numbers = part * 100..(part + 1) * 100;
        let deliveries: Vec<_> = numbers.map(|n| client.send(n.to_string()).expect("room")).collect();
        for delivery in deliveries {
            outcomes.push(soon("the outcome", delivery).await);
        }
    }
    assert_eq!(server.accepted(), CUTS + 1);
    let left = client.close(Duration::from_secs(10)).await;
    assert_eq!(left.unsent, []);
    drop(client);
    drop(server);
    let (mut arrived, mut latest) = (vec![0; MESSAGES], (0, None));
    while let Some((number, message)) = soon("the end of the reports", reports.recv()).await {
        let n: usize = text(Some(message)).parse().expect("a number");
        if number == latest.0 {
            assert!(latest.1 < Some(n), "out of order on one connection");
        }
        latest = (number, Some(n));
        arrived[n] += 1;
    }
    outcomes.into_iter().zip(arrived).collect()
}

#[tokio::test]
async fn t10_t13_at_least_once_nothing_is_lost_when_a_server_cuts_connections() {
    for (n, (outcome, arrived)) in through_cuts(Guarantee::AtLeastOnce).await.into_iter().enumerate() {
        assert_eq!(outcome, Outcome::Received, "message {n}");
        assert!(arrived >= 1, "message {n} is said to be received");
    }
}

#[tokio::test]
async fn t10_at_most_once_nothing_is_doubled_and_what_is_uncertain_is_said_to_be() {
    let results = through_cuts(Guarantee::AtMostOnce).await;
    for (n, (outcome, arrived)) in results.iter().enumerate() {
        match outcome {
            Outcome::Received => assert_eq!(*arrived, 1, "message {n}"),
            Outcome::Unknown(Stage::Written) => assert!(*arrived <= 1, "message {n}"),
            other => panic!("message {n}: {other:?}"),
        }
    }
    assert!(results.iter().any(|(outcome, _)| *outcome == Outcome::Received));
}

#[tokio::test]
async fn without_proof_the_outcome_says_only_that_it_was_written() {
    let (server, mut reports) = recorder().await;
    let client = Client::builder(&server.url).guarantee(Guarantee::Unproven).build().expect("good settings");
    let mut delivery = client.send("x").expect("room");
    assert_eq!(soon("written", delivery.written()).await, Progress::Done(Outcome::Unknown(Stage::Written)));
    assert_eq!(delivery.await, Outcome::Unknown(Stage::Written));
    assert!(soon("the message", reports.recv()).await.is_some());
}

#[tokio::test]
async fn written_comes_before_received_and_a_delivery_can_be_awaited_again_after_a_timeout() {
    let server = Server::web_socket(|mut socket, _| async move {
        // Reads the message and the ping, and answers only when the client has waited in vain.
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut delivery = client.send("x").expect("room");
    assert_eq!(soon("written", delivery.written()).await, Progress::Written);
    let _ = tokio::time::timeout(Duration::from_millis(10), &mut delivery).await;
    assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
}

#[tokio::test]
async fn a_full_outbox_gives_the_message_back_and_send_wait_waits_in_order_of_arrival() {
    let (listener, url) = listen().await;
    let client = hasty(&url).outbox_messages(4).build().expect("good settings");
    for n in 0..4 {
        drop(client.send(n.to_string()).expect("room"));
    }
    let error = client.send("4").expect_err("no room");
    assert!(matches!(&error, SendError::Full(message) if message.as_text() == Some("4")), "{error}");

    let mut waiting = Vec::new();
    for n in 4..40 {
        let waiting_client = client.clone();
        let task = tokio::spawn(async move { waiting_client.send_wait(n.to_string()).await.map(|d| d.id().0) });
        tokio::task::yield_now().await;
        waiting.push(task);
    }
    // Cancelled, it has not sent.
    waiting.remove(1).abort();
    assert!(waiting.iter().all(|task| !task.is_finished()));

    let (report, mut reports) = unbounded_channel();
    let _server = Server::on(listener, url, move |stream: TcpStream, number| {
        let report = report.clone();
        async move {
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                record(socket, number, report).await;
            }
        }
    });
    for n in (0..40).filter(|n| *n != 5) {
        let (_, message) = soon("the next message", reports.recv()).await.expect("a message");
        assert_eq!(text(Some(message)), n.to_string());
    }
}

#[tokio::test]
async fn those_who_wait_for_room_learn_of_the_end() {
    let client = Client::builder(support::nobody().await).outbox_messages(1).build().expect("good settings");
    drop(client.send("0").expect("room"));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send_wait("x").await.map(|_| ()) })
        })
        .collect();
    tokio::task::yield_now().await;
    let left = client.close(Duration::ZERO).await;
    assert_eq!(left.unsent, ["0".into()]);
    for task in tasks {
        let result = soon("the end", task).await.expect("no panic");
        assert!(matches!(result, Err(SendError::Closed(..))), "{result:?}");
    }
}

#[tokio::test]
async fn t11_what_the_overflow_policy_drops_is_told_at_once_even_while_the_driver_can_not_run() {
    let client = Client::builder(support::nobody().await)
        .outbox_messages(2)
        .overflow(Overflow::DropOldest)
        .build()
        .expect("good settings");
    let deliveries: Vec<_> = (0..5).map(|n| client.send(n.to_string()).expect("taken")).collect();
    let dropped = Progress::Done(Outcome::Dropped(everwire::DropPolicy::Oldest));
    let progress: Vec<_> = deliveries.iter().map(everwire::Delivery::progress).collect();
    assert_eq!(progress, [dropped, dropped, dropped, Progress::Queued, Progress::Queued]);
    assert_eq!(client.stats().machine.dropped, 3);
}

#[tokio::test]
async fn t27_batches_go_out_when_their_window_ends_and_on_close() {
    let (server, mut reports) = recorder().await;
    let mut batching = Batching::default();
    batching.window = Duration::from_millis(50);
    let client = Client::builder(&server.url).batching(batching).build().expect("good settings");
    connected(&client).await;
    let deliveries: Vec<_> = ["{}", r#"{"a":1}"#, "{}"].map(|text| client.send(text).expect("room")).into();
    assert_eq!(text(soon("a batch", reports.recv()).await.map(|(_, m)| m)), r#"[{},{"a":1},{}]"#);
    for delivery in deliveries {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
    drop(client.send("{}").expect("room"));
    drop(client.send(" {} ").expect("room"));
    let left = client.close(Duration::from_secs(10)).await;
    assert_eq!(left, everwire::Undelivered::default());
    assert_eq!(text(soon("the last batch", reports.recv()).await.map(|(_, m)| m)), "[{}, {} ]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_is_dropped_while_awaited_sends_all_the_same() {
    let (server, mut reports) = recorder().await;
    let client = Client::builder(&server.url).build().expect("good settings");
    for n in 0..1000 {
        let delivery = client.send(n.to_string()).expect("room");
        if n % 10 == 0 {
            let _ = tokio::time::timeout(Duration::ZERO, delivery).await;
        }
    }
    for n in 0..1000 {
        let (_, message) = soon("the next message", reports.recv()).await.expect("a message");
        assert_eq!(text(Some(message)), n.to_string());
    }
}
