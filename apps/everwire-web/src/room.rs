//! One room: its client, and what the screen knows of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire::store::{Store, WebStore};
use everwire::{Closed, Event, EventItem, Events, State};
use everwire_chat::{Change, ChatClient, ChatError, ChatEvent, Entry, Memory, Missing, Status, User};
use everwire_words::{Text, Words};
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use wasm_bindgen_futures::spawn_local;
use web_time::Instant;

use crate::account::Account;
use crate::browser;
use crate::rows::{self, Notice, Row};

/// Messages that the page keeps.
const WINDOW: usize = 100_000;
/// How the names begin under which the last messages are kept.
const MEMORY: &str = "everwire.memory.";
/// How long what is new may wait to be kept for the next visit.
const REMEMBER: Duration = Duration::from_secs(2);
/// Lines about who came and went.
const NOTICES: usize = 200;
/// How long what is being written may wait for the same.
const DRAFT: Duration = Duration::from_millis(400);
/// So many changes since the last frame are a flood: it is worth waiting for its end.
const FLOOD: usize = 16;
/// But not for longer than so many frames.
const PATIENCE: u32 = 6;
/// Messages that are in the document at first and at the end of the list, and by how many more they may have grown there.
const SHOWN: usize = 60;
const GROWN: usize = 20;
/// How many more come when somebody scrolls.
const MORE: usize = 75;
/// So many are in the document at most.
const MOST: usize = 400;

/// A handle; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Room {
    /// A page has one thread only, but signals don't know that.
    inner: SendWrapper<Rc<Inner>>,
    /// Counts the changes of what is shown, at most one in a frame.
    shown: RwSignal<u64>,
    pub(crate) link: RwSignal<State>,
    pub(crate) users: RwSignal<Vec<User>>,
    pub(crate) typing: RwSignal<Vec<String>>,
    pub(crate) unread: RwSignal<usize>,
    /// What is being written.
    pub(crate) draft: RwSignal<String>,
    /// The list shows its end.
    pub(crate) at_end: RwSignal<bool>,
    /// The browser has no room to keep what is written until it is sent.
    pub(crate) unkept: RwSignal<bool>,
}

struct Inner {
    name: String,
    chat: ChatClient,
    memory_key: String,
    /// What is new is kept soon.
    memory_planned: Cell<bool>,
    words: StoredValue<Words>,
    entries: RefCell<Vec<Entry>>,
    notices: RefCell<Vec<Notice>>,
    notices_ever: Cell<u64>,
    /// The first message that was not seen.
    unread_from: RefCell<Option<String>>,
    /// Which messages are in the document: from here, up to here; `None`: up to the newest.
    from: Cell<usize>,
    to: Cell<Option<usize>>,
    /// A frame is under way.
    planned: Cell<bool>,
    /// Changes since the last frame.
    changes: Cell<usize>,
    /// What is being written is kept soon.
    draft_planned: Cell<bool>,
    /// Somebody has this room before them.
    active: Cell<bool>,
}

impl Room {
    pub(crate) fn join(
        name: &str,
        user: &User,
        account: Option<Account>,
        words: StoredValue<Words>,
    ) -> Result<Self, ChatError> {
        let chat = client(name, user, account)?;
        let (updates, events) = (chat.updates(), chat.connection_events());
        let room = Self {
            shown: RwSignal::new(0),
            link: RwSignal::new(chat.state()),
            users: RwSignal::new(chat.users()),
            typing: RwSignal::new(Vec::new()),
            unread: RwSignal::new(0),
            draft: RwSignal::new(browser::kept(&draft_key(name)).unwrap_or_default()),
            at_end: RwSignal::new(true),
            unkept: RwSignal::new(false),
            inner: SendWrapper::new(Rc::new(Inner {
                name: name.to_owned(),
                entries: RefCell::new(chat.entries()),
                chat,
                memory_key: memory_key(name, user),
                memory_planned: Cell::new(false),
                words,
                notices: RefCell::default(),
                notices_ever: Cell::new(0),
                unread_from: RefCell::default(),
                from: Cell::new(0),
                to: Cell::new(None),
                planned: Cell::new(false),
                changes: Cell::new(0),
                draft_planned: Cell::new(false),
                active: Cell::new(false),
            })),
        };
        // Neither keeps the room: one that was left is let go of, and its connection with it.
        let leaving = room.weak();
        browser::always_on(&browser::window(), "pagehide", move || {
            if let Some(room) = leaving() {
                room.remember();
                room.keep_draft();
            }
        });
        spawn_local(Self::listen(room.weak(), updates));
        spawn_local(Self::watch_store(room.weak(), events));
        Ok(room)
    }

