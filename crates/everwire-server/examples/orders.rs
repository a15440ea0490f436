//! Exactly once, in both directions: a server that takes orders, and a client that is moved and cut while it sends them.
//!
//! `cargo run -p everwire-server --features axum --example orders`

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{Session, Sessions, SessionsConfig, Upgrade};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// What the server does with a client's orders: each comes once and in order, and so does its confirmation.
async fn take_orders(mut session: Session) {
    let mut total = 0;
    while let Some(order) = session.recv().await {
        total += order.message.as_text().and_then(|amount| amount.parse::<u64>().ok()).unwrap_or(0);
        // An error says that the session is over; `recv` then ends the loop.
        let _ = session.send(format!("{total} in all"));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route =
        get(async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "guest", take_orders));
    let app = Router::new().route("/orders", route).with_state(sessions.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/orders", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(url).session(SessionMode::Require).build()?;
    let mut inbox = client.messages();
    let deliveries: Vec<_> = (1..=100).map(|amount: u64| client.send(amount.to_string())).collect::<Result<_, _>>()?;
    client.migrate(); // to a new connection, in the middle of it

    let mut last = None;
    for delivery in deliveries {
        let outcome = delivery.await;
        last = inbox.next().await;
        if !outcome.is_delivered() {
            println!("an order was not processed: {outcome}");
        }
    }
    println!("the last confirmation: {}", last.as_ref().and_then(|message| message.as_text()).unwrap_or("none"));
    let left = client.close(Duration::from_secs(5)).await;
    println!("{} orders unsent, {} without an answer", left.unsent.len(), left.unacknowledged.len());
    Ok(())
}
