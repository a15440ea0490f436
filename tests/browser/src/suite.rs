//! One function for each case. What it finds wrong is its error.
#![allow(unreachable_pub, reason = "`wasm_bindgen` exports them")]

use std::time::Duration;

use everwire::store::{WebStore, check};
use everwire::{Builder, Cause, Client, EventItem, Loss, Message, Outcome, State};
use wasm_bindgen::prelude::wasm_bindgen;

type Done = Result<(), String>;

/// The store in the browser's own `localStorage` does what every store has to.
#[wasm_bindgen]
pub fn store() -> Done {
    check(|| Ok(WebStore::open("everwire.check")))
}

/// Text and bytes arrive as they were sent, both ways and in order; the server echoes.
#[wasm_bindgen]
pub async fn echo(url: String) -> Done {
    let client = build(builder(&url))?;
    let mut inbox = client.messages();
    let long: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let sent = [Message::text("héllo 😀"), Message::binary(vec![0, 255, 10]), Message::text(""), Message::binary(long)];
    for message in &sent {
        drop(send(&client, message.clone())?);
    }
    for message in sent {
        same(inbox.next().await, Some(message))?;
    }
    closed_for_good(client).await
}

/// What was written before a `pong` has been received: the server answers the text `ping` by `pong`.
#[wasm_bindgen]
pub async fn evidence(url: String) -> Done {
    let client = build(builder(&url).text_pings("ping", "pong"))?;
    same(send(&client, Message::text("silently"))?.await, Outcome::Received)?;
    closed_for_good(client).await
}

/// A server that will have nobody: the attempt fails, is tried again, and what was sent waits until one succeeds.
#[wasm_bindgen]
pub async fn refused(url: String) -> Done {
    let client = build(builder(&url))?;
    let mut inbox = client.messages();
    drop(send(&client, Message::text("kept"))?);
    let cause = cause_of_end(&client).await?;
    if !matches!(cause, Cause::OpenFailed(_)) {
        return Err(format!("the cause is {cause:?}"));
    }
    same(inbox.next().await, Some(Message::text("kept")))?;
    closed_for_good(client).await
}

/// The server's close code and reason are told, and the next connection goes on; the server closes after the first message.
#[wasm_bindgen]
pub async fn closed(url: String) -> Done {
    let client = build(builder(&url))?;
    drop(send(&client, Message::text("first"))?);
    let Cause::PeerClosed(Some(frame)) = cause_of_end(&client).await? else { return Err("no close frame".to_owned()) };
    same((frame.code.0, &*frame.reason), (4001, "enough"))?;
    goes_on(client).await
}

/// A connection that ends without a close frame is told as lost, and the next one goes on.
#[wasm_bindgen]
pub async fn cut(url: String) -> Done {
    let client = build(builder(&url))?;
    drop(send(&client, Message::text("first"))?);
    same(cause_of_end(&client).await?, Cause::Lost(Loss::Ended))?;
    goes_on(client).await
}

/// A connection that falls silent is given up when no `pong` comes, and the next one goes on.
#[wasm_bindgen]
pub async fn silent(url: String) -> Done {
    let quick = Duration::from_millis(300);
    let builder = builder(&url).text_pings("ping", "pong");
    let client = build(builder.heartbeat_interval(Some(quick)).heartbeat_timeout(quick))?;
    drop(send(&client, Message::text("first"))?);
    let cause = cause_of_end(&client).await?;
    if !matches!(cause, Cause::Dead { .. }) {
        return Err(format!("the cause is {cause:?}"));
    }
    goes_on(client).await
}

fn builder(url: &str) -> Builder {
    Client::builder(url).initial_delay(Duration::from_millis(20)).max_delay(Duration::from_millis(200))
}

fn build(builder: Builder) -> Result<Client, String> {
    builder.build().map_err(|error| error.to_string())
}

fn send(client: &Client, message: Message) -> Result<everwire::Delivery, String> {
    client.send(message).map_err(|error| error.to_string())
}

/// Why the first connection, or the first attempt, has ended.
async fn cause_of_end(client: &Client) -> Result<Cause, String> {
    // One by one: a state that lasts for 20 ms is easily missed.
    let mut events = client.events();
    while let Some(item) = events.next().await {
        if let EventItem::State(State::Disconnected { cause, .. }) = item {
            return Ok(cause);
        }
    }
    Err("it never ended".to_owned())
}

/// On its next connection it has what it sends echoed.
async fn goes_on(client: Client) -> Done {
    let mut inbox = client.messages();
    drop(send(&client, Message::text("second"))?);
    while let Some(message) = inbox.next().await {
        if message == Message::text("second") {
            return closed_for_good(client).await;
        }
    }
    Err("the messages have ended".to_owned())
}

async fn closed_for_good(client: Client) -> Done {
    let left = client.close(Duration::from_secs(5)).await;
    same(left.unsent.len(), 0)
}

fn same<T: PartialEq + std::fmt::Debug>(is: T, ought: T) -> Done {
    if is == ought { Ok(()) } else { Err(format!("{is:?}, not {ought:?}")) }
}
