//! What tells somebody who does not look that there is something new: a notification, a sound, and a number at the program's sign.
//!
//! Notifications are there for those who have asked for them; the sound can be switched off.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::Entry;
use everwire_i18n::{Text, Words};

use crate::browser;

/// Under these names it is kept what somebody wants.
const NOTIFY: &str = "everwire.notify";
const SILENT: &str = "everwire.silent";

/// What comes together is told together.
const TOGETHER: Duration = Duration::from_millis(150);
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
    room: String,
    title: String,
    text: String,
    is_mention: bool,
}

impl Alerts {
    pub(crate) fn new(words: Words) -> Rc<Self> {
        Rc::new(Self { words, untold: RefCell::default(), is_planned: Cell::default(), badge: Cell::default() })
    }

    /// A line has come to a room that nobody looks at.
    pub(crate) fn on_line(self: &Rc<Self>, room: &str, entry: &Entry, is_mention: bool) {
        let (name, text) = (&*entry.user_name, entry.text.chars().take(BEGINNING).collect());
        let title = if is_mention { Text::MentionsIn { name, room } } else { Text::SaysIn { name, room } };
        let title = Words::new(self.words.language()).say(&title);
        let mut untold = self.untold.borrow_mut();
        // Whoever is addressed hears of that, whatever is said behind it.
        if is_mention || !untold.iter().any(|untold| untold.room == room && untold.is_mention) {
            untold.retain(|untold| untold.room != room);
            untold.push(Alert { room: room.to_owned(), title, text, is_mention });
        }
        if !self.is_planned.replace(true) {
            let alerts = Rc::clone(self);
            browser::later(TOGETHER, move || alerts.tell());
        }
    }

    fn tell(&self) {
        self.is_planned.set(false);
        let untold = self.untold.take();
        if self.has_sound() {
            browser::sound();
        }
        for Alert { room, title, text, is_mention } in untold.into_iter().filter(|_| self.notifies()) {
            browser::notify(&title, &text, &room, is_mention);
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
        browser::kept(NOTIFY).is_some() && browser::may_notify()
    }

    /// Asks the browser for it, if somebody wants it; whether it is so now.
    pub(crate) async fn want_notifications(&self, wanted: bool) -> bool {
        let wanted = wanted && browser::ask_to_notify().await;
        browser::keep(NOTIFY, if wanted { "yes" } else { "" });
        wanted
    }

    pub(crate) fn has_sound(&self) -> bool {
        browser::kept(SILENT).is_none()
    }

    pub(crate) fn want_sound(&self, wanted: bool) {
        browser::keep(SILENT, if wanted { "" } else { "yes" });
        if wanted {
            browser::sound();
        }
    }
}
