//! The rooms that somebody is in.

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
    network: Rc<Network>,
    alerts: Rc<Alerts>,
    /// Why the address leads to none of them.
    problem: RefCell<String>,
    /// Rooms that the server lists.
    listed: RefCell<Vec<ListedRoom>>,
}

impl Rooms {
    /// Those of the last visit, and the one that the address asks for, or that was shown last.
    ///
    /// # Errors
    /// In words for people.
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
            // One that can't be a room keeps nobody from the others.
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

    /// Keeps everything for the next visit when the page goes.
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

    /// Connects where nothing would happen by itself, or not now.
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

    /// Messages that are unread, in all rooms.
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

    /// Rooms that the server lists, and one is not in.
    pub(crate) fn others(&self) -> Vec<ListedRoom> {
        self.listed.borrow().iter().filter(|listed| self.place(&listed.room).is_none()).cloned().collect()
    }

    /// Asks the server which rooms it lists. Without an answer it is those that it has listed before.
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

    /// The browser's way back or forth has led to another address, which names a room.
    pub(crate) fn on_address(&self) {
        let Some(name) = browser::parameter("room") else { return };
        if let Err(problem) = self.join(&name) {
            *self.problem.borrow_mut() = problem;
            self.frames.plan();
        }
    }

    /// Why the room that the address names is none, once.
    pub(crate) fn take_problem(&self) -> Option<String> {
        Some(self.problem.take()).filter(|problem| !problem.is_empty())
    }

    /// The address follows, and the next visit.
    fn follow(&self, is_step: bool) {
        let room = self.shown();
        browser::show_address(room.name(), is_step);
        if who::is_here(&self.user.user_id) {
            storage::keep(&self.last_key(), room.name());
        }
    }

    /// Joins a room, or goes there.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn join(&self, name: &str) -> Result<(), String> {
        let at = self.open(name.trim())?;
        self.go_to(at);
        Ok(())
    }

    /// A room's place, where it is opened now if it was not; what is shown stays.
    ///
    /// # Errors
    /// In words for people.
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

    /// The room at a place.
    pub(crate) fn at(&self, at: usize) -> Option<Room> {
        self.all.borrow().get(at).cloned()
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
        self.keep(|kept| kept.retain(|name| name != left.name()));
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

    /// Changes which rooms there are at the next visit: other tabs may have joined and left some.
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

    /// The rooms of the last visit, or of another tab.
    fn kept(&self) -> Vec<String> {
        let kept = storage::kept(&self.key()).unwrap_or_default();
        kept.split('\n').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn last_key(&self) -> String {
        format!("{LAST_ROOM}.{}", self.user.user_id)
    }

    /// Under which they are kept.
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
