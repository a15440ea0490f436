//! What nodes tell each other without storing it: who is here, who types, how far messages have come. Plain messages of
//! NATS; each node's members are leased, and vanish with a node that is not heard any more.
//!
//! Lost messages are made up for: who is here, and how far the messages of these rooms have come, is told again every few
//! seconds; and when a user comes into a room that was not known here, the other nodes are asked how far its messages have
//! come.

mod word;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use everwire_chat_core::wire::User;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::broker::Broker;
use super::read_positions::Newcomer;
use crate::clock::unix_ms;
use crate::domain::{Leaving, NewNotice, ReadPosition, RoomHere, Rooms, Signal, StoredReceipts, UserReceipt};
use crate::store::messages::MessageStore;
use crate::store::sqlite::SqliteStore;
use crate::sync::lock;
use word::{Marks, What, Word};

const SUBJECT: &str = "ew.live";

/// How often it is looked what there is to tell.
const PACE: Duration = Duration::from_millis(50);

/// How often receipts are told.
const RECEIPTS: Duration = Duration::from_secs(1);

/// How often a node tells of all its members: what got lost is mended by that.
const ALL: Duration = Duration::from_secs(3);

/// Rooms that are answered for in one go, and that may wait for an answer.
const ANSWERS: usize = 200;
const MOST_ASKED: usize = 100_000;

/// A node that was not heard of for so long is dead, and so are its members' connections.
const LEASE: Duration = Duration::from_secs(10);

/// In its first time a node takes all whom it hears of for those that it does not know yet.
const BEGINS: Duration = Duration::from_secs(60);

/// Nodes that are remembered after they have gone.
const MOST_LOST: usize = 100;

/// Another node.
#[derive(Debug)]
struct Node {
    heard: Instant,
    /// The rooms that its present round has told of.
    round: HashMap<String, u64>,
}

/// The task that tells and hears.
pub(super) struct Presence {
    broker: Broker,
    rooms: Arc<Mutex<Rooms>>,
    /// How long a user who has left another node still counts as here.
    grace: Duration,
    node: String,
    nodes: HashMap<String, Node>,
    round: u64,
    store: Arc<SqliteStore>,
    /// A node has come that knows nothing of ours.
    has_news: bool,
    /// Receipts of rooms that nobody is in here.
    unknown: Vec<UserReceipt>,
    /// Rooms that another node has asked for.
    asked: HashSet<String>,
    began: Instant,
    /// Nodes that are not heard of any more, and when they were the last time.
    lost: HashMap<String, Instant>,
    newcomers: mpsc::UnboundedSender<Newcomer>,
}

impl Presence {
    pub(super) fn new(
        broker: Broker,
        node: String,
        store: Arc<SqliteStore>,
        rooms: Arc<Mutex<Rooms>>,
        grace: Duration,
        newcomers: mpsc::UnboundedSender<Newcomer>,
    ) -> Self {
        lock(&rooms).share();
        Self {
            broker,
            rooms,
            grace,
            node,
            nodes: HashMap::new(),
            round: 0,
            store,
            has_news: false,
            unknown: Vec::new(),
            asked: HashSet::new(),
            began: Instant::now(),
            lost: HashMap::new(),
            newcomers,
        }
    }

    /// Never returns.
    pub(super) async fn run(mut self) {
        loop {
            if let Ok(mut words) = self.broker.client.subscribe(SUBJECT).await {
                let mut pace = tokio::time::interval(PACE);
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                let (mut receipts_due, mut all_due) = (Instant::now(), Instant::now());
                loop {
                    tokio::select! {
                        word = words.next() => {
                            let Some(word) = word else { break };
                            self.hear(&word.payload);
                            while let Some(Some(word)) = words.next().now_or_never() {
                                self.hear(&word.payload);
                            }
                        }
                        _ = pace.tick() => {
                            let now = Instant::now();
                            self.tell_news().await;
                            self.answer().await;
                            if now >= receipts_due {
                                receipts_due = later(now, RECEIPTS);
                                self.tell_receipts().await;
                                self.keep_receipts().await;
                            }
                            if std::mem::take(&mut self.has_news) || now >= all_due {
                                all_due = later(now, ALL);
                                self.tell_all().await;
                                self.bury();
                            }
                        }
                    }
                }
            }
            tokio::time::sleep(RECEIPTS).await;
        }
    }

