//! What goes to `tracing`: states, failures and losses; no payload, header, token or query.

use everwire_core::{Closed, Event, PostMortem};
use tracing::{debug, info, trace, warn};

#[cfg(not(target_arch = "wasm32"))]
use crate::Opening;
use crate::State;
use crate::events::EventItem;

pub(super) fn notice(url: &str, notice: &EventItem) {
    match notice {
        EventItem::State(state) => log_state(url, state),
        EventItem::Event(event) => log_event(url, event),
        EventItem::Discarded(messages) => {
            debug!(target: TARGET, url, messages, "received messages discarded: nobody reads them");
        }
        EventItem::InboxFull { messages, bytes } => {
            warn!(target: TARGET, url, messages, bytes, "the inbox is full and holds up what was sent: take messages while you wait for outcomes");
        }
        EventItem::Missed(_) => {}
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn opening(url: &str, opening: &Opening) {
    debug!(target: TARGET, url, "opened in {opening}");
}

pub(super) fn runtime_gone(url: &str) {
    warn!(target: TARGET, url, "the client has ended: its runtime was shut down, or one of its hooks panicked");
}

pub(super) fn store_left_open(url: &str) {
    warn!(target: TARGET, url, "the client has ended while its store is still committing: the commit takes longer than 5 s");
}

/// Said once per client, since it may go on for ever.
pub(super) fn nobody_reads(url: &str) {
    warn!(target: TARGET, url, "received messages are discarded: nobody reads `Client::messages()`");
}

const TARGET: &str = "everwire";

fn log_state(url: &str, state: &State) {
    match state {
        State::Connected { .. } => info!(target: TARGET, url, "{state}"),
        State::Closed(Closed::Refused(_) | Closed::GaveUp { .. }) => warn!(target: TARGET, url, "{state}"),
        State::Closed(_) | State::Connecting { .. } | State::Disconnected { .. } | State::Closing => {
            debug!(target: TARGET, url, "{state}");
        }
    }
}

fn log_end(url: &str, post_mortem: &PostMortem) {
    let PostMortem { connection, cause, uptime, silent_for, sent, received, unproven, queued, next, .. } = post_mortem;
    let (by, code) = (post_mortem.ended_by(), cause.code());
    let (p50, p99) = (post_mortem.round_trips.p50, post_mortem.round_trips.p99);
    info!(
        target: TARGET, url, connection, %by, code, ?uptime, ?silent_for, sent, received, ?p50, ?p99, unproven, queued,
        %next, "disconnected: {cause}"
    );
}

fn log_event(url: &str, event: &Event) {
    match event {
        Event::AttemptFailed { attempt, cause } => info!(target: TARGET, url, attempt, "attempt failed: {cause}"),
        Event::Disconnected(post_mortem) => log_end(url, post_mortem),
        Event::RoundTrip(time) => trace!(target: TARGET, url, ?time, "round trip"),
        Event::Resending { messages } => info!(target: TARGET, url, messages, "sending again"),
        Event::PingsUnanswered { waited } => info!(target: TARGET, url, ?waited, "the peer answers no pings"),
        Event::MoveFailed { cause, retry_in } => {
            info!(target: TARGET, url, ?retry_in, "no new connection to move to: {cause}");
        }
        Event::Woke { slept } => info!(target: TARGET, url, ?slept, "the device slept"),
        Event::Stalled { late_by } => warn!(target: TARGET, url, ?late_by, "this process stalled"),
        other => debug!(target: TARGET, url, event = ?other),
    }
}
