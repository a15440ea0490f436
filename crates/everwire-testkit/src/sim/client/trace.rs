//! What the trace and the counts say of a client.

use everwire_core::{Message, Outcome};

use crate::sim::stage::Stage;

pub(super) fn place(index: u32) -> String {
    format!("client {index}")
}

pub(crate) fn count_outcome(stage: &mut Stage, messages: u64, outcome: Outcome) {
    let counts = &mut stage.counts;
    *match outcome {
        Outcome::Acknowledged => &mut counts.acknowledged,
        Outcome::Received => &mut counts.received,
        Outcome::Unknown(_) => &mut counts.unknown,
        _ => &mut counts.unsent,
    } += messages;
}

/// The start of a message, for the trace.
pub(crate) fn excerpt(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).chars().take(120).collect()
}
