//! What `--json` prints: one object per line, `type` first.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everwire::{Cause, Closed, Event, Message, Next, Outcome, PostMortem, State, Undelivered};
use serde::Serialize;

use super::ledger::Account;
use crate::describe;
use crate::exit::Exit;
use crate::term::printable_line;

/// `time` is RFC 3339 in UTC; durations are milliseconds.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    State(StateLine),
    Message(Payload<'a>),
    Outcome { line: u64, outcome: &'static str, delivered: bool, detail: String },
    Event(EventLine),
    Discarded { messages: u64 },
    Missed { events: u64 },
    End(EndLine<'a>),
}

#[derive(Debug, Default, Serialize)]
pub(super) struct StateLine {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pings_unanswered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Payload<'a> {
    Text { text: &'a str },
    Binary { base64: String },
}

#[derive(Debug, Default, Serialize)]
pub(super) struct EventLine {
    event: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_mortem: Option<PostMortemLine>,
}

/// The post-mortem of a connection.
#[derive(Debug, Serialize)]
struct PostMortemLine {
    connection: u64,
    ended_by: String,
    cause: String,
    closing: bool,
    uptime_ms: f64,
    silent_for_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sent_ms: Option<f64>,
    sent: u64,
    received: u64,
    round_trips: RoundTripsLine,
    unproven: usize,
    queued: usize,
    next: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct RoundTripsLine {
    count: u64,
    min_ms: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl PostMortemLine {
    fn of(end: &PostMortem) -> Self {
        let times = &end.round_trips;
        Self {
            connection: end.connection,
            ended_by: end.ended_by().to_string(),
            cause: describe::cause(&end.cause),
            closing: end.closing,
            uptime_ms: millis_of(end.uptime),
            silent_for_ms: millis_of(end.silent_for),
            last_sent_ms: end.last_sent.map(millis_of),
            sent: end.sent,
            received: end.received,
            round_trips: RoundTripsLine {
                count: times.count,
                min_ms: millis_of(times.min),
                p50_ms: millis_of(times.p50),
                p90_ms: millis_of(times.p90),
                p99_ms: millis_of(times.p99),
                max_ms: millis_of(times.max),
            },
            unproven: end.unproven,
            queued: end.queued,
            next: printable_line(&end.next.to_string()),
            retry_in_ms: match &end.next {
                Next::Retry { after, .. } => Some(millis_of(*after)),
                _ => None,
            },
        }
    }
}

fn millis_of(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[derive(Debug, Serialize)]
pub(super) struct EndLine<'a> {
    exit: u8,
    reason: &'a str,
    received: u64,
    sent: u64,
    delivered: u64,
    undelivered: u64,
    /// Messages that were never written to a socket.
    unsent: Vec<Payload<'a>>,
    /// Messages that were written, without evidence of their arrival.
    unproven: Vec<Payload<'a>>,
}

impl Line<'_> {
    /// The line's text, without its end.
    pub(super) fn text(&self, now: jiff::Timestamp) -> String {
        #[derive(Serialize)]
        struct Stamped<'a, 'b> {
            #[serde(flatten)]
            line: &'a Line<'b>,
            time: String,
        }
        // This can't fail: all keys are strings and all numbers finite.
        serde_json::to_string(&Stamped { line: self, time: format!("{now:.3}") }).unwrap_or_default()
    }
}

impl<'a> Payload<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => Self::Text { text },
            Message::Binary(data) => Self::Binary { base64: STANDARD.encode(data) },
        }
    }
}

impl StateLine {
    pub(super) fn of(state: &State, now: std::time::Instant) -> Self {
        match state {
            State::Connecting { attempt } => Self { state: "connecting", attempt: Some(*attempt), ..Self::default() },
            State::Connected { subprotocol, pings_unanswered } => Self {
                state: "connected",
                subprotocol: subprotocol.clone(),
                pings_unanswered: *pings_unanswered,
                ..Self::default()
            },
            State::Disconnected { cause, retry_at, attempt, .. } => Self {
                state: "disconnected",
                attempt: Some(*attempt),
                retry_in_ms: Some(millis(retry_at.saturating_duration_since(now))),
                code: cause.code(),
                reason: Some(cause.to_string()),
                ..Self::default()
            },
            State::Closing => Self { state: "closing", ..Self::default() },
            State::Closed(closed) => Self {
                state: "closed",
                code: code(closed),
                reason: Some(describe::closed(closed).1),
                ..Self::default()
            },
            other => Self { state: "other", reason: Some(other.to_string()), ..Self::default() },
        }
    }
}

impl EventLine {
    pub(super) fn of(event: &Event) -> Self {
        let detail = describe::event(event);
        match event {
            Event::AttemptFailed { cause, .. } => {
                Self { event: "attempt_failed", detail, code: cause.code(), ..Self::default() }
            }
            Event::Disconnected(end) => Self {
                event: "disconnected",
                detail,
                code: end.cause.code(),
                ms: Some(millis_of(end.uptime)),
                messages: Some(end.unproven),
                post_mortem: Some(PostMortemLine::of(end)),
            },
            Event::RoundTrip(time) => {
                Self { event: "round_trip", detail, ms: Some(time.as_secs_f64() * 1_000.0), ..Self::default() }
            }
            Event::Resending { messages } => {
                Self { event: "resending", detail, messages: Some(*messages), ..Self::default() }
            }
            Event::PingsUnanswered { waited } => {
                Self { event: "pings_unanswered", detail, ms: Some(millis_of(*waited)), ..Self::default() }
            }
            Event::Stalled { late_by } => {
                Self { event: "stalled", detail, ms: Some(late_by.as_secs_f64() * 1_000.0), ..Self::default() }
            }
            _ => Self { event: "other", detail, ..Self::default() },
        }
    }
}

impl<'a> EndLine<'a> {
    pub(super) fn of(exit: Exit, reason: &'a str, received: u64, account: &Account, left: &'a Undelivered) -> Self {
        Self {
            exit: exit.code(),
            reason,
            received,
            sent: account.read,
            delivered: account.delivered,
            undelivered: account.undelivered(),
            unsent: left.unsent.iter().map(Payload::of).collect(),
            unproven: left.unacknowledged.iter().map(Payload::of).collect(),
        }
    }
}

/// The name of an outcome in the JSON lines.
pub(super) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Acknowledged => "acknowledged",
        Outcome::Received => "received",
        Outcome::Expired => "expired",
        Outcome::Dropped(_) => "dropped",
        Outcome::Rejected(_) => "rejected",
        Outcome::Cancelled => "cancelled",
        Outcome::Unknown(_) => "unknown",
        _ => "other",
    }
}

fn code(closed: &Closed) -> Option<u16> {
    match closed {
        Closed::ByPeer(frame) => frame.as_ref().map(|frame| frame.code.0),
        Closed::Refused(cause) | Closed::GaveUp { last: cause, .. } => Cause::code(cause),
        _ => None,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
