//! Measures a chat server with many messages, and with many rooms.

use std::time::Instant;

use tempfile::TempDir;

use super::growth::Growth;
use super::{Done, Sizes};
use crate::chat::member::{Member, line};
use crate::process::{self, Server};

const ROOM: &str = "room";
/// The number of tries of each measurement; the shortest counts.
const TRIES: usize = 15;
const MISSED: usize = 1_000;

pub(super) fn run(sizes: Sizes) -> Done<Vec<Growth>> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut start = Growth::new("history: the server starts", "ms");
        let mut latest = Growth::new("history: a member with the latest page", "ms");
        let mut far = Growth::new("history: a page of 100 from its beginning", "ms");
        let mut missed = Growth::new("history: 1,000 missed messages", "ms");
        let mut memory = Growth::new("history: memory of the server then", "MB");
        for count in sizes.upto(10_000, 1_000_000, 10_000_000, &[10_000, 100_000, 1_000_000, 10_000_000]) {
            let folder = with_messages(count).await?;
            let (server, seconds) = started(&folder)?;
            start.add(count, seconds);
            let mut times = [f64::INFINITY; 3];
            for _ in 0..TRIES {
                let tried = tries(&server, count).await?;
                times.iter_mut().zip(tried).for_each(|(least, time)| *least = least.min(time));
            }
            [&mut latest, &mut far, &mut missed].into_iter().zip(times).for_each(|(row, time)| row.add(count, time));
            memory.add(count, server.memory()? / 1e6);
        }
        let mut rooms = Growth::new("rooms: the server starts", "ms");
        let mut join = Growth::new("rooms: a member with the latest page", "ms");
        for count in sizes.upto(1_000, 100_000, 100_000, &[1, 1_000, 100_000]) {
            let folder = with_rooms(count).await?;
            let (server, seconds) = started(&folder)?;
            rooms.add(count, seconds);
            let mut least = f64::INFINITY;
            for _ in 0..TRIES {
                least = least
                    .min(milliseconds(Member::join_extended(&server.address, room(count / 2), "late".into())).await?);
            }
            join.add(count, least);
        }
        Ok(vec![start, latest, far, missed, memory, rooms, join])
    })
}

/// Measures the milliseconds for the latest page, for one from far back, and for missed messages.
async fn tries(server: &Server, count: usize) -> Done<[f64; 3]> {
    let address = &server.address;
    let latest = milliseconds(Member::join_extended(address, ROOM.to_owned(), "late".to_owned())).await?;
    let mut reader = Member::join_extended(address, ROOM.to_owned(), "late".to_owned()).await?;
    let far = milliseconds(async {
        reader.say("{\"type\":\"earlier\",\"before\":200}");
        reader.barrier().await
    })
    .await?;
    let epoch = Member::epoch(address, ROOM).await?;
    let missed = milliseconds(async {
        let mut late = Member::resume_after(address, ROOM, &epoch, count - MISSED).await?;
        late.hear(MISSED).await
    })
    .await?;
    Ok([latest, far, missed])
}

async fn milliseconds<T>(work: impl Future<Output = Done<T>>) -> Done<f64> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Starts a server on an existing folder; returns it, and the milliseconds until it listens.
fn started(folder: &TempDir) -> Done<(Server, f64)> {
    let mut least = f64::INFINITY;
    let mut server = None;
    for _ in 0..3 {
        // The server before has to release the folder.
        drop(server.take());
        let started = Instant::now();
        server = Some(serve(folder)?);
        least = least.min(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok((server.ok_or("no server")?, least))
}

fn serve(folder: &TempDir) -> Done<Server> {
    process::server(&["chat-server", &folder.path().display().to_string()])
}

async fn with_messages(count: usize) -> Done<TempDir> {
    let folder = tempfile::tempdir()?;
    let server = serve(&folder)?;
    let mut speaker = Member::join(&server.address, ROOM.to_owned(), "speaker".to_owned()).await?;
    for at in 0..count {
        speaker.post(&line(&at.to_string())).await?;
        if at % 10_000 == 9_999 {
            speaker.barrier().await?;
        }
    }
    speaker.barrier().await?;
    Ok(folder)
}

async fn with_rooms(count: usize) -> Done<TempDir> {
    let folder = tempfile::tempdir()?;
    let server = serve(&folder)?;
    for at in 0..count {
        let mut speaker = Member::join(&server.address, room(at), "speaker".to_owned()).await?;
        speaker.post(&line(&at.to_string())).await?;
        speaker.barrier().await?;
    }
    Ok(folder)
}

fn room(at: usize) -> String {
    format!("room-{at}")
}
