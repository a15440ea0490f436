use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Anything that goes over the wire as an object.
///
/// The first four are the plain format, which every client speaks. The others go only to clients that ask for them by
/// the `after` parameter of the address, as the `ChatClient` of `everwire-chat` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A chat message.
    Text(TextMessage),
    /// A user has begun to type, or has stopped.
    Typing(Typing),
    /// A user has come.
    UserJoined(Notice),
    /// A user has left.
    UserLeft(Notice),
    /// Extension: the first event on a connection. Where the room's history stands, and who is here.
    Sync(Sync),
    /// Extension: the sender's message is stored; nothing that happens to the server loses it.
    Stored(Stored),
    /// Extension: the sender's message was not taken, and why.
    Rejected(Rejected),
    /// Extension: how far the history has come. From a client: with its user. From the server: with any other user.
    Receipt(Receipt),
    /// Extension, from a client: it wants messages of before.
    Earlier(Earlier),
    /// Extension: messages of before, as they were asked for.
    History(History),
    /// Extension, from the server: the receiver's user has read further, on another connection.
    ReadPosition(ReadMark),
    /// For plain clients: how far a message of the receiver's own has come.
    Status(StatusOf),
    /// Extension: a user is away, is back, or has another name. From a client: its own user, on this client. From the
    /// server: another user, on all of that user's clients; or how others see the client's own user.
    Presence(Presence),
    /// Extension: something of the receiver's was not understood, and is ignored.
    Error(Problem),
    /// Extension, from the server: the token that the connection was opened with expires soon; a fresh one is wanted.
    TokenDue(TokenDue),
    /// Extension, from a client that was asked: a fresh token of the same user.
    Token(Token),
}

/// A chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextMessage {
    /// Chosen by the sender, unique in its room: a repeat is the same message.
    pub id: String,
    /// The sender.
    pub user_id: String,
    /// The sender's name for people.
    pub user_name: String,
    /// The text, of at most 16 KiB.
    pub text: String,
    /// The time when it was sent, by the sender's clock: milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Its status. Absent: sent.
    #[serde(default)]
    pub status: WireStatus,
    /// Extension: its place in the room's history, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// A typing signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// Unique.
    pub id: String,
    /// The user who types.
    pub user_id: String,
    /// Their name for people.
    pub user_name: String,
    /// `true`: they type. `false`: they have stopped.
    pub is_typing: bool,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// A user has come or has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Unique.
    pub id: String,
    /// The user.
    pub user_id: String,
    /// Their name for people.
    pub user_name: String,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// Extension: where the room's history stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// The room.
    pub room: String,
    /// The history that the offsets belong to. A new one means that earlier offsets say nothing.
    pub epoch: String,
    /// The history's end at this moment; everything up to it that the client asked for follows first.
    pub offset: u64,
    /// Messages before those that follow are left out: the client asked for the latest only, or knew another epoch.
    #[serde(default)]
    pub earlier: bool,
    /// The users who are here.
    #[serde(default)]
    pub users: Vec<User>,
    /// The read position of the receiver's user: the offset up to which the user has read the room, on any device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Messages of others behind `read`, up to `offset`. At most [`MOST_UNREAD`], which means that number or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
}

/// Unread messages are counted up to this number.
pub const MOST_UNREAD: u64 = 1000;

/// Extension: how far the receiver's user has read the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The last offset that was read.
    pub offset: u64,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Unique.
    pub user_id: String,
    /// The name for people.
    pub user_name: String,
    /// Nobody looks, at none of the user's clients: an answer may take a while.
    #[serde(default, skip_serializing_if = "is_false")]
    pub away: bool,
}

impl User {
    /// A user who is not away.
    #[must_use]
    pub fn new(user_id: impl Into<String>, user_name: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), user_name: user_name.into(), away: false }
    }
}

/// Extension: the name of a user, and whether the user is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// The user.
    pub user_id: String,
    /// Their name for people.
    pub user_name: String,
    /// Nobody looks.
    pub away: bool,
}

/// Extension: the connection ends when its token expires, unless a fresh one comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDue {
    /// Seconds until the token expires.
    pub seconds: u64,
}

/// Extension: a fresh token for the open connection. It does not show in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token, as it would be given to a new connection.
    pub token: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

/// Extension: something was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The fault, in words for developers.
    pub reason: String,
    /// The same for programs: one of [`code`](super::code), or one of a later version; a server may say none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Extension: a message of the receiver's own is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The message.
    pub id: String,
    /// Its place in the room's history.
    pub offset: u64,
}

/// Extension: a message of the receiver's own was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The message.
    pub id: String,
    /// The reason, in words for people, in English.
    pub reason: String,
    /// The same for programs: one of [`code`](super::code), or one of a later version; a server may say none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Extension: messages up to these offsets have come so far. Marks only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// They are on a device.
    #[serde(default)]
    pub delivered: u64,
    /// They have been shown; what has been shown has been delivered.
    #[serde(default)]
    pub read: u64,
}

/// Extension: a wish for messages of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Messages with smaller offsets than this, the latest of them.
    pub before: u64,
    /// The largest number; default 100, and never more than 500.
    #[serde(default = "page", skip_serializing_if = "is_page")]
    pub limit: u64,
}

/// Extension: messages of before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The offset that was asked for.
    pub before: u64,
    /// Those messages, oldest first, each with its offset. What was removed is left out.
    pub messages: Vec<TextMessage>,
    /// There are older ones.
    pub more: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

pub(super) fn page() -> u64 {
    100
}

fn is_page(limit: &u64) -> bool {
    *limit == page()
}

/// The status of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOf {
    /// The message.
    pub id: String,
    /// The status that it has reached.
    pub status: WireStatus,
}

/// `status` on the wire. What a sender claims here is not believed: statuses follow evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WireStatus {
    /// On its way.
    Sending,
    /// Stored by the server.
    #[default]
    Sent,
    /// Shown to nobody yet, but on another member's device.
    Delivered,
    /// Shown to another member.
    Read,
    /// Not sent.
    Failed,
    /// A status of a later version.
    #[serde(other)]
    #[doc(hidden)]
    Unknown,
}

/// A place in a room's history, as the `after` parameter says it: `EPOCH:OFFSET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The history.
    pub epoch: String,
    /// The last offset that is known; 0 is before the first message.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, offset) = text.rsplit_once(':').ok_or("a position is EPOCH:OFFSET")?;
        let offset = offset.parse().map_err(|_| "a position's offset is a number")?;
        Ok(Self { epoch: epoch.to_owned(), offset })
    }
}

impl Event {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers in structs: there is nothing in it that JSON can't hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}
