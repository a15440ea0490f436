//! Measures what a cut and a black hole do to a stream of numbers, for Everwire and the reconnecting clients of Node.js, at their
//! defaults.
//!
//! Each client sends a number every 10 ms through a proxy with 50 ms of delay each way, and its server prints what it receives.
//! *Cut*: the connection is reset, and the port is closed for 0.5 to 12 s, each time another length, the same for all clients.
//! *Black hole*: the connection stays open and nothing passes for 60 s; then it is reset, and the network works again.
//!
//! *everwire-two-addresses* is the plain client with a name that has two addresses, of which the first never answers.

mod client;
mod peer_process;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use everwire_testkit::faults::{Ending, Schedule};
use everwire_testkit::proxy::Proxy;
use tokio::time::{Instant, sleep, timeout};

use futures_util::future::join_all;
use peer_process::PeerProcess;

pub(crate) use client::run as run_client;
pub(crate) use server::run as run_server;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const CONTENDERS: [&str; 7] = [
    "everwire-session",
    "everwire-plain",
    "everwire-two-addresses",
    "reconnecting-websocket",
    "partysocket",
    "socket.io",
    "socket.io-retries",
];

const DELAY: &str = "[[rule]]\nfault = \"delay\"\nby = \"50ms\"\n";
const BEFORE: Duration = Duration::from_secs(1);
/// The shortest and the longest outage, in seconds.
const OUTAGES: (f64, f64) = (0.5, 12.0);
/// Outages at a time, few enough that the clients do not starve each other.
const AT_ONCE: usize = 6;
const HOLE: Duration = Duration::from_secs(60);
/// The longest time for a client to reconnect, and for its last messages.
const PATIENCE: Duration = Duration::from_secs(30);
const AFTERWARDS: Duration = Duration::from_secs(2);

/// The result of one client in one experiment.
struct Outcome {
    /// The time from the fault until the client noticed it.
    noticed: Option<Duration>,
    /// The time from the end of the fault until the first message arrived.
    back: Option<Duration>,
    said: u64,
    lost: usize,
    doubled: usize,
}

/// Runs both experiments with every contender, all at the same time: `cuts` cuts, and the black hole once.
pub(crate) fn run(cuts: usize) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut outcomes = CONTENDERS.map(|_| Vec::new());
        let lengths: Vec<Duration> = (0..cuts).map(outage).collect();
        for (round, lengths) in lengths.chunks(AT_ONCE).enumerate() {
            let round_of = |name| join_all(lengths.iter().map(move |length| experiment(name, Fault::Cut(*length))));
            for (of_one, round) in outcomes.iter_mut().zip(join_all(CONTENDERS.map(round_of)).await) {
                for outcome in round {
                    of_one.push(outcome?);
                }
            }
            eprintln!("{} of {cuts} cuts done", round * AT_ONCE + lengths.len());
        }
        println!("| client | cut: back after, median / mean / max | lost | doubled | of |");
        println!("|---|---|---|---|---|");
        for (name, outcomes) in CONTENDERS.into_iter().zip(&outcomes) {
            println!("| {name} | {} | {} |", times(outcomes), counts(outcomes));
        }
        println!("\n| client | black hole: noticed after | back after | lost | doubled | of |");
        println!("|---|---|---|---|---|---|");
        let holes = CONTENDERS.map(|name| experiment(name, Fault::BlackHole));
        for (name, outcome) in CONTENDERS.into_iter().zip(join_all(holes).await) {
            let outcome = outcome?;
            let noticed = outcome.noticed.map_or_else(|| format!("not in {} s", HOLE.as_secs()), seconds);
            println!("| {name} | {noticed} | {} | {} |", time(outcome.back), counts(&[outcome]));
        }
        Ok(())
    })
}

