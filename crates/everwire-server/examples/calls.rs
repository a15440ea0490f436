//! Calls and streams in a session: a server with two handlers, and a client that uses them.
//!
//! `cargo run -p everwire-server --features axum,calls --example calls`

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, Json, SessionMode};
use everwire_server::{Calls, Sessions, SessionsConfig, Upgrade};
use futures_util::stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Calls::new()
        .call("sum", async |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>()))
        .stream("count", async |Json(up_to): Json<u64>| stream::iter((1..=up_to).map(Json)));
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "guest", calls)
    });
    let app = Router::new().route("/calls", route).with_state((sessions, calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/calls", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(url).session(SessionMode::Require).build()?;
    let sum: i64 = client.call("sum", Json([1, 2, 3])).json().await?;
    println!("the sum is {sum}");
    let mut count = client.stream("count", Json(3));
    while let Some(number) = count.next_json::<u64>().await {
        println!("{}", number?);
    }
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
