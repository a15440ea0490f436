//! Sessions reach their server again by a key in the address.

use std::time::Duration;

use everwire::{Client, Event, EventItem, Events, Outcome, SessionMode};
use everwire_tests::{PATIENCE, Process, ProxyKind};
use tokio::process::Command;

use crate::balancer;

const SERVERS: usize = 3;
/// The number of clients: enough for each server to have some, whatever ports the servers have.
const CLIENTS: usize = 48;

#[tokio::test]
async fn sessions_are_resumed_through_nginx_by_the_key_in_their_address() {
    sessions_are_resumed(ProxyKind::Nginx).await;
}

#[tokio::test]
async fn sessions_are_resumed_through_haproxy_by_the_key_in_their_address() {
    sessions_are_resumed(ProxyKind::HaProxy).await;
}

async fn sessions_are_resumed(kind: ProxyKind) {
    let mut servers = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..SERVERS {
        let mut server = Process::start(&mut Command::new(env!("CARGO_BIN_EXE_session-echo")));
        addresses.push(server.address().await);
        servers.push(server);
    }
    let mut balancer = balancer::start(kind, "feed", &addresses).await;
    let mut clients: Vec<_> = (0..CLIENTS).map(|n| client(balancer.port, n)).collect();
    for (client, events) in &mut clients {
        assert_eq!(echoed(client, "before").await, Outcome::Acknowledged);
        assert_eq!(next_session(events).await, Next::New);
    }

    // Cut all connections: each client has to reach its own server among the three again.
    balancer.kill().await;
    balancer.start_again().await;
    for (client, events) in &mut clients {
        assert_eq!(echoed(client, "after").await, Outcome::Acknowledged);
        assert_eq!(next_session(events).await, Next::Resumed, "{kind:?}");
    }

    // Kill one server: only its sessions are replaced by new ones on other servers.
    servers.remove(0).kill().await;
    balancer.kill().await;
    balancer.start_again().await;
    let mut seen = [0; 2];
    for (client, events) in &mut clients {
        assert_eq!(echoed(client, "at last").await, Outcome::Acknowledged);
        match next_session(events).await {
            Next::Resumed => seen[0] += 1,
            Next::Lost => seen[1] += 1,
            Next::New => panic!("a session that there was is resumed or lost"),
        }
    }
    let [resumed, lost] = seen;
    assert!(resumed >= CLIENTS / 3 && lost >= 1, "{kind:?}: {resumed} resumed, {lost} lost");
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    New,
    Resumed,
    Lost,
}

/// The state of the session on the next connection.
async fn next_session(events: &mut Events) -> Next {
    let next = async {
        loop {
            match events.next().await.expect("the client lives") {
                EventItem::Event(Event::Session { resumed: true, .. }) => return Next::Resumed,
                EventItem::Event(Event::Session { resumed: false, .. }) => return Next::New,
                EventItem::Event(Event::SessionLost { .. }) => break,
                _ => {}
            }
        }
        // Skip to the event of the new session that starts then.
        while !matches!(events.next().await.expect("the client lives"), EventItem::Event(Event::Session { .. })) {}
        Next::Lost
    };
    tokio::time::timeout(PATIENCE, next).await.expect("a session in time")
}

fn client(port: u16, number: usize) -> (Client, Events) {
    let client = Client::builder(format!("ws://127.0.0.1:{port}/?session=key-{number}"))
        .session(SessionMode::Require)
        .initial_delay(Duration::from_millis(50))
        .max_delay(Duration::from_millis(500))
        .connect_on_build(false)
        .build()
        .expect("settings");
    let events = client.events();
    client.connect();
    (client, events)
}

async fn echoed(client: &Client, text: &str) -> Outcome {
    let delivery = client.send(text).expect("room");
    tokio::time::timeout(PATIENCE, delivery).await.expect("an outcome in time")
}
