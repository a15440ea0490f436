//! Large messages, one way: gigabytes per second, and each end's processor time per KiB.

use std::time::{Duration, Instant};

use super::stream::{end, parse, start};
use super::{Connected, Effort};
use crate::Done;
use crate::peers::Peer;
use crate::process::cpu_time;

/// Bytes that are sent before the measurement, so that buffers and windows grow.
const BYTES_BEFORE: usize = 16 << 20;

/// One way to the server, large messages: gigabytes per second, and CPU in ns per KiB.
pub(super) async fn up<P: Peer>(to: Connected, length: usize, effort: Effort) -> Done<Vec<f64>> {
    let mut peer: P = to.open()?;
    let message = P::binary(&vec![b'x'; length]);
    for _ in 0..BYTES_BEFORE / length {
        peer.feed(&message).await?;
    }
    start(&mut peer).await?;
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut sent = 0;
    while started.elapsed() < effort.streaming {
        peer.feed(&message).await?;
        sent += 1;
    }
    let counted = end(&mut peer, sent).await?;
    Ok(figures(length, sent, started.elapsed(), cpu_time() - cpu, counted.cpu))
}

/// One way to the client, large messages: gigabytes per second, and CPU in ns per KiB.
pub(super) async fn down<P: Peer>(to: Connected, length: usize) -> Done<Vec<f64>> {
    let mut peer: P = to.open()?;
    peer.send(&P::text("start")).await?;
    for _ in 0..BYTES_BEFORE / length {
        peer.receive().await?;
    }
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut received = 0;
    let words = loop {
        if let Some(payload) = peer.next_in_place() {
            if payload.len() != length {
                break payload.to_vec();
            }
        } else {
            let message = peer.receive().await?;
            if P::payload(&message).len() != length {
                break P::payload(&message).to_vec();
            }
        }
        received += 1;
    };
    let (took, mine) = (started.elapsed(), cpu_time() - cpu);
    let counted = parse(&words, received)?;
    Ok(figures(length, received, took, counted.cpu, mine))
}

/// The server of [`down`].
pub(super) async fn source<P: Peer>(mut peer: P, message: P::Message, effort: Effort) -> Done<()> {
    peer.receive().await?;
    for _ in 0..BYTES_BEFORE / P::payload(&message).len() {
        peer.feed(&message).await?;
    }
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut sent = 0;
    while started.elapsed() < effort.streaming {
        peer.feed(&message).await?;
        sent += 1;
    }
    peer.flush().await?;
    peer.send(&P::text(&format!("{sent} {}", (cpu_time() - cpu).as_nanos()))).await?;
    peer.receive().await.map(drop)
}

fn figures(length: usize, messages: u64, took: Duration, sender: Duration, receiver: Duration) -> Vec<f64> {
    let bytes = messages as f64 * length as f64;
    let per_kib = |cpu: Duration| cpu.as_nanos() as f64 / (bytes / 1024.0);
    let both = per_kib(sender) + per_kib(receiver);
    vec![bytes / took.as_secs_f64() / 1e9, both, per_kib(sender), per_kib(receiver)]
}
