//! Which messages of a room were read, and where the unread ones begin.

use everwire_chat::timeline::first_unread;
use everwire_chat::{Entry, ReadPosition};

use super::{Room, place};
use crate::browser;
use crate::unread::Count;

impl Room {
    /// The number of messages of others that the user has not read on any device.
    pub(crate) fn unread(&self) -> Count {
        let counted = self.0.counted.get().unwrap_or_else(|| {
            let ReadPosition { unread, or_more, .. } = self.0.chat.read_position();
            Count { messages: unread, or_more }
        });
        self.0.counted.set(Some(counted));
        counted
    }

    /// Whether an unread message mentions the user.
    pub(crate) fn is_mentioned(&self) -> bool {
        self.0.mentioned.get() && self.unread().messages > 0
    }

    /// The server has reported how far the user has read: on a new connection, or after another device has read further.
    pub(super) fn on_read_position(&self) {
        self.0.counted.set(None);
        // A user who reads older messages is not scrolled away.
        if self.note_news() && self.at_end() {
            self.seek_line();
        }
        self.settle_unread();
        self.changed();
    }

    /// A message has come.
    pub(super) fn on_line(&self, entry: &Entry) {
        self.0.counted.set(None);
        if entry.own {
            // Not for a message from another device, which came with missed ones: it has an offset already.
            if entry.offset.is_none() {
                self.0.unread.borrow_mut().forget();
            }
        } else if !self.is_followed() {
            self.0.unread.borrow_mut().on_news(self.news_from());
            let users = self.0.users.borrow();
            let is_mention = everwire_chat::mention::mentions(&entry.text, &self.0.chat.me(), &users);
            if is_mention {
                self.0.mentioned.set(true);
            }
            if !browser::is_looked_at() || !self.0.active.get() {
                let (room, offset) = (self.weak(), entry.offset);
                let is_seen = move || {
                    room.upgrade().is_none_or(|room| offset.is_some_and(|at| at <= room.0.chat.read_position().offset))
                };
                self.0.alerts.on_line(&self.0.name, entry, is_mention, is_seen);
            }
        }
    }

    /// Makes the list scroll to the first unread message, as soon as that is loaded.
    pub(super) fn seek_line(&self) {
        if self.0.unread.borrow().is_pending() {
            self.0.seeking.set(true);
            self.0.at_end.set(true);
        }
    }

    /// Whether the list has to scroll to the first unread message, which is not loaded yet.
    pub(crate) fn is_seeking(&self) -> bool {
        self.0.seeking.get()
    }

    /// Gives up the scrolling to the first unread message.
    pub(crate) fn stop_seeking(&self) {
        self.0.seeking.set(false);
    }

    /// Puts the first unread message into the document, or loads it; returns whether it is in the document.
    pub(crate) fn find_line(&self) -> bool {
        let Some((behind, None)) = self.0.unread.borrow().line() else {
            self.stop_seeking();
            return false;
        };
        if !self.0.seeking.get() {
            return false;
        }
        let entries = self.0.entries.borrow();
        let Some(first) = first_unread(entries.iter(), behind) else { return false };
        // If the server has stopped counting, there are too many to load them all.
        if !first.is_loaded && !self.unread().or_more {
            let id = entries[first.at].id.clone();
            drop(entries);
            self.load_before(&id);
            return false;
        }
        let len = entries.len();
        drop(entries);
        self.stop_seeking();
        // The list scrolls to its end, and from there up to the line.
        self.0.at_end.set(true);
        self.in_window(|window| window.show_from(first.at, len));
        true
    }

    /// Whether the line of the unread is shown, and the messages below it were not all seen.
    pub(crate) fn is_line_pending(&self) -> bool {
        self.0.unread.borrow().is_pending()
    }

    /// Reports that the user sees the messages from the first to the last.
    pub(crate) fn saw(&self, first: &str, last: &str) {
        if !self.0.active.get() || self.0.seeking.get() || !browser::is_looked_at() {
            return;
        }
        let seen = {
            let entries = self.0.entries.borrow();
            let (Some(from), Some(to)) = (place(&entries, first), place(&entries, last)) else { return };
            let mut placed = entries[from.min(to)..=to.max(from)].iter().filter(|entry| entry.offset.is_some());
            let Some(first) = placed.next() else { return };
            let last = placed.next_back().unwrap_or(first);
            (first.id.clone(), last.id.clone())
        };
        if self.0.saw.borrow().as_ref() != Some(&seen) {
            self.0.chat.mark_shown(&seen.0, &seen.1);
            self.0.saw.replace(Some(seen));
            self.recount();
        }
        self.settle_unread();
    }

