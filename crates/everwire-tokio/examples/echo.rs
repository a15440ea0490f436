//! One WebSocket that you open and accept yourself, on any tokio stream: here a pipe in memory instead of TCP.
//!
//! `cargo run -p everwire-tokio --example echo`

use std::error::Error;

use everwire_tokio::{client, server};
use everwire_ws::handshake::ClientHandshake;
use everwire_ws::{CloseCode, Config, Incoming, Message};
use http::Request;

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let (near, far) = tokio::io::duplex(4096);
    let echo = tokio::spawn(async move {
        let (mut socket, _opened) = server(far, Config::default(), |_offered| None).await?;
        while let Some(incoming) = socket.recv().await? {
            if let Incoming::Message(message) = incoming {
                socket.send(&message).await?;
            }
        }
        Done::Ok(())
    });

    // In a real client the nonce and the seed must come from the operating system's randomness.
    let handshake = ClientHandshake::new(&Request::get("ws://localhost/").body(())?, &[], [7; 16])?;
    let (mut socket, _accepted) = client(near, handshake, Config::default(), [7; 32]).await?;
    // Queue many, write once.
    for number in 1..=3 {
        assert!(socket.queue(&Message::text(format!("message {number}"))));
    }
    socket.flush().await?;
    for _ in 1..=3 {
        // Cancel-safe: fine in `select!`.
        if let Some(Incoming::Message(message)) = socket.recv().await? {
            println!("echo of {}", message.as_text().unwrap_or_default());
        }
    }
    socket.close(CloseCode::NORMAL, "").await?;
    echo.await??;
    println!("both ends are closed");
    Ok(())
}
