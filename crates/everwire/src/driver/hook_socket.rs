//! What the hook for new connections needs of a socket.

use std::task::{Context, Poll};

use everwire_ws::Message;

use crate::hook_error::ConnectionEnded;

/// A socket that has just opened, on each platform.
pub(crate) trait HookSocket {
    /// Puts a message into the socket's buffer. `false` when it is closing.
    fn queue_first(&mut self, message: &Message) -> bool;
    /// Whether it could be written.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<bool>;
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ConnectionEnded>>;
    /// Tells the server that it won't be used, as far as that works at once.
    fn dismiss(self);
}
