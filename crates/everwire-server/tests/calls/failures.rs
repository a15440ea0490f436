use std::time::Duration;

use everwire::{CallError, CallOpenError, CallOptions, Client, Execution, SessionMode};
use everwire_server::{Calls, CallsConfig, Extension, Json, SessionsConfig, call_codes};
use futures_util::{StreamExt, stream};

use crate::support::{Server, until};
use crate::world::{Count, serve};

fn slow(started: &Count, dropped: &Count) -> Calls {
    Calls::new().extension((started.clone(), dropped.clone())).call("ping", async || "pong").call(
        "slow",
        async |Extension((started, dropped)): Extension<(Count, Count)>| {
            let _guard = dropped.on_drop();
            started.add();
            std::future::pending::<()>().await;
        },
    )
}

#[tokio::test]
async fn a_dropped_call_drops_its_handler() {
    let (started, dropped) = (Count::default(), Count::default());
    let network = serve(slow(&started, &dropped)).await;
    let client = network.client("");
    let call = client.call("slow", ());
    until(|| started.get() == 1).await;
    drop(call);
    until(|| dropped.get() == 1).await;
    // Many at once, each at whatever point it is.
    for _ in 0..50 {
        drop(client.call("slow", ()));
        let _ = tokio::time::timeout(Duration::from_micros(300), client.call("slow", ())).await;
    }
    assert_eq!(client.call("ping", ()).await.unwrap().as_text(), Some("pong"));
    until(|| started.get() == dropped.get()).await;
    assert_eq!(client.calls().open_calls(), 0);
}

#[tokio::test]
async fn a_deadline_in_flight_ends_the_call_and_drops_the_handler() {
    let (started, dropped) = (Count::default(), Count::default());
    let network = serve(slow(&started, &dropped)).await;
    let client = network.client("");
    client.call("ping", ()).await.unwrap();
    // On a busy machine it may pass before the call has come to its handler.
    while started.get() == 0 {
        let options = CallOptions::new().deadline(Duration::from_millis(30));
        let error = client.call_with("slow", (), options).await.unwrap_err();
        assert!(matches!(error, CallError::DeadlinePassed(_) | CallError::Failed(_)), "{error:?}");
    }
    until(|| dropped.get() == started.get()).await;
}

/// [C-19]
#[tokio::test]
async fn a_deadline_without_a_connection_says_that_nothing_was_run() {
    let unreachable = Client::builder("ws://127.0.0.1:9/").session(SessionMode::Require).build().unwrap();
    let error =
        unreachable.call_with("sum", (), CallOptions::new().deadline(Duration::from_millis(20))).await.unwrap_err();
    assert_eq!(error, CallError::DeadlinePassed(Execution::NotRun));
    assert_eq!(unreachable.stats().machine.queued_messages, 1, "the hello");
    let call = unreachable.call("sum", ());
    unreachable.close(Duration::ZERO).await;
    assert_eq!(call.await, Err(CallError::Closed(Execution::NotRun)));
    assert_eq!(unreachable.call("sum", ()).await, Err(CallError::Closed(Execution::NotRun)));
}

/// [C-19]
#[tokio::test]
async fn a_call_whose_message_grows_too_old_in_the_outbox_ends_whether_it_is_awaited_or_not() {
    let builder = Client::builder("ws://127.0.0.1:9/").session(SessionMode::Require).max_age(Duration::from_millis(20));
    let client = builder.build().unwrap();
    let (awaited, other) = (client.call("sum", ()), client.call("sum", ()));
    let error = awaited.await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
    assert_eq!(error.execution(), Execution::NotRun);
    // Nobody has waited for this one.
    until(|| client.calls().open_calls() == 0).await;
    assert!(matches!(other.await, Err(CallError::NotSent(_))));
}

