//! What an attempt asks for: URL, headers, subprotocols, and the hook that may change them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::result_large_err, reason = "the signature is tungstenite's")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use everwire::{Cause, Client, Closed, OpenFailure, OpenFailureKind, State};
use support::{Server, connected, echo, first_cause, hasty, read_head, soon, state};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;

/// An echo server that takes only requests with this `Authorization`, and answers 401 to others.
async fn guarded(authorization: &'static str) -> Server {
    Server::raw(move |stream, _| async move {
        let check = |request: &Request, response: Response| {
            if request.headers().get("authorization").is_some_and(|value| value == authorization) {
                return Ok(response);
            }
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            Err(refusal)
        };
        if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, check).await {
            echo(socket).await;
        }
    })
    .await
}

/// A server that reports each request's head and refuses with 503.
async fn heads() -> (Server, UnboundedReceiver<String>) {
    let (report, reports) = unbounded_channel();
    let server = Server::raw(move |mut stream, _| {
        let report = report.clone();
        async move {
            let _ = report.send(read_head(&mut stream).await);
            let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    (server, reports)
}

#[tokio::test]
async fn url_headers_and_subprotocols_go_out_with_every_attempt() {
    let (server, mut reports) = heads().await;
    let url = format!("{}feed?room=a%20b", server.url.replace("ws://", "ws://ana:p%40ss@"));
    let client = hasty(&url)
        .header("x-one", "1")
        .header("x-many", "a")
        .header("x-many", "b")
        .subprotocol("feed.v2")
        .subprotocol("feed.v1")
        .build()
        .expect("good settings");
    for _ in 0..2 {
        let head = soon("a request", reports.recv()).await.expect("a request");
        assert!(head.starts_with("GET /feed?room=a%20b HTTP/1.1\r\n"), "{head}");
        for line in [
            "x-one: 1",
            "x-many: a",
            "x-many: b",
            "sec-websocket-protocol: feed.v2, feed.v1",
            "authorization: basic yw5honbac3m=",
        ] {
            assert!(head.to_ascii_lowercase().contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
    }
    drop(client);
}

#[tokio::test]
async fn names_are_sent_as_they_were_given_with_a_user_agent_and_a_host_of_ones_own() {
    let (server, mut reports) = heads().await;
    let client = hasty(&server.url).header("X-MBX-APIKEY", "k").header("appKey", "a").build().expect("good settings");
    let head = soon("a request", reports.recv()).await.expect("a request");
    let ours = format!("\r\nUser-Agent: everwire/{}\r\n", env!("CARGO_PKG_VERSION"));
    for line in ["\r\nX-MBX-APIKEY: k\r\n", "\r\nappKey: a\r\n", &ours] {
        assert!(head.contains(line), "{line:?}: {head}");
    }
    drop(client);
    let client = hasty(&server.url).header("user-agent", "mine").header("Host", "feed.example").build();
    let client = client.expect("good settings");
    let head = loop {
        let head = soon("a request", reports.recv()).await.expect("a request");
        if !head.contains(&ours) {
            break head;
        }
    };
    assert!(head.contains("\r\nuser-agent: mine\r\n") && head.contains("\r\nHost: feed.example\r\n"), "{head}");
    drop(client);
}

#[tokio::test]
async fn the_state_tells_the_subprotocol_that_the_server_chose() {
    let server = Server::raw(|stream, _| async move {
        let choose = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", "feed.v1".parse().expect("a value"));
            Ok(response)
        };
        if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, choose).await {
            echo(socket).await;
        }
    })
    .await;
    let client = Client::builder(&server.url).subprotocol("feed.v2").subprotocol("feed.v1").build().expect("good");
    let state = state(&client, "connected", State::is_connected).await;
    assert_eq!(state, State::Connected { subprotocol: Some("feed.v1".into()), pings_unanswered: false });
    assert_eq!(client.state(), state);
    assert_eq!(state.to_string(), "connected (feed.v1)");
}

#[tokio::test]
async fn a_subprotocol_that_nobody_offered_is_refused() {
    let server = Server::raw(|stream, _| async move {
        let choose = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", "other".parse().expect("a value"));
            Ok(response)
        };
        let _ = tokio_tungstenite::accept_hdr_async(stream, choose).await;
    })
    .await;
    let client = hasty(&server.url).build().expect("good settings");
    let Cause::OpenFailed(failure) = first_cause(&client).await else { panic!("it opened") };
    assert_eq!(failure.kind, OpenFailureKind::NotWebSocket);
    assert!(failure.detail.contains("the subprotocol \"other\" was not offered"), "{failure:?}");
}

#[tokio::test]
async fn t20_credentials_are_asked_for_anew_at_every_attempt_so_a_401_heals() {
    let server = guarded("Bearer 3").await;
    let tokens = Arc::new(AtomicU32::new(0));
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (hook_tokens, hook_seen) = (Arc::clone(&tokens), Arc::clone(&seen));
    let client = hasty(&server.url)
        .before_attempt(move |mut request| {
            let token = hook_tokens.fetch_add(1, Ordering::SeqCst) + 1;
            let code = request.last_cause.as_ref().and_then(Cause::code);
            hook_seen.lock().expect("no panic").push((request.attempt, code));
            async move {
                tokio::task::yield_now().await;
                request.headers.insert("authorization", format!("Bearer {token}").parse()?);
                Ok(request)
            }
        })
        .build()
        .expect("good settings");
    connected(&client).await;
    assert_eq!(tokens.load(Ordering::SeqCst), 3);
    assert_eq!(*seen.lock().expect("no panic"), [(1, None), (2, Some(401)), (3, Some(401))]);
}

#[tokio::test]
async fn t20_without_a_hook_a_401_is_final() {
    let server = guarded("Bearer 3").await;
    let client = hasty(&server.url).header("authorization", "Bearer 2").build().expect("good settings");
    let end = state(&client, "the end", State::is_final).await;
    assert!(matches!(&end, State::Closed(Closed::Refused(cause)) if cause.code() == Some(401)), "{end:?}");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn the_hook_may_lead_elsewhere_and_its_failure_is_told() {
    let server = Server::echo().await;
    let good = server.url.clone();
    let client = hasty("ws://127.0.0.1:9/")
        .before_attempt(move |mut request| {
            let good = good.clone();
            async move {
                if request.attempt == 1 {
                    return Err("the token service\nis down".into());
                }
                request.url = good.parse()?;
                Ok(request)
            }
        })
        .build()
        .expect("good settings");
    let Cause::OpenFailed(OpenFailure { kind, detail, .. }) = first_cause(&client).await else { panic!("it opened") };
    assert_eq!((kind, detail.as_str()), (OpenFailureKind::Hook, "the token service is down"));
    connected(&client).await;
}

#[tokio::test]
async fn a_url_or_header_from_the_hook_that_can_never_work_is_final() {
    for bad in ["https://127.0.0.1/", "ws://127.0.0.1:99999/"] {
        let client = hasty("ws://127.0.0.1:9/")
            .before_attempt(move |mut request| async move {
                request.url = bad.parse()?;
                Ok(request)
            })
            .build()
            .expect("good settings");
        let end = state(&client, "the end", State::is_final).await;
        let State::Closed(Closed::Refused(Cause::OpenFailed(failure))) = &end else { panic!("{end:?}") };
        assert_eq!(failure.kind, OpenFailureKind::BadRequest);
    }
}

#[tokio::test]
async fn a_hook_that_hangs_is_covered_by_the_connect_timeout() {
    let client = hasty("ws://127.0.0.1:9/")
        .connect_timeout(Duration::from_millis(50))
        .before_attempt(|_| std::future::pending())
        .build()
        .expect("good settings");
    let Cause::OpenFailed(failure) = first_cause(&client).await else { panic!("it opened") };
    assert_eq!(failure.kind, OpenFailureKind::Timeout);
    assert_eq!(failure.phase, everwire::Phase::Request);
}

#[tokio::test]
async fn a_hook_that_panics_ends_the_client_and_leaves_nothing_undecided() {
    let client = hasty("ws://127.0.0.1:9/")
        .before_attempt(|_| async { panic!("a bug of the user's") })
        .build()
        .expect("good settings");
    let delivery = client.send("x");
    if let Ok(delivery) = delivery {
        assert_eq!(soon("the outcome", delivery).await, everwire::Outcome::Cancelled);
    }
    soon("closed", client.close(Duration::from_secs(1))).await;
    assert_eq!(client.state(), State::Closed(Closed::ByUser));
}
