//! Several nodes in memory, which keep every promise, or break one of them.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::record::{Ban, Client, Disturbance, Event, History, Kind, Line, Millis, Record, What};
use crate::rules::Rule;

const NODES: usize = 3;
const ROOMS: usize = 2;
const CLIENTS: usize = 8;
const STEP: Millis = 50;
const STEPS: u64 = 700;
/// The user who is banned, and when; the user who leaves for good, and when.
const BANNED: usize = 3;
const BAN_AT: Millis = 10_000;
const LEAVER: usize = 5;
const LEAVE_AT: Millis = 12_000;
/// The user who comes late, and when.
const LATECOMER: usize = 7;
const LATE_AT: Millis = 50_000;
/// How long a user without a connection is still shown.
const GRACE: Millis = 5_000;

/// Makes the record of one run of this seed, which breaks this rule.
pub(crate) fn run(seed: u64, broken: Option<Rule>) -> Record {
    let mut model = Model::new(seed, broken);
    for step in 0..STEPS {
        model.now = (step + 1) * STEP;
        model.step();
    }
    model.finish()
}

struct Member {
    user: String,
    room: usize,
    node: Option<usize>,
    /// The last offset that it knows.
    seen: u64,
    /// Texts that it has sent and that no server has acknowledged yet.
    waiting: Vec<(String, String)>,
    /// Texts that its present connection has stored: the server does not send them to it.
    own: Vec<String>,
    receipt: u64,
    sent: usize,
    /// When its last connection ended.
    gone_at: Option<Millis>,
    has_ended: bool,
    events: Vec<Event>,
}

struct Model {
    dice: Dice,
    broken: Option<Rule>,
    now: Millis,
    rooms: Vec<Vec<Line>>,
    /// What each node has applied of each room; `None` while it is dead.
    applied: Vec<Option<[usize; ROOMS]>>,
    members: Vec<Member>,
    disturbances: Vec<Disturbance>,
    bans: Vec<Ban>,
}

impl Model {
    fn new(seed: u64, broken: Option<Rule>) -> Self {
        let member = |n: usize| Member {
            user: format!("u{n}"),
            room: n % ROOMS,
            node: None,
            seen: 0,
            waiting: Vec::new(),
            own: Vec::new(),
            receipt: 0,
            sent: 0,
            gone_at: None,
            has_ended: false,
            events: Vec::new(),
        };
        Self {
            dice: Dice::new(seed),
            broken,
            now: 0,
            rooms: vec![Vec::new(); ROOMS],
            applied: vec![Some([0; ROOMS]); NODES],
            members: (0..CLIENTS).map(member).collect(),
            disturbances: Vec::new(),
            bans: Vec::new(),
        }
    }

    /// Whether to break this rule now: at every second occasion on average, after the run's first 3 s.
    fn breaks(&mut self, rule: Rule) -> bool {
        self.broken == Some(rule) && self.now > 3_000 && self.dice.once_in(2)
    }

    fn step(&mut self) {
        self.faults();
        self.tell_who_has_gone();
        for n in 0..CLIENTS {
            self.come_and_go(n);
            self.speak(n);
        }
        for node in 0..NODES {
            for room in 0..ROOMS {
                let (end, more) = (self.rooms[room].len(), self.dice.index(4));
                if let Some(applied) = &mut self.applied[node] {
                    applied[room] = end.min(applied[room] + more);
                }
            }
        }
        for n in 0..CLIENTS {
            self.hear(n);
        }
    }

    fn faults(&mut self) {
        let node = self.dice.index(NODES);
        if self.dice.once_in(100) && self.applied.iter().flatten().count() == NODES {
            self.applied[node] = None;
            let to = self.now + 1_000;
            self.disturbances.push(Disturbance { from: self.now, to, kind: Kind::NodeDeath });
            for n in 0..CLIENTS {
                if self.members[n].node == Some(node) {
                    self.close(n);
                }
            }
        }
        if self.disturbances.last().is_some_and(|last| last.to == self.now) {
            self.revive();
        }
        if self.now == BAN_AT {
            self.bans.push(Ban { user: self.members[BANNED].user.clone(), at: self.now });
        }
    }

