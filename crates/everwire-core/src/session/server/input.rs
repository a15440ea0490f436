//! The inputs of a session.

use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseCode, Message};

use crate::session::body::Gone;
use crate::session::run::MessageRun;
use crate::{Attempt, PingProgress};

/// An input of a session. Any input is harmless at any time.
#[derive(Debug)]
pub enum ServerInput {
    /// Messages that this link has received, in order.
    Received(Attempt, Vec<Message>),
    /// Reliable messages with consecutive numbers that this link has received.
    Run(Attempt, MessageRun),
    /// A pong with its payload.
    Pong(Attempt, Bytes),
    /// The progress of the server's ping that did not leave at once; see
    /// [`TransportEvent::OwnPing`](crate::TransportEvent::OwnPing).
    OwnPing(Attempt, PingProgress),
    /// A sign of life other than these.
    Activity(Attempt),
    /// A ping of the client. The link answers it itself, at once.
    Ping(Attempt),
    /// This many more of the units that `take` handed out are wholly written to the link's socket.
    Written(Attempt, usize),
    /// The link is gone.
    Lost(Attempt),
    /// The application has processed everything that was delivered before this position. Positions count the messages of
    /// [`Output::Deliver`](crate::Output::Deliver) over the session's life.
    Processed(u64),
    /// Tell the client that the server will close this connection within this time ([S-22]).
    GoAway {
        /// How long the connection will still work.
        within: Duration,
        /// Where to connect instead, if not to the same address.
        url: Option<String>,
    },
    /// The application has finished with the session: it ends in order once the client has acknowledged everything that
    /// it was sent, or, connected, has acknowledged nothing more for
    /// [`ServerConfig::resume_within`](crate::session::ServerConfig::resume_within).
    Finish,
    /// End the session in order ([S-24]), without waiting for queued and unacknowledged messages, and for the client's
    /// bye no longer than 2 s. The client is told what is processed by now: delivered messages that are not, the
    /// application must not process any more.
    End {
        /// The time when the client may come back.
        back: ComeBack,
        /// The reason, in words for people.
        reason: String,
    },
    /// End the session without a bye, for this reason: its connection, if it has one, is closed with this code.
    Kill {
        /// The reason that a client which asks for the session later is told.
        gone: Gone,
        /// The close code of its present connection.
        code: CloseCode,
        /// The reason, in words for people.
        reason: &'static str,
    },
    /// The [`deadline`](super::ServerSession::deadline) has come.
    Timer,
}

/// The time when the client of a session that its server ends may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComeBack {
    /// Not automatically.
    Never,
    /// After this pause, with the client's own jitter on top: for a time that is the same for all clients.
    After(Duration),
    /// After this time to the millisecond, without jitter: for a server that gives each of its clients a different
    /// time.
    At(Duration),
}
