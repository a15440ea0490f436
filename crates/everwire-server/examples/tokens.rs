//! A token stream that survives its connection: a made-up model emits a word every 30 ms, and the network is cut again and again.
//!
//! `cargo run -p everwire-server --features axum,calls --example tokens`

use std::io::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{Calls, Sessions, SessionsConfig, Upgrade};
use everwire_testkit::faults::Ending;
use everwire_testkit::proxy::Proxy;
use futures_util::{Stream, StreamExt, stream};

const STORY: &str =
    "Once upon a time a stream of words was cut in the middle of a sentence and nobody who read it ever noticed";

/// The model: it takes a prompt, and its time.
async fn tokens(prompt: String) -> impl Stream<Item = String> {
    let words: Vec<String> = STORY.split(' ').map(str::to_owned).collect();
    stream::iter([format!("[{prompt}]")]).chain(stream::iter(words)).then(async |word| {
        tokio::time::sleep(Duration::from_millis(30)).await;
        word
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Calls::new().stream("tokens", tokens);
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "guest", calls)
    });
    let app = Router::new().route("/model", route).with_state((sessions, calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let network = Proxy::builder(listener.local_addr()?.to_string()).start().await?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let url = format!("ws://{}/model", network.address());
    let builder = Client::builder(url).session(SessionMode::Require);
    let client = builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)).build()?;
    let mut words = client.stream("tokens", "tell me a story");
    let mut count = 0;
    while let Some(word) = words.next().await {
        print!("{} ", word?.as_text().unwrap_or_default());
        std::io::stdout().flush()?;
        count += 1;
        if count % 7 == 0 {
            network.cut_all(Ending::Reset);
        }
    }
    println!("\n{count} words over {} connections", client.stats().machine.connections);
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