    /// The room, for as long as somebody else holds it.
    fn weak(&self) -> impl Fn() -> Option<Self> + use<> {
        let inner = Rc::downgrade(&self.inner);
        let Self { shown, link, users, typing, unread, draft, at_end, unkept, inner: _ } = *self;
        move || {
            let inner = SendWrapper::new(inner.upgrade()?);
            Some(Self { inner, shown, link, users, typing, unread, draft, at_end, unkept })
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    pub(crate) fn chat(&self) -> &ChatClient {
        &self.inner.chat
    }

    /// The rows that are in the document now.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.shown.track();
        let entries = self.inner.entries.borrow();
        let range = (self.inner.from.get(), self.inner.to.get().unwrap_or(usize::MAX));
        rows::rows(&entries, range, &self.inner.notices.borrow(), self.unread_place(&entries), browser::day_of)
    }

    /// Whether nobody has said anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown.track();
        self.inner.entries.borrow().is_empty()
    }

    /// Messages of ours that wait or are on their way.
    pub(crate) fn sending(&self) -> usize {
        self.shown.track();
        let entries = self.inner.entries.borrow();
        entries.iter().rev().take(MOST).filter(|entry| entry.own && entry.status == Status::Sending).count()
    }

    /// Rows above or below those in the document; whether there are any.
    pub(crate) fn show_more(&self, up: bool) -> bool {
        let (len, from) = (self.inner.entries.borrow().len(), self.inner.from.get());
        let to = self.inner.to.get().unwrap_or(len);
        let (from, to) = if up { (from.saturating_sub(MORE), to) } else { (from, (to + MORE).min(len)) };
        let before = (self.inner.from.get(), self.inner.to.get().unwrap_or(len));
        if (from, to) == before {
            if up {
                self.load_earlier();
            }
            return false;
        }
        let (from, to) = if up { (from, to.min(from + MOST)) } else { (from.max(to.saturating_sub(MOST)), to) };
        self.inner.from.set(from);
        self.inner.to.set((to < len).then_some(to));
        self.plan();
        true
    }

    /// Asks the server for what was said before the first message.
    fn load_earlier(&self) {
        let entries = self.inner.entries.borrow();
        // A gap further down comes first.
        let gap = entries.iter().skip(1).find(|entry| matches!(entry.missing, Some(Missing::Unloaded { .. })));
        // Where there is nothing, or no connection, the row above the first message says so.
        let _ = gap.or(entries.first()).map(|entry| self.inner.chat.load_earlier(&entry.id));
    }

    /// Tells the others whether nobody looks at this page.
    pub(crate) fn set_away(&self, away: bool) {
        self.inner.chat.set_away(away);
    }

    /// Keeps the last messages for the next visit.
    fn remember(&self) {
        self.inner.memory_planned.set(false);
        if self.unkept.get_untracked() {
            return;
        }
        if let Some(memory) = self.inner.chat.memory() {
            browser::keep(&self.inner.memory_key, &memory.to_json());
        }
    }

    /// The newest messages are in the document.
    pub(crate) fn is_newest(&self) -> bool {
        self.inner.to.get().is_none()
    }

    pub(crate) fn show_newest(&self) {
        self.inner.to.set(None);
        self.inner.from.set(self.inner.entries.borrow().len().saturating_sub(SHOWN));
        self.at_end.set(true);
        self.plan();
    }

    /// Somebody goes to this room, or leaves it.
    pub(crate) fn set_active(&self, active: bool) {
        self.inner.active.set(active);
        if active {
            self.seen();
        } else {
            self.inner.unread_from.take();
            self.show_newest();
        }
    }

    /// If somebody looks at the newest messages, the others may know.
    pub(crate) fn seen(&self) {
        if !self.is_seen() {
            return;
        }
        let latest = {
            let entries = self.inner.entries.borrow();
            entries.iter().rev().find(|entry| !entry.own && entry.offset.is_some()).map(|entry| entry.id.clone())
        };
        if let Some(id) = latest {
            self.inner.chat.mark_read(&id);
        }
        if self.unread.get_untracked() != 0 {
            self.unread.set(0);
        }
    }

