use std::collections::VecDeque;

use everwire_ws::Message;

use crate::{Frame, Room};

/// A stream that runs here.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) window: u64,
    pub(crate) sent: u64,
    pub(crate) processed: u64,
    /// The size of each item from the one after `processed` on.
    sizes: VecDeque<usize>,
    /// All of them.
    bytes: usize,
    /// With a key: the frame of each of them.
    kept: VecDeque<Message>,
}

impl Sending {
    pub(crate) fn new(window: u64) -> Self {
        let (sizes, kept) = (VecDeque::new(), VecDeque::new());
        Self { window: window.max(1), sent: 0, processed: 0, sizes, bytes: 0, kept }
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
        self.sizes.extend(items.iter().map(Message::len));
        self.sent += items.len() as u64;
        self.bytes += items.iter().map(Message::len).sum::<usize>();
        Frame::Items(id, first, items).to_message()
    }

    /// The next item is sent. Its frame is kept, if there is one here.
    pub(crate) fn count(&mut self, size: usize, kept: Option<Message>) {
        self.sent += 1;
        self.bytes += size;
        self.sizes.push_back(size);
        self.kept.extend(kept);
    }

    /// How many kept bytes that frees.
    pub(crate) fn process(&mut self, number: u64) -> usize {
        let more = usize::try_from(number.saturating_sub(self.processed)).unwrap_or(usize::MAX);
        self.processed = self.processed.max(number);
        self.bytes -= self.sizes.drain(..more.min(self.sizes.len())).sum::<usize>();
        self.kept.drain(..more.min(self.kept.len())).map(|frame| frame.len()).sum()
    }

    /// The frames that are kept.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Message> + '_ {
        self.kept.iter()
    }
}
