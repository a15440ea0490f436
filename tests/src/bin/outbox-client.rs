//! A client with a durable outbox, for tests that kill it: `outbox-client URL FILE LIFE` sends `LIFE-1`, `LIFE-2`, … and prints each
//! once it is durable. When its standard input ends, it sends no more, waits until everything is acknowledged, and says so.

use std::time::Duration;

use everwire::store::SqliteStore;
use everwire::{Client, SessionMode};
use tokio::io::AsyncReadExt;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// How many messages may wait at once, so that a kill finds messages in every state.
const IN_FLIGHT: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, file, life] = &args[..] else { return Err("usage: outbox-client URL FILE LIFE".into()) };
    let client = Client::builder(url)
        .session(SessionMode::Require)
        .store(SqliteStore::open(file)?)
        .initial_delay(Duration::from_millis(10))
        .max_delay(Duration::from_millis(50))
        .build()?;
    println!("started with {} recovered", client.recovered().len());

    let mut stdin = tokio::io::stdin();
    let mut nothing = [0];
    let ended = stdin.read(&mut nothing);
    tokio::pin!(ended);
    let mut sent = 0_u64;
    loop {
        let mut batch = Vec::new();
        for _ in 0..8 {
            sent += 1;
            let text = format!("{life}-{sent}");
            batch.push((client.send_wait(text.clone()).await?, text));
        }
        for (mut delivery, text) in batch {
            if delivery.stored().await.is_ok() {
                println!("stored {text}");
            }
        }
        let crowded = async {
            while client.stats().machine.queued_messages + client.stats().machine.unproven_messages > IN_FLIGHT {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            _ = &mut ended => break,
            () = crowded => {}
        }
    }
    let left = client.close(Duration::from_secs(30)).await;
    println!("left {} and {}", left.unsent.len(), left.unacknowledged.len());
    Ok(())
}