    fn revive(&mut self) {
        for applied in self.applied.iter_mut().filter(|applied| applied.is_none()) {
            *applied = Some([0; ROOMS]);
        }
    }

    fn tell_who_has_gone(&mut self) {
        for n in 0..CLIENTS {
            let has_gone = self.members[n].gone_at.is_some_and(|at| at + GRACE == self.now);
            if has_gone && self.broken != Some(Rule::Gone) {
                let user = self.members[n].user.clone();
                self.tell_others(n, What::Left(user));
            }
        }
    }

    fn come_and_go(&mut self, n: usize) {
        if self.members[n].has_ended {
            return;
        }
        let is_banned = n == BANNED && self.now >= BAN_AT + 1_000 && self.broken != Some(Rule::Banned);
        if is_banned || (n == LEAVER && self.now >= LEAVE_AT && self.members[n].waiting.is_empty()) {
            self.close(n);
            self.members[n].has_ended = true;
            if is_banned {
                self.say(n, What::Refused);
            }
            return;
        }
        let node = self.dice.index(NODES);
        let is_early = n == LATECOMER && self.now < LATE_AT;
        if self.members[n].node.is_some() || self.applied[node].is_none() || is_early {
            return;
        }
        let room = self.members[n].room;
        // It comes in once the node has what it has seen.
        let applied = self.applied[node].unwrap_or_default()[room] as u64;
        if applied < self.members[n].seen {
            return;
        }
        let is_new = self.breaks(Rule::SameEpoch);
        let users = self.users(room);
        let member = &mut self.members[n];
        (member.node, member.gone_at, member.receipt) = (Some(node), None, 0);
        member.own.clear();
        let user = member.user.clone();
        let epoch = if is_new { "another".to_owned() } else { "e".to_owned() };
        self.say(n, What::Synced { epoch, offset: applied, users });
        self.tell_others(n, What::Joined(user));
    }

    fn users(&mut self, room: usize) -> Vec<String> {
        let (hides, now) = (self.broken == Some(Rule::Here) && self.now > 20_000, self.now);
        let keeps = self.broken == Some(Rule::Gone);
        let is_here = |member: &&Member| {
            let lingers = member.gone_at.is_some_and(|at| keeps || at + GRACE > now);
            member.room == room && (lingers || (member.node.is_some() && !hides))
        };
        self.members.iter().filter(is_here).map(|member| member.user.clone()).collect()
    }

    fn close(&mut self, n: usize) {
        if self.members[n].node.take().is_some() {
            self.members[n].gone_at = Some(self.now);
            self.say(n, What::Closed);
        }
    }

    fn speak(&mut self, n: usize) {
        if self.members[n].has_ended {
            return;
        }
        // Who leaves does not begin anything any more.
        if self.dice.once_in(8) && !(n == LEAVER && self.now >= LEAVE_AT) {
            let member = &mut self.members[n];
            let (id, text) = (format!("{}-{}", member.user, member.sent), format!("text {}", member.sent));
            member.sent += 1;
            member.waiting.push((id.clone(), text.clone()));
            self.say(n, What::Posted { id, text });
        }
        if self.members[n].node.is_none() || self.dice.once_in(3) {
            return;
        }
        let mut waiting = std::mem::take(&mut self.members[n].waiting);
        if self.broken == Some(Rule::SenderOrder) && waiting.len() > 1 {
            waiting.reverse();
        }
        for (id, text) in waiting {
            self.store(n, id, text);
        }
    }

