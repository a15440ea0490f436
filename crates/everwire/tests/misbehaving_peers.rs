//! Peers that refuse, break the rules, or vanish: each ends in a typed cause within its limit, and without a storm.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use everwire::{
    BuildError, Cause, Client, CloseCode, Closed, Loss, OpenFailure, OpenFailureKind, Outcome, Phase, ReachProblem,
    State,
};
use support::{Server, answer, connected, first_cause, hasty, nobody, read_head, reset, soon, state, until, upgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn failure(cause: Cause) -> OpenFailure {
    match cause {
        Cause::OpenFailed(failure) => failure,
        other => panic!("not an opening that failed: {other:?}"),
    }
}

/// The cause that a server leads to which answers the upgrade request with these bytes.
async fn cause_of(response: &'static str) -> OpenFailure {
    let server = Server::raw(move |stream, _| answer(stream, response)).await;
    let client = hasty(&server.url).build().expect("good settings");
    failure(first_cause(&client).await)
}

#[tokio::test]
async fn bad_urls_and_settings_are_refused_by_build_with_one_clear_line() {
    for (url, expected) in [
        ("example.org", "put wss://"),
        ("https://example.org", "did you mean wss://"),
        ("gopher://example.org", "expected ws:// or wss://"),
        ("ws://example.org/#here", "no fragment"),
        ("ws://", "not a valid URL"),
    ] {
        let error = Client::builder(url).build().expect_err(url);
        assert!(matches!(error, BuildError::Url(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(expected), "{url}: {error}");
    }
    let url = "ws://127.0.0.1:9/";
    for (builder, expected) in [
        (Client::builder(url).header("bad name", "x"), "`bad name`"),
        (Client::builder(url).header("x", "line\nbreak"), "control character"),
        (Client::builder(url).header("Sec-WebSocket-Key", "x"), "sec-websocket-key"),
        (Client::builder(url).subprotocol("not a token"), "not a token"),
        (Client::builder(url).inbox(0, 1), "inbox.messages: must be at least 1"),
        (Client::builder(url).backoff_factor(f64::NAN), "retry.factor"),
    ] {
        let error = builder.build().expect_err(expected).to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn outside_a_runtime_build_says_so_instead_of_panicking() {
    let error = Client::builder("ws://127.0.0.1:9/").build().expect_err("no runtime");
    assert!(matches!(error, BuildError::NoRuntime));
}

#[tokio::test]
async fn a_refused_port_is_named_and_tried_again() {
    let client = hasty(nobody().await).build().expect("good settings");
    let failure = failure(first_cause(&client).await);
    let refused = OpenFailureKind::Unreachable { is_proxy: false, problem: ReachProblem::Refused };
    assert_eq!((failure.phase, &failure.kind), (Phase::Tcp, &refused));
    assert!(failure.detail.starts_with("connection refused by 127.0.0.1:"), "{failure:?}");
    until("more attempts", || client.stats().machine.attempts >= 3).await;
}

#[tokio::test]
async fn t19_attempts_that_are_used_up_end_in_a_final_state_with_the_reason() {
    let client = hasty(nobody().await).max_attempts(3).build().expect("good settings");
    let delivery = client.send("for nobody").expect("room");
    let mut inbox = client.messages();
    let end = state(&client, "the end", State::is_final).await;
    let State::Closed(Closed::GaveUp { last, attempts: 3, .. }) = &end else { panic!("{end:?}") };
    assert!(last.to_string().contains("connection refused"), "{last}");
    assert_eq!(soon("the inbox ends", inbox.next()).await, None);
    assert_eq!(client.stats().machine.attempts, 3);
    drop(client);
    assert_eq!(soon("the outcome", delivery).await, Outcome::Cancelled);
}

#[tokio::test]
async fn answers_that_are_no_upgrade_are_told_by_status_and_words() {
    for (response, status, words) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "the server answered 200 OK, not an upgrade"),
        ("HTTP/1.1 302 Found\r\nlocation: /login?t=1\r\ncontent-length: 0\r\n\r\n", 302, "redirects to /login, which"),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nno guests",
            403,
            "403 Forbidden, not an upgrade: no guests",
        ),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", 401, "401 Unauthorized"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 503, "503 Service Unavailable"),
    ] {
        let failure = cause_of(response).await;
        assert_eq!(failure.phase, Phase::Upgrade);
        let OpenFailureKind::Refused { status: found, .. } = failure.kind else { panic!("{failure:?}") };
        assert_eq!(found, status);
        assert!(failure.detail.contains(words), "{failure:?}");
    }
}

#[tokio::test]
async fn t20_a_refusal_that_retrying_can_not_heal_is_final() {
    let server = Server::raw(|stream, _| answer(stream, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")).await;
    let client = hasty(&server.url).build().expect("good settings");
    let end = state(&client, "the end", State::is_final).await;
    assert!(matches!(end, State::Closed(Closed::Refused(_))), "{end:?}");
    assert_eq!(server.accepted(), 1);
    assert_eq!(soon("the inbox ends", client.messages().next()).await, None);
}

#[tokio::test]
async fn t20_retry_after_is_honoured() {
    retry_after_is_honoured("HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n").await;
}

#[tokio::test]
async fn t20_retry_after_is_honoured_whatever_the_answer_says_of_its_body() {
    let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3600\r\ntransfer-encoding: chunked\r\n";
    for rest in [
        "\r\n9\r\ntry later\r\n0\r\n\r\n",
        "content-length: 9\r\n\r\ntry later",
        "content-length: 9\r\n\r\n9\r\ntry later\r\n0\r\n\r\n",
        "content-length: 9000\r\n\r\n",
    ] {
        retry_after_is_honoured(&format!("{head}{rest}")).await;
    }
}

async fn retry_after_is_honoured(response: &str) {
    let response = response.to_owned();
    let server = Server::raw(move |stream, _| answer(stream, response.clone())).await;
    let client = hasty(&server.url).build().expect("good settings");
    let state = state(&client, "the refusal", |state| matches!(state, State::Disconnected { .. })).await;
    let wait = state.retry_in().expect("disconnected");
    assert!(wait > Duration::from_secs(3590), "{wait:?}");
    let State::Disconnected { cause, .. } = state else { panic!("{state:?}") };
    let OpenFailureKind::Refused { retry_after, .. } = failure(cause).kind else { panic!("not refused") };
    assert_eq!(retry_after, Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn what_speaks_no_web_socket_is_told_apart() {
    for (response, words) in [
        ("SSH-2.0-OpenSSH_9.9\r\n", "is not HTTP"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "Sec-WebSocket-Accept",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
             AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            "wrong Sec-WebSocket-Accept",
        ),
    ] {
        let failure = cause_of(response).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Upgrade, &OpenFailureKind::NotWebSocket), "{failure:?}");
        assert!(failure.detail.contains(words), "{failure:?}");
    }
    let failure = cause_of("").await;
    assert!(failure.detail.contains("ended the connection without an answer"), "{failure:?}");
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_given_up_after_the_connect_timeout() {
    let server = Server::raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let started = Instant::now();
    let client = hasty(&server.url).connect_timeout(Duration::from_millis(150)).build().expect("good settings");
    let failure = failure(first_cause(&client).await);
    assert_eq!(failure.kind, OpenFailureKind::Timeout);
    assert_eq!(failure.phase, Phase::Upgrade, "{failure:?}");
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn t4_an_attempt_that_was_given_up_can_not_open_late() {
    let server = Server::raw(|stream, number| async move {
        if number == 0 {
            let mut stream = stream;
            read_head(&mut stream).await;
            // The client closes this one when it gives up.
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        } else if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            support::echo(socket).await;
        }
    })
    .await;
    let client = hasty(&server.url).connect_timeout(Duration::from_millis(100)).build().expect("good settings");
    connected(&client).await;
    assert_eq!(client.send("x").expect("room").await, Outcome::Received);
    assert_eq!(client.stats().machine.connections, 1);
}

#[tokio::test]
async fn t6_accept_then_close_is_retried_with_growing_delays_and_not_in_a_storm() {
    let server = Server::web_socket(|mut socket, _| async move {
        let _ = socket.close(None).await;
    })
    .await;
    let client = Client::builder(&server.url)
        .initial_delay(Duration::from_millis(100))
        .max_delay(Duration::from_millis(400))
        .backoff_factor(2.0)
        .jitter(everwire::Jitter::None)
        .build()
        .expect("good settings");
    let started = Instant::now();
    until("four connections", || server.accepted() >= 4).await;
    // 100 + 200 + 400 ms.
    assert!(started.elapsed() >= Duration::from_millis(700), "{:?}", started.elapsed());
    drop(client);
}

#[tokio::test]
async fn a_peer_that_resets_is_told_and_tried_again() {
    let server = Server::raw(|stream, number| async move {
        if number < 2 {
            let mut stream = upgrade(stream).await;
            let _ = stream.read_u8().await;
            reset(stream);
        } else if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            support::echo(socket).await;
        }
    })
    .await;
    let client = hasty(&server.url).guarantee(everwire::Guarantee::AtLeastOnce).build().expect("good settings");
    let delivery = client.send("again and again").expect("room");
    let cause = first_cause(&client).await;
    assert!(matches!(&cause, Cause::Lost(Loss::Io(words)) if words.contains("reset")), "{cause:?}");
    assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_connection_with_the_right_code() {
    for (frame, code, words) in [
        // A masked frame from a server.
        (&b"\x81\x81\0\0\0\0x"[..], CloseCode::PROTOCOL_ERROR, "mask"),
        // Text that is no UTF-8.
        (&b"\x81\x02\xc3\x28"[..], CloseCode::INVALID_PAYLOAD, "UTF-8"),
        // A message beyond the limit.
        (&b"\x82\x7f\0\0\0\0\0\x10\0\0"[..], CloseCode::MESSAGE_TOO_BIG, "limit"),
        // Garbage.
        (&b"\xff\xff\xff\xff"[..], CloseCode::PROTOCOL_ERROR, ""),
    ] {
        let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::raw(move |stream, _| {
            let report = report.clone();
            async move {
                let mut stream = upgrade(stream).await;
                let _ = stream.write_all(frame).await;
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                let _ = report.send(rest);
            }
        })
        .await;
        let limits = everwire::Limits { max_frame: 1 << 16, max_message: 1 << 16, ..everwire::Limits::default() };
        let client = hasty(&server.url).limits(limits).build().expect("good settings");
        let cause = first_cause(&client).await;
        let Cause::Lost(Loss::Protocol(found, detail)) = &cause else { panic!("{cause:?}") };
        assert_eq!(*found, code, "{detail}");
        assert!(detail.contains(words), "{detail}");
        let sent = soon("what the client sent", reports.recv()).await.expect("a report");
        assert_eq!(sent[0], 0x88, "a close frame");
        let masked = u16::from_be_bytes([sent[6] ^ sent[2], sent[7] ^ sent[3]]);
        assert_eq!(masked, code.0);
    }
}

#[tokio::test]
async fn a_close_frame_that_is_not_valid_still_says_why() {
    let closing_with = async |payload: &'static [u8]| {
        Server::raw(move |stream, _| async move {
            let mut stream = upgrade(stream).await;
            let length = payload.len() as u8;
            let header = if length < 126 { vec![0x88, length] } else { vec![0x88, 126, 0, length] };
            let _ = stream.write_all(&[&header[..], payload].concat()).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await
    };
    // 4401 with a reason that is cut within a letter is a 4401.
    let server = closing_with(b"\x11\x31Token l\xc3").await;
    let client = hasty(&server.url).build().expect("good settings");
    let end = state(&client, "the end", State::is_final).await;
    let State::Closed(Closed::Refused(Cause::PeerClosed(Some(frame)))) = &end else { panic!("{end:?}") };
    assert_eq!((frame.code, &*frame.reason), (CloseCode(4401), "Token l\u{fffd}"));
    // So is one whose reason is too long.
    let long: &'static [u8] = [&b"\x11\x31"[..], &b"Token expired ".repeat(10)].concat().leak();
    let server = closing_with(long).await;
    let client = hasty(&server.url).build().expect("good settings");
    let end = state(&client, "the end", State::is_final).await;
    let State::Closed(Closed::Refused(Cause::PeerClosed(Some(frame)))) = &end else { panic!("{end:?}") };
    assert_eq!((frame.code, frame.reason.starts_with("Token expired Token")), (CloseCode(4401), true), "{end}");
    // 1006 may not be sent: the peer has broken the protocol, and this is what it said.
    let server = closing_with(b"\x03\xeetoken expired").await;
    let cause = first_cause(&hasty(&server.url).build().expect("good settings")).await;
    assert!(matches!(&cause, Cause::Lost(Loss::Protocol(CloseCode::PROTOCOL_ERROR, _))), "{cause:?}");
    assert!(cause.to_string().contains("1006") && cause.to_string().contains("token expired"), "{cause}");
}

#[tokio::test]
async fn t2_a_black_hole_is_found_within_interval_and_timeout_and_t3_dropped_at_once() {
    let (gone, mut went) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::raw(move |stream, number| {
        let gone = gone.clone();
        async move {
            if number > 0 {
                return std::future::pending().await;
            }
            let stream = upgrade(stream).await;
            // Nothing is ever answered, but the end can be seen.
            let mut buffer = vec![0; 1 << 16];
            loop {
                let _ = stream.readable().await;
                match stream.try_read(&mut buffer) {
                    Ok(0) => break,
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                    _ => {}
                }
            }
            let _ = gone.send(());
        }
    })
    .await;
    let client = hasty(&server.url)
        .heartbeat_interval(Some(Duration::from_millis(300)))
        .heartbeat_timeout(Duration::from_millis(200))
        .build()
        .expect("good settings");
    connected(&client).await;
    let opened = Instant::now();
    let delivery = client.send("into the hole").expect("room");
    let cause = first_cause(&client).await;
    let after = opened.elapsed();
    assert!(matches!(cause, Cause::Dead { .. }), "{cause:?}");
    assert!(after >= Duration::from_millis(400) && after < Duration::from_secs(5), "{after:?}");
    assert_eq!(soon("the outcome", delivery).await, Outcome::Unknown(everwire::Stage::Written));
    soon("the socket is dropped", went.recv()).await;
}

#[tokio::test]
async fn t1_any_traffic_is_life_though_no_pong_ever_comes() {
    let server = Server::raw(|stream, _| async move {
        let mut stream = upgrade(stream).await;
        // One large message, a byte at a time: no frame is ever complete.
        let _ = stream.write_all(b"\x82\x7e\xff\xff").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let client = hasty(&server.url)
        .heartbeat_interval(Some(Duration::from_millis(100)))
        .heartbeat_timeout(Duration::from_millis(100))
        .build()
        .expect("good settings");
    connected(&client).await;
    let started = Instant::now();
    until("several heartbeats", || started.elapsed() > Duration::from_millis(1000)).await;
    assert!(client.state().is_connected(), "{}", client.state());
    assert_eq!(client.stats().machine.connections, 1);
}

#[tokio::test]
async fn r9_a_close_with_1000_ends_and_connect_starts_anew() {
    let server = Server::web_socket(|mut socket, number| async move {
        if number == 0 {
            use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
            let _ = socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "enough".into() })).await;
        }
        support::echo(socket).await;
    })
    .await;
    let client = hasty(&server.url).build().expect("good settings");
    let mut inbox = client.messages();
    assert_eq!(soon("the end", inbox.next()).await, None);
    let end = client.state();
    assert!(matches!(&end, State::Closed(Closed::ByPeer(Some(frame))) if frame.reason == "enough"), "{end:?}");
    assert_eq!(server.accepted(), 1);

    client.connect();
    drop(client.send("more").expect("room"));
    assert_eq!(soon("the echo", inbox.next()).await, Some("more".into()));
}
