//! Sends `ping` to the server that `everwire echo` starts, and prints the answer and the outcome.

use std::time::Duration;

use everwire::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8090/".into());
    let client = Client::builder(url).build()?; // settings are checked here; it connects in the background
    let mut inbox = client.messages();
    let delivery = client.send("ping")?; // in order, whatever the network does
    println!("{:?}", inbox.next().await);
    println!("our message was {}", delivery.await);
    let left = client.close(Duration::from_secs(5)).await; // flushes; returns what was left
    println!("{} unsent, {} without proof", left.unsent.len(), left.unacknowledged.len());
    Ok(())
}
