//! What the server holds for members who ask for pages of history and never read them.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::member::{Done, Member, line};
use super::{COMING, start};

/// Members share so many rooms, each with more than a page of lines.
const ROOMS: usize = 100;
const LINES: usize = 600;
/// What each asks for, without reading an answer: the latest page, as long as pages get.
const QUESTIONS: usize = 50;
const QUESTION: &str = r#"{"type":"earlier","before":601,"limit":500}"#;
/// So long the server's memory has to stay below its most before that counts.
const STEADY: Duration = Duration::from_secs(5);
const PACE: Duration = Duration::from_millis(50);
/// What it may be, MB, for 10,000 members.
const AIM: f64 = 300.0;

/// Prints the most that the server held.
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
    // Held until here.
    drop(members);
    let (before, most) = (before / 1e6, most / 1e6);
    println!("| measure | MB | aim |");
    println!("|---|---|---|");
    println!("| server without members | {before:.0} | |");
    println!("| at most with {count} who ask and do not read | {most:.0} | under {AIM:.0} for 10,000 |");
    if most < AIM { Ok(()) } else { Err(format!("the server held {most:.0} MB, more than {AIM:.0}").into()) }
}
