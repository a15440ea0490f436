//! How far our user has read the room, on any device, and what that leaves unread.

use everwire_chat_core::wire::{MOST_UNREAD, Sync};

use super::read_position::ReadPosition;
use super::room::Inner;
use super::shown::{Range, Shown};
use super::told_position::ToldPosition;

impl Inner {
    /// How far our user has read, and what of it behind this offset is unread.
    pub(super) fn read_position(&self, behind: u64) -> ReadPosition {
        let read = self.had.read.max(self.told.read);
        let behind = read.max(behind);
        let (from, unread, end) = self.told.at_opening;
        let not_loaded = unread.saturating_sub(self.timeline.others_between(from, end));
        let room_for = self.timeline.unloaded_between(behind, end);
        let unloaded = usize::try_from(not_loaded.min(room_for)).unwrap_or(usize::MAX);
        let loaded = self.timeline.unread(behind).saturating_sub(self.shown.count_behind(behind, &self.timeline));
        ReadPosition {
            offset: read,
            unread: loaded.saturating_add(unloaded),
            unloaded,
            or_more: unread >= MOST_UNREAD && room_for > not_loaded,
        }
    }

    /// These were on the screen, and what stands between them; whether others may be told that more was read.
    pub(super) fn show(&mut self, first: &str, last: &str) -> bool {
        let offset = |id| self.timeline.get(id).and_then(|entry| entry.offset);
        let (Some(from), Some(to)) = (offset(first), offset(last)) else { return false };
        self.shown.add(Range { from: from.min(to), to: to.max(from) });
        let read = self.had.read.max(self.told.read);
        // Our own messages behind theirs need no receipt.
        let shown = self.shown.follow(read, &self.timeline).map_or(0, |end| end.min(self.had.delivered));
        let is_news = shown > self.had.read;
        self.had.read = self.had.read.max(shown);
        is_news
    }

    /// Takes what the first event of a connection says; whether it says something.
    pub(super) fn on_read_at_opening(&mut self, sync: &Sync) -> bool {
        let Some(read) = sync.read else { return false };
        self.told.read = self.told.read.max(read);
        self.told.at_opening = (read, sync.unread.unwrap_or(0), sync.offset);
        true
    }

    /// Our user has read further elsewhere; whether that is news.
    pub(super) fn on_read_elsewhere(&mut self, offset: u64) -> bool {
        let is_news = offset > self.told.read.max(self.had.read);
        self.told.read = self.told.read.max(offset);
        is_news
    }

    /// As an earlier client knew it.
    pub(super) fn recall_read(&mut self, read: u64) {
        self.shown = Shown::default();
        self.told = ToldPosition { read, ..ToldPosition::default() };
    }
}
