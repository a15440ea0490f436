//! One room: its client, and what the screen knows of it.
//!
//! - `client`: how it is made; `events`: what it tells
//! - `reading`: what of it was read, and what is new; `failed`: what was written and has failed
//! - `showing`: which messages are in the document
//! - `writing`: what is being written

pub(crate) mod client;
mod events;
mod failed;
mod reading;
mod showing;
mod writing;

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::time::Duration;

use everwire::{Hint, State};
use everwire_chat::signal::TypingSignal;
use everwire_chat::{ChatClient, ChatError, Entry, Status, User};
use everwire_i18n::Words;
use wasm_bindgen_futures::spawn_local;

use crate::account::Account;
use crate::alerts::Alerts;
use crate::browser;
use crate::colours::Colours;
use crate::frames::Frames;
use crate::network::Network;
use crate::rows::{self, Day, Notice, Row};
use crate::storage;
use crate::unread::{Count, Unread};
use crate::who;
use crate::window::{MOST, Window};
use client::{Waiting, client, draft_key, memory_key};

/// How long what is new may wait to be kept for the next visit.
const REMEMBER: Duration = Duration::from_secs(2);
/// How often a countdown is shown anew.
const TICK: Duration = Duration::from_millis(500);

/// A handle; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Room(Rc<Inner>);

struct Inner {
    name: String,
    user_id: String,
    chat: ChatClient,
    /// Under which names the last messages and the draft are kept.
    memory_key: String,
    draft_key: String,
    failed_key: String,
    /// What waits to be sent outlives the page.
    is_kept: bool,
    network: Rc<Network>,
    alerts: Rc<Alerts>,
    words: Words,
    frames: Rc<Frames>,
    link: RefCell<State>,
    users: RefCell<Vec<User>>,
    /// The server has said on this connection who is here.
    synced: Cell<bool>,
    /// Counts the changes of `users`.
    users_version: Cell<u64>,
    colours: RefCell<Colours>,
    /// Who is typing, by name.
    typing: RefCell<Vec<String>>,
    unread: RefCell<Unread>,
    /// What is unread, once it was counted.
    counted: Cell<Option<Count>>,
    /// Somebody has addressed us in what is unread.
    mentioned: Cell<bool>,
    /// The reader is to be brought to where what is new begins.
    seeking: Cell<bool>,
    /// The messages from the one to the other were told to be seen last.
    saw: RefCell<Option<(String, String)>>,
    /// Whoever went to the newest has passed over what is unread up to this offset.
    passed: Cell<u64>,
    /// What is being written.
    draft: RefCell<String>,
    /// It was changed here since it was last kept: another tab may have a newer one.
    draft_changed: Cell<bool>,
    /// What the others know of that.
    typing_signal: RefCell<TypingSignal>,
    /// The list shows its end.
    at_end: Cell<bool>,
    /// The browser has no room to keep what is written until it is sent.
    unkept: Cell<bool>,
    entries: RefCell<Vec<Entry>>,
    /// Messages that are kept because they have failed.
    failed: RefCell<BTreeSet<String>>,
    notices: RefCell<Vec<Notice>>,
    notices_ever: Cell<u64>,
    /// Counts the changes of what the list shows.
    version: Cell<u64>,
    /// Which messages are in the document.
    window: Cell<Window>,
    /// The newest are to be seen, and are not yet.
    jumping: Cell<bool>,
    /// Somebody has this room before them.
    active: Cell<bool>,
    /// These will be done soon: what is new is kept, the draft is kept, it is looked whether somebody has stopped typing, and
    /// a countdown is shown anew.
    memory_planned: Cell<bool>,
    draft_planned: Cell<bool>,
    pause_planned: Cell<bool>,
    tick_planned: Cell<bool>,
}

