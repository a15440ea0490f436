//! A producer that is faster than the network: `send_wait` waits for room in the outbox, so memory stays bounded.
//!
//! `cargo run -p everwire --example upload`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, Message, Outcome};
use tokio::net::TcpListener;

const CHUNKS: usize = 500;
const CHUNK: usize = 16 << 10;
/// The most that waits.
const OUTBOX: usize = 256 << 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        let Ok((stream, _)) = listener.accept().await else { return };
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
    });

    let client = Client::builder(url).outbox_bytes(OUTBOX).build()?;
    let (mut most, mut deliveries) = (0, Vec::new());
    for number in 0..CHUNKS {
        let chunk = Message::binary(vec![number as u8; CHUNK]);
        deliveries.push(client.send_wait(chunk).await?);
        let stats = client.stats().machine;
        most = most.max(stats.queued_bytes + stats.unproven_bytes);
    }
    let mut received = 0;
    for delivery in deliveries {
        received += usize::from(delivery.await == Outcome::Received);
    }
    println!("{received} chunks of {CHUNK} bytes were received");
    let bound = if most <= OUTBOX { "never more than" } else { "more than" };
    println!("{bound} {} KiB waited at a time", OUTBOX >> 10);
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