    fn store(&mut self, n: usize, id: String, text: String) {
        let (room, user) = (self.members[n].room, self.members[n].user.clone());
        if self.breaks(Rule::Settled) {
            return;
        }
        if !self.breaks(Rule::Kept) {
            let skips = u64::from(self.breaks(Rule::Dense));
            let offset = self.rooms[room].last().map_or(0, |line| line.offset) + 1 + skips;
            let text = if self.breaks(Rule::Faithful) { "another text".to_owned() } else { text };
            self.rooms[room].push(Line { offset, id: id.clone(), user, text });
        }
        // A node may die between the commit and the word on it.
        let offset = self.rooms[room].last().map_or(1, |line| line.offset) + u64::from(self.breaks(Rule::OnePlace));
        self.members[n].own.push(id.clone());
        self.say(n, What::Stored { id, offset });
    }

    fn hear(&mut self, n: usize) {
        let Some(node) = self.members[n].node else { return };
        let (room, seen) = (self.members[n].room, self.members[n].seen);
        let applied = self.applied[node].unwrap_or_default()[room];
        let again = u64::from(self.breaks(Rule::Once));
        let mut lines: Vec<Line> =
            self.rooms[room][..applied].iter().filter(|line| line.offset + again > seen).cloned().collect();
        let Some(last) = lines.last().map(|line| line.offset) else { return };
        if self.breaks(Rule::InOrder) {
            lines.reverse();
        }
        if self.breaks(Rule::Complete) {
            lines.pop();
        }
        for line in lines {
            if !self.members[n].own.contains(&line.id) {
                self.say(n, What::Heard(line));
            }
        }
        self.members[n].seen = last.max(seen);
        let falls = self.breaks(Rule::Receipts);
        let receipt = if falls { self.members[n].receipt.saturating_sub(1) } else { last.max(self.members[n].receipt) };
        self.members[n].receipt = receipt;
        if self.breaks(Rule::SignedIn) {
            self.say(n, What::SignedOut);
        }
        self.say(n, What::Receipt { delivered: receipt, read: receipt / 2 });
    }

    fn say(&mut self, n: usize, what: What) {
        self.members[n].events.push(Event { at: self.now, what });
    }

    fn tell_others(&mut self, n: usize, what: What) {
        let room = self.members[n].room;
        let others: Vec<usize> =
            (0..CLIENTS).filter(|other| *other != n && self.members[*other].room == room).collect();
        for other in others.into_iter().filter(|other| self.members[*other].node.is_some()).collect::<Vec<_>>() {
            self.say(other, what.clone());
        }
    }

    /// Heals everything: all clients come back, send what is left, and get what is left.
    fn finish(mut self) -> Record {
        self.revive();
        for _ in 0..400 {
            self.now += STEP;
            self.tell_who_has_gone();
            for node in 0..NODES {
                let ends: Vec<usize> = self.rooms.iter().map(Vec::len).collect();
                self.applied[node] = Some([ends[0], ends[1]]);
            }
            for n in 0..CLIENTS {
                self.come_and_go(n);
                if self.members[n].node.is_some() {
                    let waiting = std::mem::take(&mut self.members[n].waiting);
                    waiting.into_iter().for_each(|(id, text)| self.store(n, id, text));
                }
                self.hear(n);
            }
        }
        let mut histories = Vec::new();
        for (room, lines) in self.rooms.iter().enumerate() {
            for node in 0..NODES {
                histories.push(History { node, room: format!("r{room}"), epoch: "e".to_owned(), lines: lines.clone() });
            }
        }
        if self.broken == Some(Rule::SameHistory) {
            histories[1].lines.pop();
        }
        let client =
            |member: Member| Client { user: member.user, room: format!("r{}", member.room), events: member.events };
        Record {
            clients: self.members.into_iter().map(client).collect(),
            histories,
            bans: self.bans,
            disturbances: self.disturbances,
            replaced: Vec::new(),
            end: self.now,
        }
    }
}

/// How many violations of each rule were found.
pub(crate) fn counted(record: &Record) -> BTreeMap<Rule, usize> {
    let mut counted = BTreeMap::new();
    for violation in crate::rules::violations(record) {
        *counted.entry(violation.rule).or_default() += 1;
    }
    counted
}
