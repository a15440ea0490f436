//! Alerts for a user who does not look at the page: notifications, a sound, and the number of unread messages as a badge.
//!
//! Notifications are off until the user switches them on; the sound can be switched off.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::Entry;
use everwire_i18n::{Text, Words};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::storage::{self, NOTIFY, SILENT, TOLD};

/// The delay before an alert. Messages of this time share one, and those that the user sees elsewhere meanwhile have none.
const TOGETHER: Duration = Duration::from_secs(1);
/// The longest wait until another tab has shown its alerts.
const TURN: Duration = Duration::from_secs(5);
/// The most ids of alerted messages that are kept.
const MOST_TOLD: usize = 50;
/// The most characters of a message in a notification.
const BEGINNING: usize = 200;

pub(crate) struct Alerts {
    words: Words,
    /// For each room, the last message without an alert, or the last mention.
    untold: RefCell<Vec<Alert>>,
    is_planned: Cell<bool>,
    badge: Cell<usize>,
}

struct Alert {
    id: String,
    room: String,
    title: String,
    text: String,
    is_mention: bool,
    /// Whether the user has seen the message by now, on any device.
    is_seen: Box<dyn Fn() -> bool>,
}

impl Alerts {
    pub(crate) fn new(words: Words) -> Rc<Self> {
        Rc::new(Self { words, untold: RefCell::default(), is_planned: Cell::default(), badge: Cell::default() })
    }

    /// A message has come to a room that the user does not look at. `is_seen`: whether the user has seen it since.
    pub(crate) fn on_line(
        self: &Rc<Self>,
        room: &str,
        entry: &Entry,
        is_mention: bool,
        is_seen: impl Fn() -> bool + 'static,
    ) {
        let (name, text) = (&*entry.user_name, entry.text.chars().take(BEGINNING).collect());
        let title = if is_mention { Text::MentionsIn { name, room } } else { Text::SaysIn { name, room } };
        let title = Words::new(self.words.language()).say(&title);
        let mut untold = self.untold.borrow_mut();
        // A mention is alerted even if other messages follow it.
        if is_mention || !untold.iter().any(|untold| untold.room == room && untold.is_mention) {
            untold.retain(|untold| untold.room != room);
            let (id, room, is_seen) = (entry.id.clone(), room.to_owned(), Box::new(is_seen));
            untold.push(Alert { id, room, title, text, is_mention, is_seen });
        }
        if !self.is_planned.replace(true) {
            let alerts = Rc::clone(self);
            browser::later(TOGETHER, move || {
                // One tab at a time, so that only one of them alerts each message.
                spawn_local(async move {
                    let telling = Rc::clone(&alerts);
                    browser::locked(TOLD, Some(TURN), async move { telling.tell() }).await;
                });
            });
        }
    }

    fn tell(&self) {
        self.is_planned.set(false);
        let mut untold = self.untold.take();
        let kept = storage::kept(TOLD).unwrap_or_default();
        let mut told: Vec<&str> = kept.lines().collect();
        untold.retain(|alert| !(alert.is_seen)() && !told.contains(&&*alert.id));
        if untold.is_empty() {
            return;
        }
        told.extend(untold.iter().map(|alert| &*alert.id));
        storage::keep(TOLD, &told[told.len().saturating_sub(MOST_TOLD)..].join("\n"));
        if self.has_sound() {
            browser::sound();
        }
        if self.notifies() {
            for Alert { room, title, text, is_mention, .. } in &untold {
                browser::notify(title, text, room, *is_mention);
            }
        }
    }

    /// Shows the number of unread messages as a badge.
    pub(crate) fn show_badge(&self, unread: usize) {
        if self.badge.replace(unread) != unread {
            browser::badge(unread);
        }
    }

    /// Whether the user wants notifications, and the browser allows them.
    pub(crate) fn notifies(&self) -> bool {
        storage::kept(NOTIFY).is_some() && browser::may_notify()
    }

    /// Switches notifications on or off; to switch them on, the browser is asked. Returns whether they are on.
    pub(crate) async fn want_notifications(&self, wanted: bool) -> bool {
        let wanted = wanted && browser::ask_to_notify().await;
        storage::keep(NOTIFY, if wanted { "yes" } else { "" });
        wanted
    }

    pub(crate) fn has_sound(&self) -> bool {
        storage::kept(SILENT).is_none()
    }

    pub(crate) fn want_sound(&self, wanted: bool) {
        storage::keep(SILENT, if wanted { "" } else { "yes" });
        if wanted {
            browser::sound();
        }
    }
}
