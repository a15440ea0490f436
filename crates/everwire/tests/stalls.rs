//! Our own process stalls, or the machine says what it knows: neither is taken for the peer's death.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Client, Event, EventItem, Hint, State};
use futures_util::{SinkExt, StreamExt};
use support::{Peer, Server, connected, nobody, soon, state, until};
use tokio::runtime::Runtime;

/// A server on threads of its own, which run while the test's thread stalls.
struct Elsewhere {
    server: Option<Server>,
    runtime: Option<Runtime>,
}

impl Elsewhere {
    fn new(server: impl Future<Output = Server> + Send + 'static) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move { sender.send(server.await) });
        Self { server: Some(receiver.recv().expect("a server")), runtime: Some(runtime) }
    }

    fn url(&self) -> &str {
        &self.server.as_ref().expect("a server").url
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.server.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn impatient(url: &str) -> everwire::Builder {
    Client::builder(url)
        .heartbeat_interval(Some(Duration::from_millis(200)))
        .heartbeat_timeout(Duration::from_millis(400))
}

const STALLS: usize = 3;

/// The whole program stands still, as when a laptop sleeps.
fn stall() {
    std::thread::sleep(Duration::from_millis(1_000));
}

#[tokio::test]
async fn t16_a_stall_of_ours_is_excused_and_the_peer_gets_another_chance() {
    let elsewhere = Elsewhere::new(Server::echo());
    let client = impatient(elsewhere.url()).build().expect("good settings");
    let mut events = client.events();
    connected(&client).await;
    for _ in 0..3 {
        stall();
        // The driver looks at the clock before anything is sent: an answer that is quick would hide the stall from it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let round_trips = client.stats().machine.round_trip;
        soon("an answer", client.send("x").expect("room")).await;
        assert!(client.state().is_connected(), "{} {round_trips:?}", client.state());
    }
    assert_eq!(client.stats().machine.connections, 1);
    let stalled =
        async { while !matches!(events.next().await.expect("an event"), EventItem::Event(Event::Stalled { .. })) {} };
    soon("word of a stall", stalled).await;
}

#[tokio::test]
async fn t16_what_arrived_during_a_stall_is_read_before_the_time_is_looked_at() {
    let elsewhere = Elsewhere::new(Server::web_socket(|socket, _| async move {
        let (mut sink, mut stream) = socket.split();
        let talk = async {
            while sink.send(Peer::text("tick")).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let listen = async { while let Some(Ok(_)) = stream.next().await {} };
        tokio::select! { () = talk => {}, () = listen => {} }
    }));
    let client = impatient(elsewhere.url()).build().expect("good settings");
    let mut inbox = client.messages();
    let mut events = client.events();
    connected(&client).await;
    for _ in 0..STALLS {
        stall();
        for _ in 0..50 {
            assert_eq!(soon("a tick", inbox.next()).await, Some("tick".into()));
        }
    }
    assert_eq!(client.stats().machine.connections, 1);
    client.close(Duration::from_secs(5)).await;
    let mut told = 0;
    while let Some(item) = events.next().await {
        told += usize::from(matches!(item, EventItem::Event(Event::Stalled { .. })));
    }
    // The machine may have stalled besides, and the server with it.
    assert!(told < STALLS, "life was there to be seen");
}

#[tokio::test]
async fn a_hint_brings_the_next_attempt_forward() {
    let client =
        Client::builder(nobody().await).initial_delay(Duration::from_secs(600)).max_delay(Duration::from_secs(600));
    let client = client.jitter(everwire::Jitter::None).build().expect("good settings");
    let waiting = |state: &State| matches!(state, State::Disconnected { .. });
    let first = state(&client, "disconnected", waiting).await;
    assert!(first.retry_in().expect("disconnected") > Duration::from_secs(500));
    client.hint(Hint::RetryNow);
    until("another attempt", || client.stats().machine.attempts == 2).await;
}
