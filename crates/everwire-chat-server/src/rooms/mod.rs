//! Who is where, and what each is to be told. Nothing here waits: what is to be told is put into mailboxes.

mod mailbox;
mod marks;
mod names;
mod presence;
mod reading;
mod run;
mod together;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::id::new_id;
use everwire_chat_core::wire::{self, Event, Notice, Receipt, StatusOf, TextMessage, TokenDue, Typing, User};
use everwire_server::{CloseCode, Message, Prepared};

pub(crate) use mailbox::{Item, Mailbox};
use marks::Marks;
pub(crate) use marks::{KeptMarks, RECENT, Top};
use names::{Apart, Names};
pub(crate) use presence::Leaving;
use presence::Presence;
pub(crate) use reading::KeptPosition;
pub(crate) use run::{Outcome, Run};
use std::sync::Arc;
pub(crate) use together::Together;

/// A connection, unique while the server runs.
pub(crate) type ConnectionId = u64;

/// All rooms that somebody is in, or of which something is to be stored.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rooms: HashMap<String, Room>,
    /// Marks that have risen and are not stored yet.
    unsaved: HashMap<String, KeptMarks>,
    /// How far users have read, where that is not stored yet.
    unsaved_reading: reading::Unsaved,
    /// How often rooms were forgotten, some together.
    forgotten: [u64; SLOTS],
    /// How users are shown apart whose names look alike.
    apart: Apart,
    /// The server ends: who still comes in is sent away.
    closing: bool,
    /// Frames handed to members since the start.
    deliveries: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) rooms: usize,
    pub(crate) members: usize,
    pub(crate) deliveries: u64,
}

#[derive(Debug, Default)]
struct Room {
    members: HashMap<ConnectionId, Member>,
    presence: Presence,
    names: Names,
    marks: Marks,
    /// How far those have read it who are here, as far as is known.
    read: HashMap<String, u64>,
}

/// One connection in a room.
#[derive(Debug)]
struct Member {
    mailbox: Arc<Mailbox>,
    /// `None` until it has said who it is.
    user: Option<User>,
    manner: Manner,
}

/// How a client takes part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// It understands the extensions.
    pub(crate) extended: bool,
    /// Nobody looks at it.
    pub(crate) away: bool,
    /// It is told only the four plain types, with their own fields.
    pub(crate) strict: bool,
    /// It is told on joining who is here.
    pub(crate) is_told_who: bool,
}

