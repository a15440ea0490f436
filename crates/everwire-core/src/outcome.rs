use std::fmt;

/// Number of a message: in the order of [`send`](crate::Machine::send), from 1, contiguous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// The one final report on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The peer's application has processed it (session peers only).
    Acknowledged,
    /// The peer's WebSocket endpoint has read it: a pong for a later ping proves that.
    Received,
    /// Its time to live was over before it was handed to a socket.
    Expired,
    /// It certainly never arrived: this policy dropped it.
    Dropped(DropPolicy),
    /// It was refused, and would be refused again.
    Rejected(Rejection),
    /// It certainly never arrived: it was cancelled, or the client ended first.
    Cancelled,
    /// It may or may not have arrived; nothing more can be known.
    Unknown(Stage),
    /// It is kept in the store of this client, which has ended. The next client with the same store sends it and
    /// reports its outcome.
    Stored,
}

/// The policy that dropped a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropPolicy {
    /// It was the oldest in the queue when a newer one needed room.
    Oldest,
    /// It was the newest and found no room.
    Newest,
    /// It had the lowest priority in the queue when a message needed room, or would have had it.
    LowestPriority,
    /// A newer message with the same key has taken its place.
    Conflated,
    /// It was volatile, and there was no connection.
    NotConnected,
}

/// The reason why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// The peer ended the connection with this close code, which blames the message (1003, 1007 or 1009), each time
    /// the message was sent to it alone.
    PeerRefuses(u16),
    /// The peer of the session has said that it takes no message above this size.
    TooLargeForPeer {
        /// The size, in bytes of payload.
        limit: u64,
    },
}

/// The furthest stage that a message is known to have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The outbox.
    Queued,
    /// The socket: the operating system has taken all of it.
    Written,
}

impl Outcome {
    /// Returns `true` if the message certainly arrived.
    pub const fn is_delivered(&self) -> bool {
        match self {
            Self::Acknowledged | Self::Received => true,
            Self::Expired
            | Self::Dropped(_)
            | Self::Rejected(_)
            | Self::Cancelled
            | Self::Unknown(_)
            | Self::Stored => false,
        }
    }

    /// Returns `true` if the message certainly was not processed, so that sending it again can't double it.
    ///
    /// A [`Rejected`](Self::Rejected) message counts as such, though sending it again as it is would be refused again.
    pub const fn is_safe_to_resend(&self) -> bool {
        match self {
            Self::Expired | Self::Dropped(_) | Self::Rejected(_) | Self::Cancelled => true,
            Self::Acknowledged | Self::Received | Self::Unknown(_) | Self::Stored => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged => f.write_str("acknowledged by the peer"),
            Self::Received => f.write_str("received by the peer"),
            Self::Expired => f.write_str("expired before it could be sent"),
            Self::Dropped(DropPolicy::Oldest) => f.write_str("dropped: the outbox was full and this was the oldest"),
            Self::Dropped(DropPolicy::Newest) => f.write_str("dropped: the outbox was full and this was the newest"),
            Self::Dropped(DropPolicy::LowestPriority) => {
                f.write_str("dropped: the outbox was full and this had the lowest priority")
            }
            Self::Dropped(DropPolicy::Conflated) => f.write_str("dropped: a newer message with its key took its place"),
            Self::Dropped(DropPolicy::NotConnected) => f.write_str("dropped: volatile, and there was no connection"),
            Self::Rejected(Rejection::PeerRefuses(code)) => {
                write!(f, "rejected: the peer closes the connection on it with {code}")
            }
            Self::Rejected(Rejection::TooLargeForPeer { limit }) => {
                write!(f, "rejected: the peer takes messages of at most {limit} bytes")
            }
            Self::Cancelled => f.write_str("cancelled before it was sent"),
            Self::Stored => f.write_str("kept in the store for the next start"),
            Self::Unknown(Stage::Queued) => f.write_str("unknown: may have been sent before the connection was lost"),
            Self::Unknown(Stage::Written) => f.write_str("unknown: written to the socket, its arrival is not proven"),
        }
    }
}
