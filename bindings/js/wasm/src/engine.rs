//! One client.
#![allow(unreachable_pub, reason = "`wasm_bindgen` exports them")]

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytestring::ByteString;
use everwire::{Client, Deliveries, Hint, Message, Priority, SendError, SendOptions};
use js_sys::{Array, Error, Object, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::hooks::{Hooks, promise};
use crate::pump::{self, Demand};
use crate::{outcomes, settings};

/// A client, as JavaScript has it.
#[wasm_bindgen]
pub struct Engine {
    client: Client,
    demand: Rc<Demand>,
}

#[wasm_bindgen]
impl Engine {
    /// Starts a client. Errors are JavaScript's, with what is wrong with which setting.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, given: &JsValue, hooks: JsValue) -> Result<Self, JsValue> {
        let hooks = Rc::new(Hooks::new(hooks));
        let builder = settings::builder(url, given, &hooks).map_err(|error| JsValue::from(Error::new(&error)))?;
        let client = builder.build().map_err(|error| JsValue::from(Error::new(&error.to_string())))?;
        outcomes::start(&client, Rc::clone(&hooks));
        let engine = Self { client, demand: Rc::default() };
        engine.recover(&hooks);
        pump::start(&engine.client, hooks, Rc::clone(&engine.demand));
        Ok(engine)
    }

    /// What an earlier page has left in the store: the hook is given each with its number.
    fn recover(&self, hooks: &Hooks) {
        for recovered in self.client.recovered() {
            hooks.recovered(recovered.delivery.id().0, &recovered.message);
        }
    }

    /// Puts a text into the outbox and gives its number, by which its outcome is told.
    pub fn send_text(&self, text: String, options: &JsValue) -> Result<f64, JsValue> {
        self.send(Message::text(text), options)
    }

    /// The same for many texts, in one call: `joined` has them in UTF-8 with an ASCII character between each two, `units` the length
    /// of each in UTF-16. At most 256, so that their numbers follow each other. The first number, how many were taken, and why no more were.
    pub fn send_texts(&self, joined: Vec<u8>, units: &[u32]) -> SentTexts {
        let mut deliveries = Deliveries::new();
        let sent = self.client.send_many(&mut texts(joined, units), &mut deliveries);
        let first = deliveries.first_id().map_or(0.0, |first| first.0 as f64);
        SentTexts { first, count: deliveries.len(), refused: sent.err().map(|error| refusal(&error)) }
    }

    /// The same for bytes.
    pub fn send_bytes(&self, bytes: Vec<u8>, options: &JsValue) -> Result<f64, JsValue> {
        self.send(Message::binary(bytes), options)
    }

    /// Allows this number of further messages to be handed over; a negative number allows all.
    pub fn demand(&self, messages: f64) {
        self.demand.add(messages);
    }

    /// In a session: the first `position` of all messages that were handed over are processed.
    pub fn acknowledge(&self, position: f64) {
        self.demand.acknowledge(position as u64);
    }

    /// Payload bytes that are in no socket yet.
    pub fn queued_bytes(&self) -> f64 {
        self.client.stats().machine.queued_bytes as f64
    }

    /// Round trip in milliseconds, smoothed; not a number where none was measured.
    pub fn round_trip(&self) -> f64 {
        self.client.stats().machine.smoothed_round_trip.map_or(f64::NAN, |trip| trip.as_secs_f64() * 1e3)
    }

    /// Connects, if the client has stopped.
    pub fn connect(&self) {
        self.client.connect();
    }

    /// Tries at once, if the client waits.
    pub fn retry_now(&self) {
        self.client.hint(Hint::RetryNow);
    }

    /// Closes the connection in order and keeps the outbox.
    pub fn disconnect(&self) {
        self.client.disconnect();
    }

    /// Moves a session to a new connection.
    pub fn migrate(&self) {
        self.client.migrate();
    }

    /// Ends the client within `within` milliseconds; the promise is for the numbers of unsent and of unacknowledged messages.
    pub fn close(&self, within: f64) -> Promise {
        let within = Duration::try_from_secs_f64(within.max(0.0) / 1e3).unwrap_or(Duration::MAX);
        let client = self.client.clone();
        promise(async move {
            let left = client.close(within).await;
            Ok(Array::of2(&left.unsent.len().into(), &left.unacknowledged.len().into()).into())
        })
    }
}

impl Engine {
    fn send(&self, message: Message, options: &JsValue) -> Result<f64, JsValue> {
        let sent = match options.is_object() {
            true => self.client.send_with(message, send_options(options)),
            false => self.client.send(message),
        };
        sent.map(|delivery| delivery.id().0 as f64).map_err(|error| refusal(&error))
    }
}

/// What became of many texts.
#[wasm_bindgen]
pub struct SentTexts {
    /// The number of the first one that was taken; the others have those that follow.
    pub first: f64,
    /// How many were taken.
    pub count: usize,
    refused: Option<JsValue>,
}

#[wasm_bindgen]
impl SentTexts {
    /// Why the next one was not.
    pub fn refused(self) -> JsValue {
        self.refused.unwrap_or(JsValue::UNDEFINED)
    }
}

/// The messages of a joined text. They share its memory.
fn texts(joined: Vec<u8>, units: &[u32]) -> VecDeque<Message> {
    // What JavaScript encodes is UTF-8.
    let joined = ByteString::try_from(joined).unwrap_or_default();
    let mut start = 0;
    let mut messages = VecDeque::with_capacity(units.len());
    for length in units {
        let end = start + bytes_of(&joined[start..], *length as usize);
        messages.push_back(Message::text(joined.slice_ref(&joined[start..end])));
        // The character between.
        start = (end + 1).min(joined.len());
    }
    messages
}

/// How many bytes the first `units` of UTF-16 have in UTF-8.
fn bytes_of(text: &str, units: usize) -> usize {
    // Mostly each has one.
    if text.as_bytes().get(..units).is_some_and(<[u8]>::is_ascii) {
        return units;
    }
    let mut left = units;
    let mut characters = text.chars();
    while left > 0 {
        let Some(next) = characters.next() else { break };
        left = left.saturating_sub(next.len_utf16());
    }
    text.len() - characters.as_str().len()
}

fn send_options(given: &JsValue) -> SendOptions {
    let mut options = SendOptions::new();
    if let Some(ttl) = settings::duration(given, "ttl") {
        options = options.ttl(ttl);
    }
    match settings::text(given, "priority").as_deref() {
        Some("high") => options = options.priority(Priority::High),
        Some("low") => options = options.priority(Priority::Low),
        _ => {}
    }
    if let Some(key) = settings::text(given, "key") {
        options = options.key(key);
    }
    options
}

/// An error with a `code`: `full`, `closed` or `too-large`.
fn refusal(error: &SendError) -> JsValue {
    let code = match error {
        SendError::Full(_) => "full",
        SendError::Closed(..) => "closed",
        _ => "too-large",
    };
    let words = Error::new(&error.to_string());
    // An error is an object.
    let _ = Reflect::set(AsRef::<Object>::as_ref(&words), &"code".into(), &code.into());
    words.into()
}