impl Room {
    pub(crate) fn join(
        name: &str,
        user: &User,
        account: Option<Account>,
        words: Words,
        frames: &Rc<Frames>,
        network: &Rc<Network>,
        alerts: &Rc<Alerts>,
    ) -> Result<Self, ChatError> {
        let failed_key = failed::failed_key(name, user);
        let failed = failed::kept(&failed_key);
        let ids = failed.iter().map(|failed| failed.id().to_owned()).collect();
        let (chat, is_kept) = client(name, user, account, failed)?;
        let ((entries, updates), events) = (chat.follow_timeline(), chat.connection_events());
        let mut window = Window::default();
        window.show_newest(entries.len());
        let draft_key = draft_key(name, user);
        let room = Self(Rc::new(Inner {
            name: name.to_owned(),
            user_id: user.user_id.clone(),
            memory_key: memory_key(name, user),
            failed_key,
            is_kept,
            network: Rc::clone(network),
            alerts: Rc::clone(alerts),
            words,
            frames: Rc::clone(frames),
            link: RefCell::new(chat.state()),
            users: RefCell::new(chat.users()),
            synced: Cell::default(),
            users_version: Cell::default(),
            colours: RefCell::default(),
            typing: RefCell::default(),
            unread: RefCell::default(),
            counted: Cell::default(),
            mentioned: Cell::default(),
            seeking: Cell::default(),
            saw: RefCell::default(),
            passed: Cell::default(),
            draft: RefCell::new(storage::kept(&draft_key).unwrap_or_default()),
            draft_changed: Cell::default(),
            draft_key,
            typing_signal: RefCell::default(),
            at_end: Cell::new(true),
            unkept: Cell::default(),
            entries: RefCell::new(entries),
            failed: RefCell::new(ids),
            chat,
            notices: RefCell::default(),
            notices_ever: Cell::default(),
            version: Cell::default(),
            window: Cell::new(window),
            jumping: Cell::default(),
            active: Cell::default(),
            memory_planned: Cell::default(),
            draft_planned: Cell::default(),
            pause_planned: Cell::default(),
            tick_planned: Cell::default(),
        }));
        // What has arrived since is not shown as failed.
        room.keep_all_failed();
        // What was not seen at the last visit is new at this one.
        room.note_news();
        // Neither of these keeps the room: one that was left is let go of, and its connection with it.
        spawn_local(Self::listen(room.weak(), updates));
        spawn_local(Self::watch_store(room.weak(), events));
        Ok(room)
    }

    /// Says goodbye. What is written and can't be sent waits for whoever comes again.
    pub(crate) fn leave(&self) {
        self.keep_draft();
        self.forget();
        self.0.chat.say_goodbye();
    }

    /// Keeps everything for the next visit.
    pub(crate) fn keep(&self) {
        self.remember();
        self.keep_draft();
    }

    /// Keeps nothing of what was said.
    pub(crate) fn forget(&self) {
        storage::keep(&self.0.memory_key, "");
    }

    /// Sends what another tab has left; whether it is safe here.
    pub(crate) async fn take_over(&self, waiting: Waiting) -> bool {
        self.0.chat.take_over(waiting).await.is_ok()
    }

    fn weak(&self) -> WeakRoom {
        WeakRoom(Rc::downgrade(&self.0))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Connects where nothing would happen by itself, or not now.
    pub(crate) fn connect(&self) {
        self.0.chat.connect();
        self.0.chat.hint(Hint::RetryNow);
    }

    pub(crate) fn link(&self) -> Ref<'_, State> {
        self.0.link.borrow()
    }

    /// Who the others see us as.
    pub(crate) fn me(&self) -> User {
        self.0.chat.me()
    }

    /// Somebody's colour, the same wherever they are shown in this room.
    pub(crate) fn colour_of(&self, user_id: &str) -> usize {
        self.0.colours.borrow_mut().of(user_id)
    }

    /// Nobody else is known to be here only because the server has not said who is.
    pub(crate) fn are_users_unknown(&self) -> bool {
        self.users().is_empty() && !self.0.synced.get()
    }

    /// Whom a line can address: everybody here.
    pub(crate) fn names(&self) -> Vec<String> {
        let users = self.0.users.borrow();
        let me = self.0.chat.me();
        users.iter().chain([&me]).flat_map(|user| [user.user_name.clone(), user.user_id.clone()]).collect()
    }

    /// Whom somebody who writes may want to address: the others here, and those who have said something.
    pub(crate) fn names_to_address(&self) -> Vec<String> {
        let (users, entries) = (self.0.users.borrow(), self.0.entries.borrow());
        let spoken = entries.iter().rev().take(MOST).filter(|entry| !entry.own).map(|entry| &entry.user_name);
        users.iter().map(|user| &user.user_name).chain(spoken).cloned().collect()
    }

    /// Whether a line addresses us.
    pub(crate) fn mentions(&self, entry: &Entry) -> bool {
        everwire_chat::mention::mentions(&entry.text, &self.0.chat.me(), &self.0.users.borrow())
    }