    pub(crate) fn send(&self, text: &str) -> Result<(), String> {
        self.inner.chat.send(text).map_err(|error| match error {
            everwire_chat::SendError::Full => self.inner.words.with_value(|words| words.say(&Text::Full)),
            other => other.to_string(),
        })?;
        self.inner.unread_from.take();
        self.show_newest();
        self.draft.set(String::new());
        // At once: what is sent is not to stand there again at the next visit.
        self.keep_draft();
        Ok(())
    }

    /// Keeps what is being written, for the next visit too.
    pub(crate) fn write(&self, draft: String) {
        self.draft.set(draft);
        if !self.inner.draft_planned.replace(true) {
            let room = self.clone();
            set_timeout(move || room.keep_draft(), DRAFT);
        }
    }

    fn keep_draft(&self) {
        self.inner.draft_planned.set(false);
        self.draft.with_untracked(|draft| browser::keep(&draft_key(&self.inner.name), draft));
    }

    async fn listen(room: impl Fn() -> Option<Self>, mut updates: everwire_chat::Updates) {
        while let Some(event) = updates.next().await {
            let Some(room) = room() else { return };
            room.on_event(event);
        }
    }

    /// What waits to be sent comes before what the server has anyway: that makes room where there is none.
    async fn watch_store(room: impl Fn() -> Option<Self>, mut events: Events) {
        while let Some(item) = events.next().await {
            let Some(room) = room() else { return };
            match item {
                EventItem::Event(Event::StoreFailed { .. }) => {
                    browser::forget(MEMORY);
                    room.unkept.set(true);
                }
                EventItem::Event(Event::StoreRecovered) => room.unkept.set(false),
                _ => {}
            }
        }
    }

    fn on_event(&self, event: ChatEvent) {
        match event {
            ChatEvent::Timeline(change) => self.on_change(change),
            ChatEvent::Connection(state) => {
                if !state.is_connected() {
                    self.typing.set(Vec::new());
                }
                self.link.set(state);
            }
            ChatEvent::Joined(user) => self.notice(&Text::Joined { name: &user.user_name }),
            ChatEvent::Left(user) => self.notice(&Text::Left { name: &user.user_name }),
            ChatEvent::Typing(names) => self.typing.set(names),
            ChatEvent::Synced { .. } | ChatEvent::Back(_) | ChatEvent::Presence(_) => {
                self.users.set(self.inner.chat.users())
            }
            ChatEvent::Earlier { .. } if !self.at_end.get_untracked() => drop(self.show_more(true)),
            ChatEvent::Missed(_) => {
                *self.inner.entries.borrow_mut() = self.inner.chat.entries();
                self.show_newest();
            }
            _ => {}
        }
    }

    fn on_change(&self, change: Change) {
        if let Change::Added { at, entry } = &change {
            let seen = self.is_seen();
            if entry.own {
                self.inner.unread_from.take();
            } else if !seen {
                self.inner.unread_from.borrow_mut().get_or_insert_with(|| entry.id.clone());
                self.unread.update(|unread| *unread += 1);
            }
            self.keep_place(*at, 1);
        }
        match &change {
            Change::Earlier { at, entries } => self.keep_place_before(*at, entries.len()),
            Change::Removed { at, .. } => self.keep_place(*at, -1),
            Change::Trimmed { count } => self.keep_place(0, -(*count as isize)),
            _ => {}
        }
        change.apply(&mut self.inner.entries.borrow_mut());
        self.plan();
    }

    /// Older messages came: those at the edge come into the document when they are scrolled to.
    fn keep_place_before(&self, at: usize, count: usize) {
        let moved = |edge: usize| if at <= edge { edge + count } else { edge };
        self.inner.from.set(moved(self.inner.from.get()));
        self.inner.to.set(self.inner.to.get().map(moved));
    }

    /// Messages came or went in front of those in the document.
    fn keep_place(&self, at: usize, by: isize) {
        let moved = |edge: usize| if at < edge { edge.saturating_add_signed(by) } else { edge };
        self.inner.from.set(moved(self.inner.from.get()));
        self.inner.to.set(self.inner.to.get().map(moved));
        let len = self.inner.entries.borrow().len();
        // At the end the document does not grow with every message.
        if self.inner.to.get().is_none() && self.at_end.get_untracked() && len > self.inner.from.get() + SHOWN + GROWN {
            self.inner.from.set(len - SHOWN);
        }
    }

