use std::collections::VecDeque;

use crate::Rule;

/// How far a stream of ours has come.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) window: u64,
    received: u64,
    processed: u64,
    /// How far the callee knows it.
    told: u64,
    /// Of the items behind `told`, in bytes.
    sizes: VecDeque<usize>,
    /// All of them.
    bytes: usize,
    /// Those of them that are processed.
    processed_bytes: usize,
}

impl Reading {
    pub(crate) fn new(window: u64, processed: u64) -> Self {
        let (sizes, bytes, processed_bytes) = (VecDeque::new(), 0, 0);
        Self { window, received: processed, processed, told: processed, sizes, bytes, processed_bytes }
    }

    /// An item has come ([C-11], [C-12]). `window_bytes`: bytes that may be on the way; the last item may exceed them.
    pub(crate) fn receive(&mut self, number: u64, size: usize, window_bytes: usize) -> Result<(), Rule> {
        if number != self.received + 1 {
            return Err(Rule::BadNumber);
        }
        if number > self.told + self.window || self.bytes >= window_bytes {
            return Err(Rule::NoCredit);
        }
        self.received = number;
        self.sizes.push_back(size);
        self.bytes += size;
        Ok(())
    }

    pub(crate) fn has_received(&self, items: u64) -> bool {
        self.received == items
    }

    /// Marks the items up to this one as processed. Returns the position to report to the callee, once what is not
    /// reported is half of what the callee sends ahead, in items or in bytes. With `always`, any unreported item is
    /// enough.
    pub(crate) fn process(&mut self, number: u64, always: bool, max_window: u64, window_bytes: usize) -> Option<u64> {
        let number = number.min(self.received);
        if self.processed < number {
            let at = |number: u64| usize::try_from(number - self.told).unwrap_or(usize::MAX).min(self.sizes.len());
            self.processed_bytes += self.sizes.range(at(self.processed)..at(number)).sum::<usize>();
            self.processed = number;
        }
        let untold = self.processed - self.told;
        let is_half =
            untold >= self.window.min(max_window).div_ceil(2) || self.processed_bytes >= window_bytes.div_ceil(2);
        if untold == 0 || !always && !is_half {
            return None;
        }
        self.sizes.drain(..usize::try_from(untold).unwrap_or(usize::MAX).min(self.sizes.len()));
        self.bytes -= self.processed_bytes;
        (self.told, self.processed_bytes) = (self.processed, 0);
        Some(self.told)
    }
}
