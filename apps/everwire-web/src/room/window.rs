//! Which messages are in the document. Rows come when they are scrolled to, and go at the other end.

use everwire_chat::{Entry, Missing};

use super::Room;

/// Messages that are in the document at first and at the end of the list, and by how many more they may have grown there.
const SHOWN: usize = 60;
const GROWN: usize = 20;
/// How many more come when somebody scrolls.
const MORE: usize = 75;
/// So many are in the document at most.
pub(super) const MOST: usize = 400;

impl Room {
    /// Rows above or below those in the document; whether there are any.
    pub(crate) fn show_more(&self, up: bool) -> bool {
        let (len, from) = (self.0.entries.borrow().len(), self.0.from.get());
        let to = self.0.to.get().unwrap_or(len);
        let (more_from, more_to) = if up { (from.saturating_sub(MORE), to) } else { (from, (to + MORE).min(len)) };
        if (more_from, more_to) == (from, to) {
            if up {
                self.load_earlier();
            }
            return false;
        }
        let (from, to) = if up {
            (more_from, more_to.min(more_from + MOST))
        } else {
            (more_from.max(more_to.saturating_sub(MOST)), more_to)
        };
        self.0.from.set(from);
        self.0.to.set((to < len).then_some(to));
        self.changed();
        true
    }

    /// The newest messages are in the document.
    pub(crate) fn is_newest(&self) -> bool {
        self.0.to.get().is_none()
    }

    pub(crate) fn show_newest(&self) {
        self.0.to.set(None);
        self.0.from.set(self.0.entries.borrow().len().saturating_sub(SHOWN));
        self.0.at_end.set(true);
        self.changed();
    }

    /// Asks the server for what was said before the first message.
    fn load_earlier(&self) {
        let entries = self.0.entries.borrow();
        // A gap further down comes first.
        let gap = entries.iter().skip(1).find(|entry| matches!(entry.missing, Some(Missing::Unloaded { .. })));
        // Where there is nothing, or no connection, the row above the first message says so.
        let _ = gap.or(entries.first()).map(|entry| self.0.chat.load_earlier(&entry.id));
    }

    /// Older messages came: those at the edge come into the document when they are scrolled to.
    pub(super) fn keep_place_before(&self, at: usize, count: usize) {
        self.move_edges(|edge| if at <= edge { edge + count } else { edge });
    }

    /// Messages came or went in front of those in the document.
    pub(super) fn keep_place(&self, at: usize, by: isize) {
        self.move_edges(|edge| if at < edge { edge.saturating_add_signed(by) } else { edge });
        let len = self.0.entries.borrow().len();
        // At the end the document does not grow with every message.
        if self.is_newest() && self.at_end() && len > self.0.from.get() + SHOWN + GROWN {
            self.0.from.set(len - SHOWN);
        }
    }

    /// All messages were replaced: those in the document stay there, as far as they are among the new ones.
    pub(super) fn keep_place_among(&self, before: &[Entry]) {
        let entries = self.0.entries.borrow();
        let place = |edge: usize| before.get(edge).and_then(|old| entries.iter().position(|entry| entry.id == old.id));
        let (from, to) = (place(self.0.from.get()), self.0.to.get().and_then(place));
        match from.filter(|_| !self.at_end()) {
            Some(from) => {
                self.0.from.set(from);
                self.0.to.set(Some(to.unwrap_or(from + MOST)).filter(|to| *to < entries.len()));
            }
            None => {
                self.0.from.set(entries.len().saturating_sub(SHOWN));
                self.0.to.set(None);
            }
        }
    }

    fn move_edges(&self, moved: impl Fn(usize) -> usize) {
        self.0.from.set(moved(self.0.from.get()));
        self.0.to.set(self.0.to.get().map(moved));
    }
}
