//! All rooms: who is where, and what each connection is told. Nothing here waits.

#[cfg_attr(not(feature = "cluster"), allow(dead_code))]
mod elsewhere;
mod reading;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use everwire_chat_core::wire::{self, Event, Notice, Receipt, StatusOf, TextMessage, TokenDue, Typing, User};
use everwire_ws::{CloseCode, Message, Prepared};

use elsewhere::Elsewhere;
pub(crate) use elsewhere::Signal;
#[cfg(feature = "cluster")]
pub(crate) use elsewhere::{RoomHere, UserReceipt};

use super::fan_out::FanOut;
use super::names::{NameSuffix, Names};
use super::presence::{Leaving, Presence};
use super::read_positions::Unsaved;
use super::receipts::{Rise, RoomReceipts, StoredReceipts};
use super::sink::{Delivery, Sink};
use super::subscriber::{ClientMode, ConnectionId, Subscriber};

/// All rooms that have members here, or of which something is to be stored.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rooms: HashMap<String, Room>,
    /// Receipts that have risen and are not stored yet.
    unsaved_receipts: HashMap<String, StoredReceipts>,
    /// How far users have read, where that is not stored yet.
    unsaved_reading: Unsaved,
    /// How often rooms were forgotten, some together.
    forgotten: [u64; SLOTS],
    /// How users are shown suffix whose names look alike.
    suffix: NameSuffix,
    /// Other nodes, where there are any.
    elsewhere: Option<Elsewhere>,
    /// The server ends: who still comes in is sent away.
    closing: bool,
    /// Frames handed to subscribers since the start.
    deliveries: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) rooms: usize,
    pub(crate) subscribers: usize,
    pub(crate) deliveries: u64,
}

/// What a notice that a user has joined or left needs from outside.
#[derive(Clone, Debug)]
pub(crate) struct NewNotice {
    /// A new id.
    pub(crate) id: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) timestamp: i64,
}

#[derive(Debug, Default)]
struct Room {
    subscribers: HashMap<ConnectionId, Subscriber>,
    presence: Presence,
    names: Names,
    receipts: RoomReceipts,
    /// How far those have read it who are here, as far as is known.
    read: HashMap<String, u64>,
}

impl Rooms {
    /// None yet; `guests` name themselves.
    pub(crate) fn new(guests: bool) -> Self {
        Self { suffix: if guests { NameSuffix::Number } else { NameSuffix::UserId }, ..Self::default() }
    }

    /// Whether nothing is known of a room here: what the history knows of it is to be [recalled](Self::recall) first.
    pub(crate) fn is_unknown(&self, room: &str) -> bool {
        !self.rooms.contains_key(room)
    }

    /// How often this room, and some others, were forgotten.
    pub(crate) fn forgotten(&self, room: &str) -> u64 {
        self.forgotten[slot(room)]
    }

    /// What the history knew of a room when it had been `forgotten` so often. Not if the room is known by now, nor if it was
    /// since then: what was stored meanwhile is missing in that.
    pub(crate) fn recall(&mut self, room: &str, forgotten: u64, stored: StoredReceipts, recent: &[TextMessage]) {
        if !self.is_unknown(room) || forgotten != self.forgotten(room) {
            return;
        }
        let mut receipts = RoomReceipts::of(stored);
        for message in recent {
            receipts.on_new(message.offset.unwrap_or_default(), &message.id, &message.user_id);
        }
        let mut known = Room { receipts, ..Room::default() };
        if let Some(elsewhere) = &mut self.elsewhere {
            known.admit_elsewhere(elsewhere.of_room(room));
            elsewhere.opened(room);
        }
        self.rooms.insert(room.to_owned(), known);
    }

    /// Receipts to be stored.
    pub(crate) fn unsaved_receipts(&self) -> HashMap<String, StoredReceipts> {
        self.unsaved_receipts.clone()
    }

    /// These are stored; what has risen since is not.
    pub(crate) fn receipts_saved(&mut self, saved: &HashMap<String, StoredReceipts>) {
        self.unsaved_receipts.retain(|room, marks| saved.get(room) != Some(marks));
        saved.keys().for_each(|room| self.forget_if_empty(room));
    }

