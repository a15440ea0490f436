//! One message in flight.

use std::time::{Duration, Instant};

use super::{Connected, Effort};
use crate::Done;
use crate::peers::Peer;

/// Microseconds: the median and the 99th percentile.
pub(super) async fn client<P: Peer>(to: Connected, effort: Effort) -> Done<Vec<f64>> {
    let mut peer: P = to.open()?;
    let message = P::text(&"x".repeat(128));
    let mut times = Vec::with_capacity(effort.round_trips);
    for round in 0..effort.round_trips + effort.round_trips / 10 {
        let started = Instant::now();
        peer.send(&message).await?;
        let back = peer.receive().await?;
        let took = started.elapsed();
        if P::payload(&back).len() != 128 {
            return Err("something else came back".into());
        }
        // The first ones warm up.
        if round >= effort.round_trips / 10 {
            times.push(took);
        }
    }
    times.sort_unstable();
    let at = |share: f64| micros(times[((times.len() - 1) as f64 * share) as usize]);
    Ok(vec![at(0.5), at(0.99)])
}

pub(super) async fn server<P: Peer>(mut peer: P) -> Done<()> {
    loop {
        let message = peer.receive().await?;
        peer.feed_back(message).await?;
        peer.flush().await?;
    }
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
