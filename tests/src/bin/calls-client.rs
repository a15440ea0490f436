//! A program with calls that outlive it, to be killed: `calls-client URL FILE begin` makes a call and a stream with keys;
//! without `begin` it takes up those that it finds. It prints each item of the stream with its number, then the reply of the call.

use std::time::Duration;

use everwire::store::SqliteStore;
use everwire::{CallOptions, Client, Json, ResumedHandle, SessionMode};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// The number of items that are sent ahead of what is processed, and so of those that come again after a kill at most.
const WINDOW: u32 = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, file, rest @ ..] = &args[..] else { return Err("usage: calls-client URL FILE [begin]".into()) };
    let client = Client::builder(url)
        .session(SessionMode::Require)
        .store(SqliteStore::open(file)?)
        .initial_delay(Duration::from_millis(10))
        .max_delay(Duration::from_millis(50))
        .build()?;
    let found = client.resume_calls().await;
    println!("found {}", found.len());
    let (mut call, mut stream) = (None, None);
    if rest.first().is_some_and(|word| word == "begin") {
        call = Some(client.call_with("double", Json(21), CallOptions::new().key("the-call")));
        let options = CallOptions::new().key("the-stream").window(WINDOW);
        stream = Some(client.stream_with("count", Json(400), options));
    }
    for resumed in found {
        match resumed.handle {
            ResumedHandle::Call(found) => call = Some(found),
            ResumedHandle::Stream(found) => stream = Some(found),
        }
    }
    if let Some(mut stream) = stream {
        while let Some(item) = stream.next().await {
            println!("item {} {}", stream.position(), item?.as_text().unwrap_or_default().trim());
            // So that a kill finds it somewhere.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    if let Some(call) = call {
        println!("reply {}", call.await?.as_text().unwrap_or_default());
    }
    let left = client.close(Duration::from_secs(30)).await;
    println!("left {}", left.unacknowledged.len());
    Ok(())
}