    async fn tell(&self, what: What) {
        let word = Word { node: self.node.clone(), what };
        let payload = serde_json::to_vec(&word).unwrap_or_default();
        // What can't be told is told again, or was only of the moment.
        let _ = self.broker.client.publish(SUBJECT, Bytes::from(payload)).await;
    }

    async fn tell_news(&self) {
        let (opened, changed, signals) = {
            let mut rooms = lock(&self.rooms);
            (rooms.take_opened(), rooms.take_changed(), rooms.take_signals())
        };
        for room in opened {
            self.tell(What::Ask { room }).await;
        }
        for (room, users) in changed {
            self.tell(What::Here { room, users, round: None, marks: None }).await;
        }
        for signal in signals {
            self.tell(match signal {
                Signal::Typing { room, typing } => What::Typing { room, typing },
                Signal::Binary { room, data } => What::Binary { room, data: STANDARD.encode(data) },
            })
            .await;
        }
    }

    /// Answers what was asked for, some of it at a time.
    async fn answer(&mut self) {
        let rooms: Vec<String> = self.asked.iter().take(ANSWERS).cloned().collect();
        for room in rooms {
            self.asked.remove(&room);
            let here = lock(&self.rooms).receipts_here(&room);
            let known = match here {
                Some(known) => known,
                None => self.store.receipts(&room).await.unwrap_or_default(),
            };
            if let Some(marks) = Marks::of(known) {
                self.tell(What::Marks { room, marks }).await;
            }
        }
    }

    async fn tell_receipts(&self) {
        let receipts = lock(&self.rooms).take_receipts();
        for UserReceipt { room, user, receipt } in receipts {
            self.tell(What::Receipt { room, user, receipt }).await;
        }
    }

    /// Stores how far others have come in rooms that nobody is in here.
    async fn keep_receipts(&mut self) {
        let mut rooms: HashMap<String, StoredReceipts> = HashMap::new();
        let mut positions = Vec::new();
        for UserReceipt { room, user, receipt } in std::mem::take(&mut self.unknown) {
            if !rooms.contains_key(&room) {
                let Ok(stored) = self.store.receipts(&room).await else { continue };
                rooms.insert(room.clone(), stored);
            }
            if let Some(stored) = rooms.get_mut(&room) {
                stored.raise(&user, receipt);
            }
            positions.push(ReadPosition { room, user, offset: receipt.read });
        }
        if positions.is_empty() {
            return;
        }
        let saved = self.store.save_receipts(rooms).await;
        if let Err(error) = saved.and(self.store.save_read_positions(positions).await) {
            tracing::warn!(%error, "how far messages have come can't be stored");
        }
    }

    async fn tell_all(&mut self) {
        self.round = self.round.wrapping_add(1);
        let all = lock(&self.rooms).all_here();
        for RoomHere { room, users, receipts } in all {
            self.tell(What::Here { room, users, round: Some(self.round), marks: Marks::of(receipts) }).await;
        }
        self.tell(What::Round { round: self.round }).await;
    }

