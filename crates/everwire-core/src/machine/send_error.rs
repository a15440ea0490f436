use std::fmt;

use everwire_ws::Message;

use crate::{Closed, outbox::Refusal};

/// The reason why `send` gave a message back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The outbox has no room. [`Output::Room`](crate::Output::Room) says when to try again.
    Full(Message),
    /// The machine has ended, or is about to, for this reason.
    Closed(Message, Closed),
    /// It is larger than the outbox may hold at all.
    TooLarge {
        /// The message.
        message: Message,
        /// The most bytes that the outbox may hold.
        limit: usize,
    },
}

impl SendError {
    /// The message.
    pub fn message(&self) -> &Message {
        match self {
            Self::Full(message) | Self::Closed(message, _) | Self::TooLarge { message, .. } => message,
        }
    }

    /// The message, to be sent elsewhere or later.
    pub fn into_message(self) -> Message {
        match self {
            Self::Full(message) | Self::Closed(message, _) | Self::TooLarge { message, .. } => message,
        }
    }

    /// Returns `true` if the same message can be accepted later without a new start.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::Closed(..) | Self::TooLarge { .. } => false,
        }
    }
}

impl From<Refusal> for SendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full(message) => Self::Full(message),
            Refusal::TooLarge { message, limit } => Self::TooLarge { message, limit },
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the outbox is full: try again when there is room"),
            Self::Closed(_, closed) => write!(f, "the connection is closed: {closed}"),
            Self::TooLarge { message, limit } => {
                write!(
                    f,
                    "the message has {} bytes, and the outbox takes at most {limit}: send less, or raise its limit",
                    message.len()
                )
            }
        }
    }
}

impl std::error::Error for SendError {}
