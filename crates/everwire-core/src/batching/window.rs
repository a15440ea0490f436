use everwire_ws::Message;

use super::{Batching, json_text};
use crate::{MessageId, Moment, Timer, timers::Timers};

/// The messages at the end of the queue's normal level that still wait for others.
#[derive(Debug)]
pub(crate) struct Window {
    config: Batching,
    /// The place of the first.
    held_from: Option<MessageId>,
    held_bytes: usize,
}

impl Window {
    pub(crate) fn new(config: Batching) -> Self {
        Self { config, held_from: None, held_bytes: 0 }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.config.max_bytes
    }

    pub(crate) fn held_from(&self) -> Option<MessageId> {
        self.held_from
    }

    /// A message is appended to the normal level while the connection is open. Whether the driver must hear of it: something is released, or
    /// a window begins.
    pub(crate) fn append(&mut self, now: Moment, id: MessageId, message: &Message, timers: &mut Timers) -> bool {
        let Some(text) = json_text(message) else {
            self.release(timers);
            return true;
        };
        let first = self.held_from.is_none();
        self.held_from.get_or_insert(id);
        self.held_bytes = self.held_bytes.saturating_add(text.len() + 1);
        if self.held_bytes >= self.config.max_bytes {
            self.release(timers);
            return true;
        }
        if first {
            timers.set(Timer::Batch, now + self.config.window);
        }
        first
    }

    /// Nothing is held back any more.
    pub(crate) fn release(&mut self, timers: &mut Timers) {
        self.held_from = None;
        self.held_bytes = 0;
        timers.clear(Timer::Batch);
    }
}
