use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseCode, Message};

use crate::{
    Attempt, Cause, MessageId, Outcome, PostMortem, State, TriedAddress,
    session::{Gone, Prefix},
    store::{BatchId, StoreOp},
};

/// An action or a report of the machine. To be drained with [`poll_output`](crate::Machine::poll_output) after each call.
#[derive(Debug)]
pub enum Output {
    /// Start opening a connection.
    Open(Attempt),
    /// Ask the shared budget for the next place ([`Budget::reserve`](crate::retry::Budget::reserve)) and say when it is, by
    /// [`Input::Reserved`](crate::Input::Reserved). Only with [`RetryConfig::budgeted`](crate::RetryConfig::budgeted).
    Reserve,
    /// Drop the socket, or the opening, at once and without a closing handshake.
    Abort(Attempt),
    /// Queue a ping with this payload (8 bytes) behind everything taken so far.
    Ping(Attempt, Bytes),
    /// Queue a ping with this payload (8 bytes) as soon as may be: between the fragments of a message if one is under way.
    Probe(Attempt, Bytes),
    /// Queue this message behind everything taken so far. It counts for nothing, least of all as written.
    Control(Attempt, Message),
    /// Start the closing handshake. [`Abort`](Self::Abort) follows if it takes too long.
    Close(Attempt, CloseCode, &'static str),
    /// Messages wait: call [`take`](crate::Machine::take) when the socket's buffer has room.
    ///
    /// Said when there is something to take and the driver does not know it: once the connection is open, or after a
    /// `take` that was given everything. After a `take` that `encode` cut short the driver comes again by itself. With
    /// batching the take may yield nothing: the window has just begun, and the deadline says when it ends.
    Ready(Attempt),
    /// Hand these to the user.
    Deliver(Vec<Message>),
    /// Hand this volatile message to the user, behind what was delivered before it. It takes a position like any other,
    /// but has no sequence number in its session.
    DeliverVolatile(Message),
    /// All of `first..=last` have this outcome. Each id has exactly one.
    Outcome {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
        /// The final word on them.
        outcome: Outcome,
    },
    /// All of `first..=last` are written to the socket. A message that is sent again is written again.
    Written {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
    },
    /// Make these steps durable, all or none, and say [`Persisted`](crate::Input::Persisted). The next batch comes only
    /// after that.
    Persist(BatchId, Vec<StoreOp>),
    /// All of `first..=last` are durable: they survive the end of this process.
    Stored {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
    },
    /// The state has changed. [`State::Connected`] is told again when
    /// [`answers_pings`](crate::MachineStats::answers_pings) has
    /// become `Some(false)`, or that no longer.
    State(State),
    /// Something worth knowing.
    Event(Event),
    /// After a `send` that was refused for want of room: there is some again, or the reason has changed. Try again.
    Room,
    /// The end, after `Close`: nothing runs any more, and no output follows.
    Finished(Undelivered),
}

/// A message on its way into the socket's buffer: one WebSocket message of the prefix and the payload.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The prefix of the payload, in the same frame. Empty on a plain connection.
    pub prefix: Prefix,
    /// The payload, and whether it is text.
    pub message: &'a Message,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn plain(message: &'a Message) -> Self {
        Self { prefix: Prefix::NONE, message }
    }
}

/// The messages that were still in the outbox at the end.
///
/// The messages of a connection that ended for another reason before `Close` are here too (their outcomes were told
/// then), up to the outbox's bounds: beyond them the oldest fall out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Never wholly handed to a socket, in the order in which they would have gone out: they have certainly not arrived.
    pub unsent: Vec<Message>,
    /// Written, in order, but nothing proves the arrival.
    pub unacknowledged: Vec<Message>,
}

/// Things worth knowing, for logs and user interfaces.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt failed.
    AttemptFailed {
        /// Its number since the last useful connection, from 1.
        attempt: u32,
        /// Why.
        cause: Cause,
    },
    /// The results of the addresses that it had to choose from. Told when it is over, before its failure, if it
    /// has tried more than one, or has failed where others were left.
    Addresses(Vec<TriedAddress>),
    /// A retry that was due waits for its place in the budget that is shared.
    HeldBack {
        /// For so long.
        wait: Duration,
    },
    /// A connection ended: all that is known of it, and what follows.
    Disconnected(Box<PostMortem>),
    /// A round trip was measured. Told at most once a second; the statistics have each.
    RoundTrip(Duration),
    /// The peer has sent something since we pinged it, has then been silent for
    /// [`probe_timeout`](crate::OpenConfig::probe_timeout), or has gone on for the heartbeat's interval and time-out
    /// together (that of the connection, which may be stretched), and has answered no ping on this connection, though
    /// RFC 6455 section 5.5.2 demands it. Nothing proves then that messages arrive. Told at most once for each
    /// connection.
    PingsUnanswered {
        /// How long ago the oldest unanswered ping went out.
        waited: Duration,
    },
    /// Messages that were written to an earlier connection and not proven there are sent again.
    Resending {
        /// How many.
        messages: usize,
    },
    /// The connection belongs to a session now.
    Session {
        /// Whether it is the session that there was before.
        resumed: bool,
        /// Messages that an earlier connection has had and that are sent again.
        resending: usize,
    },
    /// The session that there was is gone; a new one begins.
    SessionLost {
        /// Why.
        reason: Gone,
        /// Whether the server still knew what it had processed, so that nothing is uncertain.
        settled: bool,
        /// Messages whose outcome is unknown because of it.
        unknown: usize,
    },
    /// The server is about to leave; the client moves to a new connection.
    GoingAway {
        /// How long this connection will still work.
        within: Duration,
    },
    /// The connection that was to take over could not be opened; the present one stays.
    MoveFailed {
        /// Why.
        cause: Cause,
        /// When it is tried again; `None`: not before it is asked for again, since the same would be refused.
        retry_in: Option<Duration>,
    },
    /// The device slept: an open connection is probed, a waiting client tries at once.
    Woke {
        /// About how long.
        slept: Duration,
    },
    /// The store could not keep what it was given. Messages wait until it can; the connection goes on.
    StoreFailed {
        /// Why, in words for people.
        reason: String,
        /// When it is asked again.
        retry_in: Duration,
    },
    /// The store works again.
    StoreRecovered,
    /// Our own process stalled; the peer is given another chance.
    Stalled {
        /// How late the timer was.
        late_by: Duration,
    },
}
