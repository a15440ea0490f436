//! An outbox that is too simple to be wrong: one list, looked through from the front at each step.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use everwire_core::{
    CancelError, DropPolicy, Guarantee, Moment, Outcome, Overflow, Priority, Rejection, SendOptions, Stage,
    session::Limits,
};

pub(super) const LEVELS: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) guarantee: Guarantee,
    pub(super) overflow: Overflow,
    pub(super) max_messages: usize,
    pub(super) max_bytes: usize,
    pub(super) max_age: Option<Duration>,
}

/// What a message is sent with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Special {
    pub(super) ttl: Option<Duration>,
    pub(super) level: Priority,
    pub(super) key: Option<&'static str>,
}

impl Special {
    pub(super) const NONE: Self = Self { ttl: None, level: Priority::Normal, key: None };

    pub(super) fn options(self) -> SendOptions {
        let mut options = SendOptions::new().priority(self.level);
        if let Some(ttl) = self.ttl {
            options = options.ttl(ttl);
        }
        if let Some(key) = self.key {
            options = options.key(key);
        }
        options
    }
}

pub(super) struct Model {
    pub(super) settings: Settings,
    /// Everything without an outcome; those of a level in the order of their places.
    pub(super) messages: Vec<Item>,
    /// What a connection has been given and is not over, in that order.
    flight: Vec<Flying>,
    pub(super) outcomes: BTreeMap<u64, Outcome>,
    pub(super) counts: Counts,
    pub(super) last_id: u64,
    /// Everything that this connection was given.
    given: Vec<u64>,
    /// Of that, what is not reported as written.
    unreported: VecDeque<u64>,
    pub(super) session: Option<Session>,
}

pub(super) struct Session {
    pub(super) limits: Limits,
    /// The highest number that is acknowledged.
    pub(super) acked: u64,
    /// How many of those in flight this connection has been given.
    cursor: usize,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) dropped: u64,
    pub(super) conflated: u64,
    pub(super) expired: u64,
    pub(super) cancelled: u64,
}

#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: u64,
    text: String,
    special: Special,
    expires_at: Option<Moment>,
    queued: bool,
    may_have_arrived: bool,
}

#[derive(Clone, Copy)]
struct Flying {
    id: u64,
    written: bool,
}

