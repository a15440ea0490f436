//! The end of a client, in order and not.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use everwire::{Client, CloseCode, Closed, EventItem, Message, Outcome, SendError, Stage, State, Undelivered};
use futures_util::StreamExt;
use support::{Server, connected, hasty, listen, nobody, read_head, soon, state, until, upgrade};
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::as_text).collect()
}

/// A server that upgrades, then neither reads nor answers.
async fn black_hole() -> Server {
    Server::raw(|stream, _| async move {
        let _stream = upgrade(stream).await;
        std::future::pending().await
    })
    .await
}

#[tokio::test]
async fn t17_close_flushes_shakes_hands_and_leaves_no_task_behind() {
    let (report, mut reports) = unbounded_channel();
    let server = Server::web_socket(move |mut socket, _| {
        let report = report.clone();
        async move {
            while let Some(Ok(message)) = socket.next().await {
                let _ = report.send(message);
            }
        }
    })
    .await;
    let before = Handle::current().metrics().num_alive_tasks();
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    let mut events = client.events();
    let deliveries: Vec<_> = (0..100).map(|n| client.send(n.to_string()).expect("room")).collect();
    let left = soon("closed", client.close(Duration::from_secs(10))).await;
    assert_eq!(left, Undelivered::default());
    assert_eq!(client.state(), State::Closed(Closed::ByUser));
    assert_eq!(*client.watch_state().borrow(), State::Closed(Closed::ByUser));
    for delivery in deliveries {
        assert_eq!(delivery.await, Outcome::Received);
    }
    let mut texts = 0;
    while texts < 100 {
        // Pings come between them.
        texts += usize::from(soon("a message", reports.recv()).await.expect("a message").is_text());
    }
    let frame = loop {
        match soon("the close frame", reports.recv()).await.expect("a close frame") {
            support::Peer::Close(frame) => break frame.expect("a code"),
            _pong_or_ping => {}
        }
    };
    assert_eq!(u16::from(frame.code), 1000);
    assert_eq!(inbox.next().await, None);
    while let Some(item) = events.next().await {
        assert!(!matches!(item, EventItem::Missed(_)));
    }
    let error = client.send("late").expect_err("closed");
    assert!(matches!(&error, SendError::Closed(message, _) if message.as_text() == Some("late")), "{error}");
    // The server's own task of the connection ends as well.
    drop(server);
    until("all tasks are gone", || Handle::current().metrics().num_alive_tasks() <= before.saturating_sub(1)).await;
}

#[tokio::test]
async fn the_close_frame_that_was_set_is_sent_by_the_next_close_and_not_by_the_one_after_that() {
    let (report, mut reports) = unbounded_channel();
    let server = Server::web_socket(move |mut socket, _| {
        let report = report.clone();
        async move {
            while let Some(Ok(message)) = socket.next().await {
                if let support::Peer::Close(frame) = message {
                    let _ = report.send(frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())));
                }
            }
        }
    })
    .await;
    let client = Client::builder(&server.url).build().expect("good settings");
    for (set, expected) in [
        (Some((CloseCode(4001), "the user has signed out".to_owned())), (4001, "the user has signed out".to_owned())),
        (None, (1000, String::new())),
        (Some((CloseCode(1006), "ü".repeat(100))), (1000, "ü".repeat(61))),
    ] {
        connected(&client).await;
        if let Some((code, reason)) = set {
            client.set_close_frame(code, &reason);
        }
        client.disconnect();
        assert_eq!(soon("the close frame", reports.recv()).await, Some(Some(expected)));
        state(&client, "closed", |state| matches!(state, State::Closed(_))).await;
        client.connect();
    }
}

#[tokio::test]
async fn t17_close_while_offline_returns_what_was_not_sent_within_the_deadline() {
    let client = hasty(nobody().await).build().expect("good settings");
    for n in 0..3 {
        drop(client.send(n.to_string()).expect("room"));
    }
    until("an attempt", || client.stats().machine.attempts > 1).await;
    let started = Instant::now();
    let left = soon("closed", client.close(Duration::from_millis(200))).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(texts(&left.unsent), ["0", "1", "2"]);
    assert_eq!(left.unacknowledged, []);
}

#[tokio::test]
async fn t17_close_in_a_black_hole_tells_what_is_not_proven_within_the_deadline() {
    let server = black_hole().await;
    let client = hasty(&server.url).build().expect("good settings");
    let mut delivery = client.send("perhaps").expect("room");
    soon("written", delivery.written()).await;
    let started = Instant::now();
    let left = soon("closed", client.close(Duration::from_millis(200))).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(texts(&left.unacknowledged), ["perhaps"]);
    assert_eq!(left.unsent, []);
    assert_eq!(delivery.await, Outcome::Unknown(Stage::Written));
}

