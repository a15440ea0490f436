//! A new connection in the hands of the user's hook.

use std::task::{Context, Poll, Waker};

use everwire_core::Cause;
use everwire_tokio::Socket;
use everwire_ws::{CloseCode, Incoming, Message};

use super::failure;
use super::stream::Stream;
use crate::driver::hook_socket::HookSocket;
use crate::hook_error::ConnectionEnded;

pub(crate) type FreshSocket = Socket<Stream>;

impl HookSocket for FreshSocket {
    fn queue_first(&mut self, message: &Message) -> bool {
        self.queue(message)
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.poll_flush(cx).map(|written| written.is_ok())
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ConnectionEnded>> {
        loop {
            let end = match std::task::ready!(self.poll_recv(cx)) {
                Ok(Some(Incoming::Message(message))) => return Poll::Ready(Ok(message)),
                Ok(Some(Incoming::Ping(_) | Incoming::Pong(_))) => continue,
                Ok(Some(Incoming::Close(frame))) => ConnectionEnded::closed(frame),
                Ok(None) => ConnectionEnded::closed(None),
                Err(error) => match failure::flawed_close(&error) {
                    Some(frame) => ConnectionEnded::closed(Some(frame)),
                    None => ConnectionEnded::lost(Cause::Lost(failure::loss(error)).to_string()),
                },
            };
            return Poll::Ready(Err(end));
        }
    }

    fn dismiss(mut self) {
        self.queue_close(CloseCode::NORMAL, "");
        let _ = self.poll_flush(&mut Context::from_waker(Waker::noop()));
    }
}
