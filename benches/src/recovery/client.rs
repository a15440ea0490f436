//! The Everwire client, sending numbers.

use std::time::Duration;

use everwire::{Client, Event, Events, SessionMode};
use everwire_testkit::unresponsive::Unresponsive;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::{MissedTickBehavior, interval};

use super::Done;

const EVERY: Duration = Duration::from_millis(10);

/// Sends numbers at the client's defaults, in a session or plain, until a line comes on stdin.
pub(crate) fn run(contender: &str, address: &str) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let dead = Unresponsive::bind().await?;
        let builder = match contender {
            "everwire-session" => Client::builder(format!("ws://{address}/session")).session(SessionMode::Require),
            "everwire-two-addresses" => {
                let addresses = [dead.address(), address.parse()?];
                Client::builder("ws://feed.invalid/plain").no_proxy().resolve("feed.invalid", 80, addresses)
            }
            _ => Client::builder(format!("ws://{address}/plain")),
        };
        let client = builder.build()?;
        client.watch_state().wait_for(|state| state.is_connected()).await?;
        tokio::spawn(watch(client.events()));
        let mut lines = BufReader::new(stdin()).lines();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut said = 0_u64;
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    said += 1;
                    drop(client.send(said.to_string())?);
                }
                _ = lines.next_line() => break,
            }
        }
        println!("said {said}");
        std::future::pending().await
    })
}

async fn watch(mut events: Events) {
    while let Some(event) = events.next().await {
        if let everwire::EventItem::Event(Event::Disconnected(_)) = event {
            println!("noticed");
        }
    }
}
