//! The hook that has each new connection to itself before anything else is sent.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Cause, Closed, OpenFailure, OpenFailureKind, Outcome, PermanentError, Phase, State};
use futures_util::{SinkExt, StreamExt};
use support::{Peer, PeerSocket, Server, connected, first_failure, hasty, soon, state, until};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// A feed: it welcomes a login with the right key, questions any other login, and echoes everything else. It records what
/// it hears, and ends the connection after `cut`.
async fn feed(mut socket: PeerSocket, heard: Arc<Mutex<Vec<String>>>) {
    while let Some(Ok(message)) = socket.next().await {
        let Peer::Text(text) = message else { continue };
        heard.lock().expect("no poison").push(text.to_string());
        let answer = match text.split_once(' ') {
            Some(("login", "right")) => "welcome",
            Some(("login", _)) => "who are you?",
            _ => text.as_str(),
        };
        if socket.send(Peer::text(answer.to_owned())).await.is_err() || text == "cut" {
            return;
        }
    }
}

async fn start() -> (Server, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&heard);
    (Server::web_socket(move |socket, _| feed(socket, Arc::clone(&told))).await, heard)
}

/// Closes each connection with this code as soon as something is said.
async fn closing(code: u16) -> Server {
    Server::web_socket(move |mut socket: PeerSocket, _| async move {
        let _ = socket.next().await;
        let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "no key".into() })).await;
        while socket.next().await.is_some_and(|next| next.is_ok()) {}
    })
    .await
}

fn logs_in(url: &str) -> everwire::Builder {
    hasty(url).on_open(async |mut connection| {
        connection.send("login right").await?;
        assert_eq!(connection.recv().await?.as_text(), Some("welcome"));
        Ok(connection.send("subscribe").await?)
    })
}

#[tokio::test]
async fn what_the_hook_sends_goes_first_on_every_connection_and_queued_messages_follow() {
    let (server, heard) = start().await;
    let client = logs_in(&server.url).connect_on_build(false).build().expect("settings");
    let mut inbox = client.messages();
    let waited = client.send("waited").expect("room");
    client.connect();
    assert_eq!(soon("the outcome", waited).await, Outcome::Received);
    drop(client.send("cut").expect("room"));
    until("the second connection", || client.stats().machine.connections == 2).await;
    connected(&client).await;
    assert_eq!(soon("the outcome", client.send("after").expect("room")).await, Outcome::Received);
    let expected = ["login right", "subscribe", "waited", "cut", "login right", "subscribe", "after"];
    assert_eq!(*heard.lock().expect("no poison"), expected);
    // What the hook has not read is the user's.
    for expected in ["subscribe", "waited", "cut", "subscribe", "after"] {
        assert_eq!(soon("a message", inbox.next()).await, Some(expected.into()));
    }
    let opening = client.stats().opening.expect("it was open");
    assert!(opening.on_open.is_some_and(|talk| talk <= opening.total), "{opening}");
}

#[tokio::test]
async fn a_permanent_error_of_the_hook_ends_the_client_with_its_words() {
    let (server, _) = start().await;
    let client = hasty(&server.url).on_open(async |mut connection| {
        connection.send("login wrong").await?;
        match connection.recv().await?.as_text() {
            Some("welcome") => Ok(()),
            answer => Err(PermanentError::new(format!("it asks:\n{}", answer.unwrap_or("nothing"))).into()),
        }
    });
    let client = client.build().expect("settings");
    let end = state(&client, "the end", State::is_final).await;
    let State::Closed(Closed::Refused(Cause::OpenFailed(failure))) = end else { panic!("another end: {end}") };
    assert_eq!((failure.phase, &failure.kind), (Phase::OnOpen, &OpenFailureKind::PermanentError));
    assert_eq!(failure.to_string(), "the exchange before the first message failed: it asks: who are you?");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn after_any_other_error_the_hook_runs_again_and_is_told_the_cause() {
    let (server, heard) = start().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let client = hasty(&server.url).on_open(move |mut connection| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match run {
                0 => {
                    assert!(connection.last_cause().is_none());
                    let _number: u32 = "no number".parse()?;
                }
                1 => {
                    let cause = connection.last_cause().map(ToString::to_string).unwrap_or_default();
                    assert!(cause.ends_with("invalid digit found in string"), "{cause}");
                    return Err("not today".into());
                }
                _ => connection.send(format!("attempt {}", connection.attempt())).await?,
            }
            Ok(())
        }
    });
    let client = client.build().expect("settings");
    connected(&client).await;
    until("it is said", || !heard.lock().expect("no poison").is_empty()).await;
    assert_eq!(*heard.lock().expect("no poison"), ["attempt 3"]);
    assert_eq!((runs.load(Ordering::SeqCst), client.stats().machine.connections), (3, 1));
}

