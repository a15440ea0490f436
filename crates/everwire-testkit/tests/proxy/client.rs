//! `everwire::Client` behind a faulty network: it comes back, and its word on each message is true.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use everwire::{Builder, Client, Guarantee, Outcome};
use everwire_testkit::faults::{Answer, Connections, Directions, Ending, Fault, Profile, Rule, Schedule, When};
use everwire_testkit::proxy::{EventKind, Proxy};
use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{event, eventually, fault, ms, within};

/// A WebSocket server that notes every message with the number of its connection.
struct Recorder {
    address: String,
    heard: Arc<Mutex<Vec<(usize, u64)>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 1.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let notes = Arc::clone(&notes);
                connections.spawn(async move {
                    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                    while let Some(Ok(message)) = socket.next().await {
                        if let Ok(text) = message.to_text().map(str::trim)
                            && let Ok(id) = text.parse()
                        {
                            notes.lock().unwrap().push((number, id));
                        }
                    }
                });
            }
        });
        Self { address, heard, task }
    }

    fn heard(&self) -> Vec<u64> {
        self.heard.lock().unwrap().iter().map(|(_, id)| *id).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn behind(schedule: Schedule) -> (Recorder, Proxy) {
    let server = Recorder::start().await;
    let proxy = Proxy::builder(&server.address).schedule(schedule).start().await.unwrap();
    (server, proxy)
}

/// A client that does not wait long for anything.
fn client(proxy: &Proxy) -> Builder {
    Client::builder(format!("ws://{}/", proxy.address()))
        .initial_delay(ms(5))
        .max_delay(ms(40))
        .connect_timeout(ms(2_000))
        .heartbeat_interval(Some(ms(200)))
        .heartbeat_timeout(ms(300))
}

/// Sends numbers in small bursts, each when the last one has its outcomes.
async fn talk(client: &Client, rounds: u64) -> Vec<(u64, Outcome)> {
    let mut outcomes = Vec::new();
    for round in 0..rounds {
        let burst: Vec<_> = (0..5).map(|place| round * 5 + place).collect();
        let deliveries: Vec<_> =
            burst.iter().map(|id| client.send(format!("{id:20}")).expect("there is room")).collect();
        for (id, delivery) in burst.into_iter().zip(deliveries) {
            outcomes.push((id, within(delivery).await));
        }
    }
    outcomes
}

/// The first connections are cut in the midst of what the client says, and some also in the midst of the handshake.
fn torn(seed: u64) -> Schedule {
    let rule = |connections: Vec<u64>, when| {
        Rule::new(Fault::Cut(Ending::Reset))
            .on(Connections::Only(connections))
            .when(when)
            .counting(Directions::ToServer)
    };
    Schedule::new(seed)
        .rule(rule(vec![1, 3, 5], When::Bytes(300..=900)))
        .rule(rule(vec![2, 7], When::Bytes(0..=300)))
        .rule(rule(vec![4, 6, 8], When::Messages(1..=9)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_once_nothing_comes_twice_and_every_outcome_is_true() {
    for seed in 0..6 {
        let (server, proxy) = behind(torn(seed)).await;
        let client = client(&proxy).guarantee(Guarantee::AtMostOnce).build().unwrap();
        let outcomes = talk(&client, 40).await;
        assert!(within(client.close(ms(5_000))).await.unsent.is_empty());
        within(proxy.stop()).await;
        let heard = server.heard();
        assert!(heard.is_sorted_by(|one, next| one < next), "seed {seed}: in order and never twice: {heard:?}");
        let mut unknown = 0;
        for (id, outcome) in outcomes {
            match outcome {
                Outcome::Received => assert!(heard.contains(&id), "seed {seed}: {id} is said to be received"),
                Outcome::Unknown(_) => unknown += 1,
                other => panic!("seed {seed}: {id} is {other:?}"),
            }
        }
        assert!(unknown > 0, "seed {seed}: the cuts missed every message");
        assert!(proxy.stats().faults["cut"] >= 5, "seed {seed}: {:?}", proxy.stats());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_least_once_everything_comes_and_in_order() {
    for seed in 0..6 {
        let (server, proxy) = behind(torn(seed)).await;
        let client = client(&proxy).guarantee(Guarantee::AtLeastOnce).build().unwrap();
        let outcomes = talk(&client, 40).await;
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "seed {seed}: {outcomes:?}");
        let mut seen = BTreeSet::new();
        let first: Vec<u64> = server.heard().into_iter().filter(|id| seen.insert(*id)).collect();
        assert_eq!(first, (0..200).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_least_once_gets_through_a_path_that_breaks_every_connection_after_some_kilobytes() {
    let breaks =
        Rule::new(Fault::Cut(Ending::Reset)).when(When::Bytes(8 << 10..=16 << 10)).counting(Directions::ToServer);
    let (server, proxy) = behind(Schedule::new(1).rule(breaks)).await;
    let client = client(&proxy).heartbeat_timeout(ms(5_000)).guarantee(Guarantee::AtLeastOnce).build().unwrap();
    let deliveries: Vec<_> = (0..100).map(|id| client.send(format!("{id:1024}")).expect("there is room")).collect();
    for delivery in deliveries {
        assert_eq!(within(delivery).await, Outcome::Received);
    }
    assert_eq!(server.heard().into_iter().collect::<BTreeSet<_>>().len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_cuts_and_slow_lines_lose_nothing_at_least_once() {
    for (seed, profile) in (0..4).flat_map(|seed| [(seed, Profile::Cuts), (seed, Profile::Slow)]) {
        // What begins after two seconds is for others.
        let (server, proxy) = behind(Schedule::random(seed, profile).until(ms(2_000))).await;
        let client = client(&proxy).guarantee(Guarantee::AtLeastOnce).build().unwrap();
        let outcomes = talk(&client, 10).await;
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{profile} {seed}: {outcomes:?}");
        let heard: BTreeSet<u64> = server.heard().into_iter().collect();
        assert_eq!(heard.len(), 50, "{profile} {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_went_silent_is_given_up_and_the_next_one_carries_on() {
    for direction in [Directions::Both, Directions::ToClient, Directions::ToServer] {
        let hole = Rule::new(Fault::BlackHole).on(Connections::Only(vec![1])).direction(direction);
        let schedule = Schedule::new(1).rule(hole.when(When::Messages(3..=3)).counting(Directions::ToServer));
        let (server, proxy) = behind(schedule).await;
        let client = client(&proxy).guarantee(Guarantee::AtLeastOnce).build().unwrap();
        let start = Instant::now();
        let outcomes = talk(&client, 4).await;
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{direction}: {outcomes:?}");
        // Interval and timeout, and what a busy machine adds.
        assert!(start.elapsed() < ms(10_000), "{direction}: {:?}", start.elapsed());
        fault(&proxy, "black-hole").await;
        let heard: BTreeSet<u64> = server.heard().into_iter().collect();
        assert_eq!(heard.len(), 20, "{direction}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_that_is_shorter_than_the_heartbeat_allows_costs_no_connection() {
    let stall = Rule::new(Fault::Stall).when(When::Messages(2..=2)).lasting(ms(150));
    let (_server, proxy) = behind(Schedule::new(1).rule(stall)).await;
    let client = client(&proxy).heartbeat_timeout(ms(5_000)).guarantee(Guarantee::AtMostOnce).build().unwrap();
    let outcomes = talk(&client, 4).await;
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{outcomes:?}");
    assert_eq!((proxy.stats().connections, proxy.stats().faults["stall"]), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_silence_and_errors_at_the_door_are_outlived() {
    let first = |number, fault| Rule::new(fault).on(Connections::Only(vec![number]));
    let schedule = Schedule::new(1)
        .rule(first(1, Fault::Refuse))
        .rule(first(2, Fault::Answer(Answer::new(503))))
        .rule(first(3, Fault::Mute))
        .rule(first(4, Fault::Answer(Answer::new(502))));
    let (server, proxy) = behind(schedule).await;
    let client = client(&proxy)
        .connect_timeout(ms(1_500))
        .heartbeat_timeout(ms(5_000))
        .guarantee(Guarantee::AtMostOnce)
        .build()
        .unwrap();
    let outcomes = talk(&client, 2).await;
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{outcomes:?}");
    assert_eq!(server.heard(), (0..10).collect::<Vec<_>>());
    assert_eq!(proxy.stats().connections, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_was_damaged_on_the_way_costs_the_connection_and_nothing_else() {
    // The server's first frame after the handshake begins with bits that nobody has agreed on.
    let damage = Rule::new(Fault::Corrupt(0x70)).on(Connections::Only(vec![1])).direction(Directions::ToClient);
    let schedule = Schedule::new(1).rule(damage.when(When::Messages(1..=1)).counting(Directions::ToServer));
    let (server, proxy) = behind(schedule).await;
    let client = client(&proxy).guarantee(Guarantee::AtLeastOnce).build().unwrap();
    let outcomes = talk(&client, 3).await;
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{outcomes:?}");
    assert!(proxy.stats().connections >= 2, "{:?}", proxy.stats());
    assert_eq!(server.heard().into_iter().collect::<BTreeSet<_>>().len(), 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t4_an_abandoned_attempt_that_arrives_late_carries_no_message() {
    let late = Rule::new(Fault::Late(ms(2_500))).on(Connections::Only(vec![1]));
    let (server, proxy) = behind(Schedule::new(1).rule(late)).await;
    let client = client(&proxy)
        .connect_timeout(ms(600))
        .heartbeat_timeout(ms(5_000))
        .guarantee(Guarantee::AtMostOnce)
        .build()
        .unwrap();
    let outcomes = talk(&client, 2).await;
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Received), "{outcomes:?}");
    // The ghost reaches the server, which then sees it end.
    event(&proxy, |kind| matches!(kind, EventKind::Closed { connection: 1, .. })).await;
    assert!(talk(&client, 1).await.iter().all(|(_, outcome)| *outcome == Outcome::Received));
    let heard = server.heard.lock().unwrap().clone();
    let connections: BTreeSet<usize> = heard.iter().map(|(connection, _)| *connection).collect();
    assert_eq!(connections.len(), 1, "all by one connection: {heard:?}");
    assert_eq!(proxy.stats().connections, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_by_hand_is_outlived_as_soon_as_it_ends() {
    let (server, proxy) = behind(Schedule::default()).await;
    let client = client(&proxy).guarantee(Guarantee::AtMostOnce).build().unwrap();
    talk(&client, 1).await;
    proxy.refuse(true);
    event(&proxy, |kind| *kind == EventKind::Closing).await;
    proxy.cut_all(Ending::Reset);
    eventually(|| client.stats().machine.attempts >= 4).await;
    let waiting = client.send("100").unwrap();
    proxy.refuse(false);
    assert_eq!(within(waiting).await, Outcome::Received);
    assert_eq!(server.heard().last(), Some(&100));
}
