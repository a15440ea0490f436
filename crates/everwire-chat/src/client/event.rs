//! What a user interface may want to show, and why something was refused.

use std::error::Error;
use std::fmt;

use everwire::State;
use everwire_chat_core::timeline::{Change, Entry};
use everwire_chat_core::wire::User;

use super::read_position::ReadPosition;

/// Something that a UI may want to show.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChatEvent {
    /// The connection's state has changed.
    Connection(State),
    /// The timeline has changed.
    Timeline(Change),
    /// A user has come: their first connection is in the room.
    Joined(User),
    /// A user who was here before the connection was lost is here again.
    Back(User),
    /// A user has left: none of their connections is in the room any more.
    Left(User),
    /// A user is away or has come back ([`User::away`] tells which), or has another name from now on. After
    /// [`Synced`](Self::Synced), [`ChatClient::users`](crate::ChatClient::users) has such changes without this event.
    Presence(User),
    /// The server has told under which name the others see our user. [`ChatClient::me`](crate::ChatClient::me) has it from
    /// now on.
    Named(User),
    /// The names of all users who are typing now.
    Typing(Vec<String>),
    /// The server has told where the room's history ends, on a new connection. What we have missed follows, and
    /// [`ChatClient::users`](crate::ChatClient::users) is up to date.
    Synced {
        /// There are older messages that do not follow.
        earlier: bool,
    },
    /// Our user's read position as the server tells it: right after [`Synced`](Self::Synced), before what was missed
    /// follows, and when our user has read further on another device. Not told for
    /// [`ChatClient::mark_read`](crate::ChatClient::mark_read).
    ReadPosition(ReadPosition),
    /// A page of older messages has come ([`ChatClient::load_earlier`](crate::ChatClient::load_earlier)).
    Earlier {
        /// The number of messages in it, 0 if there is none; the timeline holds them already.
        loaded: usize,
    },
    /// A binary message of another member.
    Binary(Vec<u8>),
    /// This listener was more than 1,024 events behind, and has missed some. What follows goes on from here; for the
    /// connection's state and who is here, ask the client. Nobody is shown as typing until [`Typing`](Self::Typing) comes again, and
    /// [`Earlier`](Self::Earlier) is not waited for any more.
    Missed {
        /// The number of events that were missed.
        count: u64,
        /// The timeline as it is now.
        entries: Vec<Entry>,
    },
}

/// The reason why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// It breaks a limit; in words for people.
    Invalid(&'static str),
    /// Too many messages are waiting: try again when some have gone.
    Full,
    /// The connection has ended for good; in words for people.
    Closed(String),
    /// No message of ours that could be sent again has this id.
    NotRetryable,
}

/// The reason why older messages were not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Nothing is missing before this message, or the server has nothing more.
    NothingMissing,
    /// Others are on their way: [`ChatEvent::Earlier`] comes first.
    Busy,
    /// There is no connection to ask on: ask again once there is.
    NotConnected,
}

/// The reason why a message can't be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeBackError {
    /// It is on its way and may arrive: wait for its status.
    TooLate,
    /// No message of ours that has not arrived has this id.
    Unknown,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problem) => f.write_str(problem),
            Self::Full => f.write_str("too many messages are waiting to be sent; try again when some have gone"),
            Self::Closed(why) => f.write_str(why),
            Self::NotRetryable => f.write_str("there is no such message to send again"),
        }
    }
}

impl Error for SendError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingMissing => "there is nothing earlier",
            Self::Busy => "earlier messages are on their way",
            Self::NotConnected => "not connected: earlier messages can't be asked for",
        })
    }
}

impl Error for LoadError {}

impl fmt::Display for TakeBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLate => "too late: the message is on its way",
            Self::Unknown => "there is no such message to take back",
        })
    }
}

impl Error for TakeBackError {}
