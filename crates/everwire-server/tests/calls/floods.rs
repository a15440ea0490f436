//! Peers that ask for more than they take.

use std::time::Duration;

use everwire::{CallError, CallOptions, Client, Execution, Inbox, SendError, SessionMode};
use everwire_server::{Calls, CallsConfig, Extension, Sessions, SessionsConfig, call_codes};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::support::{Network, until};
use crate::world::{Count, serve, serve_in};

/// A client of sessions that writes frames of calls by itself, and reads nothing unless it is told to.
pub(crate) struct Raw {
    pub(crate) client: Client,
    inbox: Inbox,
}

const HELLO: &str = r#"@h{"instance":"raw","number":1,"first":1,"last":0,"max_running":5}"#;

impl Raw {
    pub(crate) fn connect(network: &Network) -> Self {
        let builder = Client::builder(network.url()).session(SessionMode::Require).inbox(64, 1 << 20);
        let client = builder.build().unwrap();
        let inbox = client.messages();
        drop(client.send(HELLO).unwrap());
        Self { client, inbox }
    }

    pub(crate) fn send(&self, message: &str) {
        match self.client.send(message) {
            Ok(delivery) => drop(delivery),
            Err(SendError::Full(_)) => panic!("a larger outbox is needed"),
            Err(error) => panic!("{error}"),
        }
    }

    /// The next frame that begins like this.
    pub(crate) async fn next(&mut self, prefix: &str) -> String {
        let found = async {
            loop {
                let message = self.inbox.next().await.unwrap();
                let text = message.as_text().unwrap();
                if text.starts_with(prefix) {
                    return text.to_owned();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.unwrap_or_else(|_| panic!("no {prefix} comes"))
    }
}

/// A server whose sessions hold few messages that are not acknowledged.
pub(crate) async fn narrow(calls: Calls) -> Network {
    let mut config = SessionsConfig::default();
    config.session.outbox.max_messages = 50;
    serve_in(Sessions::new(config).unwrap(), calls).await
}

fn echo(runs: &Count) -> Calls {
    Calls::new().extension(runs.clone()).call("echo", async |payload: String, Extension(runs): Extension<Count>| {
        runs.add();
        payload
    })
}

#[tokio::test]
async fn no_handler_is_run_whose_reply_nobody_takes() {
    let runs = Count::default();
    let network = narrow(echo(&runs)).await;
    let mut raw = Raw::connect(&network);
    for id in 1..=3_000 {
        raw.send(&format!("@c{id} echo\n{id}"));
    }
    // All were taken, and few were run.
    until(|| raw.client.stats().machine.unproven_messages + raw.client.stats().machine.queued_messages == 0).await;
    let ran = runs.get();
    assert!(ran < 200, "{ran} replies wait for a client that does not read");
    for id in 1..=3_000 {
        assert_eq!(raw.next("@r").await, format!("@r{id}\n{id}"));
    }
    assert_eq!(runs.get(), 3_000);
}

#[tokio::test]
async fn a_peer_that_calls_far_beyond_the_limit_and_reads_nothing_is_not_read_either() {
    let runs = Count::default();
    let mut config = CallsConfig::default();
    config.max_running = 100;
    let network = narrow(echo(&runs).config(config)).await;
    let mut raw = Raw::connect(&network);
    for id in 1..=6_000 {
        raw.send(&format!("@c{id} echo\n"));
    }
    // Its calls pile up on its own side: the server holds a thousand refusals, and what a session holds.
    let waiting = || raw.client.stats().machine.unproven_messages + raw.client.stats().machine.queued_messages;
    until(|| waiting() < 5_900).await;
    for _ in 0..50 {
        tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
        assert!(waiting() > 1_000, "{} of 6,000 were not taken", waiting());
    }
    // Once it reads, each is answered.
    let (mut replies, mut refusals) = (0, 0);
    for _ in 0..6_000 {
        let answer = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let message = raw.inbox.next().await.unwrap();
                match message.as_text().unwrap().as_bytes() {
                    [b'@', b'h' | b'a', ..] => {}
                    [b'@', letter, ..] => return *letter,
                    other => panic!("{other:?}"),
                }
            }
        });
        match answer.await.unwrap() {
            b'r' => replies += 1,
            b'e' => refusals += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((replies + refusals, runs.get()), (6_000, replies));
    assert!(refusals > 0);
}

#[tokio::test]
async fn a_peer_that_says_hello_for_ever_and_reads_nothing_is_not_read_either() {
    let network = narrow(echo(&Count::default())).await;
    let mut raw = Raw::connect(&network);
    for number in 2..=6_000 {
        raw.send(&HELLO.replace("\"number\":1", &format!("\"number\":{number}")));
    }
    let waiting = || raw.client.stats().machine.unproven_messages + raw.client.stats().machine.queued_messages;
    until(|| waiting() < 6_000).await;
    for _ in 0..50 {
        tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
        assert!(waiting() > 1_000, "{} of 6,000 were not taken", waiting());
    }
    for number in 1..=6_000 {
        assert!(raw.next("@a").await.contains(&format!("\"number\":{number},")));
    }
}

#[tokio::test]
async fn thousands_of_calls_that_fail_at_once_behind_a_slow_one_do_no_harm() {
    let started = Count::default();
    let calls = Calls::new().in_order().extension(started.clone()).call(
        "slow",
        async |Extension(started): Extension<Count>| {
            started.add();
            std::future::pending::<()>().await;
        },
    );
    let network = serve(calls).await;
    let client = network.client("");
    let slow = client.call("slow", ());
    let failing: FuturesUnordered<_> = (0..5_000).map(|_| client.call("nothing", ())).collect();
    until(|| started.get() == 1).await;
    // All of them come to be the next at once.
    slow.cancel();
    let codes: Vec<_> = failing.map(|end| end.unwrap_err().failure().unwrap().code.clone()).collect().await;
    assert_eq!(codes.len(), 5_000);
    assert!(codes.iter().all(|code| code == call_codes::UNKNOWN_NAME));
}

#[tokio::test]
async fn calls_whose_deadline_passes_without_a_connection_leave_nothing_behind() {
    let client = Client::builder("ws://127.0.0.1:9/").session(SessionMode::Require).build().unwrap();
    let options = || CallOptions::new().deadline(Duration::from_millis(1));
    for _ in 0..200 {
        let error = client.call_with("sum", (), options()).await.unwrap_err();
        assert_eq!(error, CallError::DeadlinePassed(Execution::NotRun));
    }
    assert_eq!(client.stats().machine.queued_messages, 1, "the hello alone");
}
