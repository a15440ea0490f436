//! Compares several nodes with one, and with Centrifugo on the same brokers: stored messages, the time to the last delivery,
//! deliveries, the memory of a member, a fail-over, and an empty node that catches up.
//!
//! All processes share the processors of this machine: with two cores, three brokers, three nodes and the members slow each other
//! down, and separate machines would reach more. All figures that are compared were taken in the same way.

mod centrifugo;
mod measures;
mod nodes;

use std::path::Path;

use crate::chat::member::Done;
use nodes::{Nodes, Programs};

/// The number of rooms that messages are spread over.
const MANY: usize = 100;

pub(crate) fn run(everwire: &str, nats_server: &str, centrifugo: Option<&str>) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let programs = Programs { everwire: Path::new(everwire), nats_server: Path::new(nats_server) };
    runtime.block_on(async {
        println!("| measure | one node, SQLite | three nodes | Centrifugo 6, three nodes | aim |");
        println!("|---|---|---|---|---|");
        let one = Nodes::start(&programs, 1).await?;
        let three = Nodes::start(&programs, 3).await?;
        for (rooms, aim) in [(1, ""), (MANY, "10 over three nodes")] {
            let figures = [measures::posts(&one, rooms).await?, measures::posts(&three, rooms).await?];
            row(
                &format!("posts stored, {rooms} rooms, k/s"),
                &figures.map(|rate| format!("{:.1}", rate / 1e3)),
                "",
                aim,
            );
        }
        for (rooms, aim) in [(1, ""), (MANY, "p50 under 5")] {
            let figures = [measures::latency(&one, rooms).await?, measures::latency(&three, rooms).await?];
            let shown = figures.map(|(half, most)| format!("{half:.1} / {most:.1}"));
            row(&format!("post to last delivery, {rooms} rooms, ms, p50 / p99"), &shown, "", aim);
        }
        let peer = match centrifugo {
            Some(program) => Some(centrifugo::measure(Path::new(program), &programs).await?),
            None => None,
        };
        let figures = [measures::deliveries(&one).await?, measures::deliveries(&three).await?];
        let theirs =
            peer.as_ref().map_or(String::new(), |peer| format!("{:.0} / {:.0}", peer.rate / 1e3, peer.each / 1e3));
        let shown = figures.map(|(rate, each)| format!("{:.0} / {:.0}", rate / 1e3, each / 1e3));
        row("deliveries, k/s / thousand for a second of the nodes' processors", &shown, &theirs, "2x Centrifugo's");
        let figures = [measures::memory(&one).await?, measures::memory(&three).await?];
        let theirs = peer.map_or(String::new(), |peer| format!("{:.1}", peer.memory));
        row("memory of an idle member, KiB", &figures.map(|kib| format!("{kib:.1}")), &theirs, "half of Centrifugo's");
        let figures = [measures::many_rooms(&one).await?, measures::many_rooms(&three).await?];
        let shown = figures.map(|(node, broker)| {
            broker.map_or(format!("{node:.2}"), |broker| format!("{node:.2}, broker {broker:.2}"))
        });
        row("memory for each of 100,000 rooms, KiB", &shown, "", "");
        drop(one);
        measures::fail_over(three, &programs).await
    })
}

fn row(what: &str, figures: &[String; 2], peer: &str, aim: &str) {
    println!("| {what} | {} | {} | {peer} | {aim} |", figures[0], figures[1]);
}
