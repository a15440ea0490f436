//! A progress bar of a long job: a stream of how far it is, whose last item is the result. Leaving in the middle cancels the job.
//!
//! `cargo run -p everwire-server --features axum,calls --example progress`

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{Calls, Json, Sessions, SessionsConfig, Upgrade};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum Job {
    Percent(u8),
    Done { pages: u32 },
}

/// The job, in ten steps.
async fn print_book(Json(pages): Json<u32>) -> impl Stream<Item = Json<Job>> {
    let steps = stream::iter(1..=10_u8).then(async |step| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Json(Job::Percent(step * 10))
    });
    steps.chain(stream::iter([Json(Job::Done { pages })]))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Calls::new().stream("print_book", print_book);
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "guest", calls)
    });
    let app = Router::new().route("/jobs", route).with_state((sessions, calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/jobs", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(url).session(SessionMode::Require).build()?;
    let mut job = client.stream("print_book", Json(120));
    while let Some(step) = job.next_json().await {
        match step? {
            Job::Percent(percent) => println!("[{:<10}] {percent} %", "#".repeat(usize::from(percent) / 10)),
            Job::Done { pages } => println!("{pages} pages are printed"),
        }
    }
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