/// [C-9]
#[tokio::test]
async fn a_handler_that_panics_is_an_error_and_harms_no_other() {
    let calls = Calls::new()
        .call("ping", async || "pong")
        .call("later", async || {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "on purpose");
        })
        .stream("tokens", async || stream::iter(0..3).map(|item| if item < 2 { "x" } else { panic!("on purpose") }));
    let network = serve(calls.call("at_once", |_: String| -> std::future::Ready<()> { panic!("on purpose") })).await;
    let client = network.client("");
    for name in ["at_once", "later"] {
        let error = client.call(name, "").await.unwrap_err();
        assert_eq!(error.failure().unwrap().code, call_codes::PANICKED);
    }
    let items: Vec<_> = client.stream("tokens", "").collect().await;
    assert_eq!(items.len(), 3);
    assert_eq!(items[2].as_ref().unwrap_err().failure().unwrap().code, call_codes::PANICKED);
    assert_eq!(client.call("ping", ()).await.unwrap().as_text(), Some("pong"));
}

#[tokio::test]
async fn a_server_that_knows_no_calls_is_reported_as_such() {
    // It takes every message and answers none.
    let sessions = everwire_server::Sessions::new(SessionsConfig::default()).unwrap();
    let server =
        Server::start(sessions, async |mut session: everwire_server::Session| while session.recv().await.is_some() {})
            .await;
    let mut config = CallsConfig::default();
    config.hello_timeout = Duration::from_millis(20);
    let client = server.network.builder("").calls(Calls::new().config(config)).build().unwrap();
    assert_eq!(client.call("sum", ()).await, Err(CallError::NotSupported));
    let error = client.call("sum", ()).await.unwrap_err();
    assert_eq!(error, CallError::Open(CallOpenError::NotSupported));
    assert!(client.resume_calls().await.is_empty());
    // A caller that waits for the open calls learns that there are none.
    let mut config = CallsConfig::default();
    config.hello_timeout = Duration::from_millis(20);
    let other = server.network.builder("").calls(Calls::new().config(config)).build().unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(20), other.resume_calls()).await.unwrap().is_empty());
    // Without a session there are none either.
    let plain = Client::builder(server.network.url()).connect_on_build(false).build().unwrap();
    assert_eq!(plain.call("sum", ()).await, Err(CallError::Open(CallOpenError::NotSupported)));
    assert!(plain.resume_calls().await.is_empty());
}

#[tokio::test]
async fn a_server_that_sends_everything_back_is_reported_as_one_that_knows_no_calls() {
    let server = Server::echo().await;
    let client = server.client();
    let error = client.call("sum", ()).await.unwrap_err();
    assert_eq!(error, CallError::NotSupported);
}

#[tokio::test]
async fn what_the_session_does_not_carry_is_an_error_at_either_end() {
    let calls = Calls::new()
        .call("size", async |payload: String| Json(payload.len()))
        .call("large", async || "x".repeat(17 << 20))
        .stream("items", async || stream::iter(["small".to_owned(), "x".repeat(17 << 20)]));
    let network = serve(calls).await;
    let client = network.client("");
    client.call("size", "").await.unwrap();
    let error = client.call("size", "x".repeat(2 << 20)).await.unwrap_err();
    assert!(matches!(error, CallError::Open(CallOpenError::TooLarge { limit: 1_048_576, .. })), "{error:?}");
    let error = client.call("large", ()).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code, call_codes::TOO_LARGE, "{error:?}");
    let items: Vec<_> = client.stream("items", ()).collect().await;
    assert_eq!(items[0].as_ref().unwrap().as_text(), Some("small"));
    assert_eq!(items[1].as_ref().unwrap_err().failure().unwrap().code, call_codes::TOO_LARGE);
    assert_eq!(client.call("size", "still").json::<usize>().await, Ok(5));
}

#[tokio::test]
async fn open_calls_are_bounded_and_one_more_is_a_clear_error() {
    let (started, dropped) = (Count::default(), Count::default());
    let network = serve(slow(&started, &dropped)).await;
    let client = network.client("");
    let calls: Vec<_> = (0..10_000).map(|_| client.call("slow", ())).collect();
    let error = client.call("ping", ()).await.unwrap_err();
    assert_eq!(error, CallError::Open(CallOpenError::TooMany { limit: 10_000 }));
    until(|| started.get() == 10_000).await;
    drop(calls);
    assert_eq!(client.call("ping", ()).await.unwrap().as_text(), Some("pong"));
    until(|| dropped.get() == 10_000).await;
}

#[test]
fn handlers_without_a_session_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let error = Client::builder("ws://127.0.0.1:9/").calls(Calls::new()).build().unwrap_err();
    assert!(error.to_string().contains("calls"), "{error}");
}
