//! Reading what has arrived, into events.

use std::mem;
use std::task::{Context, Poll};

use everwire_core::{Loss, TransportEvent};
use everwire_ws::{Incoming, Message};

use super::Connection;
use crate::driver::native::failure;
use crate::driver::open_connection::OpenConnection;
use crate::driver::reading::Reading;
use crate::inbox::Room;

/// Payload that one turn reads at most, so that the user's tasks see it soon and get their turn.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_MESSAGES: usize = 1024;
/// Reads of one turn that yield no whole message.
const BATCH_READS: usize = 16;

impl Connection {
    pub(super) fn read_batch(
        &mut self,
        cx: &mut Context<'_>,
        room: Room,
        batch: &mut Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading {
        let (mut messages, mut bytes, mut reads) = (0, 0, 0);
        while messages < room.messages.min(BATCH_MESSAGES) && bytes < room.bytes.min(BATCH_BYTES) {
            let next = match self.socket.try_recv() {
                Ok(None) if reads == BATCH_READS => return Reading::More,
                Ok(None) => {
                    reads += 1;
                    match self.socket.poll_recv(cx) {
                        Poll::Ready(next) => next.map(Some),
                        Poll::Pending => return Reading::Dry,
                    }
                }
                Ok(incoming) => Ok(Some(incoming)),
                Err(error) => Err(error),
            };
            match next {
                Ok(Some(Some(Incoming::Message(message)))) => {
                    if let Some(payload) = self.text_pings.as_mut().and_then(|pings| pings.answer(&message)) {
                        push_batch(batch, events);
                        events.push(TransportEvent::Pong(payload));
                        continue;
                    }
                    messages += 1;
                    bytes += message.len();
                    batch.push(if self.in_session { self.secrets.hide_in_bye(message) } else { message });
                }
                Ok(Some(Some(Incoming::Ping(_)))) => {
                    push_batch(batch, events);
                    events.push(TransportEvent::Ping);
                }
                Ok(Some(Some(Incoming::Pong(payload)))) => {
                    push_batch(batch, events);
                    events.push(TransportEvent::Pong(payload));
                }
                Ok(Some(Some(Incoming::Close(frame)))) => {
                    push_batch(batch, events);
                    // Out with the echo, and with what can be counted as written.
                    let _ = self.socket.poll_flush(cx);
                    self.push_written(events);
                    let frame = frame.map(|frame| self.secrets.hide_in_close(frame));
                    events.push(TransportEvent::PeerClosed(frame));
                }
                Ok(Some(None) | None) => {
                    self.push_lost(batch, events, Loss::Ended);
                    return Reading::Gone;
                }
                Err(error) => {
                    // The socket has just tried to tell the peer, if there is something to tell.
                    let _ = self.socket.poll_flush(cx);
                    if let Some(frame) = failure::flawed_close(&error) {
                        push_batch(batch, events);
                        self.push_written(events);
                        events.push(TransportEvent::PeerClosed(Some(self.secrets.hide_in_close(frame))));
                    }
                    self.push_lost(batch, events, self.secrets.hide_in_loss(failure::loss(error)));
                    return Reading::Gone;
                }
            }
        }
        Reading::More
    }

    /// What was written counts as written: the machine is told before it hears of the loss.
    fn push_lost(&mut self, batch: &mut Vec<Message>, events: &mut Vec<TransportEvent>, loss: Loss) {
        push_batch(batch, events);
        self.push_written(events);
        events.push(TransportEvent::Lost(loss));
    }

    fn push_written(&mut self, events: &mut Vec<TransportEvent>) {
        let written = self.count_written();
        if written > 0 {
            events.push(TransportEvent::Written(written));
        }
    }
}

pub(super) fn push_batch(batch: &mut Vec<Message>, events: &mut Vec<TransportEvent>) {
    if !batch.is_empty() {
        events.push(TransportEvent::Received(mem::take(batch)));
    }
}