    pub(crate) fn users(&self) -> Ref<'_, Vec<User>> {
        self.0.users.borrow()
    }

    pub(crate) fn users_version(&self) -> u64 {
        self.0.users_version.get()
    }

    pub(crate) fn typing(&self) -> Ref<'_, Vec<String>> {
        self.0.typing.borrow()
    }

    pub(crate) fn draft(&self) -> Ref<'_, String> {
        self.0.draft.borrow()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.0.at_end.get()
    }

    pub(crate) fn set_at_end(&self, at_end: bool) {
        if self.0.at_end.replace(at_end) != at_end {
            self.0.frames.plan();
        }
    }

    pub(crate) fn is_unkept(&self) -> bool {
        self.0.unkept.get()
    }

    /// What waits is lost with the page.
    pub(crate) fn is_at_risk(&self) -> bool {
        !self.0.is_kept && self.waiting() > 0
    }

    /// The browser says that there is no network.
    pub(crate) fn has_no_network(&self) -> bool {
        self.0.network.is_gone(&self.link())
    }

    /// Whether it is known what was said here.
    pub(crate) fn is_loaded(&self) -> bool {
        !self.is_empty() || self.0.chat.memory().is_some()
    }

    /// Counts the changes of what [`with_rows`](Self::with_rows) gives.
    pub(crate) fn version(&self) -> u64 {
        self.0.version.get()
    }

    /// The rows that are in the document on this day.
    pub(crate) fn with_rows(&self, today: Day, see: impl FnOnce(&[Row<'_>])) {
        let unread = self.line();
        let (entries, notices) = (self.0.entries.borrow(), self.0.notices.borrow());
        see(&rows::rows(&entries, self.0.window.get().range(), &notices, unread, today, browser::day_of));
    }

    /// Whether nobody has said anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.entries.borrow().is_empty()
    }

    /// Messages of ours that wait or are on their way.
    pub(crate) fn sending(&self) -> usize {
        let entries = self.0.entries.borrow();
        entries.iter().rev().take(MOST).filter(|entry| entry.own && entry.status == Status::Sending).count()
    }

    /// The same while there is no connection.
    pub(crate) fn waiting(&self) -> u64 {
        if self.link().is_connected() && !self.has_no_network() { 0 } else { self.sending() as u64 }
    }

    /// Shows a countdown anew soon, as long as it is asked for.
    pub(crate) fn tick(&self) {
        if !self.0.tick_planned.replace(true) {
            let room = self.weak();
            browser::later(TICK, move || {
                if let Some(room) = room.upgrade() {
                    room.0.tick_planned.set(false);
                    room.0.frames.plan();
                }
            });
        }
    }

    /// Tells the others whether nobody looks at this page.
    pub(crate) fn set_away(&self, away: bool) {
        self.0.chat.set_away(away);
    }

    /// Somebody goes to this room, or leaves it.
    pub(crate) fn set_active(&self, active: bool) {
        self.0.active.set(active);
        if active {
            self.seek_line();
        } else {
            // What has not been seen stays new.
            self.0.unread.borrow_mut().forget_seen();
            self.show_newest();
        }
    }

    /// What the list shows has changed: the document follows soon, and so does what is kept for the next visit.
    fn changed(&self) {
        self.0.version.set(self.0.version.get() + 1);
        self.0.frames.plan();
        if !self.0.memory_planned.replace(true) {
            let room = self.weak();
            browser::later(REMEMBER, move || {
                if let Some(room) = room.upgrade() {
                    room.remember();
                }
            });
        }
    }

    /// Keeps the last messages for the next visit.
    fn remember(&self) {
        self.0.memory_planned.set(false);
        if self.is_unkept() || !who::is_here(&self.0.user_id) {
            return;
        }
        if let Some(memory) = self.0.chat.memory() {
            storage::keep(&self.0.memory_key, &memory.to_json());
        }
    }
}

/// Where a message stands. What is looked for is mostly late in the list.
fn place(entries: &[Entry], id: &str) -> Option<usize> {
    entries.iter().rposition(|entry| entry.id == id)
}

/// A room for as long as somebody else holds it.
struct WeakRoom(Weak<Inner>);

impl WeakRoom {
    fn upgrade(&self) -> Option<Room> {
        self.0.upgrade().map(Room)
    }
}
