use everwire_ws::Message;

use super::{Batching, json_text};
use crate::{Moment, Timer, timers::Timers};

/// The messages at the end of the queue that still wait for others.
#[derive(Debug)]
pub(crate) struct Window {
    config: Batching,
    held: usize,
    held_bytes: usize,
}

impl Window {
    pub(crate) fn new(config: Batching) -> Self {
        Self { config, held: 0, held_bytes: 0 }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.config.max_bytes
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// A message is appended while the connection is open. Whether the driver must hear of it: something is released, or
    /// a window begins.
    pub(crate) fn append(&mut self, now: Moment, message: &Message, timers: &mut Timers) -> bool {
        let Some(text) = json_text(message) else {
            self.release(timers);
            return true;
        };
        self.held += 1;
        self.held_bytes = self.held_bytes.saturating_add(text.len() + 1);
        if self.held_bytes >= self.config.max_bytes {
            self.release(timers);
            return true;
        }
        if self.held == 1 {
            timers.set(Timer::Batch, now + self.config.window);
        }
        self.held == 1
    }

    /// Nothing is held back any more.
    pub(crate) fn release(&mut self, timers: &mut Timers) {
        self.held = 0;
        self.held_bytes = 0;
        timers.clear(Timer::Batch);
    }
}