    fn notice(&self, text: &Text<'_>) {
        let mut notices = self.inner.notices.borrow_mut();
        if notices.len() == NOTICES {
            notices.remove(0);
        }
        let number = self.inner.notices_ever.get();
        self.inner.notices_ever.set(number + 1);
        let below = self.inner.entries.borrow().last().map(|entry| entry.id.clone());
        notices.push(Notice { number, below, text: self.inner.words.with_value(|words| words.say(text)) });
        drop(notices);
        self.users.set(self.inner.chat.users());
        self.plan();
    }

    /// The document changes once in a frame, however much has happened.
    fn plan(&self) {
        if !self.inner.memory_planned.replace(true) {
            let room = self.clone();
            set_timeout(move || room.remember(), REMEMBER);
        }
        self.inner.changes.set(self.inner.changes.get() + 1);
        if !self.inner.planned.replace(true) {
            self.show_soon(PATIENCE);
        }
    }

    /// In the next frame; in a flood, when it is over.
    fn show_soon(&self, patience: u32) {
        let room = self.clone();
        request_animation_frame(move || {
            if room.inner.changes.take() > FLOOD && patience > 0 {
                return room.show_soon(patience - 1);
            }
            room.inner.planned.set(false);
            room.shown.update(|count| *count += 1);
            room.seen();
        });
    }

    fn is_seen(&self) -> bool {
        self.inner.active.get() && self.at_end.get_untracked() && self.is_newest() && browser::is_looked_at()
    }

    fn unread_place(&self, entries: &[Entry]) -> Option<(usize, usize)> {
        let from = self.inner.unread_from.borrow();
        let at = entries.iter().rposition(|entry| Some(&entry.id) == from.as_ref())?;
        let count = entries[at..].iter().filter(|entry| !entry.own).count();
        Some((at, count))
    }
}

/// Where a connection stands, in words, and the class of its colour.
pub(crate) fn link_words(words: &Words, state: &State) -> (String, &'static str) {
    let (text, class) = match state {
        State::Connecting { attempt: 0 | 1 } => (Text::Connecting, "waiting"),
        State::Connecting { attempt } => (Text::ConnectingAgain { attempt: *attempt }, "waiting"),
        State::Connected { .. } => (Text::Connected, "good"),
        State::Disconnected { retry_at, .. } => {
            let left = retry_at.saturating_duration_since(Instant::now());
            // A countdown that ends at 1, not at 0.
            let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
            (if seconds == 0 { Text::OfflineNow } else { Text::Offline { seconds } }, "bad")
        }
        State::Closing => (Text::Closing, "waiting"),
        State::Closed(Closed::Refused(cause)) => {
            return (words.say(&Text::Refused { reason: &cause.to_string() }), "bad");
        }
        State::Closed(Closed::GaveUp { last, .. }) => {
            return (words.say(&Text::GaveUp { reason: &last.to_string() }), "bad");
        }
        State::Closed(_) | _ => (Text::Closed, "bad"),
    };
    (words.say(&text), class)
}

/// A room's client: with what it knew at the last visit, and an outbox that outlives the page.
fn client(name: &str, user: &User, account: Option<Account>) -> Result<ChatClient, ChatError> {
    let mut builder =
        ChatClient::builder(browser::chat_url(), &user.user_name).user_id(&user.user_id).room(name).window(WINDOW);
    if let Some(memory) = browser::kept(&memory_key(name, user)).and_then(|json| Memory::from_json(&json)) {
        builder = builder.memory(memory);
    }
    if let Some(account) = account {
        builder = builder.token(move |refused| SendWrapper::new(account.clone().token(refused)));
    }
    let outbox = browser::tab().map(|tab| format!("everwire.outbox.{tab}.{}.{name}", user.user_id));
    // One that can't be read is worse than none.
    if let Some(outbox) = outbox.filter(|outbox| WebStore::open(outbox).load().is_ok()) {
        builder = builder.connection(|connection| connection.store(WebStore::open(outbox)));
    }
    builder.build()
}

fn memory_key(room: &str, user: &User) -> String {
    format!("{MEMORY}{}.{room}", user.user_id)
}

fn draft_key(room: &str) -> String {
    format!("everwire.draft.{room}")
}
