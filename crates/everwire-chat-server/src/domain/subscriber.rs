use std::sync::Arc;

use everwire_chat_core::wire::User;

use super::sink::Sink;

/// A connection, unique while the server runs.
pub(crate) type ConnectionId = u64;

/// One connection in a room.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) sink: Arc<dyn Sink>,
    /// `None` until it has said who it is.
    pub(super) user: Option<User>,
    pub(super) mode: ClientMode,
}

/// How a client takes part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientMode {
    /// It understands the extensions.
    pub(crate) extended: bool,
    /// Nobody looks at it.
    pub(crate) away: bool,
    /// It is told only the four plain types, with their own fields.
    pub(crate) strict: bool,
    /// It is told on joining who is here.
    pub(crate) lists_users: bool,
}
