use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseFrame, Message};

use crate::{
    LearnedInterval, Loss, Moment, OpenFailure, Phase, PingProgress, TriedAddress,
    store::{BatchId, StoreOp},
};

/// Number of a connection attempt, unique over the machine's life. Events of any but the current one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

/// An input of the machine. Any input is harmless at any time.
#[derive(Debug)]
pub enum Input {
    /// Start, or start again after an end. Idempotent; ignored once closed for good.
    Connect,
    /// Close the connection in order and stay disconnected until [`Connect`](Self::Connect). If the connection is open,
    /// what is queued at this moment is still sent, within
    /// [`OpenConfig::close_timeout`](crate::OpenConfig::close_timeout); what could not be sent stays in the outbox.
    Disconnect,
    /// Send what is queued, close and end for good. A second one can only shorten the deadline.
    Close {
        /// When all of it must be over. A moment that has passed ends everything at once.
        deadline: Moment,
    },
    /// Move to a new connection while the present one still works (make before break), for example to use fresh
    /// credentials. Without a session this does nothing.
    Migrate,
    /// The user has processed everything that was delivered before this position. Positions count the messages of
    /// [`Output::Deliver`](crate::Output::Deliver) over the machine's life. Only a session needs to know.
    Processed(u64),
    /// A hint of the platform or the user.
    Hint(Hint),
    /// The answer to [`Output::Reserve`](crate::Output::Reserve): the retry may start at this moment, which may have
    /// passed already.
    Reserved(Moment),
    /// What another client of the same host has learned about how long the path keeps idle connections
    /// ([`PostMortem::learned`](crate::PostMortem::learned)). It applies from the next connection on, unless what this
    /// machine has learned is newer, or its heartbeat is not [`adaptive`](crate::HeartbeatConfig::adaptive).
    LearnedInterval {
        /// What was learned.
        learned: LearnedInterval,
        /// How long ago it was learned.
        age: Duration,
    },
    /// An event of this attempt's transport.
    Transport(Attempt, TransportEvent),
    /// The batch of [`Output::Persist`](crate::Output::Persist) is durable.
    Persisted(BatchId),
    /// The store failed. The batch is tried again, after pauses that grow.
    PersistFailed {
        /// The batch.
        batch: BatchId,
        /// Its steps, given back.
        ops: Vec<StoreOp>,
        /// Why, in words for people.
        reason: String,
    },
    /// The reading of the wall clock now, in milliseconds since the Unix epoch. What is kept in a store expires by it.
    /// If it has run more than 5 s ahead of the [`Moment`]s since the last reading, the device has slept, which has the
    /// effect of [`Hint::Woke`]. The driver passes it about once a second while things happen, and before each
    /// [`Timer`](Self::Timer).
    WallClock(u64),
    /// The [`deadline`](crate::Machine::deadline) has come. It is harmless when early; when it is late, the machine
    /// takes that for a stall of its own process and not for a dead peer. The driver reads the socket before it reports
    /// this, so that what has arrived counts first.
    Timer,
}

/// Hints of the platform or the user.
///
/// A hint can start the next attempt early, but never a second one beside it, and at most one attempt a second: a hint
/// that comes sooner is delayed, not lost. Only [`RetryNow`](Self::RetryNow) ends a pause that the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// There is a network again: a waiting client tries at once.
    Online,
    /// There is no network: an open connection is probed; attempts go on with the longest delay, since platforms can be
    /// wrong.
    Offline,
    /// The network has changed: an open connection is probed, and a session moves to a new one; a waiting client tries
    /// at once.
    NetworkChanged,
    /// The device woke from sleep: an open connection is probed, a waiting client tries at once.
    Woke,
    /// The user asks for it: a waiting client tries at once, whatever pause the server asked for.
    RetryNow,
}

/// Events of one attempt, in the order in which they happened.
#[derive(Debug)]
pub enum TransportEvent {
    /// The opening has reached this phase. Without this event the cause of a timeout says that there was no request
    /// yet.
    Reached(Phase),
    /// An address is being tried, or has a result. Optional; causes and the post-mortem then name addresses.
    Address(TriedAddress),
    /// The opening handshake is done.
    Opened {
        /// The negotiated subprotocol.
        subprotocol: Option<String>,
    },
    /// The opening failed.
    OpenFailed(OpenFailure),
    /// Messages that were received, in order; [`Output::Deliver`](crate::Output::Deliver) hands them to the user.
    Received(Vec<Message>),
    /// A sign of life other than these: bytes that complete no frame yet.
    Activity,
    /// A ping of the peer. The transport answers it itself, at once.
    Ping,
    /// A pong with its payload.
    Pong(Bytes),
    /// The progress of our own ping that did not leave at once, as [`PingWatch`](crate::PingWatch) reports it: while
    /// bytes in front of it go out, its answer is not overdue.
    OwnPing(PingProgress),
    /// This many more of the units that `take` handed out are wholly written to the socket. The driver reports all of
    /// it before it reports the loss of the connection: what it has not reported then counts as never sent.
    Written(usize),
    /// Reading has stopped because the user is slow. The peer's silence means nothing then.
    ReadPaused,
    /// Reading has stopped because the user is slow, although a message of ours awaits evidence that the peer may have
    /// sent. After the heartbeat's interval and timeout together without [`ReadResumed`](Self::ReadResumed) the
    /// connection is given up ([`Loss::Unread`]), since the user may be waiting for that very message.
    ReadStalled,
    /// Reading goes on.
    ReadResumed,
    /// The peer's close frame. The transport answers it itself; [`Lost`](Self::Lost) follows.
    PeerClosed(Option<CloseFrame>),
    /// The transport is gone.
    Lost(Loss),
}
