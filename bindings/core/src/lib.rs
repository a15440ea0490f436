//! Everwire's client as plain data and batches: what a binding to another language stands on.
//!
//! A call from another language costs 0.05 to 4 µs whatever it carries, so everything that comes in numbers crosses the
//! border in batches: [`Client::next_batch`] gives messages, [`Client::next_outcomes`] outcomes, [`Client::next_events`]
//! events. Nothing here calls back into the other language: where it has a say (headers before an attempt, a login on a new
//! connection), [`Client::next_step`] asks and a method answers.
//!
//! Every method that waits is cancel-safe in a strong sense: a result that was lost on its way (the coroutine was cancelled
//! between the answer and its arrival) comes again, since each call says how far the caller has come.
//!
//! It compiles for native targets (clients run on threads of the library's own, which end with the last client) and for
//! `wasm32-unknown-unknown` (the page's event loop).
//!
//! ```
//! # async fn example(url: String) -> Result<(), everwire_bind::Error> {
//! use everwire_bind::{Client, OutcomeKind, Payload, SendOptions, Settings};
//!
//! let client = Client::start(Settings { urls: vec![url], ..Settings::default() })?;
//! let id = client.send(Payload::Text("hello".into()), SendOptions::default())?;
//! let outcomes = client.next_outcomes(0, 64).await.expect("the client runs");
//! assert_eq!(outcomes.ranges[0].first, id);
//! assert_eq!(outcomes.ranges[0].outcome.kind, OutcomeKind::Received);
//! let left = client.finish(5_000).await;
//! assert!(left.unsent.is_empty());
//! # Ok(()) }
//! ```
//!
//! - [`Settings`]: every setting with its unit and default, once for all languages
//! - [`Client`]: the handle
//! - [`State`], [`Event`], [`Outcome`], [`Payload`]: what it tells
//! - [`Step`]: where the program has a say
//! - [`Error`]: what can go wrong

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "a page has one thread"))]

mod client;
mod error;
mod event;
mod outcome;
mod payload;
mod plain_enum;
mod settings;
mod state;
mod step;

pub use client::{Batch, Client, EventBatch, Hint, OutcomeBatch, Priority, SendOptions, Sent, Stats};
pub use error::Error;
pub use event::{Event, EventKind};
pub use outcome::{IdRange, Outcome, OutcomeKind, OutcomeRange, Recovered, Undelivered};
pub use payload::Payload;
pub use settings::{Guarantee, Header, Jitter, Overflow, SessionUse, Settings, Value};
pub use state::{Phase, State, StateChange};
pub use step::{AttemptAnswer, Step, StepKind};
