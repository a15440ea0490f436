//! Measures the server's memory for members that request pages of history and never read them.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::member::{Done, Member, line};
use super::{COMING, start};

/// The number of rooms that the members share, each with more messages than a page.
const ROOMS: usize = 100;
const LINES: usize = 600;
/// The number of requests of each member, which reads no answer; each is for the latest page, of the longest size.
const QUESTIONS: usize = 50;
const QUESTION: &str = r#"{"type":"earlier","before":601,"limit":500}"#;
/// How long the server's memory must not grow until its maximum counts.
const STEADY: Duration = Duration::from_secs(5);
const PACE: Duration = Duration::from_millis(50);
/// The aim for 10,000 members, in MB.
const AIM: f64 = 300.0;

/// Prints the largest memory of the server.
pub(crate) async fn run(count: usize) -> Done<()> {
    let (server, _folder) = start()?;
    let posts = (0..ROOMS).map(async |room| {
        let mut poster = Member::join(&server.address, format!("room-{room}"), format!("poster-{room}")).await?;
        for at in 0..LINES {
            poster.post(&line(&at.to_string())).await?;
        }
        poster.barrier().await
    });
    try_join_all(posts).await?;
    let before = server.memory()?;

    let (mut members, mut most) = (Vec::with_capacity(count), before);
    for first in (0..count).step_by(COMING) {
        let some = (first..count.min(first + COMING)).map(async |n| {
            let (room, user) = (format!("room-{}", n % ROOMS), format!("m{n}"));
            Member::join_deaf(&server.address, room, user).await
        });
        members.extend(try_join_all(some).await?);
        most = most.max(server.memory()?);
    }
    for member in &mut members {
        for _ in 0..QUESTIONS {
            member.say(QUESTION);
        }
        member.flush().await?;
    }
    let mut risen = Instant::now();
    while risen.elapsed() < STEADY {
        tokio::time::sleep(PACE).await;
        let memory = server.memory()?;
        if memory > most {
            (most, risen) = (memory, Instant::now());
        }
    }
    // The members stay connected until here.
    drop(members);
    let (before, most) = (before / 1e6, most / 1e6);
    println!("| measure | MB | aim |");
    println!("|---|---|---|");
    println!("| server without members | {before:.0} | |");
    println!("| at most with {count} who ask and do not read | {most:.0} | under {AIM:.0} for 10,000 |");
    if most < AIM { Ok(()) } else { Err(format!("the server held {most:.0} MB, more than {AIM:.0}").into()) }
}
