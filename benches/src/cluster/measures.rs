//! The measures of nodes.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use tokio::time::timeout;

use super::nodes::{Nodes, Programs};
use crate::chat::member::{Done, Member, line};
use crate::process;

/// The number of posters in one room and over many, the messages of each, and how many of them are posted at a time.
const POSTERS: [usize; 2] = [6, 100];
const POSTS: usize = 600;
const AT_ONCE: usize = 50;
/// Messages whose time is measured.
const TIMED: usize = 600;
/// A room's members, over all nodes, and the messages for each of them.
const MEMBERS: usize = 300;
const LINES: usize = 3_000;
/// Idle members.
const IDLE: usize = 3_000;
/// Rooms with one message each, and the number of rooms that are posted to at a time.
const ROOMS: usize = 100_000;
const ROOMS_AT_ONCE: usize = 64;
/// Messages that an empty node has to load.
const LOADED: usize = 1_000_000;

/// Measures messages stored per second.
pub(super) async fn posts(nodes: &Nodes, rooms: usize) -> Done<f64> {
    let count = POSTERS[usize::from(rooms > 1)];
    let posters = (0..count)
        .map(|n| Member::join(nodes.address(n), format!("posts-{rooms}-{}", n % rooms), format!("p{rooms}-{n}")));
    let mut posters = try_join_all(posters).await?;
    let started = Instant::now();
    try_join_all(posters.iter_mut().map(|poster| post(poster, POSTS))).await?;
    Ok((count * POSTS) as f64 / started.elapsed().as_secs_f64())
}

/// Posts messages, and waits after each group until all are stored.
async fn post(poster: &mut Member, count: usize) -> Done<()> {
    for at in 0..count {
        poster.post(&line(&at.to_string())).await?;
        if at % AT_ONCE == AT_ONCE - 1 {
            poster.barrier().await?;
        }
    }
    poster.barrier().await
}

/// Measures the milliseconds from a post to the last of three listeners, which are on three nodes if there are as many; returns
/// the median and the 99th percentile.
pub(super) async fn latency(nodes: &Nodes, rooms: usize) -> Done<(f64, f64)> {
    let mut all = Vec::new();
    for n in 0..rooms {
        let room = format!("latency-{rooms}-{n}");
        let speaker = Member::join(nodes.address(n), room.clone(), format!("speaker-{n}")).await?;
        let listeners = (0..3).map(|at| Member::join(nodes.address(at), room.clone(), format!("listener-{n}-{at}")));
        all.push((speaker, try_join_all(listeners).await?));
    }
    let mut times = Vec::new();
    for at in 0..TIMED {
        let (speaker, listeners) = &mut all[at % rooms];
        let started = Instant::now();
        speaker.post(&line(&format!("timed-{at}"))).await?;
        speaker.flush().await?;
        try_join_all(listeners.iter_mut().map(|listener| listener.hear(1))).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[TIMED / 2], times[TIMED * 99 / 100]))
}

/// Measures deliveries per second, and per second of the nodes' processor time.
pub(super) async fn deliveries(nodes: &Nodes) -> Done<(f64, f64)> {
    let room = "deliveries".to_owned();
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        members.push(Member::join(nodes.address(n), room.clone(), format!("m{n}")).await?);
    }
    let mut speaker = Member::join(nodes.address(0), room, "speaker".to_owned()).await?;
    let (used, started) = (nodes.cpu_seconds()?, Instant::now());
    let speaks = post(&mut speaker, LINES);
    let hear = try_join_all(members.iter_mut().map(|member| member.hear(LINES)));
    tokio::try_join!(speaks, hear)?;
    let count = (MEMBERS * LINES) as f64;
    let used = nodes.cpu_seconds()? - used;
    Ok((count / started.elapsed().as_secs_f64(), count / used))
}

/// Measures a node's memory per idle member, in KiB.
pub(super) async fn memory(nodes: &Nodes) -> Done<f64> {
    let node = nodes.running[0].0.id().to_string();
    let before = process::memory(&node)?;
    let mut members = Vec::new();
    for n in 0..IDLE {
        members.push(Member::join(nodes.address(0), format!("idle-{}", n % 300), format!("idle-{n}")).await?);
    }
    Ok((process::memory(&node)? - before) / IDLE as f64 / 1024.0)
}

/// Measures the memory of a node and of a broker per room, in KiB, over many rooms that a member has posted to and left.
pub(super) async fn many_rooms(nodes: &Nodes) -> Done<(f64, Option<f64>)> {
    let node = nodes.running[0].0.id().to_string();
    let broker = nodes.brokers.as_ref().and_then(|brokers| Some(brokers.running[0].as_ref()?.0.id().to_string()));
    let held = || -> Done<(f64, Option<f64>)> {
        Ok((process::memory(&node)?, broker.as_deref().map(process::memory).transpose()?))
    };
    let before = held()?;
    let posts = (0..ROOMS).map(|n| async move {
        let mut member = Member::join(nodes.address(n), format!("room-{n}"), "ana".to_owned()).await?;
        member.post(&line("hello")).await?;
        member.barrier().await
    });
    let mut posts = std::pin::pin!(futures_util::stream::iter(posts).buffer_unordered(ROOMS_AT_ONCE));
    while let Some(posted) = posts.next().await {
        posted?;
    }
    let after = held()?;
    let each = |bytes: f64| bytes / ROOMS as f64 / 1024.0;
    Ok((each(after.0 - before.0), after.1.zip(before.1).map(|(after, before)| each(after - before))))
}

/// Kills each broker once, and measures how long nothing was stored; then measures how long an empty node takes to catch up.
pub(super) async fn fail_over(mut nodes: Nodes, programs: &Programs<'_>) -> Done<()> {
    let mut member = Member::join(nodes.address(0), "fail-over".to_owned(), "ana".to_owned()).await?;
    let (mut longest, mut lost) = (Vec::new(), 0);
    for broker in 0..3 {
        let Some(brokers) = &mut nodes.brokers else { return Err("there are no brokers".into()) };
        brokers.kill(broker);
        let (begin, mut gap) = (Instant::now(), Duration::ZERO);
        let mut at = 0;
        while begin.elapsed() < Duration::from_secs(12) {
            let asked = Instant::now();
            member.post(&line(&format!("{broker}-{at}"))).await?;
            at += 1;
            if !matches!(timeout(Duration::from_secs(60), member.barrier()).await, Ok(Ok(()))) {
                lost += 1;
                member = Member::join(nodes.address(0), "fail-over".to_owned(), "ana".to_owned()).await?;
            }
            gap = gap.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        longest.push(format!("{:.1}", gap.as_secs_f64()));
        if let Some(brokers) = &mut nodes.brokers {
            brokers.begin(broker)?;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    println!("| nothing stored after a broker was killed, s, each in turn | | {} | | under 8 |", longest.join(", "));
    println!("| connections lost meanwhile | | {lost} | | 0 |");
    let posters = (0..10).map(|n| Member::join(nodes.address(n), format!("load-{n}"), format!("loader-{n}")));
    let mut posters = try_join_all(posters).await?;
    try_join_all(posters.iter_mut().map(|poster| post(poster, LOADED / 10))).await?;
    let took = nodes.add(programs).await?;
    println!("| an empty node has {LOADED} posts and more, s | | {:.1} | | |", took.as_secs_f64());
    Ok(())
}
