//! The rooms that somebody is in.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;

use everwire_chat::User;
use everwire_words::Words;

use crate::account::Account;
use crate::browser;
use crate::frames::Frames;
use crate::room::Room;

const ROOMS: &str = "everwire.rooms";
const DEFAULT_ROOM: &str = "lobby";

/// The rooms, and which of them is shown. There is always one.
pub(crate) struct Rooms {
    all: RefCell<Vec<Room>>,
    active: Cell<usize>,
    /// Counts the changes of both.
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
            version: Cell::default(),
            user,
            account,
            words,
            frames,
        };
        let kept = browser::kept(ROOMS).unwrap_or_default();
        for name in kept.split('\n').filter(|name| !name.is_empty()) {
            rooms.add(name)?;
        }
        let wanted = browser::parameter("room");
        if let Some(name) = wanted.as_deref().or((rooms.count() == 0).then_some(DEFAULT_ROOM)) {
            let at = rooms.place(name).map_or_else(|| rooms.add(name), Ok)?;
            rooms.active.set(at);
        }
        rooms.shown().set_active(true);
        rooms.keep();
        Ok(rooms)
    }

    pub(crate) fn me(&self) -> &str {
        &self.user.user_name
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

    /// Leaves a room, unless it is the only one.
    pub(crate) fn leave(&self, at: usize) {
        if self.count() < 2 || at >= self.count() {
            return;
        }
        if self.active() == at {
            self.go_to(if at == 0 { 1 } else { at - 1 });
        }
        self.all.borrow_mut().remove(at);
        if self.active() > at {
            self.active.set(self.active() - 1);
        }
        self.keep();
        self.changed();
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.all.borrow().iter().position(|room| room.name() == name)
    }

    /// Its place.
    fn add(&self, name: &str) -> Result<usize, String> {
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
        browser::keep(ROOMS, &names);
    }
}

fn in_words(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
