use std::collections::VecDeque;

use everwire_ws::Message;

use crate::{Frame, Room};

/// A stream that runs here.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) window: u64,
    pub(crate) sent: u64,
    pub(crate) processed: u64,
    /// From the one after `processed` on: the size of each, and with a key its frame too.
    unprocessed: VecDeque<(usize, Option<Message>)>,
    /// All of them.
    bytes: usize,
}

impl Sending {
    pub(crate) fn new(window: u64) -> Self {
        Self { window: window.max(1), sent: 0, processed: 0, unprocessed: VecDeque::new(), bytes: 0 }
    }

    /// How many items it may send now, and how many bytes of them ([C-12]).
    pub(crate) fn room(&self, window_bytes: usize) -> Option<Room> {
        let items = (self.processed + self.window).saturating_sub(self.sent);
        let bytes = window_bytes.saturating_sub(self.bytes);
        (items > 0 && bytes > 0).then_some(Room { items, bytes })
    }

    /// The frame of the next items, which is not kept.
    pub(crate) fn batch(&mut self, id: u64, items: Vec<Message>) -> Message {
        let first = self.sent + 1;
        for item in &items {
            self.count(item.len(), None);
        }
        Frame::Items(id, first, items).to_message()
    }

    /// The next item is sent. Its frame is kept, if there is one here.
    pub(crate) fn count(&mut self, size: usize, kept: Option<Message>) {
        self.sent += 1;
        self.bytes += size;
        self.unprocessed.push_back((size, kept));
    }

    /// How many kept bytes that frees.
    pub(crate) fn process(&mut self, number: u64) -> usize {
        let mut freed = 0;
        while self.processed < number {
            self.processed += 1;
            if let Some((size, kept)) = self.unprocessed.pop_front() {
                self.bytes -= size;
                freed += kept.map_or(0, |frame| frame.len());
            }
        }
        freed
    }

    /// The frames that are kept.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Message> + '_ {
        self.unprocessed.iter().filter_map(|(_, frame)| frame.as_ref())
    }
}
