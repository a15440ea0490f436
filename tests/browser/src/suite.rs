//! One function for each case; its error says what is wrong.
#![allow(unreachable_pub, reason = "`wasm_bindgen` exports them")]

use std::time::Duration;

use everwire::store::{WebStore, check};
use everwire::{
    Builder, CallOptions, Cause, Client, Event, EventItem, Events, Guarantee, Loss, Message, OpenFailureKind, Outcome,
    SessionMode, State,
};
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

/// A `pong` proves that the messages before its `ping` were received; the server answers the text `ping` with `pong`.
#[wasm_bindgen]
pub async fn evidence(url: String) -> Done {
    let client = build(builder(&url).text_pings("ping", "pong"))?;
    same(send(&client, Message::text("silently"))?.await, Outcome::Received)?;
    closed_for_good(client).await
}

/// A server that refuses at first: the attempt fails, is repeated, and messages wait until one succeeds.
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

/// The server's close code and reason are reported, and the client reconnects; the server closes after the first message.
#[wasm_bindgen]
pub async fn closed(url: String) -> Done {
    let client = build(builder(&url))?;
    drop(send(&client, Message::text("first"))?);
    let Cause::PeerClosed(Some(frame)) = cause_of_end(&client).await? else { return Err("no close frame".to_owned()) };
    same((frame.code.0, &*frame.reason), (4001, "enough"))?;
    goes_on(client).await
}

/// A close reason that repeats the token in the URL's query, or in a subprotocol, shows neither.
#[wasm_bindgen]
pub async fn secretive(url: String) -> Done {
    let url = format!("{url}?token=tok3nvalue");
    let client = build(builder(&url).subprotocol("chat").subprotocol("bearer.0123456789abcdef0123"))?;
    drop(send(&client, Message::text("first"))?);
    let Cause::PeerClosed(Some(frame)) = cause_of_end(&client).await? else { return Err("no close frame".to_owned()) };
    same((frame.code.0, &*frame.reason), (4001, "no … of /?…, nor …"))?;
    goes_on(client).await
}

/// A connection that ends without a close frame is reported as lost, and the client reconnects.
#[wasm_bindgen]
pub async fn cut(url: String) -> Done {
    let client = build(builder(&url))?;
    drop(send(&client, Message::text("first"))?);
    same(cause_of_end(&client).await?, Cause::Lost(Loss::Ended))?;
    goes_on(client).await
}

/// The messages of the hook for new connections are sent first on each of them, and the answer goes to the hook only.
#[wasm_bindgen]
pub async fn on_open(url: String) -> Done {
    let builder = builder(&url).on_open(async |mut connection| {
        connection.send("login").await?;
        match connection.recv().await?.as_text() {
            Some("login") => Ok(()),
            answer => Err(format!("{answer:?}").into()),
        }
    });
    let client = build(builder)?;
    drop(send(&client, Message::text("first"))?);
    same(cause_of_end(&client).await?, Cause::Lost(Loss::Ended))?;
    goes_on(client).await
}

/// A connection that falls silent is given up when no `pong` comes, and the client reconnects.
#[wasm_bindgen]
pub async fn silent(url: String) -> Done {
    let builder = builder(&url).text_pings("ping", "pong");
    let client = build(builder.heartbeat_interval(Some(QUICK)).heartbeat_timeout(QUICK))?;
    drop(send(&client, Message::text("first"))?);
    let cause = cause_of_end(&client).await?;
    if !matches!(cause, Cause::Dead { .. }) {
        return Err(format!("the cause is {cause:?}"));
    }
    goes_on(client).await
}

/// In a session every message arrives once and in order, both ways, and its connections are reported as cut; the server echoes.
#[wasm_bindgen]
pub async fn session_cut(url: String, messages: u32) -> Done {
    all_echoed(builder(&url), messages).await?.iter().try_for_each(was_cut)
}

/// The same when its connections stall: they are reported as dead in time.
#[wasm_bindgen]
pub async fn session_stalled(url: String, messages: u32) -> Done {
    all_echoed(quick_to_find_out(builder(&url)), messages).await?.iter().try_for_each(was_found_in_time)
}

/// Each call gets exactly one reply, and a stream's items come in order, although connections are cut.
#[wasm_bindgen]
pub async fn calls_cut(url: String, messages: u32) -> Done {
    let client = build(builder(&url).session(SessionMode::Require))?;
    let events = client.events();
    let payload = |number: u32| format!("{number}{}", " ".repeat(2_000));
    let mut items = client.stream_with("count", messages.to_string(), CallOptions::new().window(8));
    for first in (0..messages).step_by(20) {
        // Dropped at once: cancelled.
        drop(client.call("never", ()));
        let calls: Vec<_> = (first..first + 20).map(|number| client.call("double", payload(number))).collect();
        for (number, call) in (first..).zip(calls) {
            same(call.json::<u32>().await, Ok(number * 2))?;
            let item = items.next_json::<u32>().await;
            same(item, Some(Ok(number + 1)))?;
        }
    }
    same(items.next().await.is_none(), true)?;
    let failed = client.call("broken", ()).await;
    same(
        failed.err().and_then(|error| error.failure().map(|failure| failure.code.clone())),
        Some("broken".to_owned()),
    )?;
    let late = CallOptions::new().deadline(Duration::from_millis(50));
    same(client.call_with("never", (), late).await.is_err(), true)?;
    same(client.calls().open_calls(), 0)?;
    closed_for_good(client).await?;
    causes(events).await?.iter().try_for_each(was_cut)
}