    /// A connection comes in: from now on its mailbox gets what is said. Who is here already, for those who understand it.
    pub(crate) fn join(&mut self, room: &str, id: ConnectionId, sink: Arc<dyn Sink>, mode: ClientMode) -> Vec<User> {
        if self.closing {
            send_away(&*sink);
        }
        let elsewhere = &self.elsewhere;
        let room = self.rooms.entry(room.to_owned()).or_insert_with_key(|name| {
            let mut known = Room::default();
            if let Some(elsewhere) = elsewhere {
                known.admit_elsewhere(elsewhere.of_room(name));
            }
            known
        });
        room.subscribers.insert(id, Subscriber { sink, user: None, mode });
        if mode.lists_users { room.presence.users() } else { Vec::new() }
    }

    /// A connection says who it is; the others are told if that user was not here. Once for each connection. The user as the
    /// others see it.
    pub(crate) fn identify(&mut self, room: &str, id: ConnectionId, mut user: User, notice: NewNotice) -> User {
        self.note_change(room);
        let Some(room) = self.rooms.get_mut(room) else { return user };
        let Some(subscriber) = room.subscribers.get_mut(&id) else { return user };
        if let Some(known) = &subscriber.user {
            return known.clone();
        }
        user.user_name = room.names.take(&user.user_id, &user.user_name, self.suffix);
        subscriber.user = Some(user.clone());
        let away = subscriber.mode.away;
        if room.presence.enter(&user, away) {
            self.deliveries += room.announce(Event::UserJoined, &user, notice);
        }
        self.deliveries += room.tell_presence(&user.user_id);
        user
    }

    /// The user of a connection is called otherwise from now on; the others are told. The name as they see it.
    pub(crate) fn rename(&mut self, room: &str, id: ConnectionId, name: &str) -> Option<String> {
        self.note_change(room);
        let room = self.rooms.get_mut(room)?;
        let user = room.subscribers.get_mut(&id)?.user.as_mut()?;
        user.user_name = room.names.take(&user.user_id, name, self.suffix);
        let User { user_id, user_name, .. } = user.clone();
        room.presence.rename(&user_id, &user_name);
        self.deliveries += room.tell_presence(&user_id);
        Some(user_name)
    }

    /// Whether nobody looks at a connection's client.
    pub(crate) fn set_away(&mut self, room: &str, id: ConnectionId, away: bool) {
        self.note_change(room);
        let Some(room) = self.rooms.get_mut(room) else { return };
        let Some(Subscriber { user: Some(user), mode, .. }) = room.subscribers.get_mut(&id) else { return };
        if std::mem::replace(&mut mode.away, away) != away {
            room.presence.turn(&user.user_id, away);
            let user = user.user_id.clone();
            self.deliveries += room.tell_presence(&user);
        }
    }

    /// A connection is gone. If it was its user's last, the user leaves: at once if `said_so`, else when the grace that
    /// the caller gives has passed ([`expire`](Self::expire)).
    pub(crate) fn leave(&mut self, room: &str, id: ConnectionId, said_so: bool, notice: NewNotice) -> Option<Leaving> {
        self.note_change(room);
        let entry = self.rooms.get_mut(room)?;
        let subscriber = entry.subscribers.remove(&id);
        let gone = subscriber.and_then(|subscriber| Some((subscriber.user?, subscriber.mode.away)));
        let leaving = gone.and_then(|(user, away)| {
            let user_id = user.user_id.clone();
            let leaving = entry.presence.exit(user, away);
            self.deliveries += entry.tell_presence(&user_id);
            leaving
        });
        let waits = match leaving {
            Some(leaving) if said_so => {
                self.expire(room, &leaving, notice);
                None
            }
            waits => waits,
        };
        self.forget_if_empty(room);
        waits
    }

    /// A subscriber has to leave.
    pub(crate) fn expel(&mut self, room: &str, id: ConnectionId, code: CloseCode, reason: &'static str) {
        if let Some(subscriber) = self.rooms.get(room).and_then(|room| room.subscribers.get(&id)) {
            subscriber.sink.close(code, reason.into());
        }
    }

    /// Asks a subscriber for a fresh token within `seconds`, if its client understands that request.
    pub(crate) fn ask_for_token(&mut self, room: &str, id: ConnectionId, seconds: u64) {
        let subscriber = self.rooms.get(room).and_then(|room| room.subscribers.get(&id));
        if let Some(subscriber) = subscriber.filter(|subscriber| subscriber.mode.extended) {
            subscriber.sink.deliver(Delivery::of(&Event::TokenDue(TokenDue { seconds })));
        }
    }