#[tokio::test]
async fn close_during_an_opening_that_never_ends_keeps_the_deadline() {
    let server = Server::raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let client = Client::builder(&server.url).build().expect("good settings");
    drop(client.send("x").expect("room"));
    until("an opening", || server.accepted() == 1).await;
    let left = soon("closed", client.close(Duration::from_millis(100))).await;
    assert_eq!(texts(&left.unsent), ["x"]);
}

#[tokio::test]
async fn every_close_returns_one_has_what_is_left_and_a_cancelled_one_loses_nothing() {
    let server = black_hole().await;
    let client = Client::builder(&server.url).build().expect("good settings");
    soon("written", client.send("x").expect("room").written()).await;
    let cancelled = tokio::time::timeout(Duration::from_millis(10), client.close(Duration::from_secs(600))).await;
    assert!(cancelled.is_err());
    let closing = Duration::from_millis(50);
    let (first, second) = soon("closed", async { tokio::join!(client.close(closing), client.close(closing)) }).await;
    assert_eq!(first.unacknowledged.len() + second.unacknowledged.len(), 1);
    assert_eq!(soon("closed again", client.close(closing)).await, Undelivered::default());
}

#[tokio::test]
async fn dropping_the_last_handle_ends_everything_at_once() {
    let (gone, mut went) = unbounded_channel();
    let server = Server::raw(move |stream, _| {
        let gone = gone.clone();
        async move {
            let mut stream = upgrade(stream).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            let _ = gone.send(());
        }
    })
    .await;
    let client = Client::builder(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    let mut events = client.events();
    let mut written = client.send("written").expect("room");
    soon("written", written.written()).await;
    let other = client.clone();
    drop(client);
    assert!(other.state().is_connected(), "there is still a handle");
    let queued = other.send("queued").expect("room");
    drop(other);
    assert_eq!(soon("its outcome", written).await, Outcome::Unknown(Stage::Written));
    assert_eq!(soon("its outcome", queued).await, Outcome::Cancelled);
    assert_eq!(soon("the inbox ends", inbox.next()).await, None);
    while soon("the events end", events.next()).await.is_some() {}
    soon("the socket is closed", went.recv()).await;
}

#[test]
fn a_runtime_that_shuts_down_leaves_no_delivery_undecided() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (client, delivery, mut inbox) = runtime.block_on(async {
        let client = hasty(nobody().await).build().expect("good settings");
        let delivery = client.send("x").expect("room");
        until("an attempt", || client.stats().machine.attempts > 0).await;
        let inbox = client.messages();
        (client, delivery, inbox)
    });
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Cancelled);
        assert_eq!(soon("the inbox ends", inbox.next()).await, None);
        let left = soon("closed", client.close(Duration::from_secs(1))).await;
        assert_eq!(texts(&left.unsent), ["x"]);
        assert!(client.send("late").is_err());
    });
}

#[tokio::test]
async fn t18_after_disconnect_nothing_reconnects_and_connect_goes_on_with_the_outbox() {
    let server = Server::echo().await;
    let client = hasty(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    connected(&client).await;
    client.disconnect();
    let closed = State::Closed(Closed::Disconnected);
    state(&client, "disconnected", |state| *state == closed).await;
    let delivery = client.send("later").expect("the outbox is kept");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((server.accepted(), client.state()), (1, closed));
    client.connect();
    assert_eq!(soon("the echo", inbox.next()).await, Some("later".into()));
    assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
}

#[tokio::test]
async fn t18_disconnect_while_the_server_can_not_be_reached_stays_away() {
    let client = hasty(nobody().await).build().expect("good settings");
    until("an attempt", || client.stats().machine.attempts > 1).await;
    client.disconnect();
    state(&client, "disconnected", State::is_final).await;
    let attempts = client.stats().machine.attempts;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.stats().machine.attempts, attempts);
}

#[tokio::test]
async fn nothing_starts_by_itself_with_connect_on_build_off() {
    let (_listener, url) = listen().await;
    let client = Client::builder(&url).connect_on_build(false).build().expect("good settings");
    assert_eq!(client.state(), State::Closed(Closed::Initial));
    assert!(!client.state().is_final());
    assert_eq!(client.stats().machine.attempts, 0);
    client.connect();
    assert!(matches!(client.state(), State::Connecting { attempt: 1 }), "told at once");
    let left = soon("closed", client.close(Duration::ZERO)).await;
    assert_eq!(left, Undelivered::default());
}

#[tokio::test]
async fn a_state_that_is_being_looked_at_holds_up_no_call() {
    let server = Server::echo().await;
    let client = hasty(&server.url).build().expect("good settings");
    let states = client.watch_state();
    let looked_at = states.borrow();
    client.connect();
    client.disconnect();
    drop(client.send("x").expect("room"));
    let _ = client.state();
    drop(looked_at);
}
