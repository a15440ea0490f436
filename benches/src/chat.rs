//! The chat server under load: committed messages, deliveries in a large room, the memory of a member, catching up.
//!
//! The server is a process on one core, and all members are one process on the other, over loopback; each figure is printed with
//! its aim. Members are bare sockets that count messages, so that the server is what is measured.

mod deaf;
pub(crate) mod member;
mod returning;
mod server;

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use tempfile::TempDir;

use crate::process::{self, Server};
use member::{Done, Member, line};

pub(crate) use server::run as run_server;

/// The number of posters, and of the messages of each.
const POSTERS: usize = 16;
const POSTS: usize = 4_000;
/// The deliveries of one measurement, to all members together.
const DELIVERIES: usize = 1_000_000;
/// Messages that are posted one by one, to measure the time to the last member.
const SINGLE: usize = 100;
/// Messages that a member has missed.
const MISSED: usize = 10_000;
const ROUNDS: usize = 3;
/// The room that is filled, the number of members that join at a time, and the number of users that the members are.
const ROOM: &str = "room";
const COMING: usize = 100;
const PEOPLE: usize = 1_000;

/// The sizes of the room. For 10,000 members the process must be allowed to have as many files open.
const ROOMS: [usize; 2] = [1_000, 10_000];

pub(crate) fn run() -> Done<()> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        println!("| measure | median | min – max | aim |");
        println!("|---|---|---|---|");
        let (server, _folder) = start()?;
        let mut rates = Vec::new();
        for round in 0..ROUNDS {
            rates.push(posts(&server.address, round).await? / 1e3);
        }
        tell("posts committed, k/s", rates, 0, "20");
        for members in ROOMS {
            room(members).await?;
        }
        let mut full = Full::start(ROOMS[0], Manner::Extended).await?;
        let mut speaker = Member::join(&full.server.address, ROOM.to_owned(), "speaker".to_owned()).await?;
        let rates = deliveries(&mut full.members, &mut speaker).await?;
        tell(&format!("deliveries in a room of {}, in arrays, M/s", ROOMS[0]), rates, 2, "1.5");
        drop(full);
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            times.push(catch_up(&server.address, round).await?.as_secs_f64() * 1e3);
        }
        tell("10,000 missed lines caught up, ms", times, 0, "under 1,000");
        Ok(())
    })
}

/// Measures the server's memory for members that send requests and do not read.
pub(crate) fn run_deaf(count: usize) -> Done<()> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(deaf::run(count))
}

/// Measures how members come back after their server is lost.
pub(crate) fn run_return() -> Done<()> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("| measure | median | min – max | aim |");
    println!("|---|---|---|---|");
    runtime.block_on(returning::run())
}

/// Measures commits per second, of several posters in rooms of their own; the server's pong shows that all are committed.
async fn posts(address: &str, round: usize) -> Done<f64> {
    let posters = (0..POSTERS).map(|n| Member::join(address, format!("posts-{n}"), format!("p{n}")));
    let mut posters = try_join_all(posters).await?;
    let started = Instant::now();
    let all = posters.iter_mut().enumerate().map(async |(n, poster)| {
        for at in 0..POSTS {
            poster.post(&line(&format!("{round}-{n}-{at}"))).await?;
        }
        poster.barrier().await
    });
    try_join_all(all).await?;
    Ok((POSTERS * POSTS) as f64 / started.elapsed().as_secs_f64())
}