    /// Announces that a user has left, after their grace period; not if the user has come back.
    pub(crate) fn expire(&mut self, name: &str, leaving: &Leaving, notice: NewNotice) {
        if let Some(room) = self.rooms.get_mut(name)
            && let Some(user) = room.presence.expire(leaving)
        {
            room.names.free(&user.user_id);
            room.read.remove(&user.user_id);
            self.deliveries += room.announce(Event::UserLeft, &user, notice);
        }
        self.forget_if_empty(name);
    }

    /// Posts of a room are committed: their senders are told, and the others get what is new.
    pub(crate) fn on_committed(&mut self, room: &str, fan_out: &FanOut<'_>) {
        let Some(room) = self.rooms.get_mut(room) else { return };
        for outcome in fan_out.outcomes() {
            if let Some(offset) = outcome.new_offset() {
                room.receipts.on_new(offset, &outcome.id, &outcome.author);
            }
        }
        let tell =
            |(id, subscriber): (&ConnectionId, &Subscriber)| fan_out.tell(*id, subscriber.mode, &*subscriber.sink);
        self.deliveries += room.subscribers.iter().map(tell).sum::<u64>();
    }

    /// A message could not be stored: its sender's connection ends, so that it comes back and sends it again.
    pub(crate) fn on_failed(&self, room: &str, origin: ConnectionId) {
        if let Some(subscriber) = self.rooms.get(room).and_then(|room| room.subscribers.get(&origin)) {
            subscriber.sink.deliver(Delivery::StoreFailed);
        }
    }

    /// A subscriber's client has what is up to there: the authors are told what is new to them.
    pub(crate) fn receipt(&mut self, room: &str, origin: ConnectionId, receipt: Receipt) {
        let Some(entry) = self.rooms.get(room) else { return };
        let of_user = |subscriber: &Subscriber| subscriber.user.as_ref().map(|user| user.user_id.clone());
        let Some(user_id) = entry.subscribers.get(&origin).and_then(of_user) else { return };
        self.read_to(room, origin, &user_id, receipt.read);
        if self.raise(room, &user_id, receipt)
            && let Some(elsewhere) = &mut self.elsewhere
        {
            elsewhere.receipt(room, &user_id, receipt);
        }
    }

    /// A user has what is up to there; whether that is news.
    fn raise(&mut self, room: &str, user_id: &str, receipt: Receipt) -> bool {
        let rise = self.rooms.get_mut(room).and_then(|room| room.receipts.raise(user_id, receipt));
        let has_risen = rise.is_some();
        rise.into_iter().for_each(|rise| self.tell_rise(room, &rise));
        has_risen
    }

    fn tell_rise(&mut self, room: &str, rise: &Rise) {
        let Some(entry) = self.rooms.get(room) else { return };
        self.unsaved_receipts.insert(room.to_owned(), entry.receipts.stored());
        for subscriber in entry.subscribers.values() {
            let Some(user) = &subscriber.user else { continue };
            if subscriber.mode.extended {
                if rise.concerns(&user.user_id) {
                    subscriber.sink.deliver(Delivery::Receipt(entry.receipts.for_user(&user.user_id)));
                    self.deliveries += 1;
                }
            } else if !subscriber.mode.strict {
                for moved in rise.moved.iter().filter(|moved| moved.author == user.user_id) {
                    let status = Event::Status(StatusOf { id: moved.id.clone(), status: moved.status });
                    subscriber.sink.deliver(Delivery::of(&status));
                    self.deliveries += 1;
                }
            }
        }
    }

    /// How far the room's messages have come with others than this user.
    pub(crate) fn marks(&self, room: &str, user_id: &str) -> Receipt {
        self.rooms.get(room).map(|room| room.receipts.for_user(user_id)).unwrap_or_default()
    }

