//! An orderly end: flush what is queued within a deadline, and keep what could not be delivered for the next start.
//!
//! `cargo run -p everwire --example shutdown`

use std::error::Error;
use std::time::Duration;

use everwire::Client;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // With a server: everything is delivered, and `close` returns as soon as that is proven.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
            while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
        }
    });
    let client = Client::builder(url).build()?;
    for number in 1..=1000 {
        drop(client.send(format!("reading {number}"))?);
    }
    let left = client.close(Duration::from_secs(5)).await;
    println!("with a server: {} unsent, {} unproven", left.unsent.len(), left.unacknowledged.len());

    // Without one: the deadline passes, and what is left comes back in order. (A store would keep it: see `outbox.rs`.)
    let client = Client::builder("ws://127.0.0.1:9/").build()?;
    drop(client.send("reading 1001")?);
    drop(client.send("reading 1002")?);
    let left = client.close(Duration::from_millis(100)).await;
    for message in &left.unsent {
        println!("to be kept: {}", message.as_text().unwrap_or_default());
    }
    Ok(())
}
