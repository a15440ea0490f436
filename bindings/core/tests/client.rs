//! The client as a binding sees it, against a WebSocket server of another library.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use everwire_bind::{
    AttemptAnswer, Client, Error, EventKind, Guarantee, Header, OutcomeKind, Payload, Phase, SendOptions, Settings,
    StepKind,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

const LIMIT: Duration = Duration::from_secs(20);

/// Whatever is waited for has to come within the limit.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("this should have come by now")
}

/// Accepts connections one by one.
struct Server {
    listener: TcpListener,
}

impl Server {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self) -> String {
        format!("ws://{}/", self.listener.local_addr().unwrap())
    }

    async fn accept(&self) -> WebSocketStream<TcpStream> {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        soon(tokio_tungstenite::accept_async(stream)).await.unwrap()
    }

    /// Echoes on every connection, in the background.
    async fn echo() -> String {
        let server = Self::start().await;
        let url = server.url();
        tokio::spawn(async move {
            while let Ok((stream, _)) = server.listener.accept().await {
                tokio::spawn(async move {
                    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
                    let (sink, stream) = socket.split();
                    let data = stream
                        .filter(|it| std::future::ready(it.as_ref().is_ok_and(|it| it.is_text() || it.is_binary())));
                    let _ = data.forward(sink).await;
                });
            }
        });
        url
    }
}

fn settings(url: &str) -> Settings {
    Settings {
        urls: vec![url.to_owned()],
        retry_initial_delay_ms: 20,
        retry_max_delay_ms: 50,
        proxy: Some("none".to_owned()),
        ..Settings::default()
    }
}

fn text(text: &str) -> Payload {
    Payload::Text(text.to_owned())
}

async fn reaches(client: &Client, phase: Phase) -> everwire_bind::State {
    soon(async {
        let mut seen = 0;
        loop {
            let change = client.watch_state(seen).await.expect("the client runs");
            if change.state.phase == phase {
                return change.state;
            }
            seen = change.version;
        }
    })
    .await
}

#[tokio::test]
async fn messages_go_and_come_and_each_outcome_is_told_by_its_number() {
    let client = Client::start(settings(&Server::echo().await)).unwrap();
    let first = client.send(text("a"), SendOptions::default()).unwrap();
    let sent = client.send_many(vec![text("b"), Payload::Binary(vec![1, 2])]);
    assert_eq!((sent.count(), sent.refused), (2, None));
    let mut received = Vec::new();
    let mut taken = 0;
    while received.len() < 3 {
        let batch = soon(client.next_batch(taken, 2)).await.unwrap();
        taken = batch.position;
        received.extend(batch.messages);
    }
    assert_eq!((received, taken), (vec![text("a"), text("b"), Payload::Binary(vec![1, 2])], 3));

    let (mut told, mut taken) = (first - 1, 0);
    while told < first + 2 {
        let batch = soon(client.next_outcomes(taken, 10)).await.unwrap();
        taken = batch.position;
        for range in batch.ranges {
            assert_eq!((range.first, range.outcome.kind), (told + 1, OutcomeKind::Received));
            told = range.last;
        }
    }
    let left = soon(client.finish(5_000)).await;
    assert!(left.unsent.is_empty() && left.unacknowledged.is_empty());
    assert_eq!(soon(client.next_outcomes(taken, 10)).await, None);
    assert_eq!(soon(client.next_batch(3, 10)).await, None);
    assert_eq!(soon(client.next_step(0)).await, None);
    let error = client.send(text("late"), SendOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_result_that_was_lost_on_its_way_comes_again_and_a_cancelled_wait_loses_nothing() {
    let client = Client::start(settings(&Server::echo().await)).unwrap();
    reaches(&client, Phase::Connected).await;
    // Each wait is given up before there is anything.
    let none = Duration::ZERO;
    assert!(timeout(none, client.next_batch(0, 10)).await.is_err());
    assert!(timeout(none, client.next_outcomes(0, 10)).await.is_err());
    assert!(timeout(none, client.next_step(0)).await.is_err());
    let id = client.send(text("a"), SendOptions::default()).unwrap();
    let lost = soon(client.next_batch(0, 10)).await.unwrap();
    let again = soon(client.next_batch(0, 10)).await.unwrap();
    assert_eq!(lost, again);
    assert!(timeout(none, client.next_batch(again.position, 10)).await.is_err(), "it was confirmed");
    let lost = soon(client.next_outcomes(0, 10)).await.unwrap();
    assert_eq!(soon(client.next_outcomes(0, 10)).await.unwrap(), lost);
    assert_eq!(lost.ranges[0].first, id);
    let lost = soon(client.next_events(0, 1)).await.unwrap();
    assert_eq!(soon(client.next_events(0, 1)).await.unwrap(), lost);
    assert_eq!(lost.events[0].kind, EventKind::State);
    // The end is not undone by giving up the wait for it.
    tokio::select! {
        biased;
        _ = client.finish(5_000) => {}
        () = std::future::ready(()) => {}
    }
    reaches(&client, Phase::Closed).await;
}

#[tokio::test]
async fn what_goes_first_on_each_connection_is_asked_by_a_step_and_precedes_what_waits() {
    let server = Server::start().await;
    let asking = Settings { ask_on_open: true, on_open: vec![text("hello")], ..settings(&server.url()) };
    let client = Arc::new(Client::start(asking).unwrap());
    client.send(text("waits"), SendOptions::default()).unwrap();
    let program = Arc::clone(&client);
    let steps = tokio::spawn(async move {
        let mut seen = 0;
        while let Some(step) = program.next_step(seen).await {
            seen = step.id;
            assert_eq!(step.kind, StepKind::Opening);
            program.opening_send(step.id, text("login")).await.unwrap();
            assert_eq!(program.opening_receive(step.id).await.unwrap(), text("welcome"));
            program.opening_done(step.id).unwrap();
        }
        seen
    });
    for connection in ["first", "second"] {
        let mut socket = server.accept().await;
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("hello"));
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("login"));
        socket.send(Message::text("welcome")).await.unwrap();
        if connection == "first" {
            assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("waits"));
        } else {
            reaches(&client, Phase::Connected).await;
        }
    }
    client.close(0);
    assert_eq!(soon(steps).await.unwrap(), 2);
}

