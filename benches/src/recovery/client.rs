//! Our client, saying numbers.

use std::time::Duration;

use everwire::{Client, Event, Events, SessionMode};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::{MissedTickBehavior, interval};

use super::Done;

const EVERY: Duration = Duration::from_millis(10);

/// At its defaults, in a session or plain, until a line comes in.
pub(crate) fn run(contender: &str, address: &str) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = contender == "everwire-session";
        let url = format!("ws://{address}/{}", if session { "session" } else { "plain" });
        let builder = Client::builder(url);
        let client = if session { builder.session(SessionMode::Require) } else { builder }.build()?;
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
