//! The rooms that the user has joined.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::User;
use everwire_chat::rooms::ListedRoom;
use everwire_i18n::{Language, Text, Words};
use wasm_bindgen_futures::spawn_local;

use crate::account::{self, Account};
use crate::alerts::Alerts;
use crate::browser;
use crate::frames::Frames;
use crate::network::Network;
use crate::room::Room;
use crate::storage::{self, LAST_ROOM, ROOMS};
use crate::unread::Count;
use crate::who;

const DEFAULT_ROOM: &str = "lobby";
/// How long a room that was left is kept, so that its last messages can be sent.
const LEAVING: Duration = Duration::from_millis(300);

/// The rooms, of which one is shown. There is always one.
pub(crate) struct Rooms {
    all: RefCell<Vec<Room>>,
    active: Cell<usize>,
    /// A room that was left just now, until its last messages are handed to the browser.
    left: Rc<RefCell<Option<Room>>>,
    /// Counts the changes of the list of rooms, and of which one is shown.
    version: Cell<u64>,
    user: User,
    account: Option<Account>,
    words: Words,
    frames: Rc<Frames>,
    network: Rc<Network>,
    alerts: Rc<Alerts>,
    /// Why the room that the address names can't be joined.
    problem: RefCell<String>,
    /// The rooms that the server lists.
    listed: RefCell<Vec<ListedRoom>>,
}

