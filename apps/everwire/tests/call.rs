//! `everwire call` against a server with calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

#[allow(dead_code, reason = "each test file uses a part")]
mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Calls, Extension, Failure, Json, Sessions, SessionsConfig, Upgrade};
use futures_util::stream;
use support::run;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// Notified by the handler that the test of Ctrl-C calls.
static STARTED: Notify = Notify::const_new();
static DROPPED: Notify = Notify::const_new();

struct OnDrop;

impl Drop for OnDrop {
    fn drop(&mut self) {
        DROPPED.notify_one();
    }
}

/// Starts a server in a runtime of its own; returns it and its URL.
fn server() -> (Runtime, String) {
    let calls = Calls::new()
        .extension(Arc::new(Notify::new()))
        .call("sum", async |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>()))
        .call("broke", async || -> Result<(), Failure> {
            Err(Failure::new("overdrawn", "not enough money").with_data(serde_json::json!({"missing": 5})))
        })
        .call("never", async |Extension(never): Extension<Arc<Notify>>| never.notified().await)
        .call("watched", async || {
            let _dropped = OnDrop;
            STARTED.notify_one();
            std::future::pending::<()>().await;
        })
        .stream("endless", async || stream::repeat("on"))
        .stream("words", async || stream::iter(["to", "be"]));
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let accept = async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "guest", calls)
    };
    let app = Router::new().route("/calls", get(accept)).with_state((sessions, calls));
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("ws://{}/calls", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, app).await });
    (runtime, url)
}

#[test]
fn a_reply_and_a_stream_s_items_are_printed_as_lines() {
    let (_runtime, url) = server();
    assert_eq!(run(&["call", &url, "sum", "[1, 2, 3]"]), (0, "6".to_owned(), String::new()));
    assert_eq!(run(&["call", &url, "words", "--stream"]), (0, "to\nbe".to_owned(), String::new()));
}

#[test]
fn each_failed_call_has_a_line_and_an_exit_code() {
    let (_runtime, url) = server();
    for (args, exit, part) in [
        (&["broke"][..], 4, r#"not enough money (overdrawn): {"missing":5}"#),
        (&["some"], 4, "there is no handler named some"),
        (&["words"], 4, "words is a stream"),
        (&["sum", "[1,"], 4, "the payload is not what the handler takes"),
        (&["never", "--deadline", "50ms"], 5, "; try again only if the handler may run twice"),
        (&["two words"], 2, "a call's name has"),
    ] {
        let args = [&["call", &url], args].concat();
        let (code, out, err) = run(&args);
        assert_eq!((code, out.as_str()), (exit, ""), "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
}

#[test]
fn a_call_that_can_not_be_sent_reports_the_reason() {
    let (code, _, err) = run(&["call", "ws://127.0.0.1:9/", "sum", "--max-attempts", "1"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("refused") && err.contains("it was not run"), "{err}");
    let (code, _, err) = run(&["call", "ws://127.0.0.1:9/", "sum", "--deadline", "300ms"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("trying again") && err.contains("the deadline passed; it was not run"), "{err}");
    assert!(err.ends_with("; try again later"), "{err}");
    // There is no such path.
    let (_runtime, url) = server();
    let (code, _, err) = run(&["call", &url.replace("/calls", "/nothing"), "sum"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("404") && err.contains("it was not run"), "{err}");
}

/// As with `| head`.
#[test]
fn a_stream_ends_when_nobody_reads_its_items() {
    let (_runtime, url) = server();
    let mut call = Command::new(env!("CARGO_BIN_EXE_everwire"))
        .args(["call", &url, "endless", "--stream"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(call.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "on\n");
    // The reader closes the pipe.
    assert_eq!(call.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_call_and_its_handler_is_dropped() {
    let (runtime, url) = server();
    let mut call = Command::new(env!("CARGO_BIN_EXE_everwire"))
        .args(["call", &url, "watched"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    runtime.block_on(STARTED.notified());
    let killed = Command::new("kill").args(["-INT", &call.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(call.wait().unwrap().code(), Some(5));
    let mut err = String::new();
    call.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(err.contains("cancelled"), "{err}");
    runtime.block_on(DROPPED.notified());
}
