//! One room: its client, and its state for the screen.
//!
//! - `client`: builds the client; `events`: handles its events
//! - `reading`: which messages were read; `failed`: keeps messages that have failed
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

/// The longest delay before new messages are stored for the next visit.
const REMEMBER: Duration = Duration::from_secs(2);
/// How often a countdown is updated.
const TICK: Duration = Duration::from_millis(500);

/// A room. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Room(Rc<Inner>);

struct Inner {
    name: String,
    user_id: String,
    chat: ChatClient,
    /// The names under which the last messages, the draft and the failed messages are stored.
    memory_key: String,
    draft_key: String,
    failed_key: String,
    /// Whether unsent messages outlive the page.
    is_kept: bool,
    network: Rc<Network>,
    alerts: Rc<Alerts>,
    words: Words,
    frames: Rc<Frames>,
    link: RefCell<State>,
    users: RefCell<Vec<User>>,
    /// Whether the server has reported on this connection who is present.
    synced: Cell<bool>,
    /// Counts the changes of `users`.
    users_version: Cell<u64>,
    colours: RefCell<Colours>,
    /// The names of the users who are typing.
    typing: RefCell<Vec<String>>,
    unread: RefCell<Unread>,
    /// The number of unread messages; `None` until it is counted again.
    counted: Cell<Option<Count>>,
    /// Whether an unread message mentions the user.
    mentioned: Cell<bool>,
    /// Whether the list has to scroll to the first unread message, once that is loaded.
    seeking: Cell<bool>,
    /// The ids of the first and the last message that were reported as seen last.
    saw: RefCell<Option<(String, String)>>,
    /// The offset up to which the user has skipped unread messages, by a jump to the newest.
    passed: Cell<u64>,
    /// What is being written.
    draft: RefCell<String>,
    /// Whether it was changed here since it was stored last; if not, another tab may have a newer one.
    draft_changed: Cell<bool>,
    /// What others were told about the typing.
    typing_signal: RefCell<TypingSignal>,
    /// Whether the list shows its end.
    at_end: Cell<bool>,
    /// Whether the browser's storage has no room for unsent messages.
    unkept: Cell<bool>,
    entries: RefCell<Vec<Entry>>,
    /// The ids of the failed messages that are stored.
    failed: RefCell<BTreeSet<String>>,
    notices: RefCell<Vec<Notice>>,
    notices_ever: Cell<u64>,
    /// Counts the changes of what the list shows.
    version: Cell<u64>,
    /// Which messages are in the document.
    window: Cell<Window>,
    /// Whether a jump to the newest messages was asked for and is not drawn yet.
    jumping: Cell<bool>,
    /// Whether this room is shown.
    active: Cell<bool>,
    /// Whether a timer is set: to store the messages, to store the draft, to check whether the user has stopped typing, to
    /// update a countdown.
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
        // Messages that have arrived since are not failed any more.
        room.keep_all_failed();
        // Messages that were not seen during the last visit are unread.
        room.note_news();
        // These tasks hold weak references, so that a room that was left is dropped, with its connection.
        spawn_local(Self::listen(room.weak(), updates));
        spawn_local(Self::watch_store(room.weak(), events));
        Ok(room)
    }

    /// Leaves the room. An unsent draft is stored for the next visit.
    pub(crate) fn leave(&self) {
        self.keep_draft();
        self.forget();
        self.0.chat.say_goodbye();
    }

    /// Stores everything for the next visit.
    pub(crate) fn keep(&self) {
        self.remember();
        self.keep_draft();
    }

    /// Removes the stored messages.
    pub(crate) fn forget(&self) {
        storage::keep(&self.0.memory_key, "");
    }

    /// Sends messages that another tab has left; returns whether they are in this room's outbox now.
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

    /// Connects now, if the client has ended or waits for the next attempt.
    pub(crate) fn connect(&self) {
        self.0.chat.connect();
        self.0.chat.hint(Hint::RetryNow);
    }

    pub(crate) fn link(&self) -> Ref<'_, State> {
        self.0.link.borrow()
    }

    /// The user, as others see them.
    pub(crate) fn me(&self) -> User {
        self.0.chat.me()
    }

    /// A user's colour, the same everywhere in this room.
    pub(crate) fn colour_of(&self, user_id: &str) -> usize {
        self.0.colours.borrow_mut().of(user_id)
    }

    /// Whether no other users are known because the server has not reported who is present.
    pub(crate) fn are_users_unknown(&self) -> bool {
        self.users().is_empty() && !self.0.synced.get()
    }

    /// The names and ids that a message can mention: those of all present users.
    pub(crate) fn names(&self) -> Vec<String> {
        let users = self.0.users.borrow();
        let me = self.0.chat.me();
        users.iter().chain([&me]).flat_map(|user| [user.user_name.clone(), user.user_id.clone()]).collect()
    }

    /// The names to offer while the user writes: those of the other present users and of recent authors.
    pub(crate) fn names_to_address(&self) -> Vec<String> {
        let (users, entries) = (self.0.users.borrow(), self.0.entries.borrow());
        let spoken = entries.iter().rev().take(MOST).filter(|entry| !entry.own).map(|entry| &entry.user_name);
        users.iter().map(|user| &user.user_name).chain(spoken).cloned().collect()
    }

    /// Whether a message mentions the user.
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

    /// Whether unsent messages would be lost with the page.
    pub(crate) fn is_at_risk(&self) -> bool {
        !self.0.is_kept && self.waiting() > 0
    }

    /// Whether the browser reports that there is no network.
    pub(crate) fn has_no_network(&self) -> bool {
        self.0.network.is_gone(&self.link())
    }

    /// Whether the room's messages are known, even if there are none.
    pub(crate) fn is_loaded(&self) -> bool {
        !self.is_empty() || self.0.chat.memory().is_some()
    }

    /// Counts the changes of the rows of [`with_rows`](Self::with_rows).
    pub(crate) fn version(&self) -> u64 {
        self.0.version.get()
    }

    /// Calls `see` with the rows that belong into the document on this day.
    pub(crate) fn with_rows(&self, today: Day, see: impl FnOnce(&[Row<'_>])) {
        let unread = self.line();
        let (entries, notices) = (self.0.entries.borrow(), self.0.notices.borrow());
        see(&rows::rows(&entries, self.0.window.get().range(), &notices, unread, today, browser::day_of));
    }

    /// Whether there are no messages.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.entries.borrow().is_empty()
    }

    /// The number of own messages that are queued or in flight.
    pub(crate) fn sending(&self) -> usize {
        let entries = self.0.entries.borrow();
        entries.iter().rev().take(MOST).filter(|entry| entry.own && entry.status == Status::Sending).count()
    }

    /// The same while there is no connection.
    pub(crate) fn waiting(&self) -> u64 {
        if self.link().is_connected() && !self.has_no_network() { 0 } else { self.sending() as u64 }
    }

    /// Requests a frame soon, for a countdown; to be called again in each frame that shows one.
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

    /// Tells the others whether the user is away.
    pub(crate) fn set_away(&self, away: bool) {
        self.0.chat.set_away(away);
    }

    /// The user shows this room, or another one.
    pub(crate) fn set_active(&self, active: bool) {
        self.0.active.set(active);
        if active {
            self.seek_line();
        } else {
            // Unseen messages stay unread.
            self.0.unread.borrow_mut().forget_seen();
            self.show_newest();
        }
    }

    /// The list has changed: requests a frame, and plans to store the messages.
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

    /// Stores the last messages for the next visit.
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

/// The index of a message. The search begins at the end, because most searched messages are new.
fn place(entries: &[Entry], id: &str) -> Option<usize> {
    entries.iter().rposition(|entry| entry.id == id)
}

/// A weak reference to a room.
struct WeakRoom(Weak<Inner>);

impl WeakRoom {
    fn upgrade(&self) -> Option<Room> {
        self.0.upgrade().map(Room)
    }
}
