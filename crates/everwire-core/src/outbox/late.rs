use std::fmt;

use everwire_ws::Message;

/// The reason why a message can't be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// It has been handed to a connection: it may arrive, and its outcome will tell.
    Taken,
    /// It has its outcome already.
    Ended,
    /// No message has this number.
    Unknown,
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "too late: the message has been handed to a connection; wait for its outcome",
            Self::Ended => "too late: the message has its outcome already",
            Self::Unknown => "no message has this number",
        })
    }
}

impl std::error::Error for CancelError {}

/// The reason why a message can't be replaced. The new one comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The old one has been handed to a connection, the present or an earlier one: it may arrive.
    Taken(Message),
    /// The old one has its outcome already.
    Ended(Message),
    /// No message has this number.
    Unknown(Message),
    /// The new one is larger, and the outbox has no room for the difference. The old one stays.
    Full(Message),
    /// The new one is larger than the outbox may hold at all. The old one stays.
    TooLarge {
        /// The new one.
        message: Message,
        /// The most bytes that the outbox may hold.
        limit: usize,
    },
}

impl ReplaceError {
    pub(crate) fn late(error: CancelError, message: Message) -> Self {
        match error {
            CancelError::Taken => Self::Taken(message),
            CancelError::Ended => Self::Ended(message),
            CancelError::Unknown => Self::Unknown(message),
        }
    }

    /// The new message.
    pub fn message(&self) -> &Message {
        match self {
            Self::Taken(message)
            | Self::Ended(message)
            | Self::Unknown(message)
            | Self::Full(message)
            | Self::TooLarge { message, .. } => message,
        }
    }

    /// The new message, to be sent on its own.
    pub fn into_message(self) -> Message {
        match self {
            Self::Taken(message)
            | Self::Ended(message)
            | Self::Unknown(message)
            | Self::Full(message)
            | Self::TooLarge { message, .. } => message,
        }
    }

    /// Returns `true` if the same call can succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::Taken(_) | Self::Ended(_) | Self::Unknown(_) | Self::TooLarge { .. } => false,
        }
    }
}

impl fmt::Display for ReplaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(_) => f.write_str("too late: the message has been handed to a connection; send the new one"),
            Self::Ended(_) => f.write_str("too late: the message has its outcome already; send the new one"),
            Self::Unknown(_) => f.write_str("no message has this number"),
            Self::Full(_) => f.write_str("the outbox is full, so the old message stays: try again when there is room"),
            Self::TooLarge { message, limit } => {
                write!(
                    f,
                    "the new message has {} bytes, and the outbox takes at most {limit}: send less, or raise its limit",
                    message.len()
                )
            }
        }
    }
}

impl std::error::Error for ReplaceError {}
