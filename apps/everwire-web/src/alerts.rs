//! What tells somebody who does not look that there is something new: a notification, a sound, and a number at the program's sign.
//!
//! Notifications are there for those who have asked for them; the sound can be switched off.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::Entry;
use everwire_i18n::{Text, Words};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::storage::{self, NOTIFY, SILENT, TOLD};

/// What comes together is told together. Meanwhile another tab or device may show it to somebody, which the server tells.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long another tab may take to tell.
const TURN: Duration = Duration::from_secs(5);
/// So many told lines are remembered.
const MOST_TOLD: usize = 50;
/// Of a line so many characters are told.
const BEGINNING: usize = 200;

pub(crate) struct Alerts {
    words: Words,
    /// Of each room the last line that was not told yet.
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
    /// Somebody has seen it by now, somewhere.
    is_seen: Box<dyn Fn() -> bool>,
}

impl Alerts {
    pub(crate) fn new(words: Words) -> Rc<Self> {
        Rc::new(Self { words, untold: RefCell::default(), is_planned: Cell::default(), badge: Cell::default() })
    }

    /// A line has come to a room that nobody looks at. `is_seen`: whether its user has seen it since.
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
        // Whoever is addressed hears of that, whatever is said behind it.
        if is_mention || !untold.iter().any(|untold| untold.room == room && untold.is_mention) {
            untold.retain(|untold| untold.room != room);
            let (id, room, is_seen) = (entry.id.clone(), room.to_owned(), Box::new(is_seen));
            untold.push(Alert { id, room, title, text, is_mention, is_seen });
        }
        if !self.is_planned.replace(true) {
            let alerts = Rc::clone(self);
            browser::later(TOGETHER, move || {
                // One tab at a time, so that each line is told by one of them.
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

    /// So many messages are unread.
    pub(crate) fn show_badge(&self, unread: usize) {
        if self.badge.replace(unread) != unread {
            browser::badge(unread);
        }
    }

    /// Somebody wants notifications, and the browser lets us show them.
    pub(crate) fn notifies(&self) -> bool {
        storage::kept(NOTIFY).is_some() && browser::may_notify()
    }

    /// Asks the browser for it, if somebody wants it; whether it is so now.
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
