//! A gateway with a hundred clients: they share a budget of retries, so that they do not all dial in the same moment when
//! their network comes back.
//!
//! `cargo run -p everwire --example many_clients`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, RetryBudget};
use tokio::net::TcpListener;
use tokio::time::Instant;

const CLIENTS: usize = 100;
/// Retries at once, and then in each period.
const RETRIES: u32 = 25;
const PERIOD: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(server(listener));

    let budget = RetryBudget::new(RETRIES, PERIOD)?;
    let delay = Duration::from_millis(1);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        // Without the budget they would all be back after a millisecond.
        let builder = Client::builder(&url).initial_delay(delay).retry_budget(budget.clone());
        clients.push(builder.build()?);
    }
    for client in &clients {
        while client.stats().machine.connections == 0 {
            client.watch_state().changed().await?;
        }
    }
    let started = Instant::now();
    for client in &clients {
        client.watch_state().wait_for(|state| state.is_connected() && client.stats().machine.connections == 2).await?;
    }
    // 25 at once, and then 25 in each tenth of a second.
    let least = PERIOD * (CLIENTS as u32 / RETRIES - 1);
    let verdict = if started.elapsed() >= least { "not all at once" } else { "all at once" };
    println!("{CLIENTS} clients are back, {verdict}");
    Ok(())
}

/// Loses the first connections of all clients at once, and keeps those that come then.
async fn server(listener: TcpListener) {
    let (mut first, mut second) = (Some(Vec::new()), Vec::new());
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { continue };
        match &mut first {
            Some(connections) => connections.push(socket),
            None => second.push(socket),
        }
        if first.as_ref().is_some_and(|connections| connections.len() == CLIENTS) {
            first = None;
        }
    }
}
