//! What may be told to a session.

use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseCode, Message};

use crate::session::body::Gone;
use crate::session::run::MessageRun;
use crate::{Attempt, PingProgress};

/// An input of a session. Any input is harmless at any time.
#[derive(Debug)]
pub enum ServerInput {
    /// Messages of this link, in order.
    Received(Attempt, Vec<Message>),
    /// The same for reliable ones that follow each other.
    Run(Attempt, MessageRun),
    /// A pong with its payload.
    Pong(Attempt, Bytes),
    /// The progress of a ping of ours that did not leave at once; see
    /// [`TransportEvent::OwnPing`](crate::TransportEvent::OwnPing).
    OwnPing(Attempt, PingProgress),
    /// A sign of life that is none of the others.
    Activity(Attempt),
    /// A ping of the client's. The answer is the link's business, and goes out at once.
    Ping(Attempt),
    /// This many more of the units that `take` handed out are wholly written to the link's socket.
    Written(Attempt, usize),
    /// The link is gone.
    Lost(Attempt),
    /// The application has processed everything that was delivered before this position. Positions count the messages of
    /// [`Output::Deliver`](crate::Output::Deliver) over the session's life.
    Processed(u64),
    /// Tell the client that the server will leave within this time ([S-22]).
    GoAway {
        /// How long the connection will still work.
        within: Duration,
        /// Where to connect instead, if not to the same address.
        url: Option<String>,
    },
    /// The application has let go: the session ends in order once the client has acknowledged all that it was sent. A client
    /// that is connected and acknowledges nothing for
    /// [`ServerConfig::resume_within`](crate::session::ServerConfig::resume_within) is not waited for any longer.
    Finish,
    /// End the session in order ([S-24]). What is queued and not acknowledged is not waited for, and the client's bye for
    /// 2 s only. The client is told what is processed by now: what was delivered and is not, the application must not
    /// process any more.
    End {
        /// When the client may come back.
        back: ComeBack,
        /// Words for people.
        reason: String,
    },
    /// End the session without a word, for this reason: its connection, if it has one, is closed with this code.
    Kill {
        /// What a client that asks for the session is told.
        gone: Gone,
        /// What its present connection is closed with.
        code: CloseCode,
        /// Words for people.
        reason: &'static str,
    },
    /// The [`deadline`](super::ServerSession::deadline) has come.
    Timer,
}

/// The time when the client of a session that its server ends may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComeBack {
    /// Not by itself.
    Never,
    /// After this pause, with the client's own spread on top: for a time that all clients are told.
    After(Duration),
    /// After this time to the millisecond, without a spread of its own: for a server that gives each of its clients
    /// another.
    At(Duration),
}
