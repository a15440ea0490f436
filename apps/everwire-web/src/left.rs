//! Sends the messages that closed tabs have left unsent.
//!
//! Each tab has an outbox for each room, and holds a lock for as long as it is open. A tab takes over the outboxes of its user
//! whose tabs are closed, at its start and whenever another tab is closed. The lock admits one tab at a time; should two tabs
//! send a message, the server recognises it as the same one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::time::Duration;

use everwire::store::{Store, WebStore};
use everwire_chat::User;
use everwire_chat::wire::{Event, parse};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::room::client::{Waiting, outbox_of};
use crate::rooms::Rooms;
use crate::storage::{self, OUTBOX, TAB};

/// A closed tab may be reloading; it then takes its lock within this time, and sends its messages itself.
const RELOAD: Duration = Duration::from_secs(3);

struct Left {
    rooms: Weak<Rooms>,
    /// The tabs whose end is awaited.
    tabs: RefCell<BTreeSet<String>>,
}

/// Takes over the outboxes of closed tabs, for as long as the rooms exist.
pub(crate) fn watch(rooms: &Rc<Rooms>) {
    // Without locks no tab has an outbox.
    let Some(own) = browser::tab() else { return };
    let left = Rc::new(Left { rooms: Rc::downgrade(rooms), tabs: RefCell::default() });
    for (_, room, key) in outboxes(rooms.user()).into_iter().filter(|(tab, ..)| *tab == own) {
        // The room's own client sends it.
        if waiting(&key, rooms.user()).is_some_and(|waiting| !waiting.is_empty()) {
            let _ = rooms.open(&room);
        }
    }
    left.look();
    storage::on_kept_elsewhere(move |name| {
        if name.is_some_and(|name| name.starts_with(OUTBOX)) {
            left.look();
        }
    });
}

impl Left {
    fn look(self: &Rc<Self>) {
        let Some(rooms) = self.rooms.upgrade() else { return };
        let own = browser::tab();
        for (tab, ..) in outboxes(rooms.user()) {
            if Some(&tab) != own.as_ref() && self.tabs.borrow_mut().insert(tab.clone()) {
                let left = Rc::clone(self);
                spawn_local(async move {
                    left.await_end(&tab).await;
                    left.tabs.borrow_mut().remove(&tab);
                });
            }
        }
    }

    async fn await_end(self: &Rc<Self>, tab: &str) {
        let lock = format!("{TAB}{tab}");
        loop {
            let (left, of) = (Rc::clone(self), tab.to_owned());
            if browser::locked(&lock, None, async move { left.take_over(&of).await }).await {
                return;
            }
            if !browser::locked(&lock, Some(Duration::MAX), async {}).await || self.rooms.strong_count() == 0 {
                return;
            }
            browser::sleep(RELOAD).await;
        }
    }

    async fn take_over(&self, tab: &str) {
        let Some(rooms) = self.rooms.upgrade() else { return };
        for (_, room, key) in outboxes(rooms.user()).into_iter().filter(|(of, ..)| of == tab) {
            let Some(waiting) = waiting(&key, rooms.user()) else { continue };
            if waiting.is_empty() {
                storage::keep(&key, "");
                continue;
            }
            let Some(room) = rooms.open(&room).ok().and_then(|at| rooms.at(at)) else { continue };
            if room.take_over(waiting).await {
                storage::keep(&key, "");
            }
        }
    }
}

/// The tabs, rooms and names of the user's outboxes.
fn outboxes(user: &User) -> Vec<(String, String, String)> {
    let names = storage::kept_names(OUTBOX).into_iter();
    let of_user = names.filter_map(|name| {
        let (tab, room) = outbox_of(&name, user)?;
        Some((tab.to_owned(), room.to_owned(), name.clone()))
    });
    of_user.collect()
}

/// The messages in an outbox; `None` if it can't be read or is another user's, because in earlier versions two users could share
/// a name.
fn waiting(key: &str, user: &User) -> Option<Waiting> {
    let saved = WebStore::open(browser::here(key)).load().ok()?;
    let waiting: Waiting = saved.messages.into_iter().map(|kept| kept.message).collect();
    let events = waiting.iter().flat_map(|message| parse(message.as_text().unwrap_or_default()).events);
    let is_ours = |event| !matches!(event, Event::Text(line) if line.user_id != user.user_id);
    events.into_iter().all(is_ours).then_some(waiting)
}
