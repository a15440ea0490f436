//! A feed that wants a login and forgets who has subscribed when a connection ends. Here it cuts each connection after
//! some prices; the client logs in and subscribes again each time, by itself.
//!
//! `cargo run -p everwire --example feed`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, NewConnection, PermanentError};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const PRICES: usize = 9;
/// Before it is cut.
const PRICES_OF_A_CONNECTION: usize = 3;

/// What goes first on every connection.
async fn enter(mut connection: NewConnection) -> Result<(), Box<dyn Error + Send + Sync>> {
    connection.send("login ana").await?;
    match connection.recv().await?.as_text() {
        Some("welcome") => {}
        Some("denied") => return Err(PermanentError::new("the feed knows no ana").into()), // ends the client
        other => return Err(format!("the feed says {other:?}").into()),                    // is tried again
    }
    connection.send("subscribe EUR/USD").await?; // so is an error, or as its close code says
    connection.recv().await?; // its answer
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(feed(listener));

    let client = Client::builder(url).initial_delay(Duration::from_millis(50)).on_open(enter).build()?;
    let mut inbox = client.messages();
    for _ in 0..PRICES {
        let Some(price) = inbox.next().await else { break };
        println!("{}", price.as_text().unwrap_or_default());
    }
    println!("over {} connections", client.stats().machine.connections);
    client.close(Duration::from_secs(5)).await;
    Ok(())
}

/// The feed, a server that the client does not control.
async fn feed(listener: TcpListener) {
    let mut price = 0;
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        let mut told = 0;
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let answer = if text.starts_with("login ") { "welcome" } else { "you are subscribed" };
            if socket.send(Message::text(answer)).await.is_err() || answer == "welcome" {
                continue;
            }
            while told < PRICES_OF_A_CONNECTION {
                (price, told) = (price + 1, told + 1);
                if socket.send(Message::text(format!("EUR/USD stands at {price}"))).await.is_err() {
                    break;
                }
            }
            break; // and the connection is cut
        }
    }
}
