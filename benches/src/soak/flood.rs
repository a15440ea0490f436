//! Measures a server's memory for clients that send each kind of frame and never read.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::Done;
use super::peer::{Kind, Peer};
use crate::process;

const SESSIONS: usize = 100;
/// The time for each kind of frame.
const TIME: Duration = Duration::from_secs(3);
/// Frames that a client writes at once.
const FRAMES: usize = 200;
/// The largest memory of the server, in bytes.
const MOST: f64 = 200e6;

/// Prints the server's memory for each kind of frame; fails if it is too large.
pub(super) async fn run() -> Done<()> {
    println!("| {SESSIONS} clients send and never read | frames | memory of the server, MB |");
    println!("|---|---|---|");
    for kind in Kind::ALL {
        let server = process::server(&["soak-server"])?;
        let mut peers = try_join_all((0..SESSIONS).map(|_| Peer::connect(&server.address, "/sink"))).await?;
        let (begun, mut frames, mut most) = (Instant::now(), 0, 0.0_f64);
        while begun.elapsed() < TIME {
            let mut live = Vec::new();
            for mut peer in peers {
                if peer.flood(kind, FRAMES).await {
                    frames += FRAMES;
                    live.push(peer);
                }
            }
            peers = live;
            most = most.max(server.memory()?);
        }
        println!("| {kind:?} | {frames} | {:.0} |", most / 1e6);
        if most >= MOST {
            return Err(format!("{kind:?} makes the server hold {:.0} MB", most / 1e6).into());
        }
    }
    Ok(())
}
