//! The rooms that somebody is in.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::User;
use everwire_words::Words;

use crate::account::Account;
use crate::browser;
use crate::frames::Frames;
use crate::room::Room;

/// Under this name, and that of the user, it is kept which rooms there are.
const ROOMS: &str = "everwire.rooms";
const DEFAULT_ROOM: &str = "lobby";
/// How long a room lasts that was left.
const FAREWELL: Duration = Duration::from_millis(300);

/// The rooms, and which of them is shown. There is always one.
pub(crate) struct Rooms {
    all: RefCell<Vec<Room>>,
    active: Cell<usize>,
    /// One that was left a moment ago, until the browser has been given what there is to say there.
    left: Rc<RefCell<Option<Room>>>,
    /// Counts the changes of all that is shown.
    version: Cell<u64>,
    user: User,
    account: Option<Account>,
    words: Words,
    frames: Rc<Frames>,
}

impl Rooms {
    /// Those of the last visit, and the one that the address asks for.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn enter(
        user: User,
        account: Option<Account>,
        words: Words,
        frames: Rc<Frames>,
    ) -> Result<Self, String> {
        let rooms = Self {
            all: RefCell::default(),
            active: Cell::default(),
            left: Rc::default(),
            version: Cell::default(),
            user,
            account,
            words,
            frames,
        };
        browser::rename(ROOMS, &rooms.key());
        let kept = browser::kept(&rooms.key()).unwrap_or_default();
        let wanted = browser::parameter("room").unwrap_or_default();
        for name in kept.split('\n').chain([wanted.trim()]) {
            // One that can't be a room keeps nobody from the others.
            if let Ok(at) = rooms.place(name).map_or_else(|| rooms.add(name), Ok)
                && name == wanted.trim()
            {
                rooms.active.set(at);
            }
        }
        if rooms.count() == 0 {
            rooms.add(DEFAULT_ROOM)?;
        }
        rooms.shown().set_active(true);
        rooms.keep();
        Ok(rooms)
    }

    /// Keeps everything for the next visit when the page goes.
    pub(crate) fn watch(self: &Rc<Self>) {
        let rooms = Rc::downgrade(self);
        browser::always_on(&browser::window(), "pagehide", move |_| {
            if let Some(rooms) = rooms.upgrade() {
                rooms.remember();
            }
        });
    }

    pub(crate) fn remember(&self) {
        self.each(|_, room| room.keep());
    }

    pub(crate) fn me(&self) -> &str {
        &self.user.user_name
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Connects where nothing would happen by itself, or not now.
    pub(crate) fn connect(&self) {
        if let Some(account) = self.account() {
            account.doubt();
        }
        self.each(|_, room| room.connect());
    }

    pub(crate) fn count(&self) -> usize {
        self.all.borrow().len()
    }

    pub(crate) fn active(&self) -> usize {
        self.active.get()
    }

    /// Counts the changes of which rooms there are, and which is shown.
    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// The room that is shown.
    pub(crate) fn shown(&self) -> Room {
        self.all.borrow()[self.active()].clone()
    }

    /// Messages that are unread, in all rooms.
    pub(crate) fn unread(&self) -> usize {
        self.all.borrow().iter().map(Room::unread).sum()
    }

    pub(crate) fn each(&self, mut see: impl FnMut(usize, &Room)) {
        self.all.borrow().iter().enumerate().for_each(|(at, room)| see(at, room));
    }

    pub(crate) fn go_to(&self, at: usize) {
        if self.active() == at || at >= self.count() {
            return;
        }
        self.shown().set_active(false);
        self.active.set(at);
        self.shown().set_active(true);
        self.changed();
    }

    /// Joins a room, or goes there.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn join(&self, name: &str) -> Result<(), String> {
        let name = name.trim();
        let at = match self.place(name) {
            Some(at) => at,
            None => {
                let at = self.add(name)?;
                self.keep();
                at
            }
        };
        self.go_to(at);
        Ok(())
    }

    /// How many messages wait to be sent there.
    pub(crate) fn waiting(&self, at: usize) -> u64 {
        self.all.borrow().get(at).map_or(0, Room::waiting)
    }

    /// Leaves a room, unless it is the only one.
    pub(crate) fn leave(&self, at: usize) {
        if self.count() < 2 || at >= self.count() {
            return;
        }
        if self.active() == at {
            self.go_to(if at == 0 { 1 } else { at - 1 });
        }
        let left = self.all.borrow_mut().remove(at);
        if self.active() > at {
            self.active.set(self.active() - 1);
        }
        self.keep();
        self.changed();
        left.leave();
        self.left.replace(Some(left));
        let left = Rc::clone(&self.left);
        browser::later(FAREWELL, move || {
            if let Some(left) = left.take() {
                left.forget();
            }
        });
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.all.borrow().iter().position(|room| room.name() == name)
    }

    /// Its place.
    fn add(&self, name: &str) -> Result<usize, String> {
        // Two must not have the same outbox.
        self.left.take();
        let room = Room::join(name, &self.user, self.account.clone(), self.words, &self.frames);
        let room = room.map_err(|error| in_words(&error))?;
        self.all.borrow_mut().push(room);
        self.changed();
        Ok(self.count() - 1)
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        self.frames.plan();
    }

    /// For the next visit.
    fn keep(&self) {
        let mut names = String::new();
        self.each(|at, room| {
            names.push_str(if at == 0 { "" } else { "\n" });
            names.push_str(room.name());
        });
        browser::keep(&self.key(), &names);
    }

    /// Under which they are kept.
    fn key(&self) -> String {
        format!("{ROOMS}.{}", self.user.user_id)
    }
}

fn in_words(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