impl Model {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            messages: Vec::new(),
            flight: Vec::new(),
            outcomes: BTreeMap::new(),
            counts: Counts::default(),
            last_id: 0,
            given: Vec::new(),
            unreported: VecDeque::new(),
            session: None,
        }
    }

    /// The number of the message, if it is accepted.
    pub(super) fn send(&mut self, now: Moment, text: &str, special: Special) -> Option<u64> {
        let size = text.len();
        if size > self.settings.max_bytes {
            return None;
        }
        if !self.fits(size, |item| !self.is_older(item, special)) {
            if self.settings.overflow == Overflow::DropNewest {
                return Some(self.drop_new(DropPolicy::Newest));
            }
            if self.settings.overflow == Overflow::Reject || !self.fits(size, |item| !item.queued) {
                return None;
            }
            let lowest = self.settings.overflow == Overflow::DropLowestPriority;
            if lowest && !self.fits(size, |item| !item.queued || rank(item) < special.level as usize) {
                return Some(self.drop_new(DropPolicy::LowestPriority));
            }
            while !self.fits(size, |item| !self.is_older(item, special)) {
                let queued = self.messages.iter().enumerate().filter(|(_, item)| item.queued);
                let (index, policy) = match lowest {
                    true => (
                        queued.max_by_key(|(index, item)| (rank(item), usize::MAX - index)),
                        DropPolicy::LowestPriority,
                    ),
                    false => (queued.min_by_key(|(index, _)| *index), DropPolicy::Oldest),
                };
                self.end_queued(index.unwrap().0, Outcome::Dropped(policy));
                self.counts.dropped += 1;
            }
        }
        self.last_id += 1;
        let item = Item {
            id: self.last_id,
            text: text.to_owned(),
            special,
            expires_at: special.ttl.or(self.settings.max_age).map(|ttl| now + ttl),
            queued: true,
            may_have_arrived: false,
        };
        match self.messages.iter().position(|other| self.is_older(other, special)) {
            Some(index) => {
                let same_level = self.messages[index].special.level == special.level;
                self.conflate(index);
                if same_level { self.messages.insert(index, item) } else { self.messages.push(item) }
            }
            None => self.messages.push(item),
        }
        Some(self.last_id)
    }

    pub(super) fn cancel(&mut self, id: u64) -> Result<Outcome, CancelError> {
        let index = self.find_queued(id)?;
        self.counts.cancelled += 1;
        Ok(self.end_queued(index, Outcome::Cancelled))
    }

    /// Whether it worked.
    pub(super) fn replace(&mut self, id: u64, text: &str) -> bool {
        let Ok(index) = self.find_queued(id) else { return false };
        let others: usize = self.messages.iter().filter(|item| item.id != id).map(|item| item.text.len()).sum();
        if self.messages[index].may_have_arrived || others + text.len() > self.settings.max_bytes {
            return false;
        }
        self.messages[index].text = text.to_owned();
        true
    }

    pub(super) fn expire(&mut self, now: Moment) {
        while let Some(index) =
            self.messages.iter().position(|item| item.queued && item.expires_at.is_some_and(|at| at <= now))
        {
            self.counts.expired += 1;
            self.end_queued(index, Outcome::Expired);
        }
    }

    /// What the connection is given.
    pub(super) fn take(&mut self, now: Moment, count: usize) -> Vec<String> {
        self.expire(now);
        let mut wire = Vec::new();
        if let Some(session) = &mut self.session {
            while wire.len() < count && session.cursor < self.flight.len() {
                let id = self.flight[session.cursor].id;
                session.cursor += 1;
                let text = &self.messages.iter().find(|item| item.id == id).unwrap().text;
                wire.push(format!("m{}:{text}", session.acked + session.cursor as u64));
                self.given.push(id);
                self.unreported.push_back(id);
            }
            if session.cursor < self.flight.len() {
                return wire;
            }
        }
        for level in LEVELS {
            while let Some(index) = self.messages.iter().position(|item| item.queued && item.special.level == level) {
                let size = self.messages[index].text.len() as u64;
                if let Some(limit) = self.session.as_ref().map(|session| session.limits.message_bytes)
                    && size > limit
                {
                    let item = self.messages.remove(index);
                    self.outcomes.insert(item.id, Outcome::Rejected(Rejection::TooLargeForPeer { limit }));
                    continue;
                }
                if !self.is_admitted() {
                    break;
                }
                if wire.len() == count {
                    return wire;
                }
                self.messages[index].queued = false;
                let Item { id, text, .. } = &self.messages[index];
                self.flight.push(Flying { id: *id, written: false });
                self.given.push(*id);
                self.unreported.push_back(*id);
                match &mut self.session {
                    Some(session) => {
                        session.cursor += 1;
                        wire.push(format!("m{}:{text}", session.acked + session.cursor as u64));
                    }
                    None => wire.push(text.clone()),
                }
            }
        }
        wire
    }

    pub(super) fn write(&mut self, count: usize) {
        for _ in 0..count {
            let Some(id) = self.unreported.pop_front() else { break };
            if let Some(flying) = self.flight.iter_mut().find(|flying| flying.id == id) {
                flying.written = true;
            }
        }
        if self.session.is_none() && self.settings.guarantee == Guarantee::Unproven {
            self.end_flying(|flying| flying.written, Outcome::Unknown(Stage::Written));
        }
    }

    /// What a ping that goes out now will prove.
    pub(super) fn provable(&self) -> usize {
        self.given.len()
    }

    /// The peer has read so much of this connection.
    pub(super) fn prove(&mut self, covers: usize) {
        let covered = self.given[..covers].to_vec();
        self.end_flying(|flying| covered.contains(&flying.id), Outcome::Received);
    }

    /// A plain connection is lost.
    pub(super) fn lose(&mut self) {
        self.forget_connection();
        self.unknown_or_marked();
        self.requeue();
    }

    // Of a session.

    pub(super) fn end_of_numbers(&self) -> u64 {
        self.session.as_ref().unwrap().acked + self.flight.len() as u64
    }

    pub(super) fn acknowledge(&mut self, seq: u64) {
        let Some(session) = &mut self.session else { return };
        while session.acked < seq {
            session.acked += 1;
            session.cursor = session.cursor.saturating_sub(1);
            let flying = self.flight.remove(0);
            self.messages.retain(|item| item.id != flying.id);
            self.outcomes.insert(flying.id, Outcome::Acknowledged);
        }
    }

    pub(super) fn detach(&mut self) {
        self.forget_connection();
        self.session.as_mut().unwrap().cursor = 0;
    }

    /// The session is gone, and another has begun.
    pub(super) fn end_session(&mut self, processed: Option<u64>) {
        match processed {
            Some(processed) => self.acknowledge(processed.min(self.end_of_numbers())),
            None => self.unknown_or_marked(),
        }
        self.requeue();
        self.begin_session(self.session.as_ref().unwrap().limits);
    }

    pub(super) fn begin_session(&mut self, limits: Limits) {
        self.session = Some(Session { limits, acked: 0, cursor: 0 });
    }

    fn is_admitted(&self) -> bool {
        let Some(Session { limits, .. }) = self.session else { return true };
        let bytes: usize = self.messages.iter().filter(|item| !item.queued).map(|item| item.text.len()).sum();
        let messages = self.flight.len();
        messages == 0 || messages < limits.messages as usize && (bytes as u64) < limits.bytes
    }

    fn forget_connection(&mut self) {
        self.given.clear();
        self.unreported.clear();
    }

    /// What was written ends, or is remembered to have been.
    fn unknown_or_marked(&mut self) {
        if self.settings.guarantee != Guarantee::AtLeastOnce {
            return self.end_flying(|flying| flying.written, Outcome::Unknown(Stage::Written));
        }
        for flying in self.flight.iter().filter(|flying| flying.written) {
            self.messages.iter_mut().find(|item| item.id == flying.id).unwrap().may_have_arrived = true;
        }
    }

    fn requeue(&mut self) {
        for Flying { id, .. } in std::mem::take(&mut self.flight).into_iter().rev() {
            let index = self.messages.iter().position(|item| item.id == id).unwrap();
            let special = self.messages[index].special;
            match self.messages.iter().position(|item| self.is_older(item, special)) {
                None => self.messages[index].queued = true,
                // Here the other one is the newer.
                Some(newer) if self.messages[newer].special.level == special.level => {
                    let newer = self.messages.remove(newer);
                    self.conflate(index);
                    self.messages.insert(index, newer);
                }
                Some(_) => self.conflate(index),
            }
        }
    }

    /// Whether it is queued and has the same key.
    fn is_older(&self, item: &Item, special: Special) -> bool {
        item.queued && item.special.key.is_some() && item.special.key == special.key
    }

    fn find_queued(&self, id: u64) -> Result<usize, CancelError> {
        if id == 0 || id > self.last_id {
            return Err(CancelError::Unknown);
        }
        match self.messages.iter().position(|item| item.id == id) {
            Some(index) if self.messages[index].queued => Ok(index),
            Some(_) => Err(CancelError::Taken),
            None => Err(CancelError::Ended),
        }
    }

    fn fits(&self, size: usize, counts: impl Fn(&Item) -> bool) -> bool {
        let counted: Vec<_> = self.messages.iter().filter(|item| counts(item)).collect();
        let bytes: usize = counted.iter().map(|item| item.text.len()).sum();
        counted.len() < self.settings.max_messages && bytes + size <= self.settings.max_bytes
    }

    fn drop_new(&mut self, policy: DropPolicy) -> u64 {
        self.last_id += 1;
        self.counts.dropped += 1;
        self.outcomes.insert(self.last_id, Outcome::Dropped(policy));
        self.last_id
    }

    fn conflate(&mut self, index: usize) {
        self.counts.conflated += 1;
        self.end_queued(index, Outcome::Dropped(DropPolicy::Conflated));
    }

    fn end_queued(&mut self, index: usize, outcome: Outcome) -> Outcome {
        let item = self.messages.remove(index);
        let outcome = if item.may_have_arrived { Outcome::Unknown(Stage::Written) } else { outcome };
        assert_eq!(self.outcomes.insert(item.id, outcome), None);
        outcome
    }

    fn end_flying(&mut self, ends: impl Fn(&Flying) -> bool, outcome: Outcome) {
        let (ended, kept): (Vec<_>, Vec<_>) = self.flight.iter().partition(|flying| ends(flying));
        self.flight = kept;
        for Flying { id, .. } in ended {
            self.messages.retain(|item| item.id != id);
            assert_eq!(self.outcomes.insert(id, outcome), None);
        }
    }
}

fn rank(item: &Item) -> usize {
    item.special.level as usize
}
