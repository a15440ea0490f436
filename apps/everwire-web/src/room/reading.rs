//! What of the room was read, and what is new.

use everwire_chat::timeline::first_unread;
use everwire_chat::{Entry, ReadPosition};

use super::{Room, place};
use crate::browser;
use crate::unread::Count;

impl Room {
    /// Messages of others that the user has not read, on any device.
    pub(crate) fn unread(&self) -> Count {
        let counted = self.0.counted.get().unwrap_or_else(|| {
            let ReadPosition { unread, or_more, .. } = self.0.chat.read_position();
            Count { messages: unread, or_more }
        });
        self.0.counted.set(Some(counted));
        counted
    }

    /// Somebody addresses us there.
    pub(crate) fn is_mentioned(&self) -> bool {
        self.0.mentioned.get() && self.unread().messages > 0
    }

    /// The server says how far the user has read: after an absence, or because another device has read further.
    pub(super) fn on_read_position(&self, position: ReadPosition) {
        self.0.counted.set(None);
        if position.unread > 0 {
            self.0.unread.borrow_mut().on_news(position.offset);
            // Whoever reads what is older goes on to do so.
            if self.at_end() {
                self.seek_line();
            }
        }
        self.settle_unread();
        self.changed();
    }

    /// A line has come.
    pub(super) fn on_line(&self, entry: &Entry) {
        self.0.counted.set(None);
        if entry.own {
            // Not for one that was sent from elsewhere, and has come with what was missed.
            if entry.offset.is_none() {
                self.0.unread.borrow_mut().forget();
            }
        } else if !self.is_followed() {
            if !self.is_line_pending() {
                self.0.unread.borrow_mut().on_news(self.0.chat.read_position().offset);
            }
            let users = self.0.users.borrow();
            let is_mention = everwire_chat::mention::mentions(&entry.text, &self.0.chat.me(), &users);
            if is_mention {
                self.0.mentioned.set(true);
            }
            if !browser::is_looked_at() || !self.0.active.get() {
                self.0.alerts.on_line(&self.0.name, entry, is_mention);
            }
        }
    }

    /// The reader is brought to where what is new begins, as soon as it is loaded.
    pub(super) fn seek_line(&self) {
        if self.0.unread.borrow().is_pending() {
            self.0.seeking.set(true);
            self.0.at_end.set(true);
        }
    }

    /// What is new begins further up, and its beginning is not loaded yet.
    pub(crate) fn is_seeking(&self) -> bool {
        self.0.seeking.get()
    }

    /// Nobody is brought anywhere any more: somebody has gone there.
    pub(crate) fn stop_seeking(&self) {
        self.0.seeking.set(false);
    }

    /// Brings the beginning of what is new into the document, or asks for it. Whether it is there.
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
        // Where the server does not count any more, to load all of it would take long.
        if !first.is_loaded && !self.unread().or_more {
            let id = entries[first.at].id.clone();
            drop(entries);
            self.load_before(&id);
            return false;
        }
        let len = entries.len();
        drop(entries);
        self.stop_seeking();
        // The list goes to its end, and from there up to the line.
        self.0.at_end.set(true);
        self.in_window(|window| window.show_from(first.at, len));
        true
    }

    /// What is new was not on the screen yet: the list shows where it begins.
    pub(crate) fn is_line_pending(&self) -> bool {
        self.0.unread.borrow().is_pending()
    }

    /// Somebody sees this message, and has seen those above it: the others may know.
    pub(crate) fn saw(&self, id: &str) {
        if !self.0.active.get() || self.0.seeking.get() || !browser::is_looked_at() {
            return;
        }
        let entries = self.0.entries.borrow();
        let Some(at) = place(&entries, id) else { return };
        let latest = entries[..=at].iter().rev().find(|entry| !entry.own && entry.offset.is_some());
        if let Some(latest) = latest.filter(|latest| self.0.saw.borrow().as_ref() != Some(&latest.id)) {
            self.0.saw.replace(Some(latest.id.clone()));
            self.0.chat.mark_read(&latest.id);
            self.0.counted.set(None);
        }
        drop(entries);
        self.settle_unread();
    }

    /// Whoever asks for the newest has seen all that is new.
    pub(crate) fn skip_to_newest(&self) {
        self.stop_seeking();
        let latest = {
            let entries = self.0.entries.borrow();
            let latest = entries.iter().rev().find(|entry| !entry.own && entry.offset.is_some());
            latest.map(|latest| latest.id.clone())
        };
        if let Some(latest) = latest {
            self.0.chat.mark_read(&latest);
            self.0.counted.set(None);
            self.settle_unread();
        }
        self.show_newest();
    }

    /// The last message that there is.
    pub(crate) fn last_id(&self) -> Option<String> {
        self.0.entries.borrow().last().map(|entry| entry.id.clone())
    }

    /// What comes is on the screen at once.
    pub(super) fn is_followed(&self) -> bool {
        self.0.active.get() && self.at_end() && self.is_newest() && !self.is_line_pending() && browser::is_looked_at()
    }

    pub(super) fn settle_unread(&self) {
        if self.is_line_pending() && self.unread().messages == 0 {
            let count = self.line_count();
            self.0.unread.borrow_mut().on_seen(count);
            self.0.mentioned.set(false);
            self.0.version.set(self.0.version.get() + 1);
            self.0.frames.plan();
        }
    }

    /// How many messages the line counts: those that were read since, and those that were not.
    fn line_count(&self) -> Count {
        let Some((behind, settled)) = self.0.unread.borrow().line() else { return Count::default() };
        settled.unwrap_or_else(|| {
            let read = self.0.chat.read_position().offset;
            let since =
                |entry: &&Entry| !entry.own && entry.offset.is_some_and(|offset| offset > behind && offset <= read);
            let Count { messages, or_more } = self.unread();
            let entries = self.0.entries.borrow();
            Count { messages: messages + entries.iter().filter(since).count(), or_more }
        })
    }

    /// Above which message the line stands, and how many it counts.
    pub(super) fn line(&self) -> Option<(usize, Count)> {
        let (behind, _) = self.0.unread.borrow().line()?;
        let count = self.line_count();
        let entries = self.0.entries.borrow();
        let first = first_unread(entries.iter(), behind)?;
        (count.messages > 0).then_some((first.at, count))
    }
}
