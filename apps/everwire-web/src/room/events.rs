//! Handles the events of a room's client.

use everwire::{Event, EventItem, Events};
use everwire_chat::{Change, ChatEvent, Entry, Updates};
use everwire_i18n::Text;

use super::{Room, WeakRoom};
use crate::rows::Notice;
use crate::storage::{self, MEMORY};

/// The most lines about users who joined or left that are kept.
const NOTICES: usize = 200;

impl Room {
    pub(super) async fn listen(room: WeakRoom, mut updates: Updates) {
        while let Some(event) = updates.next().await {
            let Some(room) = room.upgrade() else { return };
            room.on_event(event);
        }
    }

    /// If the browser's storage is full, the stored messages, which the server has too, make room for the unsent ones.
    pub(super) async fn watch_store(room: WeakRoom, mut events: Events) {
        while let Some(item) = events.next().await {
            let Some(room) = room.upgrade() else { return };
            match item {
                EventItem::Event(Event::StoreFailed { .. }) => {
                    storage::forget(MEMORY);
                    room.0.unkept.set(true);
                }
                EventItem::Event(Event::StoreRecovered) => room.0.unkept.set(false),
                _ => continue,
            }
            room.0.frames.plan();
        }
    }

    fn on_event(&self, event: ChatEvent) {
        match event {
            ChatEvent::Timeline(change) => return self.on_change(change),
            ChatEvent::Connection(state) => {
                if !state.is_connected() {
                    self.0.typing.take();
                    self.0.synced.set(false);
                }
                *self.0.link.borrow_mut() = state;
            }
            ChatEvent::Joined(user) => self.notice(&Text::Joined { name: &user.user_name }),
            ChatEvent::Left(user) => self.notice(&Text::Left { name: &user.user_name }),
            ChatEvent::Typing(names) => *self.0.typing.borrow_mut() = names,
            ChatEvent::Synced { .. } => {
                self.0.synced.set(true);
                self.renew_users();
                // Requests that were not possible without a connection are made when the list is drawn.
                self.changed();
            }
            ChatEvent::ReadPosition(_) => self.on_read_position(),
            ChatEvent::Back(_) | ChatEvent::Presence(_) | ChatEvent::Named(_) => self.renew_users(),
            ChatEvent::Missed { entries, .. } => self.on_missed(entries),
            _ => {}
        }
        self.0.frames.plan();
    }

    fn on_change(&self, change: Change) {
        if let Change::Added { entry, .. } = &change {
            self.on_line(entry);
        }
        self.keep_failed(&change);
        self.keep_place(&change);
        change.apply(&mut self.0.entries.borrow_mut());
        self.changed();
    }

    /// Events were missed: these are the entries now.
    fn on_missed(&self, entries: Vec<Entry>) {
        let before = self.0.entries.replace(entries);
        self.keep_place_among(&before);
        self.0.counted.set(None);
        // The list of present users may have been among the missed events.
        self.0.synced.set(self.0.chat.state().is_connected());
        if !self.is_followed() {
            self.note_news();
        }
        self.keep_all_failed();
        // Users who still type report it again.
        self.0.typing.take();
        *self.0.link.borrow_mut() = self.0.chat.state();
        self.renew_users();
        self.changed();
    }

    fn notice(&self, text: &Text<'_>) {
        let mut notices = self.0.notices.borrow_mut();
        if notices.len() == NOTICES {
            notices.remove(0);
        }
        let number = self.0.notices_ever.get();
        self.0.notices_ever.set(number + 1);
        let below = self.0.entries.borrow().last().map(|entry| entry.id.clone());
        notices.push(Notice { number, below, text: self.0.words.say(text) });
        drop(notices);
        self.renew_users();
        self.changed();
    }

    fn renew_users(&self) {
        *self.0.users.borrow_mut() = self.0.chat.users();
        self.0.users_version.set(self.0.users_version.get() + 1);
    }
}