    /// Tells the others whether a user types. A subscriber who has little room left is not told.
    pub(crate) fn typing(&mut self, room: &str, origin: ConnectionId, signal: Typing) {
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.signal(Signal::Typing { room: room.to_owned(), typing: signal.clone() });
        }
        if let Some(room) = self.rooms.get(room) {
            let frame = Delivery::of(&Event::Typing(signal));
            self.deliveries += room.tell_others(origin, |subscriber| subscriber.sink.deliver_volatile(frame.clone()));
        }
    }

    /// Hands a binary message on as it is.
    pub(crate) fn binary(&mut self, room: &str, origin: ConnectionId, message: &Message) {
        if let (Some(elsewhere), Message::Binary(data)) = (&mut self.elsewhere, message) {
            elsewhere.signal(Signal::Binary { room: room.to_owned(), data: data.to_vec() });
        }
        if let Some(room) = self.rooms.get(room) {
            let frame = Delivery::Frame(Prepared::new(message.clone()));
            self.deliveries += room.tell_others(origin, |subscriber| {
                if !subscriber.mode.strict {
                    subscriber.sink.deliver(frame.clone());
                }
            });
        }
    }

    /// How many users are in a room.
    pub(crate) fn users_in(&self, room: &str) -> usize {
        self.rooms.get(room).map_or(0, |room| room.presence.count())
    }

    /// Everybody who is in, with the room.
    pub(crate) fn connections(&self) -> Vec<(String, ConnectionId)> {
        let of_room = |(name, room): (&String, &Room)| -> Vec<_> {
            room.subscribers.keys().map(|id| (name.clone(), *id)).collect()
        };
        self.rooms.iter().flat_map(of_room).collect()
    }

    /// Sends one connection away, to come back in `seconds` seconds.
    pub(crate) fn send_away(&self, room: &str, id: ConnectionId, seconds: u64) {
        if let Some(subscriber) = self.rooms.get(room).and_then(|room| room.subscribers.get(&id)) {
            subscriber
                .sink
                .close(CloseCode::SERVICE_RESTART, format!("the server restarts; Retry-After: {seconds}").into());
        }
    }

    /// Sends everybody away, those who are about to come in too.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.rooms
            .values()
            .flat_map(|room| room.subscribers.values())
            .for_each(|subscriber| send_away(&*subscriber.sink));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn census(&self) -> Census {
        let subscribers = self.rooms.values().map(|room| room.subscribers.len()).sum();
        Census { rooms: self.rooms.len(), subscribers, deliveries: self.deliveries }
    }

    /// Who is in a room has changed here.
    fn note_change(&mut self, room: &str) {
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.changed(room);
        }
    }

    /// Forgets a room that nobody is in, but not before its marks are stored: they are read from the history when a user
    /// comes again.
    fn forget_if_empty(&mut self, room: &str) {
        // Users of other nodes are known without a room here.
        let elsewhere = self.elsewhere.as_ref().map_or(0, |elsewhere| elsewhere.count(room));
        let is_empty = |room: &Room| room.subscribers.is_empty() && room.presence.count() <= elsewhere;
        if !self.unsaved_receipts.contains_key(room) && self.rooms.get(room).is_some_and(is_empty) {
            self.rooms.remove(room);
            self.forgotten[slot(room)] += 1;
        }
    }
}

/// Where it is counted that a room was forgotten, together with some others.
fn slot(room: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    room.hash(&mut hasher);
    usize::try_from(hasher.finish()).unwrap_or(usize::MAX) % SLOTS
}

const SLOTS: usize = 32;

impl Room {
    /// To how many.
    fn tell_others(&self, origin: ConnectionId, tell: impl Fn(&Subscriber)) -> u64 {
        let others = self.subscribers.iter().filter(|(id, _)| **id != origin);
        others.map(|(_, subscriber)| tell(subscriber)).fold(0, |count, ()| count + 1)
    }

    /// Tells everybody but the user's own connections; how many.
    fn announce(&self, event: impl FnOnce(Notice) -> Event, user: &User, notice: NewNotice) -> u64 {
        let User { user_id, user_name, .. } = user.clone();
        let NewNotice { id, timestamp } = notice;
        let frame = Delivery::of(&event(Notice { id, user_id, user_name, timestamp }));
        self.others_than(&user.user_id)
            .map(|subscriber| subscriber.sink.deliver(frame.clone()))
            .fold(0, |count, ()| count + 1)
    }

    /// Tells all who understand it, except the user's own connections, the user's name and whether the user is away, if
    /// either has changed.
    fn tell_presence(&mut self, user_id: &str) -> u64 {
        let Some(User { user_id, user_name, away }) = self.presence.news(user_id) else { return 0 };
        let frame = Delivery::of(&Event::Presence(wire::Presence { user_id: user_id.clone(), user_name, away }));
        self.others_than(&user_id)
            .filter(|subscriber| subscriber.mode.extended)
            .map(|subscriber| subscriber.sink.deliver(frame.clone()))
            .fold(0, |count, ()| count + 1)
    }

    /// All subscribers but the user's own.
    fn others_than(&self, user_id: &str) -> impl Iterator<Item = &Subscriber> {
        self.subscribers
            .values()
            .filter(move |subscriber| subscriber.user.as_ref().is_none_or(|user| user.user_id != user_id))
    }
}

fn send_away(sink: &dyn Sink) {
    sink.close(CloseCode::SERVICE_RESTART, "the server restarts: come back".into());
}
