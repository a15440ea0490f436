//! What became of messages.

use everwire::{DropPolicy, Stage};

use crate::Payload;
use crate::payload::payloads;
use crate::plain_enum::plain_enum;

plain_enum! {
    /// What became of a message; each has exactly one.
    pub enum OutcomeKind {
        /// The peer's application has processed it (sessions only).
        Acknowledged = "acknowledged",
        /// The peer's WebSocket endpoint has read it.
        Received = "received",
        /// Its time to live was over before it was handed to a socket.
        Expired = "expired",
        /// It certainly never arrived: it was the oldest when a newer one needed room.
        DroppedOldest = "dropped_oldest",
        /// It certainly never arrived: it was the newest and found no room.
        DroppedNewest = "dropped_newest",
        /// It certainly never arrived: it had the lowest priority when room was needed.
        DroppedLowestPriority = "dropped_lowest_priority",
        /// It certainly never arrived: a newer message with its key took its place.
        Conflated = "conflated",
        /// It was volatile, and there was no connection.
        DroppedNotConnected = "dropped_not_connected",
        /// The peer refused it, and would again.
        Rejected = "rejected",
        /// It certainly never arrived: it was cancelled, or the client ended first.
        Cancelled = "cancelled",
        /// It was queued when the client lost sight of it: it may or may not have arrived.
        UnknownQueued = "unknown_queued",
        /// It was written to a connection, and nothing proves its arrival.
        UnknownWritten = "unknown_written",
        /// It is kept in the outbox's file for the next start.
        Stored = "stored",
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which outcome.
    pub kind: OutcomeKind,
    /// Whether the message certainly arrived.
    pub delivered: bool,
    /// Whether it certainly was not processed, so that sending it again can't double it.
    pub safe_to_resend: bool,
    /// The same in words, one line.
    pub text: String,
}

impl From<everwire::Outcome> for Outcome {
    fn from(outcome: everwire::Outcome) -> Self {
        use everwire::Outcome as From;
        let kind = match outcome {
            From::Acknowledged => OutcomeKind::Acknowledged,
            From::Received => OutcomeKind::Received,
            From::Expired => OutcomeKind::Expired,
            From::Dropped(DropPolicy::Oldest) => OutcomeKind::DroppedOldest,
            From::Dropped(DropPolicy::Newest) => OutcomeKind::DroppedNewest,
            From::Dropped(DropPolicy::LowestPriority) => OutcomeKind::DroppedLowestPriority,
            From::Dropped(DropPolicy::Conflated) => OutcomeKind::Conflated,
            From::Dropped(_) => OutcomeKind::DroppedNotConnected,
            From::Rejected(_) => OutcomeKind::Rejected,
            From::Cancelled => OutcomeKind::Cancelled,
            From::Unknown(Stage::Queued) => OutcomeKind::UnknownQueued,
            From::Stored => OutcomeKind::Stored,
            _ => OutcomeKind::UnknownWritten,
        };
        Self {
            kind,
            delivered: outcome.is_delivered(),
            safe_to_resend: outcome.is_safe_to_resend(),
            text: outcome.to_string(),
        }
    }
}

/// Messages with consecutive numbers, and the outcome of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRange {
    /// Number of the first message.
    pub first: u64,
    /// Number of the last message.
    pub last: u64,
    /// The outcome of each of them.
    pub outcome: Outcome,
}

impl From<everwire::OutcomeRange> for OutcomeRange {
    fn from(range: everwire::OutcomeRange) -> Self {
        Self { first: range.first.0, last: range.last.0, outcome: range.outcome.into() }
    }
}

/// Consecutive numbers of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What was still in the outbox when the client had ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Never wholly handed to a socket, in order: they have certainly not arrived.
    pub unsent: Vec<Payload>,
    /// Written, in order, and nothing proves their arrival.
    pub unacknowledged: Vec<Payload>,
}

impl From<everwire::Undelivered> for Undelivered {
    fn from(undelivered: everwire::Undelivered) -> Self {
        let everwire::Undelivered { unsent, unacknowledged, .. } = undelivered;
        Self { unsent: payloads(unsent), unacknowledged: payloads(unacknowledged) }
    }
}

/// A message that an earlier client with the same outbox file has left. It is sent by itself; its outcome comes with those
/// of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Its number.
    pub id: u64,
    /// What it carries.
    pub payload: Payload,
}
