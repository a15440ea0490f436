//! Texts in the place of the protocol's pings.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everwire::{Cause, Event, EventItem, Message, Outcome, State};
use futures_util::{SinkExt, StreamExt};
use support::{Server, hasty, soon, state};
use tokio_tungstenite::tungstenite::Message as Theirs;

/// Answers `ping` by `pong` as long as it should, and says whether pings of the protocol came.
async fn by_text(answers: bool) -> (Server, Arc<AtomicBool>) {
    let pinged = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&pinged);
    let server = Server::raw(move |stream, _| {
        let seen = Arc::clone(&seen);
        async move {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                match message {
                    Theirs::Text(text) if text.as_str() == "ping" && answers => {
                        let _ = socket.send(Theirs::text("pong")).await;
                    }
                    Theirs::Text(text) if text.as_str() == "say pong" => {
                        let _ = socket.send(Theirs::text("pong")).await;
                    }
                    Theirs::Ping(_) => seen.store(true, Ordering::SeqCst),
                    _ => {}
                }
            }
        }
    })
    .await;
    (server, pinged)
}

#[tokio::test]
async fn the_answer_to_a_text_ping_proves_what_was_sent_before_and_is_no_message() {
    let (server, pinged) = by_text(true).await;
    let client = hasty(&server.url).text_pings("ping", "pong").build().expect("good settings");
    let mut inbox = client.messages();
    let delivery = client.send("hello").expect("room");
    assert_eq!(soon("its outcome", delivery).await, Outcome::Received);
    // A pong that answers nothing is a message, and the first that there is.
    drop(client.send("say pong").expect("room"));
    assert_eq!(soon("a message", inbox.next()).await, Some(Message::text("pong")));
    assert!(!pinged.load(Ordering::SeqCst), "no ping of the protocol");
}

#[tokio::test]
async fn a_server_that_answers_no_text_ping_is_declared_dead() {
    let (server, _) = by_text(false).await;
    let client = hasty(&server.url)
        .text_pings("ping", "pong")
        .heartbeat_interval(Some(Duration::from_millis(50)))
        .heartbeat_timeout(Duration::from_millis(50))
        .build()
        .expect("good settings");
    let mut events = client.events();
    state(&client, "connected", State::is_connected).await;
    loop {
        let item = soon("the connection's end", events.next()).await.expect("the client lives");
        if let EventItem::Event(Event::Disconnected(end)) = item {
            assert!(matches!(end.cause, Cause::Dead { .. }), "{end:?}");
            return;
        }
    }
}