impl Rooms {
    /// Joins the rooms of the last visit, and shows the one that the address names, or that was shown last.
    ///
    /// # Errors
    /// A text for the user.
    pub(crate) fn enter(
        user: User,
        account: Option<Account>,
        words: Words,
        frames: Rc<Frames>,
        network: Rc<Network>,
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
            network,
            alerts: Alerts::new(words),
            problem: RefCell::default(),
            listed: RefCell::default(),
        };
        storage::rename(ROOMS, &rooms.key());
        let wanted = browser::parameter("room").or_else(|| storage::kept(&rooms.last_key())).unwrap_or_default();
        for name in rooms.kept() {
            // An invalid name does not keep the user out of the other rooms.
            let _ = rooms.open(&name);
        }
        match Some(wanted.trim()).filter(|wanted| !wanted.is_empty()).map(|wanted| rooms.open(wanted)) {
            Some(Ok(at)) => rooms.active.set(at),
            Some(Err(problem)) => *rooms.problem.borrow_mut() = problem,
            None => {}
        }
        if rooms.count() == 0 {
            rooms.open(DEFAULT_ROOM)?;
        }
        rooms.shown().set_active(true);
        rooms.follow(false);
        Ok(rooms)
    }

    /// Stores everything for the next visit when the page is closed, and asks for the listed rooms when it is shown.
    pub(crate) fn watch(self: &Rc<Self>) {
        self.look_for_others();
        let looking = Rc::downgrade(self);
        browser::always_on(&browser::document(), "visibilitychange", move |_| {
            if let Some(rooms) = looking.upgrade().filter(|_| !browser::is_hidden()) {
                rooms.look_for_others();
            }
        });
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

    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Connects all rooms now that have ended or wait for the next attempt.
    pub(crate) fn connect(&self) {
        if let Some(account) = self.account().filter(|_| !self.network.is_gone(&self.shown().link())) {
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

    /// The number of unread messages in all rooms.
    pub(crate) fn unread(&self) -> Count {
        let counts = self.all.borrow().iter().map(Room::unread).collect::<Vec<_>>();
        Count {
            messages: counts.iter().map(|count| count.messages).sum(),
            or_more: counts.iter().any(|count| count.or_more),
        }
    }

    pub(crate) fn alerts(&self) -> &Rc<Alerts> {
        &self.alerts
    }

    /// The rooms that the server lists and the user has not joined.
    pub(crate) fn others(&self) -> Vec<ListedRoom> {
        self.listed.borrow().iter().filter(|listed| self.place(&listed.room).is_none()).cloned().collect()
    }

    /// Asks the server which rooms it lists. Without an answer, the earlier list stays.
    pub(crate) fn look_for_others(self: &Rc<Self>) {
        let rooms = Rc::clone(self);
        spawn_local(async move {
            if let Some(list) = account::listed(rooms.account()).await {
                let listed = list.rooms;
                if *rooms.listed.borrow() != listed {
                    rooms.listed.replace(listed);
                    rooms.changed();
                }
            }
        });
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
        self.follow(true);
        self.changed();
    }

    /// Shows the room of the address, after the user has gone back or forward in the browser.
    pub(crate) fn on_address(&self) {
        let Some(name) = browser::parameter("room") else { return };
        if let Err(problem) = self.join(&name) {
            *self.problem.borrow_mut() = problem;
            self.frames.plan();
        }
    }

    /// Why the room that the address names can't be joined; returned once.
    pub(crate) fn take_problem(&self) -> Option<String> {
        Some(self.problem.take()).filter(|problem| !problem.is_empty())
    }

    /// Puts the shown room into the address, and stores it for the next visit.
    fn follow(&self, is_step: bool) {
        let room = self.shown();
        browser::show_address(room.name(), is_step);
        if who::is_here(&self.user.user_id) {
            storage::keep(&self.last_key(), room.name());
        }
    }

    /// Joins a room if it is not joined, and shows it.
    ///
    /// # Errors
    /// A text for the user.
    pub(crate) fn join(&self, name: &str) -> Result<(), String> {
        let at = self.open(name.trim())?;
        self.go_to(at);
        Ok(())
    }

    /// Joins a room if it is not joined, without showing it; returns its index.
    ///
    /// # Errors
    /// A text for the user.
    pub(crate) fn open(&self, name: &str) -> Result<usize, String> {
        match self.place(name) {
            Some(at) => Ok(at),
            None => {
                let at = self.add(name)?;
                self.keep(|kept| kept.push(name.to_owned()));
                Ok(at)
            }
        }
    }

    /// The room at an index.
    pub(crate) fn at(&self, at: usize) -> Option<Room> {
        self.all.borrow().get(at).cloned()
    }

    /// The number of a room's messages that wait without a connection.
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
        self.keep(|kept| kept.retain(|name| name != left.name()));
        self.changed();
        left.leave();
        self.left.replace(Some(left));
        let left = Rc::clone(&self.left);
        browser::later(LEAVING, move || {
            if let Some(left) = left.take() {
                left.forget();
            }
        });
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.all.borrow().iter().position(|room| room.name() == name)
    }

    /// Joins a room; returns its index.
    fn add(&self, name: &str) -> Result<usize, String> {
        // The room that was left just now may be this one, and two must not share an outbox.
        self.left.take();
        let room =
            Room::join(name, &self.user, self.account.clone(), self.words, &self.frames, &self.network, &self.alerts);
        let room = room.map_err(|error| in_words(&error, self.words))?;
        self.all.borrow_mut().push(room);
        self.changed();
        Ok(self.count() - 1)
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        self.frames.plan();
    }

    /// Changes the stored list of rooms, which other tabs may have changed too.
    fn keep(&self, change: impl FnOnce(&mut Vec<String>)) {
        if !who::is_here(&self.user.user_id) {
            return;
        }
        let mut kept = self.kept();
        let before = kept.clone();
        change(&mut kept);
        let mut names = BTreeSet::new();
        kept.retain(|name| names.insert(name.clone()));
        if kept != before {
            storage::keep(&self.key(), &kept.join("\n"));
        }
    }

    /// The stored list of rooms: of the last visit, or of another tab.
    fn kept(&self) -> Vec<String> {
        let kept = storage::kept(&self.key()).unwrap_or_default();
        kept.split('\n').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn last_key(&self) -> String {
        format!("{LAST_ROOM}.{}", self.user.user_id)
    }

    /// The name under which the list of rooms is stored.
    fn key(&self) -> String {
        format!("{ROOMS}.{}", self.user.user_id)
    }
}

fn in_words(error: &dyn Error, words: Words) -> String {
    match error.source() {
        Some(cause) if words.language() == Language::English => format!("{error}: {cause}"),
        Some(_) => words.say(&Text::NotNow),
        None => words.reason(&error.to_string()),
    }
}
