//! Which messages are in the document.

use everwire_chat::{Change, Entry, Missing};

use super::{Room, place};
use crate::window::Window;

impl Room {
    /// Rows above or below those in the document; where there are none above, the server is asked for them.
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

    /// Asks the server for what is missing before a message.
    pub(crate) fn load_before(&self, id: &str) {
        // Where there is nothing, or no connection, the row above the message says so.
        let _ = self.0.chat.load_earlier(id);
    }

    /// The newest messages are in the document.
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

    /// Whether the newest messages are to be seen, and are not yet.
    pub(crate) fn is_jumping(&self) -> bool {
        self.0.jumping.get()
    }

    /// They are.
    pub(crate) fn has_jumped(&self) {
        self.0.jumping.set(false);
    }

    /// Keeps those in the document there, when the list is about to change.
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

    /// All messages were replaced: those in the document stay there, as far as they are among the new ones.
    pub(super) fn keep_place_among(&self, before: &[Entry]) {
        let (entries, at_end) = (self.0.entries.borrow(), self.keeps_end());
        let now = |old: usize| before.get(old).and_then(|old| place(&entries, &old.id));
        self.in_window(|window| window.on_replaced(now, entries.len(), at_end));
    }

    /// The end of the list is what stays in the document: not while what is new above it was not seen.
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
