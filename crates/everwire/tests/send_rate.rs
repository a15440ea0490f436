//! Servers that close connections which send too much, and clients that keep to a rate.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Guarantee, Outcome, SendRate};
use futures_util::StreamExt;
use support::{Peer, PeerSocket, Server, hasty, soon, until};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// What was taken, in order, and when.
type Taken = Arc<Mutex<Vec<(String, Instant)>>>;

/// A server that takes `most` messages on each connection and closes it at the next one.
async fn takes(most: usize) -> (Server, Taken) {
    let taken = Taken::default();
    let told = Arc::clone(&taken);
    let serve = move |mut socket: PeerSocket, _| {
        let taken = Arc::clone(&told);
        async move {
            let mut count = 0;
            while let Some(Ok(message)) = socket.next().await {
                let Peer::Text(text) = message else { continue };
                count += 1;
                if count > most {
                    let frame = CloseFrame { code: 4008.into(), reason: "slow down".into() };
                    let _ = socket.close(Some(frame)).await;
                    while socket.next().await.is_some_and(|next| next.is_ok()) {}
                    return;
                }
                taken.lock().expect("no poison").push((text.to_string(), Instant::now()));
            }
        }
    };
    (Server::web_socket(serve).await, taken)
}

#[tokio::test]
async fn a_backlog_gets_through_a_server_that_takes_five_messages_on_a_connection() {
    let (server, taken) = takes(5).await;
    let client =
        hasty(&server.url).guarantee(Guarantee::AtLeastOnce).connect_on_build(false).build().expect("settings");
    let deliveries: Vec<_> = (0..30).map(|number| client.send(format!("m{number}")).expect("room")).collect();
    client.connect();
    for delivery in deliveries {
        assert_eq!(soon("its arrival", delivery).await, Outcome::Received);
    }
    let taken = taken.lock().expect("no poison");
    let different: BTreeSet<_> = taken.iter().map(|(text, _)| text).collect();
    assert_eq!(different.len(), 30);
    assert!(taken.len() <= 60, "{} copies of 30 messages", taken.len());
}

#[tokio::test]
async fn what_a_hook_says_and_what_waited_goes_out_at_the_rate() {
    const INTERVAL: Duration = Duration::from_millis(40);
    let (server, taken) = takes(100).await;
    let client = hasty(&server.url)
        .send_rate(SendRate::per_second(25.0))
        .on_open(async |mut connection| {
            for number in 0..4 {
                connection.send(format!("first {number}")).await?;
            }
            Ok(())
        })
        .connect_on_build(false)
        .build()
        .expect("settings");
    for number in 0..4 {
        drop(client.send(format!("then {number}")).expect("room"));
    }
    let started = Instant::now();
    client.connect();
    until("all eight", || taken.lock().expect("no poison").len() == 8).await;
    let taken = taken.lock().expect("no poison");
    let (texts, times): (Vec<_>, Vec<_>) = taken.iter().map(|(text, at)| (text.as_str(), *at - started)).unzip();
    let expected = ["first 0", "first 1", "first 2", "first 3", "then 0", "then 1", "then 2", "then 3"];
    assert_eq!(texts, expected);
    // It may come late, but never early.
    for (number, time) in (0..).zip(times) {
        assert!(time >= INTERVAL * number, "message {number} came after {time:?}");
    }
}

#[tokio::test]
async fn texts_in_the_place_of_pings_count() {
    const INTERVAL: Duration = Duration::from_millis(40);
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let server = Server::web_socket(move |mut socket: PeerSocket, _| {
        let noted = Arc::clone(&noted);
        async move {
            while let Some(Ok(message)) = socket.next().await {
                let Peer::Text(text) = message else { continue };
                noted.lock().expect("no poison").push(Instant::now());
                if text == "ping" {
                    let _ = futures_util::SinkExt::send(&mut socket, "pong".into()).await;
                }
            }
        }
    })
    .await;
    let rate = SendRate::per_second(25.0);
    let client = hasty(&server.url).send_rate(rate).text_pings("ping", "pong").build().expect("settings");
    let started = Instant::now();
    for number in 0..6 {
        let delivery = client.send(format!("m{number}")).expect("room");
        assert_eq!(soon("its arrival", delivery).await, Outcome::Received);
    }
    let times = times.lock().expect("no poison");
    assert_eq!(times.len(), 12, "each message and its ping");
    // A ping goes out at once, and the next message waits for both.
    for (number, time) in (0..).zip(times.iter()) {
        let time = *time - started;
        assert!(time >= INTERVAL * (number / 2 * 2), "text {number} came after {time:?}");
    }
}

#[tokio::test]
async fn closing_sends_what_waits_at_the_rate() {
    let (server, taken) = takes(100).await;
    let client = hasty(&server.url).send_rate(SendRate::per_second(50.0).burst(2)).build().expect("settings");
    for number in 0..10 {
        drop(client.send(format!("m{number}")).expect("room"));
    }
    let started = Instant::now();
    let left = soon("the end", client.close(support::SOON)).await;
    assert!(left.unsent.is_empty() && left.unacknowledged.is_empty(), "{left:?}");
    assert!(started.elapsed() >= Duration::from_millis(20) * 8);
    assert_eq!(taken.lock().expect("no poison").len(), 10);
}