/// Measures a room with `count` members: the memory of an idle member, deliveries per second, and the time to the last member.
async fn room(count: usize) -> Done<()> {
    let mut sizes = Vec::new();
    for _ in 1..ROUNDS {
        sizes.push(Full::start(count, Manner::Plain).await?.each);
    }
    let Full { server, mut members, each, folder: _folder } = Full::start(count, Manner::Plain).await?;
    sizes.push(each);
    tell(&format!("idle member of {count}, KiB"), sizes, 1, "under 12");

    let mut speaker = Member::join(&server.address, ROOM.to_owned(), "speaker".to_owned()).await?;
    let rates = deliveries(&mut members, &mut speaker).await?;
    tell(&format!("deliveries in a room of {count}, M/s"), rates, 2, "1.5");

    let mut times = Vec::new();
    for at in 0..SINGLE {
        let started = Instant::now();
        speaker.post(&line(&format!("single-{at}"))).await?;
        speaker.flush().await?;
        try_join_all(members.iter_mut().map(|member| member.hear(1))).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (half, tail) = (times[SINGLE / 2], times[SINGLE - 1]);
    println!("| post to the last of {count}, ms, median / max | {half:.1} / {tail:.1} | | |");
    Ok(())
}

/// Measures deliveries per second, in millions.
async fn deliveries(members: &mut [Member], speaker: &mut Member) -> Done<Vec<f64>> {
    let lines = DELIVERIES / members.len();
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        let speaks = async {
            for at in 0..lines {
                speaker.post(&line(&format!("{round}-{at}"))).await?;
            }
            speaker.barrier().await
        };
        let hear = try_join_all(members.iter_mut().map(|member| member.hear(lines)));
        tokio::try_join!(speaks, hear)?;
        rates.push((lines * members.len()) as f64 / started.elapsed().as_secs_f64() / 1e6);
    }
    Ok(rates)
}

/// Whether the server may send arrays of messages to members.
#[derive(Clone, Copy)]
enum Manner {
    Plain,
    Extended,
}

/// A server with a full room, in which all reports of joining members were delivered.
struct Full {
    server: Server,
    members: Vec<Member>,
    /// The server's memory per member, in KiB.
    each: f64,
    folder: TempDir,
}

impl Full {
    async fn start(count: usize, manner: Manner) -> Done<Self> {
        let (server, folder) = start()?;
        let before = server.memory()?;
        let mut members = Vec::with_capacity(count);
        for first in (0..count).step_by(COMING) {
            let some = (first..count.min(first + COMING)).map(async |n| {
                let (room, user) = (ROOM.to_owned(), format!("m{}", n % PEOPLE));
                match manner {
                    Manner::Plain => Member::join(&server.address, room, user).await,
                    Manner::Extended => Member::join_extended(&server.address, room, user).await,
                }
            });
            members.extend(try_join_all(some).await?);
            // New users are reported to all members, which have to read that.
            if first < PEOPLE {
                join_all(members.iter_mut().map(Member::quiet)).await;
            }
        }
        join_all(members.iter_mut().map(Member::quiet)).await;
        let each = (server.memory()? - before) / count as f64 / 1024.0;
        Ok(Self { server, members, each, folder })
    }
}

/// Starts a server, with a folder that lasts as long as it.
fn start() -> Done<(Server, TempDir)> {
    let folder = tempfile::tempdir()?;
    Ok((process::server(&["chat-server", &folder.path().display().to_string()])?, folder))
}

/// Measures how long a member takes to receive everything that it has missed.
async fn catch_up(address: &str, round: usize) -> Done<Duration> {
    let room = format!("missed-{round}");
    let mut speaker = Member::join(address, room.clone(), "speaker".to_owned()).await?;
    for at in 0..MISSED {
        speaker.post(&line(&at.to_string())).await?;
    }
    speaker.barrier().await?;
    let epoch = Member::epoch(address, &room).await?;
    let started = Instant::now();
    let mut late = Member::resume(address, &room, &epoch).await?;
    late.hear(MISSED).await?;
    Ok(started.elapsed())
}

fn tell(what: &str, mut values: Vec<f64>, digits: usize, aim: &str) {
    values.sort_by(f64::total_cmp);
    let (min, median, max) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!("| {what} | {median:.digits$} | {min:.digits$} – {max:.digits$} | {aim} |");
}
