//! A new connection in the hands of the user's hook.

use std::task::{Context, Poll, ready};

use everwire_core::{Cause, Loss};
use everwire_ws::{CloseCode, Message};

use super::socket::{Socket, SocketEvent};
use crate::driver::hook_socket::HookSocket;
use crate::hook_error::ConnectionEnded;

impl HookSocket for Socket {
    fn queue_first(&mut self, message: &Message) -> bool {
        self.queue(message)
    }

    /// The browser has it, and gives nothing back.
    fn poll_written(&mut self, _: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(true)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ConnectionEnded>> {
        loop {
            return Poll::Ready(match ready!(self.poll_told(cx)) {
                SocketEvent::Message(message) => Ok(message),
                // Nobody has asked yet.
                SocketEvent::Pong(_) => continue,
                SocketEvent::Closed(Some(frame)) => Err(ConnectionEnded::closed(frame)),
                SocketEvent::Closed(None) => Err(ConnectionEnded::lost(Cause::Lost(Loss::Ended).to_string())),
            });
        }
    }

    fn dismiss(mut self) {
        self.queue_close(CloseCode::NORMAL, "");
    }
}