#[tokio::test]
async fn a_close_during_the_hook_is_judged_by_its_code_though_the_hook_ignores_it() {
    for (code, is_final) in [(1008, true), (1000, true), (1011, false), (4999, false)] {
        let server = closing(code).await;
        let overlooks = async |mut connection: everwire::NewConnection| {
            connection.send("hello").await?;
            let ended = connection.recv().await.expect_err("it is closed");
            assert_eq!(connection.send("hello?").await, Err(ended));
            Ok(())
        };
        let client = hasty(&server.url).on_open(overlooks).build().expect("settings");
        let failure = first_failure(&client).await;
        assert_eq!(failure.phase, Phase::OnOpen);
        assert!(matches!(&failure.kind, OpenFailureKind::Closed(Some(frame)) if frame.code.0 == code), "{failure:?}");
        assert!(failure.to_string().ends_with(&format!("closed by the peer with {code}: no key")), "{failure}");
        assert_eq!(Cause::OpenFailed(failure).code(), Some(code));
        match is_final {
            true => drop(state(&client, "the end", State::is_final).await),
            false => until("another attempt", || server.accepted() > 1).await,
        }
        assert_eq!(client.stats().machine.connections, 0);
    }
}

#[tokio::test]
async fn a_loss_during_the_hook_is_tried_again_and_the_outbox_is_kept() {
    let server = Server::web_socket(async |mut socket: PeerSocket, number| match number {
        0 => drop(socket.next().await),
        _ => support::echo(socket).await,
    });
    let server = server.await;
    let client = hasty(&server.url).on_open(async |mut connection| {
        connection.send("hello").await?;
        connection.recv().await?;
        Ok(())
    });
    let client = client.build().expect("settings");
    let kept = client.send("kept").expect("room");
    let OpenFailure { phase, kind, detail } = first_failure(&client).await;
    assert_eq!(
        (phase, kind, &*detail),
        (Phase::OnOpen, OpenFailureKind::Io, "the connection ended without a close frame")
    );
    assert_eq!(soon("the outcome", kept).await, Outcome::Received);
}

#[tokio::test]
async fn a_hook_that_hangs_is_ended_by_the_connect_timeout_and_by_closing() {
    let (server, _) = start().await;
    let talks = Arc::new(AtomicUsize::new(0));
    let hangs = |talks: &Arc<AtomicUsize>| {
        let talks = Arc::clone(talks);
        move |mut connection: everwire::NewConnection| {
            talks.fetch_add(1, Ordering::SeqCst);
            async move { Ok(connection.recv().await.map(drop)?) }
        }
    };
    let client = hasty(&server.url).connect_timeout(Duration::from_secs(1)).on_open(hangs(&talks)).build();
    let client = client.expect("settings");
    let OpenFailure { phase, kind, .. } = first_failure(&client).await;
    assert_eq!((phase, kind), (Phase::OnOpen, OpenFailureKind::Timeout));
    client.close(Duration::ZERO).await;

    let client = hasty(&server.url).on_open(hangs(&talks)).build().expect("settings");
    let before = talks.load(Ordering::SeqCst);
    until("the talk", || talks.load(Ordering::SeqCst) > before).await;
    let waits = client.send("unsent").expect("room");
    let left = soon("the end", client.close(Duration::ZERO)).await;
    assert_eq!(left.unsent, ["unsent".into()]);
    assert_eq!(soon("the outcome", waits).await, Outcome::Cancelled);
}