impl Rooms {
    /// None yet; `guests` name themselves.
    pub(crate) fn new(guests: bool) -> Self {
        Self { apart: if guests { Apart::ByNumber } else { Apart::ById }, ..Self::default() }
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
    pub(crate) fn recall(&mut self, room: &str, forgotten: u64, kept: KeptMarks, recent: &[TextMessage]) {
        if !self.is_unknown(room) || forgotten != self.forgotten(room) {
            return;
        }
        let mut marks = Marks::of(kept);
        for message in recent {
            marks.on_line(message.offset.unwrap_or_default(), &message.id, &message.user_id);
        }
        self.rooms.insert(room.to_owned(), Room { marks, ..Room::default() });
    }

    /// Marks to be stored.
    pub(crate) fn unsaved(&self) -> HashMap<String, KeptMarks> {
        self.unsaved.clone()
    }

    /// These are stored; what has risen since is not.
    pub(crate) fn saved(&mut self, saved: &HashMap<String, KeptMarks>) {
        self.unsaved.retain(|room, marks| saved.get(room) != Some(marks));
        saved.keys().for_each(|room| self.forget_if_empty(room));
    }

    /// A connection comes in: from now on its mailbox gets what is said. Who is here already, for those who understand it.
    pub(crate) fn join(&mut self, room: &str, id: ConnectionId, mailbox: Arc<Mailbox>, manner: Manner) -> Vec<User> {
        if self.closing {
            send_away(&mailbox);
        }
        let room = self.rooms.entry(room.to_owned()).or_default();
        room.members.insert(id, Member { mailbox, user: None, manner });
        if manner.is_told_who { room.presence.users() } else { Vec::new() }
    }

    /// A connection says who it is; the others are told if that user was not here. Once for each connection. The user as the
    /// others see it.
    pub(crate) fn identify(&mut self, room: &str, id: ConnectionId, mut user: User, now: i64) -> User {
        let Some(room) = self.rooms.get_mut(room) else { return user };
        let Some(member) = room.members.get_mut(&id) else { return user };
        if let Some(known) = &member.user {
            return known.clone();
        }
        user.user_name = room.names.take(&user.user_id, &user.user_name, self.apart);
        member.user = Some(user.clone());
        let away = member.manner.away;
        if room.presence.enter(&user, away) {
            self.deliveries += room.announce(Event::UserJoined, &user, now);
        }
        self.deliveries += room.tell_presence(&user.user_id);
        user
    }

    /// The user of a connection is called otherwise from now on; the others are told. The name as they see it.
    pub(crate) fn rename(&mut self, room: &str, id: ConnectionId, name: &str) -> Option<String> {
        let room = self.rooms.get_mut(room)?;
        let user = room.members.get_mut(&id)?.user.as_mut()?;
        user.user_name = room.names.take(&user.user_id, name, self.apart);
        let User { user_id, user_name, .. } = user.clone();
        room.presence.rename(&user_id, &user_name);
        self.deliveries += room.tell_presence(&user_id);
        Some(user_name)
    }

    /// Whether nobody looks at a connection's client.
    pub(crate) fn set_away(&mut self, room: &str, id: ConnectionId, away: bool) {
        let Some(room) = self.rooms.get_mut(room) else { return };
        let Some(Member { user: Some(user), manner, .. }) = room.members.get_mut(&id) else { return };
        if std::mem::replace(&mut manner.away, away) != away {
            room.presence.turn(&user.user_id, away);
            let user = user.user_id.clone();
            self.deliveries += room.tell_presence(&user);
        }
    }

    /// A connection is gone. If it was its user's last, the user leaves: at once if `said_so`, else when the grace that
    /// the caller gives has passed ([`expire`](Self::expire)).
    pub(crate) fn leave(&mut self, room: &str, id: ConnectionId, said_so: bool, now: i64) -> Option<Leaving> {
        let entry = self.rooms.get_mut(room)?;
        let member = entry.members.remove(&id);
        let gone = member.and_then(|member| Some((member.user?, member.manner.away)));
        let leaving = gone.and_then(|(user, away)| {
            let user_id = user.user_id.clone();
            let leaving = entry.presence.exit(user, away);
            self.deliveries += entry.tell_presence(&user_id);
            leaving
        });
        let waits = match leaving {
            Some(leaving) if said_so => {
                self.expire(room, &leaving, now);
                None
            }
            waits => waits,
        };
        self.forget_if_empty(room);
        waits
    }

    /// A member has to leave.
    pub(crate) fn expel(&mut self, room: &str, id: ConnectionId, code: CloseCode, reason: &'static str) {
        if let Some(member) = self.rooms.get(room).and_then(|room| room.members.get(&id)) {
            member.mailbox.close(code, reason);
        }
    }

    /// A member whose client understands that is asked for a fresh token, which has so many seconds.
    pub(crate) fn ask_for_token(&mut self, room: &str, id: ConnectionId, seconds: u64) {
        let member = self.rooms.get(room).and_then(|room| room.members.get(&id));
        if let Some(member) = member.filter(|member| member.manner.extended) {
            member.mailbox.put(Item::Frame(Prepared::new(text(&Event::TokenDue(TokenDue { seconds })))));
        }
    }

    /// The grace of a user has passed: the others are told, unless the user has come back.
    pub(crate) fn expire(&mut self, name: &str, leaving: &Leaving, now: i64) {
        if let Some(room) = self.rooms.get_mut(name)
            && let Some(user) = room.presence.expire(leaving)
        {
            room.names.free(&user.user_id);
            room.read.remove(&user.user_id);
            self.deliveries += room.announce(Event::UserLeft, &user, now);
        }
        self.forget_if_empty(name);
    }

    /// Posts of a room are committed: their senders are told, and the others get what is new.
    pub(crate) fn on_committed(&mut self, room: &str, run: &Run<'_>) {
        let Some(room) = self.rooms.get_mut(room) else { return };
        for outcome in run.outcomes() {
            if let Some(offset) = outcome.new_offset() {
                room.marks.on_line(offset, &outcome.id, &outcome.author);
            }
        }
        let tell = |(id, member): (&ConnectionId, &Member)| run.tell(*id, member.manner, &member.mailbox);
        self.deliveries += room.members.iter().map(tell).sum::<u64>();
    }

    /// A message could not be stored: its sender's connection ends, so that it comes back and sends it again.
    pub(crate) fn on_failed(&self, room: &str, origin: ConnectionId) {
        if let Some(member) = self.rooms.get(room).and_then(|room| room.members.get(&origin)) {
            member.mailbox.put(Item::Failed);
        }
    }

    /// A member's client has what is up to there: the authors are told what is new to them.
    pub(crate) fn receipt(&mut self, room: &str, origin: ConnectionId, receipt: Receipt) {
        let Some(entry) = self.rooms.get(room) else { return };
        let of_user = |member: &Member| member.user.as_ref().map(|user| user.user_id.clone());
        let Some(user_id) = entry.members.get(&origin).and_then(of_user) else { return };
        self.read_to(room, origin, &user_id, receipt.read);
        let Some(entry) = self.rooms.get_mut(room) else { return };
        let Some(rise) = entry.marks.raise(&user_id, receipt) else { return };
        self.unsaved.insert(room.to_owned(), entry.marks.kept());
        for member in entry.members.values() {
            let Some(user) = &member.user else { continue };
            if member.manner.extended {
                if rise.concerns(&user.user_id) {
                    let receipt = Event::Receipt(entry.marks.for_user(&user.user_id));
                    member.mailbox.put(Item::Frame(Prepared::new(text(&receipt))));
                    self.deliveries += 1;
                }
            } else if !member.manner.strict {
                for moved in rise.moved.iter().filter(|moved| moved.author == user.user_id) {
                    let status = Event::Status(StatusOf { id: moved.id.clone(), status: moved.status });
                    member.mailbox.put(Item::Frame(Prepared::new(text(&status))));
                    self.deliveries += 1;
                }
            }
        }
    }

    /// How far the room's messages have come with others than this user.
    pub(crate) fn marks(&self, room: &str, user_id: &str) -> Receipt {
        self.rooms.get(room).map(|room| room.marks.for_user(user_id)).unwrap_or_default()
    }

    /// Tells the others that somebody types. Not worth a slow member's last room.
    pub(crate) fn typing(&mut self, room: &str, origin: ConnectionId, signal: Typing) {
        if let Some(room) = self.rooms.get(room) {
            let frame = Prepared::new(text(&Event::Typing(signal)));
            self.deliveries +=
                room.tell_others(origin, |member| member.mailbox.put_volatile(Item::Frame(frame.clone())));
        }
    }

    /// Hands a binary message on as it is.
    pub(crate) fn binary(&mut self, room: &str, origin: ConnectionId, message: &Message) {
        if let Some(room) = self.rooms.get(room) {
            let frame = Prepared::new(message.clone());
            self.deliveries += room.tell_others(origin, |member| {
                if !member.manner.strict {
                    member.mailbox.put(Item::Frame(frame.clone()));
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
        let of_room =
            |(name, room): (&String, &Room)| -> Vec<_> { room.members.keys().map(|id| (name.clone(), *id)).collect() };
        self.rooms.iter().flat_map(of_room).collect()
    }

    /// Sends one away, to come back in so many seconds.
    pub(crate) fn send_away(&self, room: &str, id: ConnectionId, seconds: u64) {
        if let Some(member) = self.rooms.get(room).and_then(|room| room.members.get(&id)) {
            member.mailbox.close(CloseCode::SERVICE_RESTART, format!("the server restarts; Retry-After: {seconds}"));
        }
    }

    /// Sends everybody away, those who are about to come in too.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.rooms.values().flat_map(|room| room.members.values()).for_each(|member| send_away(&member.mailbox));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn census(&self) -> Census {
        let members = self.rooms.values().map(|room| room.members.len()).sum();
        Census { rooms: self.rooms.len(), members, deliveries: self.deliveries }
    }

    /// Not before its marks are stored, since the history is asked for them when somebody comes again.
    fn forget_if_empty(&mut self, room: &str) {
        let is_empty = |room: &Room| room.members.is_empty() && room.presence.is_empty();
        if !self.unsaved.contains_key(room) && self.rooms.get(room).is_some_and(is_empty) {
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
    fn tell_others(&self, origin: ConnectionId, tell: impl Fn(&Member)) -> u64 {
        let others = self.members.iter().filter(|(id, _)| **id != origin);
        others.map(|(_, member)| tell(member)).fold(0, |count, ()| count + 1)
    }

    /// Tells everybody but the user's own connections; how many.
    fn announce(&self, event: impl FnOnce(Notice) -> Event, user: &User, now: i64) -> u64 {
        let User { user_id, user_name, .. } = user.clone();
        let frame = Prepared::new(text(&event(Notice { id: new_id(), user_id, user_name, timestamp: now })));
        self.others_than(&user.user_id)
            .map(|member| member.mailbox.put(Item::Frame(frame.clone())))
            .fold(0, |count, ()| count + 1)
    }

    /// Tells everybody who understands it, but the user's own connections, how the user is called and whether somebody looks, if that is
    /// news.
    fn tell_presence(&mut self, user_id: &str) -> u64 {
        let Some(User { user_id, user_name, away }) = self.presence.news(user_id) else { return 0 };
        let frame = Prepared::new(text(&Event::Presence(wire::Presence { user_id: user_id.clone(), user_name, away })));
        self.others_than(&user_id)
            .filter(|member| member.manner.extended)
            .map(|member| member.mailbox.put(Item::Frame(frame.clone())))
            .fold(0, |count, ()| count + 1)
    }

    /// All members but the user's own.
    fn others_than(&self, user_id: &str) -> impl Iterator<Item = &Member> {
        self.members.values().filter(move |member| member.user.as_ref().is_none_or(|user| user.user_id != user_id))
    }
}

fn send_away(mailbox: &Mailbox) {
    mailbox.close(CloseCode::SERVICE_RESTART, "the server restarts: come back");
}

/// The event as a message. What goes to many is encoded and compressed once: [`Prepared`].
fn text(event: &Event) -> Message {
    Message::from(event.to_json())
}

#[cfg(test)]
mod tests;