    /// Jumps to the newest messages. Unread messages that are skipped stay unread, and are not reported as read.
    pub(crate) fn skip_to_newest(&self) {
        self.stop_seeking();
        let end = self.0.entries.borrow().iter().rev().find_map(|entry| entry.offset).unwrap_or(0);
        self.0.passed.set(end);
        self.settle_line();
        self.show_newest();
    }

    /// Scrolls back to the first of the unread messages that were skipped.
    pub(crate) fn go_back(&self) {
        self.0.passed.set(0);
        self.0.unread.borrow_mut().forget();
        self.note_news();
        self.seek_line();
        self.changed();
    }

    /// Marks all messages as read.
    pub(crate) fn read_all(&self) {
        let latest = {
            let entries = self.0.entries.borrow();
            let latest = entries.iter().rev().find(|entry| !entry.own && entry.offset.is_some());
            latest.map(|latest| latest.id.clone())
        };
        if let Some(latest) = latest {
            self.0.chat.mark_read(&latest);
            self.recount();
            self.settle_unread();
        }
    }

    /// Whether unread messages were skipped.
    pub(crate) fn has_passed(&self) -> bool {
        !self.is_line_pending() && self.unread().messages > 0
    }

    /// The offset behind which messages count as new: not read, and not skipped.
    fn news_from(&self) -> u64 {
        self.0.chat.read_position().offset.max(self.0.passed.get())
    }

    /// Puts the line of the unread above the new messages; returns whether there are any.
    pub(super) fn note_news(&self) -> bool {
        let from = self.news_from();
        let is_new = self.0.chat.unread_behind(from).unread > 0;
        if is_new {
            self.0.unread.borrow_mut().on_news(from);
        }
        is_new
    }

    /// Counts the unread messages again.
    fn recount(&self) {
        let before = self.0.counted.take();
        if before != Some(self.unread()) {
            self.0.frames.plan();
        }
    }

    /// The id of the last message.
    pub(crate) fn last_id(&self) -> Option<String> {
        self.0.entries.borrow().last().map(|entry| entry.id.clone())
    }

    /// Whether a new message is seen at once.
    pub(super) fn is_followed(&self) -> bool {
        self.0.active.get() && self.at_end() && self.is_newest() && !self.is_line_pending() && browser::is_looked_at()
    }

    pub(super) fn settle_unread(&self) {
        let is_pending = |behind| self.is_line_pending() && self.0.chat.unread_behind(behind).unread == 0;
        if self.0.unread.borrow().line().is_some_and(|(behind, _)| is_pending(behind)) {
            self.settle_line();
            self.0.mentioned.set(false);
        }
    }

    /// Fixes the number at the line of the unread.
    fn settle_line(&self) {
        let count = self.line_count();
        self.0.unread.borrow_mut().on_seen(count);
        self.0.version.set(self.0.version.get() + 1);
        self.0.frames.plan();
    }

    /// The number at the line of the unread: all messages below it that were unread when it was set, read or not by now.
    fn line_count(&self) -> Count {
        let Some((behind, settled)) = self.0.unread.borrow().line() else { return Count::default() };
        settled.unwrap_or_else(|| {
            let ReadPosition { unloaded, or_more, .. } = self.0.chat.unread_behind(behind);
            let is_behind = |entry: &&Entry| !entry.own && entry.offset.is_some_and(|offset| offset > behind);
            let loaded = self.0.entries.borrow().iter().filter(is_behind).count();
            Count { messages: loaded + unloaded, or_more }
        })
    }

    /// The index of the message below the line of the unread, and the number at the line.
    pub(super) fn line(&self) -> Option<(usize, Count)> {
        let (behind, _) = self.0.unread.borrow().line()?;
        let count = self.line_count();
        let entries = self.0.entries.borrow();
        let first = first_unread(entries.iter(), behind)?;
        (count.messages > 0).then_some((first.at, count))
    }
}
