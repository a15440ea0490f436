//! What listeners and watchers are told.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Cause, Client, Event, EventItem, Next, State};
use support::{Server, connected, hasty, soon, until};

#[tokio::test]
async fn every_state_and_loss_is_told_in_order() {
    let server = Server::web_socket(|mut socket, number| async move {
        if number == 0 {
            let _ = futures_util::StreamExt::next(&mut socket).await;
            // Dropped without a close frame.
            return;
        }
        support::echo(socket).await;
    })
    .await;
    let client = hasty(&server.url).build().expect("good settings");
    let mut events = client.events();
    connected(&client).await;
    drop(client.send("the end of the first connection").expect("room"));
    until("the second connection", || client.stats().machine.connections == 2).await;
    client.close(Duration::from_secs(5)).await;

    let mut told = Vec::new();
    while let Some(item) = events.next().await {
        match item {
            EventItem::State(state) => told.push(match state {
                State::Connecting { attempt } => format!("connecting {attempt}"),
                State::Connected { .. } => "connected".into(),
                State::Disconnected { attempt, .. } => format!("disconnected, next {attempt}"),
                State::Closing => "closing".into(),
                State::Closed(closed) => closed.to_string(),
                other => panic!("{other:?}"),
            }),
            EventItem::Event(Event::Disconnected(end)) => {
                let lost = matches!(end.cause, Cause::Lost(_));
                assert_eq!(matches!(end.next, Next::Retry { asked: false, .. }), lost, "{end}");
                told.push(format!("lost {lost}"));
            }
            _ => {}
        }
    }
    let expected = [
        "connecting 1",
        "connected",
        "lost true",
        "disconnected, next 2",
        "connecting 2",
        "connected",
        "closing",
        "lost false",
        "closed by the user",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_told_how_much_it_missed() {
    let (_listener, url) = support::listen().await;
    let client = Client::builder(&url).connect_on_build(false).build().expect("good settings");
    let mut events = client.events();
    for _ in 0..300 {
        client.connect();
        client.disconnect();
        tokio::task::yield_now().await;
    }
    let first = soon("an event", events.next()).await.expect("an event");
    assert!(matches!(first, EventItem::Missed(1..)), "{first:?}");
    client.close(Duration::ZERO).await;
    let mut rest = 0;
    while let Some(item) = events.next().await {
        rest += u32::from(!matches!(item, EventItem::Missed(_)));
    }
    assert!(rest <= 256, "{rest}");
}

#[tokio::test]
async fn after_the_end_there_are_no_events() {
    let client = hasty(support::nobody().await).build().expect("good settings");
    client.close(Duration::ZERO).await;
    assert_eq!(soon("the end", client.events().next()).await, None);
}
