//! Code that was written for tokio-tungstenite, with two lines changed.
//!
//! ```text
//! cargo run -p everwire --example two_lines -- ws://127.0.0.1:8080/ws
//! ```

use everwire::{Message, connect};
use futures_util::{SinkExt, StreamExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/ws".into());
    let (socket, _) = connect(&url).await?;
    let (mut writer, mut reader) = socket.split();
    writer.send(Message::text("ping")).await?;
    while let Some(message) = reader.next().await {
        if let Message::Text(text) = message? {
            println!("it says {text}");
            writer.close().await?;
        }
    }
    Ok(())
}
