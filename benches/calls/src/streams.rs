//! Measures items of streams, bare messages one way, and the memory of an open call.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::try_join_all;

use crate::callers::session;
use crate::{Done, process};

/// Measures items per second, over `streams` streams of `items` items each.
pub(crate) fn run(address: &str, streams: u64, items: u64) -> Done<()> {
    process::pin(0);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = session(address)?;
        client.call("echo", "").await?;
        let started = Instant::now();
        let streams = (0..streams).map(|_| {
            let mut stream = client.stream("items", items.to_string());
            async move {
                let mut count = 0;
                while let Some(item) = stream.next().await {
                    item?;
                    count += 1;
                }
                Ok::<u64, everwire::CallError>(count)
            }
        });
        let counts = try_join_all(streams).await?;
        if counts.iter().any(|count| *count != items) {
            return Err("a stream is not whole".into());
        }
        let (all, seconds) = (counts.iter().sum::<u64>() as f64, started.elapsed().as_secs_f64());
        println!("{} {}", all / seconds, process::cpu("self")? / all);
        Ok(())
    })
}

/// The same with bare messages of a session.
pub(crate) fn run_one_way(address: &str, items: u64) -> Done<()> {
    process::pin(0);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = session(address)?;
        let inbox = client.messages();
        let started = Instant::now();
        drop(client.send(format!("items {items}"))?);
        let count = inbox.take(usize::try_from(items)?).count().await;
        println!("{} {}", count as f64 / started.elapsed().as_secs_f64(), process::cpu("self")? / count as f64);
        Ok(())
    })
}

/// Measures the bytes of this process for each of `calls` open calls.
pub(crate) fn run_memory(address: &str, calls: u64) -> Done<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = session(address)?;
        client.call("echo", "").await?;
        // Buffers that grow in steps grow before the measurement.
        let warm: Vec<_> = (0..calls / 10).map(|_| client.call("never", "")).collect();
        client.call("echo", "").await?;
        drop(warm);
        client.call("echo", "").await?;
        let before = process::memory("self")?;
        let open: Vec<_> = (0..calls - 1).map(|_| client.call("never", "")).collect();
        client.call("echo", "").await?;
        println!("{}", (process::memory("self")? - before) / open.len() as f64);
        Ok(())
    })
}
