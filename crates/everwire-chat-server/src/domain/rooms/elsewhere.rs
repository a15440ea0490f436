//! Members of other nodes, and what these are told of ours.

use std::collections::{HashMap, HashSet};

use everwire_chat_core::wire::{Event, Receipt, Typing, User};
use everwire_ws::{Message, Prepared};

use super::reading::ELSEWHERE;
use super::{NewNotice, Room, Rooms};
use crate::domain::presence::Leaving;
use crate::domain::receipts::StoredReceipts;
use crate::domain::sink::Delivery;

/// What other nodes are to be told, and what they have told.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Rooms whose members here have changed.
    changed: HashSet<String>,
    /// Beyond [`MOST_SIGNALS`] they are left out: nothing is lost by it that is stored.
    signals: Vec<Signal>,
    receipts: HashMap<(String, String), Receipt>,
    /// Rooms that were not known here a moment ago.
    opened: HashSet<String>,
    /// By room and node: its users.
    users: HashMap<String, HashMap<String, HashMap<String, User>>>,
}

const MOST_SIGNALS: usize = 4096;

/// What is told once.
#[derive(Debug)]
pub(crate) enum Signal {
    Typing { room: String, typing: Typing },
    Binary { room: String, data: Vec<u8> },
}

/// A room that a user of this node is in.
#[derive(Debug)]
pub(crate) struct RoomHere {
    pub(crate) room: String,
    pub(crate) users: Vec<User>,
    /// How far its messages have come, as far as is known here.
    pub(crate) receipts: StoredReceipts,
}

/// How far a user has a room's messages.
#[derive(Debug)]
pub(crate) struct UserReceipt {
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) receipt: Receipt,
}

impl Elsewhere {
    /// How many nodes a user is on in a room.
    pub(super) fn nodes_of(&self, room: &str, user: &str) -> usize {
        self.users.get(room).map_or(0, |nodes| nodes.values().filter(|users| users.contains_key(user)).count())
    }

    pub(super) fn changed(&mut self, room: &str) {
        if !self.changed.contains(room) {
            self.changed.insert(room.to_owned());
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        if self.signals.len() < MOST_SIGNALS {
            self.signals.push(signal);
        }
    }

    pub(super) fn opened(&mut self, room: &str) {
        self.opened.insert(room.to_owned());
    }

    pub(super) fn receipt(&mut self, room: &str, user: &str, receipt: Receipt) {
        let known = self.receipts.entry((room.to_owned(), user.to_owned())).or_default();
        known.delivered = known.delivered.max(receipt.delivered);
        known.read = known.read.max(receipt.read);
    }

    /// Users of a room who are on other nodes, once for each node.
    pub(super) fn of_room(&self, room: &str) -> impl Iterator<Item = &User> {
        self.users.get(room).into_iter().flat_map(HashMap::values).flat_map(HashMap::values)
    }

    /// How many different users of a room are on other nodes.
    pub(super) fn count(&self, room: &str) -> usize {
        self.of_room(room).map(|user| user.user_id.as_str()).collect::<HashSet<_>>().len()
    }
}

impl Rooms {
    /// From now on what happens here is noted for other nodes.
    pub(crate) fn share(&mut self) {
        self.elsewhere = Some(Elsewhere::default());
    }

    /// What is to be told once, since this was last asked.
    pub(crate) fn take_signals(&mut self) -> Vec<Signal> {
        self.elsewhere.as_mut().map(|elsewhere| std::mem::take(&mut elsewhere.signals)).unwrap_or_default()
    }

    /// How far users have come since this was last asked.
    pub(crate) fn take_receipts(&mut self) -> Vec<UserReceipt> {
        let Some(elsewhere) = &mut self.elsewhere else { return Vec::new() };
        let receipts = std::mem::take(&mut elsewhere.receipts);
        receipts.into_iter().map(|((room, user), receipt)| UserReceipt { room, user, receipt }).collect()
    }

    /// The rooms whose members here have changed since this was last asked, with these.
    pub(crate) fn take_changed(&mut self) -> Vec<(String, Vec<User>)> {
        let Some(elsewhere) = &mut self.elsewhere else { return Vec::new() };
        let changed = std::mem::take(&mut elsewhere.changed);
        changed
            .into_iter()
            .map(|room| {
                let users = self.users_here(&room);
                (room, users)
            })
            .collect()
    }

    /// All rooms that a user of this node is in.
    pub(crate) fn all_here(&self) -> Vec<RoomHere> {
        let here = |(name, room): (&String, &Room)| {
            let (room, users, receipts) = (name.clone(), self.users_here(name), room.receipts.stored());
            RoomHere { room, users, receipts }
        };
        self.rooms.iter().map(here).filter(|here| !here.users.is_empty()).collect()
    }

    /// The rooms that have become known since this was last asked: other nodes may know more of them.
    pub(crate) fn take_opened(&mut self) -> HashSet<String> {
        self.elsewhere.as_mut().map(|elsewhere| std::mem::take(&mut elsewhere.opened)).unwrap_or_default()
    }

