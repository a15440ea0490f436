//! What calls count for the facade `metrics`.

#[path = "../../../everwire/tests/support/told.rs"]
mod told;

use std::time::Duration;

use everwire::CallOptions;
use everwire_server::{Calls, CallsConfig, Failure};
use futures_util::{StreamExt, stream};
use metrics_util::debugging::DebuggingRecorder;

use self::told::Told;
use crate::support::until;
use crate::world::serve;

fn handlers() -> Calls {
    let mut config = CallsConfig::default();
    config.max_running = 2;
    Calls::new()
        .config(config)
        .call("sum", async || "6")
        .call("fail", async || -> Result<(), Failure> { Err(Failure::new("tired", "")) })
        .call("panic", async || -> () { panic!("on purpose") })
        .call("never", async || std::future::pending::<()>().await)
        .stream("items", async || stream::iter(["a", "b", "c"]))
}

/// Handlers are looked up at the recorder as they are called, on this one thread.
#[tokio::test]
async fn calls_are_counted_at_both_ends_by_their_outcome() {
    let recorder = DebuggingRecorder::new();
    let mut told = Told::by(&recorder);
    let _recording = metrics::set_default_local_recorder(&recorder);
    let network = serve(handlers()).await;
    let client = network.client("");
    client.call("sum", ()).await.unwrap();
    client.call("sum", ()).await.unwrap();
    client.call("fail", ()).await.unwrap_err();
    client.call("panic", ()).await.unwrap_err();
    client.call("nothing", ()).await.unwrap_err();
    assert_eq!(client.stream("items", ()).count().await, 3);
    let late = CallOptions::new().deadline(Duration::from_millis(30));
    client.call_with("never", (), late).await.unwrap_err();
    let mut count = |of: &str| told.sum(of);
    for (of, expected) in [
        ("client_calls_made_total{kind=call}", 6.0),
        ("client_calls_made_total{kind=stream}", 1.0),
        ("client_calls_ended_total{outcome=answered}", 3.0),
        ("client_calls_open", 0.0),
        ("client_stream_items_received_total", 3.0),
        ("server_stream_items_sent_total", 3.0),
        ("server_calls_received_total{handler=sum,kind=call}", 2.0),
        ("server_calls_received_total{handler=(unknown)", 1.0),
        ("server_calls_handled_total{handler=sum,outcome=answered}", 2.0),
        ("server_calls_handled_total{handler=fail,outcome=failed}", 1.0),
        ("server_calls_handled_total{handler=panic,outcome=panicked}", 1.0),
        ("server_calls_handled_total{handler=(unknown),outcome=refused}", 1.0),
        ("server_calls_handled_total{handler=items,outcome=answered}", 1.0),
    ] {
        assert_eq!(count(&format!("everwire_{of}")), expected, "{of}");
    }
    // The deadline may be noticed at either end first.
    let ended = count("everwire_client_calls_ended_total{outcome=failed}")
        + count("everwire_client_calls_ended_total{outcome=deadline}");
    assert_eq!(ended, 4.0);
    until(|| count("everwire_server_calls_running") == 0.0).await;

    // Two run, a third is beyond the limit; the two are cancelled.
    let open = [client.call("never", ()), client.call("never", ())];
    until(|| count("everwire_server_calls_running") == 2.0).await;
    assert_eq!(count("everwire_client_calls_open"), 2.0);
    drop(open);
    until(|| count("everwire_server_calls_running") == 0.0).await;
    assert_eq!(count("everwire_client_calls_ended_total{outcome=cancelled}"), 2.0);
    assert_eq!(count("everwire_client_calls_open"), 0.0);
    assert!(told.records("everwire_client_call_seconds") >= 5);
    assert!(told.records("everwire_server_call_handler_seconds{handler=sum}") == 2);
}

#[tokio::test]
async fn what_is_lost_with_its_session_leaves_no_gauge_behind() {
    let recorder = DebuggingRecorder::new();
    let mut told = Told::by(&recorder);
    let _recording = metrics::set_default_local_recorder(&recorder);
    let network = serve(handlers()).await;
    let client = network.client("");
    let open = client.call("never", ());
    until(|| told.sum("everwire_server_calls_running") == 1.0).await;
    client.close(Duration::from_secs(5)).await;
    open.await.unwrap_err();
    until(|| told.sum("everwire_server_calls_running") == 0.0).await;
    assert_eq!(told.sum("everwire_client_calls_open"), 0.0);
    assert_eq!(told.sum("everwire_client_calls_ended_total{outcome=lost}"), 1.0);
    assert_eq!(told.sum("everwire_server_calls_handled_total{handler=never,outcome=cancelled}"), 1.0);
}
