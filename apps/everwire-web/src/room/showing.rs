//! Which messages are in the document.

use everwire_chat::{Change, Entry, Missing};

use super::{Room, place};
use crate::window::Window;

impl Room {
    /// Adds rows above or below those in the document; if there are no more above, loads older messages.
    pub(crate) fn show_more(&self, up: bool) {
        let (len, at_end) = (self.0.entries.borrow().len(), self.keeps_end());
        if self.in_window(|window| window.show_more(up, len, at_end)) {
            return self.changed();
        }
        let entries = self.0.entries.borrow();
        let Some(first) = entries.first().filter(|first| matches!(first.missing, Some(Missing::Unloaded { .. })))
        else {
            return;
        };
        if up {
            self.load_before(&first.id);
        }
    }

    /// Loads the messages that are missing before this one.
    pub(crate) fn load_before(&self, id: &str) {
        // An error is ignored: the row above the message shows that there are none, or that there is no connection.
        let _ = self.0.chat.load_earlier(id);
    }

    /// Whether the newest messages are in the document.
    pub(crate) fn is_newest(&self) -> bool {
        self.0.window.get().is_newest()
    }

    pub(crate) fn show_newest(&self) {
        let len = self.0.entries.borrow().len();
        self.stop_seeking();
        self.in_window(|window| window.show_newest(len));
        self.0.at_end.set(true);
        self.0.jumping.set(true);
        self.changed();
    }

    /// Whether a jump to the newest messages was asked for and is not drawn yet.
    pub(crate) fn is_jumping(&self) -> bool {
        self.0.jumping.get()
    }

    /// Notes that the jump is drawn.
    pub(crate) fn has_jumped(&self) {
        self.0.jumping.set(false);
    }

    /// Keeps the same messages in the document when the list is about to change.
    pub(super) fn keep_place(&self, change: &Change) {
        let (len, at_end) = (self.0.entries.borrow().len(), self.keeps_end());
        self.in_window(|window| match *change {
            Change::Added { at, .. } => window.on_added(at, len + 1, at_end),
            Change::Earlier { at, ref entries } => window.on_page(at, entries.len(), len + entries.len(), at_end),
            Change::Moved { from, to, .. } => window.on_moved(from, to, len, at_end),
            Change::Removed { at, .. } => window.on_removed(at, len.saturating_sub(1), at_end),
            Change::Trimmed { count } => window.on_trimmed(count, len.saturating_sub(count), at_end),
            Change::Updated { .. } => {}
        });
    }

    /// Keeps the same messages in the document after the list was replaced, as far as the new list has them.
    pub(super) fn keep_place_among(&self, before: &[Entry]) {
        let (entries, at_end) = (self.0.entries.borrow(), self.keeps_end());
        let now = |old: usize| before.get(old).and_then(|old| place(&entries, &old.id));
        self.in_window(|window| window.on_replaced(now, entries.len(), at_end));
    }

    /// Whether the document follows the end of the list; not while unread messages above it were not seen.
    fn keeps_end(&self) -> bool {
        self.at_end() && !self.is_line_pending()
    }

    pub(super) fn in_window<T>(&self, act: impl FnOnce(&mut Window) -> T) -> T {
        let mut window = self.0.window.get();
        let done = act(&mut window);
        self.0.window.set(window);
        done
    }
}