#[tokio::test]
async fn a_step_that_is_refused_for_good_ends_the_client_and_its_answer_comes_too_late_then() {
    let server = Server::start().await;
    let client = Client::start(Settings { ask_on_open: true, ..settings(&server.url()) }).unwrap();
    let _socket = server.accept().await;
    let step = soon(client.next_step(0)).await.unwrap();
    let wrong = client.answer_attempt(step.id, AttemptAnswer::default()).unwrap_err();
    assert!(wrong.to_string().contains("opening"), "{wrong}");
    client.refuse_step(step.id, "the key is not valid".to_owned(), true).unwrap();
    let state = reaches(&client, Phase::Closed).await;
    assert!(state.ended && state.failed && state.reason.contains("the key is not valid"), "{state:?}");
    assert!(matches!(client.opening_done(step.id), Err(Error::StepOver { .. })));
    let late = soon(client.opening_send(step.id, text("late"))).await;
    assert!(matches!(late, Err(Error::StepOver { .. })));
}

#[tokio::test]
async fn each_attempt_asks_for_its_headers() {
    let server = Server::start().await;
    let client = Client::start(Settings { ask_before_attempt: true, ..settings(&server.url()) }).unwrap();
    let (seen, mut tokens) = mpsc::unbounded_channel();
    let accepting = tokio::spawn(async move {
        for _ in 0..2 {
            let (stream, _) = server.listener.accept().await.unwrap();
            #[allow(clippy::result_large_err, reason = "the library's own type")]
            let look = |request: &Request, response: Response| {
                seen.send(request.headers()["authorization"].to_str().unwrap().to_owned()).unwrap();
                Ok(response)
            };
            drop(tokio_tungstenite::accept_hdr_async(stream, look).await);
        }
    });
    let mut last = 0;
    for token in ["one", "two"] {
        let step = soon(client.next_step(last)).await.unwrap();
        last = step.id;
        assert_eq!((step.kind, step.last_cause.is_some()), (StepKind::Attempt, token == "two"));
        let headers = vec![Header { name: "Authorization".into(), value: token.into() }];
        client.answer_attempt(step.id, AttemptAnswer { headers, ..AttemptAnswer::default() }).unwrap();
        assert_eq!(soon(tokens.recv()).await.unwrap(), token);
    }
    soon(accepting).await.unwrap();
}