/// The length of the outage with this index: multiples of the golden ratio, which are spread evenly over the range however many
/// there are, and do not coincide with any client's delays.
fn outage(index: usize) -> Duration {
    let part = (index as f64 * std::f64::consts::GOLDEN_RATIO).fract();
    Duration::from_secs_f64(OUTAGES.0 + (OUTAGES.1 - OUTAGES.0) * part)
}

#[derive(Clone, Copy)]
enum Fault {
    Cut(Duration),
    BlackHole,
}

async fn experiment(name: &str, fault: Fault) -> Done<Outcome> {
    let mut server = PeerProcess::server(name)?;
    let address = server.next_line(PATIENCE).await.ok_or("the server did not start")?;
    let proxy = Proxy::builder(address).schedule(Schedule::parse(DELAY)?).start().await?;
    let mut client = PeerProcess::client(name, &proxy.address().to_string())?;
    let mut heard = BTreeMap::<u64, usize>::new();
    timeout(PATIENCE, hear(&mut server, &mut heard)).await.map_err(|_| format!("{name} did not connect"))?;
    listen(&mut server, &mut heard, BEFORE).await;

    let begun = Instant::now();
    let noticed = match fault {
        Fault::Cut(outage) => {
            proxy.refuse(true);
            proxy.cut_all(Ending::Reset);
            listen(&mut server, &mut heard, outage).await;
            proxy.refuse(false);
            None
        }
        Fault::BlackHole => {
            proxy.black_hole(true);
            let noticed = client.wait_for("noticed", HOLE).await.map(|at| at.saturating_duration_since(begun));
            sleep(HOLE.saturating_sub(begun.elapsed())).await;
            proxy.cut_all(Ending::Reset);
            proxy.black_hole(false);
            noticed
        }
    };
    let restored = Instant::now();
    let back = timeout(PATIENCE, hear(&mut server, &mut heard)).await.ok().map(|()| restored.elapsed());
    listen(&mut server, &mut heard, AFTERWARDS).await;
    client.stop().await?;
    let said = client.said(PATIENCE).await.ok_or("the client did not say how many")?;
    let complete = async {
        while heard.len() < said as usize {
            hear(&mut server, &mut heard).await;
        }
    };
    // Messages that have not arrived by then are lost.
    let _ = timeout(PATIENCE, complete).await;
    let lost = (1..=said).filter(|number| !heard.contains_key(number)).count();
    let doubled = heard.values().filter(|times| **times > 1).count();
    Ok(Outcome { noticed, back, said, lost, doubled })
}

/// Waits for one more number.
async fn hear(server: &mut PeerProcess, heard: &mut BTreeMap<u64, usize>) {
    loop {
        match server.next_line(PATIENCE.saturating_mul(4)).await.map(|line| line.parse()) {
            Some(Ok(number)) => {
                *heard.entry(number).or_default() += 1;
                return;
            }
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}

async fn listen(server: &mut PeerProcess, heard: &mut BTreeMap<u64, usize>, time: Duration) {
    let forever = async {
        loop {
            hear(server, heard).await;
        }
    };
    let _: Result<(), _> = timeout(time, forever).await;
}

/// Median, mean and longest time; a client that has not reconnected counts with the whole wait in the mean.
fn times(outcomes: &[Outcome]) -> String {
    let mut times: Vec<Option<Duration>> = outcomes.iter().map(|outcome| outcome.back).collect();
    times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
    let sum: Duration = times.iter().map(|time| time.unwrap_or(PATIENCE)).sum();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    format!(
        "{} / {} / {}",
        time(median),
        seconds(sum.checked_div(times.len() as u32).unwrap_or_default()),
        time(longest)
    )
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| format!("not in {} s", PATIENCE.as_secs()), seconds)
}

fn counts(outcomes: &[Outcome]) -> String {
    let sum = |part: fn(&Outcome) -> usize| outcomes.iter().map(part).sum::<usize>();
    let said: u64 = outcomes.iter().map(|outcome| outcome.said).sum();
    format!("{} | {} | {said}", sum(|outcome| outcome.lost), sum(|outcome| outcome.doubled))
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
