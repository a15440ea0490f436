//! What a client's doings count, in messages: each user has one budget for all of them, over all connections.

use std::time::Duration;

use everwire_chat_core::wire::Event;

use crate::state::AppState;

/// A message and a binary one: the whole room hears it.
pub(super) const MESSAGE: f64 = 1.0;
/// What says little to others, or nothing.
const SIGNAL: f64 = 0.2;
/// A page of the history.
const PAGE: f64 = 2.0;
/// A ping, which is answered.
pub(super) const PING: f64 = 0.05;
/// Coming in: the room hears it, and there is much to look up.
const JOIN: f64 = 1.0;
/// Bytes that count as much as a message.
const BYTES: f64 = 4096.0;

pub(super) fn of_event(event: &Event) -> f64 {
    match event {
        Event::Text(_) => MESSAGE,
        Event::Earlier(_) => PAGE,
        _ => SIGNAL,
    }
}

pub(super) fn of_bytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / BYTES
}

/// How long a user who comes in has to wait until it is read. `None`: it is not to come in now.
pub(crate) fn join(state: &AppState, user_id: &str) -> Option<Duration> {
    state.spend(user_id, JOIN)
}