/// Without a session, every message of an at-least-once client is proven in the end, and its connections are reported as cut; the
/// server answers the text `ping`.
#[wasm_bindgen]
pub async fn at_least_once_cut(url: String, messages: u32) -> Done {
    all_proven(builder(&url), messages).await?.iter().try_for_each(was_cut)
}

/// The same when its connections stall: they are reported as dead in time.
#[wasm_bindgen]
pub async fn at_least_once_stalled(url: String, messages: u32) -> Done {
    all_proven(quick_to_find_out(builder(&url)), messages).await?.iter().try_for_each(was_found_in_time)
}

/// Each of more messages than a stalled network can hold has an outcome, whether it has arrived or not.
#[wasm_bindgen]
pub async fn at_most_once(url: String, messages: u32) -> Done {
    let builder = quick_to_find_out(builder(&url)).text_pings("ping", "pong").outbox_bytes(64 << 20);
    let client = build(builder)?;
    let events = client.events();
    let long = "x".repeat(10_000);
    let send = |number| send(&client, Message::text(format!("{number} {long}")));
    for delivery in (0..messages).map(send).collect::<Result<Vec<_>, _>>()? {
        let outcome = delivery.await;
        if !matches!(outcome, Outcome::Received | Outcome::Unknown(_)) {
            return Err(format!("the outcome is {outcome:?}"));
        }
    }
    closed_for_good(client).await?;
    causes(events).await?.iter().try_for_each(was_found_in_time)
}

/// The number of messages that are sent before the first echo is awaited.
const AHEAD: u32 = 100;

/// Sends messages in one session, and checks that each is echoed once and in order, and nothing else comes; returns what ended
/// the connections.
///
/// At times it does not read until a sent message is acknowledged: messages that come meanwhile are not processed, and come again
/// on the next connection.
async fn all_echoed(builder: Builder, messages: u32) -> Result<Vec<Cause>, String> {
    let client = build(builder.session(SessionMode::Require))?;
    let (events, mut inbox) = (client.events(), client.messages());
    let mut deliveries = Vec::new();
    for number in 0..messages + AHEAD {
        if number < messages {
            let delivery = send(&client, numbered(number))?;
            if number.is_multiple_of(AHEAD) {
                same(delivery.await, Outcome::Acknowledged)?;
            } else {
                deliveries.push(delivery);
            }
        }
        if let Some(number) = number.checked_sub(AHEAD) {
            let message = inbox.next().await;
            if message != Some(numbered(number)) {
                return Err(format!("the message {number} is {:.40}", format!("{message:?}")));
            }
        }
    }
    for delivery in deliveries {
        same(delivery.await, Outcome::Acknowledged)?;
    }
    closed_for_good(client).await?;
    same(inbox.next().await, None)?;
    causes(events).await
}

/// Sends messages until each is proven; returns what ended the connections.
async fn all_proven(builder: Builder, messages: u32) -> Result<Vec<Cause>, String> {
    let client = build(builder.text_pings("ping", "pong").guarantee(Guarantee::AtLeastOnce))?;
    let events = client.events();
    let deliveries: Result<Vec<_>, _> = (0..messages).map(|number| send(&client, numbered(number))).collect();
    for delivery in deliveries? {
        same(delivery.await, Outcome::Received)?;
    }
    closed_for_good(client).await?;
    causes(events).await
}

/// A recognisable message of up to 5 KB, so that most cuts hit the middle of one.
fn numbered(number: u32) -> Message {
    let text = format!("{number} {}", "é".repeat(number as usize * 37 % 2_500));
    if number.is_multiple_of(2) { Message::text(text) } else { Message::binary(text.into_bytes()) }
}

/// What ended the connections of a closed client; an error if its session was lost.
async fn causes(mut events: Events) -> Result<Vec<Cause>, String> {
    let mut causes = Vec::new();
    while let Some(item) = events.next().await {
        match item {
            EventItem::State(State::Disconnected { cause, .. }) => causes.push(cause),
            EventItem::Event(Event::SessionLost { reason, .. }) => {
                return Err(format!("the session is lost: {reason:?}"));
            }
            EventItem::Missed(missed) => return Err(format!("{missed} events were missed")),
            _ => {}
        }
    }
    Ok(causes)
}

fn was_cut(cause: &Cause) -> Done {
    match cause {
        Cause::Lost(Loss::Ended) | Cause::OpenFailed(_) => Ok(()),
        cause => Err(format!("the cause is {cause:?}")),
    }
}

const QUICK: Duration = Duration::from_secs(1);
/// The latest time at which a dead connection must be found, on a busy machine too.
const LATE: Duration = Duration::from_secs(6);

/// Makes the client give up a stalled connection after 2 s of silence, and a stalled opening after 1 s.
fn quick_to_find_out(builder: Builder) -> Builder {
    builder.heartbeat_interval(Some(QUICK)).heartbeat_timeout(QUICK).connect_timeout(QUICK)
}

fn was_found_in_time(cause: &Cause) -> Done {
    match cause {
        Cause::Dead { silent_for } if *silent_for < LATE => Ok(()),
        Cause::OpenFailed(failure) if failure.kind == OpenFailureKind::Timeout => Ok(()),
        cause => Err(format!("the cause is {cause:?}")),
    }
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
    // By events: a watched state that lasts for 20 ms is easily missed.
    let mut events = client.events();
    while let Some(item) = events.next().await {
        if let EventItem::State(State::Disconnected { cause, .. }) = item {
            return Ok(cause);
        }
    }
    Err("it never ended".to_owned())
}

/// Checks that a message on the next connection is echoed.
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