    fn hear(&mut self, payload: &[u8]) {
        let Ok(Word { node, what }) = serde_json::from_slice::<Word>(payload) else { return };
        if node == self.node {
            return;
        }
        if !self.nodes.contains_key(&node) {
            self.has_news = true;
            let apart = self.apart(&node);
            let _ = self.newcomers.send(Newcomer { node: node.clone(), apart });
        }
        let heard =
            self.nodes.entry(node.clone()).or_insert_with(|| Node { heard: Instant::now(), round: HashMap::new() });
        heard.heard = Instant::now();
        match what {
            What::Here { room, users, round, marks } => {
                if let Some(round) = round {
                    heard.round.insert(room.clone(), round);
                }
                self.set(&node, &room, users, self.grace);
                if let Some(marks) = marks {
                    lock(&self.rooms).merge_receipts(&room, &marks.receipts());
                }
            }
            What::Round { round } => {
                let told = std::mem::take(&mut heard.round);
                let left = lock(&self.rooms).rooms_of_node(&node);
                for room in left.into_iter().filter(|room| told.get(room) != Some(&round)) {
                    self.set(&node, &room, Vec::new(), self.grace);
                }
            }
            What::Gone => self.forget(&node, self.grace),
            What::Typing { room, typing } => lock(&self.rooms).typing_elsewhere(&room, typing),
            What::Binary { room, data } => {
                if let Ok(data) = STANDARD.decode(data) {
                    lock(&self.rooms).binary_elsewhere(&room, data);
                }
            }
            What::Receipt { room, user, receipt } => {
                let receipt = UserReceipt { room, user, receipt };
                if !lock(&self.rooms).receipt_elsewhere(&receipt) {
                    self.unknown.push(receipt);
                }
            }
            What::Ask { room } => {
                if self.asked.len() < MOST_ASKED {
                    self.asked.insert(room);
                }
            }
            What::Marks { room, marks } => lock(&self.rooms).merge_receipts(&room, &marks.receipts()),
        }
    }

    /// For how long a node that is heard for the first time, or again, was not heard. A node that restarts has a new name:
    /// for an unknown name, the longest silence of a lost node counts. `None`: this node has just started, and the other
    /// one may not have been heard for any time.
    fn apart(&mut self, node: &str) -> Option<Duration> {
        if self.began.elapsed() < BEGINS {
            return None;
        }
        let longest = || self.lost.iter().min_by_key(|(_, heard)| **heard).map(|(name, _)| name.clone());
        let lost = if self.lost.contains_key(node) { Some(node.to_owned()) } else { longest() };
        let heard = lost.and_then(|name| self.lost.remove(&name));
        Some(heard.map_or(LEASE, |heard| heard.elapsed()))
    }

    /// Who is in a room on a node; who has left it, leaves after `grace`.
    fn set(&self, node: &str, room: &str, users: Vec<User>, grace: Duration) {
        let leavings = lock(&self.rooms).set_elsewhere(node, room, users, notice);
        for leaving in leavings {
            let (rooms, room) = (Arc::clone(&self.rooms), room.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(grace).await;
                expire(&rooms, &room, &leaving);
            });
        }
    }

    fn forget(&mut self, node: &str, grace: Duration) {
        if let Some(Node { heard, .. }) = self.nodes.remove(node)
            && self.lost.len() < MOST_LOST
        {
            self.lost.insert(node.to_owned(), heard);
        }
        let of_node = lock(&self.rooms).rooms_of_node(node);
        for room in of_node {
            self.set(node, &room, Vec::new(), grace);
        }
    }

    /// The members of nodes that are not heard of any more leave at once.
    fn bury(&mut self) {
        let is_dead = |(_, node): &(&String, &Node)| node.heard.elapsed() > LEASE;
        let dead: Vec<String> = self.nodes.iter().filter(is_dead).map(|(name, _)| name.clone()).collect();
        for node in dead {
            tracing::warn!(node, "another node is not heard of any more; its members have left");
            self.forget(&node, Duration::ZERO);
        }
    }
}

/// Tells the others that a node ends: its members may come to them.
pub(super) async fn tell_end(broker: &Broker, node: String) {
    let payload = serde_json::to_vec(&Word { node, what: What::Gone }).unwrap_or_default();
    let _ = broker.client.publish(SUBJECT, Bytes::from(payload)).await;
    let _ = broker.client.flush().await;
}

fn expire(rooms: &Mutex<Rooms>, room: &str, leaving: &Leaving) {
    lock(rooms).expire(room, leaving, notice());
}

fn notice() -> NewNotice {
    NewNotice { id: crate::id::new_id(), timestamp: unix_ms() }
}

fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}
