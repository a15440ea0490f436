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
    /// Reserve the next retry of the shared budget ([`Budget::reserve`](crate::retry::Budget::reserve)) and pass its
    /// time as [`Input::Reserved`](crate::Input::Reserved). Only with
    /// [`RetryConfig::budgeted`](crate::RetryConfig::budgeted).
    Reserve,
    /// Drop the socket, or the opening, at once and without a closing handshake.
    Abort(Attempt),
    /// Queue a ping with this payload (8 bytes) behind everything taken so far.
    Ping(Attempt, Bytes),
    /// Queue a ping with this payload (8 bytes) as early as possible: between the fragments of a message if one is
    /// under way.
    Probe(Attempt, Bytes),
    /// Queue this message behind everything taken so far. [`Written`](crate::TransportEvent::Written) does not count
    /// it.
    Control(Attempt, Message),
    /// Start the closing handshake. [`Abort`](Self::Abort) follows if it takes too long.
    Close(Attempt, CloseCode, &'static str),
    /// Messages are queued: call [`take`](crate::Machine::take) when the socket's buffer has room.
    ///
    /// It comes when there is something to take that the driver does not know of: once the connection is open, or after
    /// a `take` that handed out everything. After a `take` that `encode` has stopped, the driver calls again without
    /// it. With batching the `take` may yield nothing: the window has just begun, and the deadline says when it ends.
    Ready(Attempt),
    /// Hand these to the user.
    Deliver(Vec<Message>),
    /// Hand this volatile message to the user, behind what was delivered before it. It has a position like any other,
    /// but no sequence number in its session.
    DeliverVolatile(Message),
    /// All of `first..=last` have this outcome. Each id has exactly one.
    Outcome {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
        /// The outcome of each.
        outcome: Outcome,
    },
    /// All of `first..=last` are written to the socket. A message that is sent again is written again.
    Written {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
    },
    /// Make these steps durable, all or none, and then pass [`Persisted`](crate::Input::Persisted). The next batch
    /// comes only after that.
    Persist(BatchId, Vec<StoreOp>),
    /// All of `first..=last` are durable: they survive the end of this process.
    Stored {
        /// The first.
        first: MessageId,
        /// The last.
        last: MessageId,
    },
    /// The state has changed. [`State::Connected`] is reported again when
    /// [`answers_pings`](crate::MachineStats::answers_pings) becomes `Some(false)` and when it stops being so.
    State(State),
    /// An event for logs and user interfaces.
    Event(Event),
    /// A `send` that was refused because the outbox was full is worth trying again: there is room, or it would now be
    /// refused for another reason.
    Room,
    /// The machine has ended, after `Close`. No output follows.
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
/// The messages of a connection that ended for another reason before `Close` are here too (their outcomes were reported
/// then), up to the outbox's bounds: beyond them the oldest are left out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Messages that were never wholly handed to a socket, in the order in which they would have gone out: they have
    /// certainly not arrived.
    pub unsent: Vec<Message>,
    /// Messages that were written, in order, without proof that they have arrived.
    pub unacknowledged: Vec<Message>,
}

/// Events for logs and user interfaces.
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
    /// The results of the addresses that an attempt could choose from. Reported when the attempt is over, before its
    /// failure, if it has tried more than one address, or has failed while others were left.
    Addresses(Vec<TriedAddress>),
    /// A retry that was due waits for the shared budget.
    HeldBack {
        /// The time that it waits.
        wait: Duration,
    },
    /// A connection ended: all that is known of it, and what follows.
    Disconnected(Box<PostMortem>),
    /// A round trip was measured. Reported at most once a second; the statistics count each.
    RoundTrip(Duration),
    /// The peer has answered no ping on this connection, though RFC 6455 section 5.5.2 demands it, and though it has
    /// sent other things since the ping: it has then been silent for
    /// [`probe_timeout`](crate::OpenConfig::probe_timeout), or has gone on sending for the heartbeat's interval and
    /// timeout together (those of the connection, which may be longer than set). Nothing proves then that messages
    /// arrive. Reported at most once for each connection.
    PingsUnanswered {
        /// How long ago the oldest unanswered ping went out.
        waited: Duration,
    },
    /// Messages that were written to an earlier connection and not proven there are sent again.
    Resending {
        /// How many.
        messages: usize,
    },
    /// The connection carries a session now.
    Session {
        /// `true` if it is the session that there was before.
        resumed: bool,
        /// Messages that were handed to an earlier connection and are sent again.
        resending: usize,
    },
    /// The session that there was is gone; a new one begins.
    SessionLost {
        /// Why.
        reason: Gone,
        /// `true` if the server still knew what it had processed, so that no message is uncertain.
        settled: bool,
        /// Messages whose outcome is unknown because of it.
        unknown: usize,
    },
    /// The server will close this connection soon; the client moves to a new one.
    GoingAway {
        /// How long this connection will still work.
        within: Duration,
    },
    /// The connection that was to take over could not be opened; the present one stays.
    MoveFailed {
        /// Why.
        cause: Cause,
        /// The time until the move is tried again; `None`: only when it is asked for again, since the server would
        /// refuse it again.
        retry_in: Option<Duration>,
    },
    /// The device slept: an open connection is probed, a waiting client tries at once.
    Woke {
        /// About how long.
        slept: Duration,
    },
    /// The store failed. Messages that must be durable first wait; the connection goes on.
    StoreFailed {
        /// Why, in words for people.
        reason: String,
        /// The time until it is tried again.
        retry_in: Duration,
    },
    /// The store works again.
    StoreRecovered,
    /// This process stalled; the peer gets more time to answer.
    Stalled {
        /// How late the timer was.
        late_by: Duration,
    },
}
