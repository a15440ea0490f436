//! Messages that are sent without a connection: the order by priority, the latest of a key, one that expires, one that is
//! taken back. Each has its outcome.
//!
//! `cargo run -p everwire --example offline_queue`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, Priority, SendOptions};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let client = Client::builder(url).connect_on_build(false).build()?;

    let price = SendOptions::new().key("EUR/USD");
    let old = client.send_with("EUR/USD 1.08", price.clone())?;
    let new = client.send_with("EUR/USD 1.09", price)?;
    let alarm = client.send_with("alarm", SendOptions::new().priority(Priority::High))?;
    let position = client.send_with("52.5 N", SendOptions::new().ttl(Duration::ZERO))?;
    let draft = client.send("draft")?;
    client.cancel(draft.id())?;

    client.connect();
    let server = tokio::spawn(print_two(listener));
    println!("old price: {}", old.await);
    println!("position: {}", position.await);
    println!("draft: {}", draft.await);
    println!("alarm: {}", alarm.await);
    println!("new price: {}", new.await);
    client.close(Duration::from_secs(5)).await;
    server.await?;
    Ok(())
}

/// Prints what arrives.
async fn print_two(listener: TcpListener) {
    let Ok((stream, _)) = listener.accept().await else { return };
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = futures_util::StreamExt::next(&mut socket).await {
        if let Ok(text) = message.to_text()
            && message.is_text()
        {
            println!("the server gets {text}");
        }
    }
}
