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
    /// Start, or start anew after an end. Idempotent; ignored once closed for good.
    Connect,
    /// Leave in order and stay away until [`Connect`](Self::Connect). What is queued at this moment is still flushed,
    /// within the closing time-out, if the connection is open; what could not be sent stays in the outbox.
    Disconnect,
    /// Flush, close and end for good. A second one can only shorten the deadline.
    Close {
        /// When all of it must be over. A moment that has passed ends everything at once.
        deadline: Moment,
    },
    /// Move to a new connection while the present one still works (make before break): for fresh credentials, say.
    /// Without a session there is nothing to carry over, and this does nothing.
    Migrate,
    /// The user has processed everything that was delivered before this position. Positions count the messages of
    /// [`Output::Deliver`](crate::Output::Deliver) over the machine's life. Only a session needs to know.
    Processed(u64),
    /// Word from outside.
    Hint(Hint),
    /// The answer to [`Output::Reserve`](crate::Output::Reserve): the place is at this moment, which may have come already.
    Reserved(Moment),
    /// The lesson of another client of the same host, so long ago, of how long the path leaves idle connections alone
    /// ([`PostMortem::learned`](crate::PostMortem::learned)). It counts from the next connection on, unless what this
    /// machine knows is newer, or its heartbeat is not [`adaptive`](crate::HeartbeatConfig::adaptive).
    LearnedInterval {
        /// What was learned.
        learned: LearnedInterval,
        /// How long ago.
        age: Duration,
    },
    /// Word from the transport of this attempt.
    Transport(Attempt, TransportEvent),
    /// The batch of [`Output::Persist`](crate::Output::Persist) is durable.
    Persisted(BatchId),
    /// The store could not do it. It is asked again, later and later.
    PersistFailed {
        /// The batch.
        batch: BatchId,
        /// Its steps, back.
        ops: Vec<StoreOp>,
        /// Why, in words for people.
        reason: String,
    },
    /// The reading of the wall clock now, in milliseconds since the Unix epoch. What is kept in a store expires by it;
    /// and when it has run more than 5 s ahead of the [`Moment`]s since the last time, the device slept: then this is
    /// [`Hint::Woke`]. To be told about once a second while things happen, and before a [`Timer`](Self::Timer).
    WallClock(u64),
    /// The [`deadline`](crate::Machine::deadline) has come. Harmless when early, excused when late. The driver
    /// reads the socket before it reports this, so that life that has arrived is seen first.
    Timer,
}

/// Hints of the platform or the user.
///
/// They can start an attempt early but never a second one, and never more than one a second: a hint that comes sooner is
/// put off, not lost. A pause that the server asked for is broken only by [`RetryNow`](Self::RetryNow).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// There is a network: a waiting client tries at once.
    Online,
    /// There is no network: an open connection is probed; attempts go on at the longest delay's pace, as platforms err.
    Offline,
    /// The network is another: an open connection is probed, and with a session left for a new one; a waiting client
    /// tries at once.
    NetworkChanged,
    /// The device woke from sleep: an open connection is probed, a waiting client tries at once.
    Woke,
    /// The user asks: a waiting client tries at once.
    RetryNow,
}

/// Events of one attempt, in the order in which they happened.
#[derive(Debug)]
pub enum TransportEvent {
    /// The opening has come to this phase. Without it a time-out's cause says that there was no request yet.
    Reached(Phase),
    /// An address is being tried, or something has come of it. Optional; it makes causes and the post-mortem more telling.
    Address(TriedAddress),
    /// The opening handshake is done.
    Opened {
        /// The negotiated subprotocol.
        subprotocol: Option<String>,
    },
    /// It did not come to a connection.
    OpenFailed(OpenFailure),
    /// Messages came, in order; given back by [`Output::Deliver`](crate::Output::Deliver).
    Received(Vec<Message>),
    /// A sign of life that is none of the others: bytes that complete no frame yet.
    Activity,
    /// A ping of the peer's. The answer is the transport's business, and goes out at once.
    Ping,
    /// A pong with its payload.
    Pong(Bytes),
    /// The progress of a ping of ours that did not leave at once, as [`PingWatch`](crate::PingWatch) tells it: while
    /// bytes in front of it go out, its answer can't be late.
    OwnPing(PingProgress),
    /// This many more of the units that `take` handed out are wholly written to the socket. Everything written is to be
    /// reported before the connection's loss is: what is not counts as never sent.
    Written(usize),
    /// Reading has stopped because our own user is slow. The peer's silence says nothing then.
    ReadPaused,
    /// Reading has stopped because our own user is slow, although a message of ours waits for what the peer says. After the
    /// heartbeat's interval and time-out without [`ReadResumed`](Self::ReadResumed) the connection is given up, since the
    /// user may wait for that message: [`Loss::Unread`].
    ReadStalled,
    /// Reading goes on.
    ReadResumed,
    /// The peer's close frame. The echo is the transport's business; [`Lost`](Self::Lost) follows.
    PeerClosed(Option<CloseFrame>),
    /// The transport is gone.
    Lost(Loss),
}
