//! A network that drops everything silently, several times under traffic: the client notices by its heartbeat,
//! and every message is processed exactly once and in order.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::net::SocketAddr;
use std::time::Duration;

use everwire::{Cause, Client, Delivery, Loss, Outcome, SessionMode, State};
use everwire_tests::{Network, PATIENCE, Process, free_port};
use tokio::time::{Instant, sleep, timeout};

const HOLES: usize = 3;
const INTERVAL: Duration = Duration::from_millis(400);
const TIMEOUT: Duration = Duration::from_millis(400);
/// The error of a connection that TCP has given up: the client sets `TCP_USER_TIMEOUT` once a connection has ended without a pong.
const UNACKNOWLEDGED: &str = "the peer's machine does not answer";
/// The number of messages before, during and after each black hole.
const MESSAGES: usize = 200;

#[tokio::test]
async fn messages_sent_into_a_black_hole_are_delivered_exactly_once_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("effects.db").display().to_string();
    let network = Network::choose(SocketAddr::from(([127, 0, 0, 1], free_port()))).await;
    let mut command = network.command(env!("CARGO_BIN_EXE_effects-server"));
    let mut server = Process::start(command.args([&network.server().to_string(), &database]));
    server.line_with("listening").await;
    let client = Client::builder(network.url())
        .session(SessionMode::Require)
        .heartbeat_interval(Some(INTERVAL))
        .heartbeat_timeout(TIMEOUT)
        .connect_timeout(Duration::from_millis(500))
        .initial_delay(Duration::from_millis(100))
        .max_delay(Duration::from_millis(300))
        .build()
        .expect("settings");
    let mut sent = Vec::new();
    for _ in 0..HOLES {
        send(&client, &mut sent, MESSAGES);
        state(&client, "connected", State::is_connected).await;
        send(&client, &mut sent, MESSAGES);
        network.swallow();
        let swallowed = Instant::now();
        send(&client, &mut sent, MESSAGES);
        let lost = state(&client, "the loss", |state| matches!(state, State::Disconnected { .. })).await;
        // Either the heartbeat times out or, once a connection has ended without a pong, TCP misses its acknowledgements.
        assert!(is_found_dead(&lost), "{lost}");
        let noticed = swallowed.elapsed();
        assert!(noticed < INTERVAL + TIMEOUT + Duration::from_secs(2), "noticed only after {noticed:?}");
        // Some attempts to connect happen during the black hole, too.
        sleep(Duration::from_millis(700)).await;
        assert!(!client.state().is_connected(), "through a black hole");
        network.heal();
    }
    for delivery in sent.drain(..).map(|(_, delivery)| delivery) {
        assert_eq!(timeout(PATIENCE, delivery).await.expect("an outcome"), Outcome::Acknowledged);
    }
    client.close(PATIENCE).await;
    let effects = effects(&database);
    let expected: Vec<String> = (0..HOLES * MESSAGES * 3).map(|number| number.to_string()).collect();
    assert_eq!(effects, expected);
    server.kill().await;
}

fn is_found_dead(lost: &State) -> bool {
    match lost {
        State::Disconnected { cause: Cause::Dead { .. }, .. } => true,
        State::Disconnected { cause: Cause::Lost(Loss::Io(words)), .. } => words == UNACKNOWLEDGED,
        _ => false,
    }
}

fn send(client: &Client, sent: &mut Vec<(usize, Delivery)>, messages: usize) {
    for _ in 0..messages {
        let number = sent.len();
        sent.push((number, client.send(number.to_string()).expect("room")));
    }
}

async fn state(client: &Client, what: &str, wanted: impl Fn(&State) -> bool) -> State {
    let mut states = client.watch_state();
    match timeout(PATIENCE, states.wait_for(|state| wanted(state))).await {
        Ok(state) => state.expect("the client lives").clone(),
        Err(_) => panic!("not in time: {what}; it is {}", client.state()),
    }
}

/// The messages that the server has processed, in that order.
fn effects(database: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(database).expect("the database");
    let mut rows = connection.prepare("SELECT text FROM effects ORDER BY at").expect("the table");
    let texts = rows.query_map([], |row| row.get(0)).expect("its rows");
    texts.collect::<Result<_, _>>().expect("texts")
}
