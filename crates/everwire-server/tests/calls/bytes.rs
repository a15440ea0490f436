//! What waits at either end is bounded in bytes.

use std::time::Duration;

use everwire::{Builder, CallError, CallOptions, Client, Execution, SessionMode};
use everwire_server::{Calls, CallsConfig, Extension, call_codes};
use futures_util::stream;

use crate::floods::{Raw, narrow};
use crate::support::{Network, until};
use crate::world::{Count, serve};

const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// A client that holds at most `max_unread_bytes` bytes that its program has not taken.
fn client(network: &Network, max_unread_bytes: usize) -> Client {
    let mut config = CallsConfig::default();
    config.max_unread_bytes = max_unread_bytes;
    let builder: Builder = Client::builder(network.url()).session(SessionMode::Require);
    builder.calls(Calls::new().config(config)).build().unwrap()
}

fn is_unread(error: &CallError) -> bool {
    error.failure().is_some_and(|failure| failure.code == call_codes::UNREAD)
}

/// [C-12]
#[tokio::test]
async fn a_stream_of_large_items_goes_on_to_its_end() {
    let calls = Calls::new().stream("files", async || stream::iter((0..60).map(|_| "x".repeat(100_000))));
    let network = serve(calls).await;
    let client = client(&network, usize::MAX);
    let mut files = client.stream("files", ());
    let mut items = 0;
    while let Some(item) = within(files.next()).await {
        assert_eq!(item.unwrap().len(), 100_000);
        items += 1;
    }
    assert_eq!(items, 60);
}

/// [C-22]
#[tokio::test]
async fn a_stream_whose_items_nobody_takes_ends_with_an_error_before_it_holds_too_much_and_no_other_does() {
    let dropped = Count::default();
    let calls = Calls::new()
        .extension(dropped.clone())
        .call("ping", async || "pong")
        .stream("few", async || stream::iter((0..20).map(|_| "x".repeat(100))))
        .stream("endless", async |Extension(dropped): Extension<Count>| {
            let on_drop = dropped.on_drop();
            stream::repeat_with(move || {
                let _ = &on_drop;
                "x".repeat(100)
            })
        });
    let network = serve(calls).await;
    let client = client(&network, 5_000);
    let mut unread = client.stream("endless", ());
    let mut read = client.stream_with("few", (), CallOptions::new().window(10));
    for _ in 0..20 {
        assert_eq!(within(read.next()).await.unwrap().unwrap().len(), 100);
        assert_eq!(within(client.call("ping", ())).await.unwrap().as_text(), Some("pong"));
    }
    assert!(within(read.next()).await.is_none());
    until(|| dropped.get() == 1).await;
    let error = within(unread.next()).await.unwrap().unwrap_err();
    assert!(is_unread(&error), "{error:?}");
    assert!(error.failure().unwrap().message.contains("5000 bytes"), "{error:?}");
    assert!(within(unread.next()).await.is_none());
}

/// [C-22]
#[tokio::test]
async fn replies_that_nobody_takes_are_bounded_and_what_is_over_is_told_as_an_error() {
    let runs = Count::default();
    let calls = Calls::new().extension(runs.clone()).call("report", async |Extension(runs): Extension<Count>| {
        runs.add();
        "x".repeat(100)
    });
    let network = serve(calls).await;
    let client = client(&network, 1_000);
    let unread: Vec<_> = (0..30).map(|_| client.call("report", ())).collect();
    // Behind the replies.
    let last = within(client.call("report", ())).await;
    assert!(runs.get() == 31 && (last.is_ok() || is_unread(&last.unwrap_err())));
    let mut taken = 0;
    for call in unread {
        match within(call).await {
            Ok(reply) => taken += reply.len(),
            Err(error) => {
                assert!(is_unread(&error) && error.execution() == Execution::Taken, "{error:?}");
            }
        }
    }
    assert!((500..=1_000).contains(&taken), "{taken}");
    // There is room again.
    assert_eq!(within(client.call("report", ())).await.unwrap().len(), 100);
}

/// [C-7]
#[tokio::test]
async fn handlers_wait_while_their_replies_have_no_room() {
    let runs = Count::default();
    let calls = Calls::new().extension(runs.clone()).call("report", async |Extension(runs): Extension<Count>| {
        tokio::task::yield_now().await;
        runs.add();
        "x".repeat(1 << 20)
    });
    let network = narrow(calls).await;
    let mut raw = Raw::connect(&network);
    for id in 1..=100 {
        raw.send(&format!("@c{id} report\n"));
    }
    until(|| raw.client.stats().machine.unproven_messages + raw.client.stats().machine.queued_messages == 0).await;
    until(|| runs.get() > 8).await;
    for _ in 0..50 {
        tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
        assert!(runs.get() < 60, "{} replies of a megabyte wait", runs.get());
    }
    for _ in 1..=100 {
        raw.next("@r").await;
    }
    assert_eq!(runs.get(), 100);
}
