//! Retries that the clients of one process share.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use everwire::{Event, EventItem, Hint, RetryBudget, State};
use support::{Server, connected, echo, hasty, nobody, state, until};

#[tokio::test]
async fn clients_that_lose_their_server_together_come_back_at_the_pace_of_their_budget() {
    const CLIENTS: usize = 8;
    let server = Server::web_socket(|socket, number| async move {
        if number >= CLIENTS {
            echo(socket).await;
        }
    });
    let server = server.await;
    let budget = RetryBudget::new(2, Duration::from_millis(300)).expect("a budget");
    let build = |_| hasty(&server.url).connect_on_build(false).retry_budget(budget.clone()).build().expect("settings");
    let clients: Vec<_> = (0..CLIENTS).map(build).collect();
    let held = Arc::new(AtomicUsize::new(0));
    for client in &clients {
        let (mut events, held) = (client.events(), Arc::clone(&held));
        tokio::spawn(async move {
            while let Some(item) = events.next().await {
                if let EventItem::Event(Event::HeldBack { wait }) = item {
                    assert!(wait <= Duration::from_millis(150 * CLIENTS as u64), "{wait:?}");
                    held.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    let start = Instant::now();
    clients.iter().for_each(everwire::Client::connect);
    let back = || server.accepted() == 2 * CLIENTS && clients.iter().all(|client| client.state().is_connected());
    until("all are back", back).await;
    // Two at once, and then one every 150 ms.
    let least = Duration::from_millis(150 * (CLIENTS as u64 - 2));
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    assert!(held.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_first_attempt_and_what_the_user_asks_for_need_no_place() {
    let budget = RetryBudget::new(1, Duration::from_secs(3600)).expect("a budget");
    let spent = hasty(nobody().await).retry_budget(budget.clone()).build().expect("settings");
    let held = state(&spent, "the second retry", |state| matches!(state, State::Disconnected { held: true, .. })).await;
    assert!(held.retry_in().is_some_and(|left| left > Duration::from_secs(3000)), "{held}");
    assert!(held.to_string().contains("held back by the retry budget"), "{held}");

    let server = Server::echo().await;
    connected(&hasty(&server.url).retry_budget(budget).build().expect("settings")).await;
    spent.hint(Hint::RetryNow);
    let another = |state: &State| matches!(state, State::Disconnected { attempt, .. } if *attempt > 3);
    state(&spent, "another attempt", another).await;
}

#[test]
fn a_budget_of_nothing_is_refused_with_the_reason() {
    let error = RetryBudget::new(0, Duration::from_secs(1)).expect_err("no retries");
    assert_eq!(error.to_string(), "retry_budget.retries is zero: it must be at least 1");
}
