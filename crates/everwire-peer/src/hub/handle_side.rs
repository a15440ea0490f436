//! What handles do with the machine.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use everwire_calls::Request;
use everwire_ws::Message;

use super::slot::{Found, Slot};
use super::{Hub, Origin, Outgoing, What};
use crate::{CallError, Execution};

/// The largest number of items that are taken at once: a quarter of the default window, so that credit is told in time.
const AT_ONCE: usize = 16;

impl Hub {
    /// Nothing of the request is dropped under the lock: its payload may have an owner.
    pub(crate) fn open(&self, request: &Request) -> Result<u64, CallError> {
        let now = self.carrier.now();
        self.for_handle(|inner| {
            if inner.closed {
                return Err(CallError::Closed(Execution::NotRun));
            }
            let (id, message) = inner.endpoint.open(now, request).map_err(CallError::Open)?;
            inner.collect(Origin::default());
            inner.outgoing.extend(message.map(|message| Outgoing { message, what: What::Call(id) }));
            let (kind, name) = (request.kind, &request.name);
            let found =
                request.key.clone().map(|key| Box::new(Found { id, kind, name: name.clone(), key, processed: 0 }));
            let stamp = inner.notes.made(kind, now);
            inner.slots.insert(id, Box::new(Slot::new(stamp, kind, found)));
            Ok(id)
        })
    }

    /// The one end of a call.
    pub(crate) fn poll_reply(&self, id: u64, cx: &Context<'_>) -> Poll<Result<Message, CallError>> {
        // Nothing comes of it that anybody else is told.
        let end = self.lock().poll_end(id, cx);
        // A call ends with a reply.
        end.map(|end| end.give_out().map(|reply| reply.unwrap_or_else(|| "".into())))
    }

    /// The next items of a stream, or its end; those up to `position` are processed. Of a stream with a key, one item at a time: what
    /// is processed of it is told each time.
    pub(crate) fn poll_items(
        &self,
        id: u64,
        position: u64,
        keyed: bool,
        cx: &Context<'_>,
    ) -> Poll<Result<VecDeque<(u64, Message)>, CallError>> {
        let item = self.for_handle(|inner| {
            if inner.slots.get(&id).is_some_and(|slot| slot.reading.is_some()) {
                if position > 0 {
                    inner.endpoint.processed(id, position);
                }
                let items = inner.take_items(id, if keyed { 1 } else { AT_ONCE });
                if let Some(reading) = inner.slots.get_mut(&id).and_then(|slot| slot.reading.as_mut()) {
                    reading.given = if keyed { items.front().cloned() } else { None };
                }
                if !items.is_empty() {
                    return Poll::Ready(Ok(items));
                }
            }
            inner.poll_end(id, cx).map(Err)
        });
        item.map(|item| item.or_else(|end| end.give_out().map(|_| VecDeque::new())))
    }

    /// Nobody waits for it any more.
    pub(crate) fn cancel(&self, id: u64) {
        let (slot, queued) = self.for_handle(|inner| {
            inner.unclaimed.remove(&id);
            (inner.remove_slot(id), inner.outgoing.take_back(id))
        });
        let is_withdrawn =
            slot.as_ref().is_some_and(|slot| slot.ticket.as_ref().is_some_and(|ticket| ticket.withdraw()));
        self.for_handle(|inner| {
            inner.endpoint.cancel(id, queued.is_none() && !is_withdrawn);
            inner.endpoint.forget(id);
        });
    }

    /// The application has done with the end of a call with a key.
    pub(crate) fn forget(&self, id: u64) {
        self.for_handle(|inner| inner.endpoint.forget(id));
    }

    /// Nobody holds a call with a key any more; it goes on.
    pub(crate) fn let_go(&self, id: u64) {
        self.for_handle(|inner| inner.let_go(id));
    }

    pub(crate) fn take_unclaimed(&self) -> Vec<Found> {
        self.for_handle(|inner| std::mem::take(&mut inner.unclaimed).into_values().collect())
    }

    pub(crate) async fn wait_for_answer(&self) {
        loop {
            let answered = self.answered.notified();
            {
                let inner = self.lock();
                if inner.answered || inner.closed || !inner.endpoint.is_usable() {
                    return;
                }
            }
            answered.await;
        }
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.lock().endpoint.open_calls()
    }

    pub(crate) fn running_calls(&self) -> usize {
        self.lock().endpoint.running_calls()
    }

    /// No calls are possible here.
    pub(crate) fn refuse(&self) {
        self.lock().endpoint.refuse();
    }
}
