//! Messages with options, and changing one's mind about those that wait.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{
    CancelError, Client, DropPolicy, Message, Outcome, Overflow, Priority, Progress, ReplaceError, SendError,
    SendOptions,
};
use futures_util::{FutureExt, StreamExt};
use support::{Server, soon};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A client that queues until it is told to connect.
fn queueing(url: &str) -> everwire::Builder {
    Client::builder(url).connect_on_build(false)
}

fn offline() -> everwire::Builder {
    queueing("ws://127.0.0.1:9/")
}

fn options() -> SendOptions {
    SendOptions::new()
}

/// A server, and the texts that it gets.
async fn recorder() -> (Server, UnboundedReceiver<String>) {
    let (report, reports) = unbounded_channel();
    let server = Server::web_socket(move |mut socket, _| {
        let report = report.clone();
        async move {
            while let Some(Ok(message)) = socket.next().await {
                if let Ok(text) = message.to_text()
                    && message.is_text()
                {
                    let _ = report.send(text.to_owned());
                }
            }
        }
    })
    .await;
    (server, reports)
}

#[tokio::test(start_paused = true)]
async fn a_message_expires_in_time_though_nothing_else_happens() {
    let client = offline().build().expect("good settings");
    let start = tokio::time::Instant::now();
    let long = client.send_with("long", options().ttl(Duration::from_secs(60))).expect("room");
    // The driver sleeps; it has to be told of the earlier one.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let short = client.send_with("short", options().ttl(Duration::from_secs(2))).expect("room");
    assert_eq!(short.await, Outcome::Expired);
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(long.await, Outcome::Expired);
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(client.stats().machine.expired, 2);
}

#[tokio::test(start_paused = true)]
async fn an_age_bounds_messages_without_options() {
    let client = offline().max_age(Duration::from_secs(3)).build().expect("good settings");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let start = tokio::time::Instant::now();
    assert_eq!(client.send("hello").expect("room").await, Outcome::Expired);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn priority_and_conflation_decide_about_what_waits() {
    let (server, mut reports) = recorder().await;
    let client = queueing(&server.url).build().expect("good settings");
    let price = || options().key("price");
    let older = client.send_with("price 1", price()).expect("room");
    let plain = client.send("plain").expect("room");
    let newer = client.send_with("price 2", price()).expect("room");
    let low = client.send_with("low", options().priority(Priority::Low)).expect("room");
    let high = client.send_with("high", options().priority(Priority::High)).expect("room");
    client.connect();
    for expected in ["high", "price 2", "plain", "low"] {
        assert_eq!(soon("a message", reports.recv()).await.as_deref(), Some(expected));
    }
    assert_eq!(older.await, Outcome::Dropped(DropPolicy::Conflated));
    for delivery in [plain, newer, low, high] {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
}

#[tokio::test]
async fn what_waits_can_be_cancelled_and_replaced_and_what_is_sent_can_not() {
    let (server, mut reports) = recorder().await;
    let client = queueing(&server.url).build().expect("good settings");
    let cancelled = client.send("cancelled").expect("room");
    let replaced = client.send("old").expect("room");
    assert_eq!(client.cancel(cancelled.id()), Ok(Outcome::Cancelled));
    assert_eq!(client.replace(replaced.id(), "new"), Ok(()));
    assert_eq!(cancelled.await, Outcome::Cancelled);
    client.connect();
    assert_eq!(soon("the message", reports.recv()).await.as_deref(), Some("new"));
    let id = replaced.id();
    assert!(matches!(client.cancel(id), Err(CancelError::Taken | CancelError::Ended)));
    assert_eq!(soon("the outcome", replaced).await, Outcome::Received);
    assert_eq!(client.cancel(id), Err(CancelError::Ended));
    assert_eq!(client.replace(id, "newer"), Err(ReplaceError::Ended("newer".into())));
}

#[tokio::test]
async fn who_waits_for_room_gets_that_of_a_cancelled_message() {
    let client = offline().outbox_messages(1).build().expect("good settings");
    let first = client.send("first").expect("room");
    assert!(matches!(client.send_with("second", options()), Err(SendError::Full(_))));
    let mut waiting = Box::pin(client.send_wait_with("second", options().priority(Priority::High)));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(client.cancel(first.id()), Ok(Outcome::Cancelled));
    let second = soon("room", waiting).await.expect("an open client");
    assert_eq!(second.progress(), Progress::Queued);
}

#[tokio::test]
async fn the_lowest_priority_makes_room_if_the_policy_says_so() {
    let client = offline().outbox_messages(2).overflow(Overflow::DropLowestPriority).build().expect("good settings");
    let low = client.send_with("low", options().priority(Priority::Low)).expect("room");
    let high = client.send_with("high", options().priority(Priority::High)).expect("room");
    let normal = client.send("normal").expect("room");
    let refused = client.send_with("low", options().priority(Priority::Low)).expect("a word on it");
    let dropped = Outcome::Dropped(DropPolicy::LowestPriority);
    assert_eq!((low.await, refused.await), (dropped, dropped));
    assert_eq!((high.progress(), normal.progress()), (Progress::Queued, Progress::Queued));
}

#[tokio::test]
async fn a_close_that_waits_for_a_connection_ends_when_nothing_is_left_to_send() {
    let (listener, url) = support::listen().await;
    drop(listener);
    let client = support::hasty(&url).build().expect("good settings");
    let delivery = client.send("hello").expect("room");
    let id = delivery.id();
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close(Duration::from_secs(3600)).await }
    });
    support::until("closing", || client.state() == everwire::State::Closing).await;
    assert_eq!(client.cancel(id), Ok(Outcome::Cancelled));
    let left = soon("the end", closing).await.expect("no panic");
    assert_eq!(left.unsent, Vec::<Message>::new());
    assert_eq!(delivery.await, Outcome::Cancelled);
}