    /// How far a room's messages have come, if the room is known here.
    pub(crate) fn receipts_here(&self, room: &str) -> Option<StoredReceipts> {
        self.rooms.get(room).map(|room| room.receipts.stored())
    }

    /// Takes over what another node knows of how far a room's messages have come. If the room is not known here, this does
    /// nothing: other nodes are asked about it when a user comes in.
    pub(crate) fn merge_receipts(&mut self, room: &str, receipts: &StoredReceipts) {
        let rise = self.rooms.get_mut(room).and_then(|room| room.receipts.merge(receipts));
        rise.into_iter().for_each(|rise| self.tell_rise(room, &rise));
    }

    /// Who is in a room by a connection of this server; away if nobody looks at any of them.
    fn users_here(&self, room: &str) -> Vec<User> {
        let Some(room) = self.rooms.get(room) else { return Vec::new() };
        let mut users: HashMap<&str, User> = HashMap::new();
        for subscriber in room.subscribers.values() {
            let Some(user) = &subscriber.user else { continue };
            let known = users.entry(&user.user_id).or_insert_with(|| User { away: true, ..user.clone() });
            known.away &= subscriber.mode.away;
        }
        users.into_values().collect()
    }

    /// These are all users of a room on another node. Who has left there, to be [expired](Self::expire) when the grace has passed.
    pub(crate) fn set_elsewhere(
        &mut self,
        node: &str,
        name: &str,
        users: Vec<User>,
        mut notice: impl FnMut() -> NewNotice,
    ) -> Vec<Leaving> {
        let Some(elsewhere) = &mut self.elsewhere else { return Vec::new() };
        let nodes = elsewhere.users.entry(name.to_owned()).or_default();
        let now: HashMap<String, User> = users.into_iter().map(|user| (user.user_id.clone(), user)).collect();
        let before = if now.is_empty() { nodes.remove(node) } else { nodes.insert(node.to_owned(), now.clone()) };
        if nodes.is_empty() {
            elsewhere.users.remove(name);
        }
        let before = before.unwrap_or_default();
        let Some(room) = self.rooms.get_mut(name) else { return Vec::new() };
        let mut leavings = Vec::new();
        for (id, user) in &now {
            room.names.note_elsewhere(id, &user.user_name);
            match before.get(id) {
                Some(known) if known == user => continue,
                Some(known) => {
                    if known.away != user.away {
                        room.presence.turn(id, user.away);
                    }
                    room.presence.rename(id, &user.user_name);
                }
                None => {
                    if room.presence.enter(user, user.away) {
                        self.deliveries += room.announce(Event::UserJoined, user, notice());
                    }
                }
            }
            self.deliveries += room.tell_presence(id);
        }
        for (id, user) in before {
            if !now.contains_key(&id) {
                let away = user.away;
                leavings.extend(room.presence.exit(user, away));
                self.deliveries += room.tell_presence(&id);
            }
        }
        self.forget_if_empty(name);
        leavings
    }

    /// The rooms that a node has told of.
    pub(crate) fn rooms_of_node(&self, node: &str) -> Vec<String> {
        let Some(elsewhere) = &self.elsewhere else { return Vec::new() };
        let of_node = elsewhere.users.iter().filter(|(_, nodes)| nodes.contains_key(node));
        of_node.map(|(room, _)| room.clone()).collect()
    }

    /// A user on another node types, or has stopped.
    pub(crate) fn typing_elsewhere(&mut self, room: &str, signal: Typing) {
        if let Some(room) = self.rooms.get(room) {
            let frame = Delivery::of(&Event::Typing(signal));
            for subscriber in room.subscribers.values() {
                subscriber.sink.deliver_volatile(frame.clone());
                self.deliveries += 1;
            }
        }
    }

    /// A binary message of a member of another node.
    pub(crate) fn binary_elsewhere(&mut self, room: &str, data: Vec<u8>) {
        if let Some(room) = self.rooms.get(room) {
            let frame = Delivery::Frame(Prepared::new(Message::from(data)));
            for subscriber in room.subscribers.values().filter(|subscriber| !subscriber.mode.strict) {
                subscriber.sink.deliver(frame.clone());
                self.deliveries += 1;
            }
        }
    }

    /// A user has the messages of a room up to there, by a connection of another node. False if nothing is known of the room here.
    pub(crate) fn receipt_elsewhere(&mut self, UserReceipt { room, user, receipt }: &UserReceipt) -> bool {
        if self.is_unknown(room) {
            return false;
        }
        self.read_to(room, ELSEWHERE, user, receipt.read);
        self.raise(room, user, *receipt);
        true
    }
}

impl Room {
    /// Users of other nodes, in a room that was not known here.
    pub(super) fn admit_elsewhere<'a>(&mut self, users: impl Iterator<Item = &'a User>) {
        for user in users {
            self.names.note_elsewhere(&user.user_id, &user.user_name);
            self.presence.enter(user, user.away);
            // As they came: who joins here is told by the list.
            let _ = self.presence.news(&user.user_id);
        }
    }
}
