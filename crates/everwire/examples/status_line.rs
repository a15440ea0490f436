//! A status line for a user: each state of the connection in one plain line, through a restart of the server.
//!
//! `cargo run -p everwire --example status_line`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, EventItem, State};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let server = tokio::spawn(accept_and_cut(listener));

    let client = Client::builder(url).initial_delay(Duration::from_millis(50)).build()?;
    let mut events = client.events();
    let mut connections = 0;
    while let Some(event) = events.next().await {
        // `watch_state` has the latest state only; events have each one.
        let EventItem::State(state) = event else { continue };
        let light = match &state {
            State::Connected { .. } => "green",
            State::Connecting { .. } | State::Disconnected { .. } => "yellow",
            State::Closed(_) | State::Closing => "grey",
            _ => "?",
        };
        println!("[{light}] {state}");
        connections += u32::from(state.is_connected());
        if connections == 2 {
            break;
        }
    }
    server.abort();
    client.close(Duration::ZERO).await;
    println!("[grey] {}", client.state());
    Ok(())
}

/// A server that drops its first connection.
async fn accept_and_cut(listener: TcpListener) {
    let mut kept = Vec::new();
    for cut in [true, false] {
        let Ok((stream, _)) = listener.accept().await else { return };
        let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
        if !cut {
            kept.push(socket);
        }
    }
    std::future::pending::<()>().await;
}