#[tokio::test]
async fn a_connection_that_is_kept_beyond_the_hook_says_that_it_is_over() {
    let (server, _) = start().await;
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let client = hasty(&server.url).on_open(move |connection| {
        let keep = keep.clone();
        async move { Ok(keep.send(connection)?) }
    });
    let client = client.build().expect("settings");
    connected(&client).await;
    let mut late = soon("the connection", kept.recv()).await.expect("kept");
    assert_eq!(late.send("late").await.expect_err("over").to_string(), "the connection is over");
    assert_eq!(late.recv().await.expect_err("over").to_string(), "the connection is over");
    support::assert_echo(&client).await;
}

#[tokio::test]
async fn a_task_that_waits_on_the_connection_beyond_the_hook_is_told_that_it_is_over() {
    let (server, heard) = start().await;
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let client = hasty(&server.url).on_open(move |mut connection| {
        let keep = keep.clone();
        async move {
            let (waits, is_waiting) = tokio::sync::oneshot::channel();
            let late = tokio::spawn(async move {
                let mut next = pin!(connection.recv());
                assert!(futures_util::poll!(next.as_mut()).is_pending());
                let _ = waits.send(());
                next.await
            });
            is_waiting.await?;
            Ok(keep.send(late)?)
        }
    });
    let client = client.build().expect("settings");
    let late = soon("the task", kept.recv()).await.expect("kept");
    assert_eq!(soon("its end", late).await.expect("no panic").expect_err("over").to_string(), "the connection is over");
    drop(client.send("is ours").expect("room"));
    until("it is said", || *heard.lock().expect("no poison") == ["is ours"]).await;
}

#[tokio::test]
async fn giving_up_the_attempt_ends_the_connection_for_whoever_holds_it() {
    let (server, _) = start().await;
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let client = hasty(&server.url).on_open(move |mut connection| {
        let late = tokio::spawn(async move { connection.recv().await });
        let _ = keep.send(late);
        std::future::pending()
    });
    let client = client.build().expect("settings");
    let late = soon("the task", kept.recv()).await.expect("kept");
    client.close(Duration::ZERO).await;
    assert!(soon("its end", late).await.expect("no panic").is_err());
}

#[tokio::test]
async fn the_close_code_counts_though_only_writing_has_failed() {
    let server = Server::web_socket(|mut socket: PeerSocket, _| async move {
        let _ = socket.next().await;
        let _ = socket.close(Some(CloseFrame { code: 1008.into(), reason: "no key".into() })).await;
        // And it is gone, for those who write on.
    });
    let server = server.await;
    let client = hasty(&server.url).on_open(async |mut connection| {
        loop {
            if let Err(ended) = connection.send("subscribe").await {
                assert!(ended.close_frame().is_some_and(|frame| frame.code.0 == 1008), "{ended}");
                return Err(ended.into());
            }
            tokio::task::yield_now().await;
        }
    });
    let end = state(&client.build().expect("settings"), "the end", State::is_final).await;
    assert!(end.to_string().contains("closed by the peer with 1008: no key"), "{end}");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn the_hook_for_requests_may_give_up_too() {
    let hook =
        async |_| Err(Box::<dyn std::error::Error + Send + Sync>::from(PermanentError::new("the account is closed")));
    let client = hasty("ws://127.0.0.1:1/").before_attempt(hook).build().expect("settings");
    let end = state(&client, "the end", State::is_final).await;
    assert!(end.to_string().contains("the account is closed"), "{end}");
}

#[tokio::test]
async fn a_session_with_a_hook_for_new_connections_is_refused() {
    let builder = hasty("ws://127.0.0.1:1/").session(everwire::SessionMode::Prefer);
    let error = builder.on_open(async |_| Ok(())).build().expect_err("not both").to_string();
    assert!(error.starts_with("on_open: can't be combined with a session"), "{error}");
}
