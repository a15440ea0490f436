//! A price feed that never falls behind: of each symbol only the latest quote waits, and none that is stale is sent. The
//! client is slower than the market.
//!
//! `cargo run -p everwire-server --features axum --example prices`

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{SendOptions, Session, Sessions, SessionsConfig, Upgrade};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const SYMBOLS: [&str; 3] = ["EUR/USD", "GBP/USD", "USD/JPY"];
const ROUNDS: u32 = 2_000;

/// Quotes each symbol again and again, faster than anybody can look.
async fn quote(session: Session) {
    let sender = session.sender();
    for round in 1..=ROUNDS {
        for symbol in SYMBOLS {
            let options = SendOptions::new().key(symbol).ttl(Duration::from_secs(60));
            if sender.send_with(format!("{symbol} {round}"), options).is_err() {
                return; // the session is over
            }
        }
        tokio::task::yield_now().await;
    }
    sender.flush().await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route =
        get(async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "guest", quote));
    let app = Router::new().route("/", route).with_state(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    // A small inbox: what the client has not looked at waits at the server, where it gives way to what is newer.
    let client = Client::builder(url).session(SessionMode::Require).inbox(4, 64 << 10).build()?;
    let mut inbox = client.messages();
    let (mut shown, mut prices) = (0, BTreeMap::new());
    while prices.len() < SYMBOLS.len() || prices.values().any(|price| *price != ROUNDS) {
        let Some(message) = inbox.next().await else { break };
        if let Some((symbol, price)) = message.as_text().and_then(|text| text.split_once(' ')) {
            prices.insert(symbol.to_owned(), price.parse::<u32>()?);
        }
        shown += 1;
        tokio::time::sleep(Duration::from_millis(50)).await; // somebody looks at it
    }
    let sent = ROUNDS as usize * SYMBOLS.len();
    let share = if shown < sent / 10 { "less" } else { "more" };
    println!("{sent} quotes were made, and {share} than a tenth of them was sent");
    for (symbol, price) in prices {
        println!("{symbol} stands at {price}");
    }
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
