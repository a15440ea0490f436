use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::id::SessionId;
use crate::Moment;

/// Who has how many sessions, and which of them are without a connection: who has to make room.
#[derive(Debug, Default)]
pub(super) struct Owners {
    owners: BTreeMap<Arc<str>, Owner>,
    by_sessions: BTreeSet<Rank>,
    by_bytes: BTreeSet<Rank>,
    bytes: usize,
    detached: usize,
}

#[derive(Debug, Default)]
struct Owner {
    sessions: usize,
    /// Those without a connection and what they hold, the longest first.
    detached: BTreeMap<Detached, usize>,
    bytes: usize,
}

/// A session without a connection, and since when.
pub(super) type Detached = (Moment, SessionId);

/// Who has something to give up: how much it has, and what goes first. Of equals, the longest without a connection is last.
type Rank = (usize, Reverse<Detached>);

impl Owners {
    /// One more of this principal, with a connection.
    pub(super) fn begin(&mut self, principal: &str) -> Arc<str> {
        let principal = match self.owners.get_key_value(principal) {
            Some((principal, _)) => Arc::clone(principal),
            None => Arc::from(principal),
        };
        self.change(&principal, |owner| owner.sessions += 1);
        principal
    }

    /// One less, which had a connection.
    pub(super) fn end(&mut self, principal: &Arc<str>) {
        self.change(principal, |owner| owner.sessions -= 1);
    }

    /// One without a connection has one again.
    pub(super) fn attached(&mut self, principal: &Arc<str>, session: Detached) {
        self.change(principal, |owner| owner.bytes -= owner.detached.remove(&session).unwrap_or(0));
    }

    /// A session without a connection holds this many bytes now.
    pub(super) fn holds(&mut self, principal: &Arc<str>, session: Detached, bytes: usize) {
        self.change(principal, |owner| {
            owner.bytes = owner.bytes - owner.detached.insert(session, bytes).unwrap_or(0) + bytes;
        });
    }

    /// Bytes that all without a connection hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many are without a connection.
    pub(super) fn detached(&self) -> usize {
        self.detached
    }

    /// The session that has to go for one more of this principal: of the principal that has the most then, and has one
    /// without a connection. None, if this one would have more than that.
    pub(super) fn makes_room_for(&self, principal: &str) -> Option<SessionId> {
        let own = self.owners.get(principal);
        let sessions = own.map_or(0, |own| own.sessions) + 1;
        let own = own.and_then(Owner::oldest).map(|oldest| (sessions, oldest));
        let (most, Reverse((_, id))) = self.by_sessions.last().copied().max(own)?;
        (most >= sessions).then_some(id)
    }

    /// The session that has to go since all hold too much: of the principal whose sessions hold the most.
    pub(super) fn holds_most(&self) -> Option<SessionId> {
        self.by_bytes.last().map(|(_, Reverse((_, id)))| *id)
    }

    fn change(&mut self, principal: &Arc<str>, change: impl FnOnce(&mut Owner)) {
        let owner = self.owners.entry(Arc::clone(principal)).or_default();
        if let Some(oldest) = owner.oldest() {
            self.by_sessions.remove(&(owner.sessions, oldest));
            self.by_bytes.remove(&(owner.bytes, oldest));
        }
        self.bytes -= owner.bytes;
        self.detached -= owner.detached.len();
        change(owner);
        self.bytes += owner.bytes;
        self.detached += owner.detached.len();
        if let Some(oldest) = owner.oldest() {
            self.by_sessions.insert((owner.sessions, oldest));
            self.by_bytes.insert((owner.bytes, oldest));
        }
        if owner.sessions == 0 {
            self.owners.remove(principal);
        }
    }
}

impl Owner {
    fn oldest(&self) -> Option<Reverse<Detached>> {
        self.detached.first_key_value().map(|(session, _)| Reverse(*session))
    }
}