#[tokio::test]
async fn an_attempt_after_a_failure_goes_to_the_next_address() {
    // Nobody listens there any more.
    let dead = Server::start().await.url();
    let alive = Server::echo().await;
    let client = Client::start(Settings { urls: vec![dead, alive], ..settings("") }).unwrap();
    reaches(&client, Phase::Connected).await;
    assert_eq!(client.stats().attempts, 2);
}

#[tokio::test]
async fn an_outbox_in_a_file_is_taken_up_by_the_next_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db").to_str().map(str::to_owned);
    let server = Server::start().await;
    let offline = Settings {
        connect_on_start: false,
        outbox_file: file.clone(),
        guarantee: Guarantee::AtLeastOnce,
        ..settings(&server.url())
    };
    let client = Client::start(offline.clone()).unwrap();
    let id = client.send(text("kept"), SendOptions::default()).unwrap();
    let left = soon(client.finish(100)).await;
    assert_eq!(left.unsent, [text("kept")]);
    let outcomes = soon(client.next_outcomes(0, 10)).await.unwrap();
    assert_eq!((outcomes.ranges[0].first, outcomes.ranges[0].outcome.kind), (id, OutcomeKind::Stored));
    drop(client);

    let client = Client::start(Settings { connect_on_start: true, ..offline }).unwrap();
    let recovered = client.recovered();
    assert_eq!(recovered[0].payload, text("kept"));
    let mut socket = server.accept().await;
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("kept"));
    // Its pong proves the arrival.
    tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    let outcomes = soon(client.next_outcomes(0, 10)).await.unwrap();
    assert_eq!((outcomes.ranges[0].first, outcomes.ranges[0].outcome.kind), (recovered[0].id, OutcomeKind::Received));
    soon(client.finish(5_000)).await;
}

#[tokio::test]
async fn disconnected_on_purpose_it_stays_away_until_it_is_told_to_come_back() {
    let client = Client::start(settings(&Server::echo().await)).unwrap();
    reaches(&client, Phase::Connected).await;
    client.disconnect();
    let state = reaches(&client, Phase::Closed).await;
    assert!(state.ended && !state.failed, "{state:?}");
    client.send(text("a"), SendOptions::default()).unwrap();
    client.reconnect_now();
    assert_eq!(soon(client.next_batch(0, 1)).await.unwrap().messages, [text("a")]);
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name_before_anything_starts() {
    let right = settings("ws://127.0.0.1:9/");
    for (wrong, expected) in [
        (Settings { urls: vec![], ..right.clone() }, "urls: at least one is needed, and none may be empty"),
        (Settings { urls: vec!["http://a/".into()], ..right.clone() }, "urls: "),
        (Settings { inbox_messages: 0, ..right.clone() }, "inbox_messages: must be at least 1"),
        (Settings { text_ping: Some("ping".into()), ..right.clone() }, "text_pong: needed beside text_ping"),
        (Settings { stop_on: vec![7], ..right.clone() }, "stop_on: 7 is neither an HTTP status"),
        (Settings { connect_timeout_ms: 0, ..right.clone() }, "connect_timeout_ms: "),
        (Settings { heartbeat_interval_ms: Some(0), ..right.clone() }, "heartbeat_interval_ms: "),
        (Settings { heartbeat_timeout_ms: 0, ..right.clone() }, "heartbeat_timeout_ms: "),
        (Settings { retry_initial_delay_ms: 0, ..right.clone() }, "retry_initial_delay_ms: "),
        (Settings { retry_max_delay_ms: 1, ..right.clone() }, "retry_max_delay_ms: "),
        (Settings { retry_max_attempts: Some(0), ..right.clone() }, "retry_max_attempts: "),
        (Settings { retry_max_elapsed_ms: Some(0), ..right.clone() }, "retry_max_elapsed_ms: "),
        (Settings { outbox_max_age_ms: Some(0), ..right.clone() }, "outbox_max_age_ms: "),
        (Settings { send_rate_per_second: Some(0.0), ..right.clone() }, "send_rate_per_second: "),
        (Settings { stop_on: vec![401], retry_on: vec![401], ..right.clone() }, "retry_on and stop_on: contradictory"),
        (Settings { retry_factor: 0.5, ..right.clone() }, "retry_factor: out of range"),
    ] {
        let error = Client::start(wrong).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.is_retryable());
    }
}
