//! Measures an outbox on the disk: storing messages, and loading them at the next start.

use std::time::{Duration, Instant};

use everwire::store::SqliteStore;
use everwire::{Builder, Client, SessionMode};

use super::growth::Growth;
use super::{Done, Sizes};

const TRIES: usize = 3;

pub(super) fn run(sizes: Sizes) -> Done<Vec<Growth>> {
    let mut stored = Growth::new("outbox on the disk: a message stored", "µs");
    let mut reopened = Growth::new("outbox on the disk: a message found again by the next process", "µs");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for count in sizes.upto(1_000, 100_000, 1_000_000, &[1_000, 10_000, 100_000, 1_000_000]) {
        let mut least = [f64::INFINITY; 2];
        for _ in 0..TRIES {
            let figures = runtime.block_on(measure(count))?;
            least.iter_mut().zip(figures).for_each(|(least, figure)| *least = least.min(figure));
        }
        stored.add(count, least[0]);
        reopened.add(count, least[1]);
    }
    Ok(vec![stored, reopened])
}

async fn measure(count: usize) -> Done<[f64; 2]> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("outbox.db");
    let each = |started: Instant| started.elapsed().as_secs_f64() * 1e6 / count as f64;
    let started = Instant::now();
    let first = offline(count).store(SqliteStore::open(&path)?).build()?;
    let mut last = first.send("x".repeat(32))?;
    for _ in 1..count {
        last = first.send_wait("x".repeat(32)).await?;
    }
    last.stored().await.map_err(|outcome| format!("not stored: {outcome}"))?;
    let stored = each(started);
    first.close(Duration::ZERO).await;
    let started = Instant::now();
    let second = offline(count).store(SqliteStore::open(&path)?).build()?;
    let found = second.recovered().len();
    let reopened = each(started);
    second.close(Duration::ZERO).await;
    if found != count {
        return Err(format!("{found} of {count} messages were found again").into());
    }
    Ok([stored, reopened])
}

/// A client without a server: no program listens on the discard port.
fn offline(count: usize) -> Builder {
    Client::builder("ws://127.0.0.1:9/")
        .session(SessionMode::Require)
        .outbox_messages(count + 1)
        .outbox_bytes(usize::MAX)
}
