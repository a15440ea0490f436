use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    body::{Gone, Hello, Previous},
    id::SessionId,
    owners::Owners,
};
use crate::{ConfigError, Moment, config::error::check_count};

/// Bounds of a [`Registry`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// The most sessions, with a connection or without. Default 100,000. Beyond that a new session evicts one without a
    /// connection, of the principal that has the most sessions, and of those the one that has been without for longest.
    /// It is refused if all have a connection, or if its own principal would then have more sessions than the principal
    /// that would lose one.
    ///
    /// Too small: new clients are refused, or push out others that would have come back. Too large: memory, for as long
    /// as [`ServerConfig::resume_within`](super::ServerConfig::resume_within).
    pub max_sessions: usize,
    /// The most payload bytes that all sessions without a connection hold together: messages for their clients, also
    /// those sent meanwhile, and messages of their clients that the application has not processed. Default 256 MiB.
    /// Beyond that, the principal whose sessions hold the most loses the one that has been without a connection for
    /// longest.
    ///
    /// Too small: sessions end in an outage that they could have outlived. Too large: an outage of many clients fills
    /// the memory.
    pub max_detached_bytes: usize,
    /// The most ended sessions that are remembered, so that their clients can be told what was processed. Default
    /// 100,000. Each costs some 100 bytes.
    ///
    /// Too small: a client that comes back late is not told which of its messages were processed. Too large: memory.
    pub max_remembered: usize,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self { max_sessions: 100_000, max_detached_bytes: 256 << 20, max_remembered: 100_000 }
    }
}

impl RegistryConfig {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first value that is not valid: it names the setting and says what is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_count("registry.max_sessions", self.max_sessions)?;
        check_count("registry.max_detached_bytes", self.max_detached_bytes)
    }
}

/// All sessions of a server. `H` is the server's handle of a session, which the registry only clones.
///
/// It knows the principal of each session, which sessions have no connection, and how those that are over have ended. A
/// session that is evicted belongs to the principal that uses the most, so that nobody can evict the sessions of
/// others.
#[derive(Debug)]
pub struct Registry<H> {
    config: RegistryConfig,
    sessions: BTreeMap<SessionId, Entry<H>>,
    owners: Owners,
    remembered: BTreeMap<SessionId, Remembered>,
    remembered_order: VecDeque<SessionId>,
}

#[derive(Debug)]
struct Entry<H> {
    handle: H,
    principal: Arc<str>,
    detached_at: Option<Moment>,
}

#[derive(Debug)]
struct Remembered {
    principal: Arc<str>,
    previous: Previous,
}

/// The answer to a hello.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<H> {
    /// Attach the connection to this session, which also checks the token.
    Resume(H),
    /// Begin a new session, and tell the client how the one that it asked for has ended.
    New(Option<Previous>),
}

impl<H: Clone> Registry<H> {
    /// An empty registry.
    ///
    /// # Errors
    /// If a setting is not valid; see [`RegistryConfig::check`].
    pub fn new(config: RegistryConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            sessions: BTreeMap::new(),
            owners: Owners::default(),
            remembered: BTreeMap::new(),
            remembered_order: VecDeque::new(),
        })
    }

    /// Answers the hello of this principal. A session belongs to the principal that began it ([S-19]): to anybody
    /// else it does not exist.
    #[must_use]
    pub fn admit(&self, principal: &str, hello: &Hello) -> Admission<H> {
        let Some(resume) = &hello.resume else { return Admission::New(None) };
        let unknown = Previous { reason: Gone::Unknown, processed: None };
        let Ok(id) = resume.session.parse::<SessionId>() else { return Admission::New(Some(unknown)) };
        if let Some(entry) = self.sessions.get(&id).filter(|entry| *entry.principal == *principal) {
            return Admission::Resume(entry.handle.clone());
        }
        let remembered = self.remembered.get(&id).filter(|remembered| *remembered.principal == *principal);
        Admission::New(Some(remembered.map_or(unknown, |remembered| remembered.previous.clone())))
    }

    /// Adds a new session, which has a connection. Returns `true` and the sessions that were evicted, which the caller
    /// ends; or `false` if there is no room.
    pub fn insert(&mut self, id: SessionId, principal: &str, handle: H) -> (bool, Vec<(SessionId, H)>) {
        let mut evicted = Vec::new();
        while self.sessions.len() >= self.config.max_sessions {
            match self.owners.makes_room_for(principal) {
                Some(id) => evicted.extend(self.evict(id)),
                None => return (false, evicted),
            }
        }
        let principal = self.owners.begin(principal);
        self.sessions.insert(id, Entry { handle, principal, detached_at: None });
        (true, evicted)
    }

    /// Notes that the session has a connection.
    pub fn attached(&mut self, id: SessionId) {
        if let Some(entry) = self.sessions.get_mut(&id)
            && let Some(since) = entry.detached_at.take()
        {
            self.owners.attached(&entry.principal, (since, id));
        }
    }

    /// Notes that the session has lost its connection and holds this many bytes. Returns the sessions that were
    /// evicted, which the caller ends.
    pub fn detached(&mut self, now: Moment, id: SessionId, bytes: usize) -> Vec<(SessionId, H)> {
        self.attached(id);
        let Some(entry) = self.sessions.get_mut(&id) else { return Vec::new() };
        entry.detached_at = Some(now);
        self.owners.holds(&entry.principal, (now, id), 0);
        self.holds(id, bytes)
    }

    /// Notes that the session holds this many bytes now, which counts only while it has no connection. Returns the
    /// sessions that were evicted, which the caller ends; this one may be among them.
    pub fn holds(&mut self, id: SessionId, bytes: usize) -> Vec<(SessionId, H)> {
        let Some(entry) = self.sessions.get(&id) else { return Vec::new() };
        let Some(since) = entry.detached_at else { return Vec::new() };
        self.owners.holds(&entry.principal, (since, id), bytes);
        let mut evicted = Vec::new();
        while self.owners.bytes() > self.config.max_detached_bytes
            && let Some(id) = self.owners.holds_most()
        {
            evicted.extend(self.evict(id));
        }
        evicted
    }

    /// Removes a session that is over. Its client can be told why, and once [`settle`](Self::settle) has been called,
    /// what was processed.
    pub fn end(&mut self, id: SessionId, reason: Gone) {
        self.attached(id);
        if let Some(entry) = self.sessions.remove(&id) {
            self.owners.end(&entry.principal);
            self.remember(id, entry.principal, reason);
        }
    }

    /// Notes that nothing more of this session, which is over, will be processed: `processed` is final ([S-25]).
    pub fn settle(&mut self, id: SessionId, processed: u64) {
        if let Some(remembered) = self.remembered.get_mut(&id) {
            remembered.previous.processed = Some(processed);
        }
    }

    /// The session with this id.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<&H> {
        self.sessions.get(&id).map(|entry| &entry.handle)
    }

    /// All sessions, each with its principal.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &str, &H)> {
        self.sessions.iter().map(|(id, entry)| (*id, &*entry.principal, &entry.handle))
    }

    /// The number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns `true` if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Payload bytes that the sessions without a connection hold, as the registry was told.
    #[must_use]
    pub fn detached_bytes(&self) -> usize {
        self.owners.bytes()
    }

    /// The number of sessions without a connection.
    #[must_use]
    pub fn detached_len(&self) -> usize {
        self.owners.detached()
    }

    fn evict(&mut self, id: SessionId) -> Option<(SessionId, H)> {
        let handle = self.get(id)?.clone();
        self.end(id, Gone::Evicted);
        Some((id, handle))
    }

    fn remember(&mut self, id: SessionId, principal: Arc<str>, reason: Gone) {
        let previous = Previous { reason, processed: None };
        self.remembered.insert(id, Remembered { principal, previous });
        self.remembered_order.push_back(id);
        while self.remembered_order.len() > self.config.max_remembered {
            if let Some(oldest) = self.remembered_order.pop_front() {
                self.remembered.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Limits, Resume};

    fn id(number: u8) -> SessionId {
        SessionId([number; 16])
    }

    fn hello(session: SessionId) -> Hello {
        let resume = Resume { session: session.to_string(), token: String::new(), connection: 2, processed: 0 };
        Hello { resume: Some(resume), limits: Limits::default() }
    }

    fn registry(set: impl FnOnce(&mut RegistryConfig)) -> Registry<u8> {
        let mut config = RegistryConfig::default();
        set(&mut config);
        Registry::new(config).unwrap()
    }

    fn gone(reason: Gone, processed: Option<u64>) -> Admission<u8> {
        Admission::New(Some(Previous { reason, processed }))
    }

    #[test]
    fn a_session_exists_for_its_principal_only() {
        let mut registry = registry(|_| {});
        registry.insert(id(1), "ann", 1);
        assert_eq!(registry.admit("ann", &hello(id(1))), Admission::Resume(1));
        assert_eq!(registry.admit("bob", &hello(id(1))), gone(Gone::Unknown, None));
        registry.end(id(1), Gone::Expired);
        registry.settle(id(1), 7);
        assert_eq!(registry.admit("ann", &hello(id(1))), gone(Gone::Expired, Some(7)));
        assert_eq!(registry.admit("bob", &hello(id(1))), gone(Gone::Unknown, None));
    }

    #[test]
    fn what_was_processed_is_told_only_once_it_is_settled() {
        let mut registry = registry(|_| {});
        registry.insert(id(1), "", 1);
        registry.end(id(1), Gone::Ended);
        assert_eq!(registry.admit("", &hello(id(1))), gone(Gone::Ended, None));
    }

    #[test]
    fn a_new_session_takes_the_place_of_the_one_longest_without_a_connection() {
        let mut registry = registry(|config| config.max_sessions = 2);
        registry.insert(id(1), "", 1);
        registry.insert(id(2), "", 2);
        assert_eq!(registry.insert(id(3), "", 3), (false, vec![]), "all have a connection");
        registry.detached(Moment::from_nanos(5), id(2), 0);
        registry.detached(Moment::from_nanos(9), id(1), 0);
        assert_eq!(registry.insert(id(3), "", 3), (true, vec![(id(2), 2)]));
        assert_eq!(registry.admit("", &hello(id(2))), gone(Gone::Evicted, None));
        assert_eq!(registry.len(), 2);
    }

    #[test]
    fn nobody_pushes_out_the_sessions_of_others() {
        let mut registry = registry(|config| config.max_sessions = 4);
        for (number, principal) in [(1, "ann"), (2, "eve"), (3, "eve"), (4, "eve")] {
            registry.insert(id(number), principal, number);
            registry.detached(Moment::from_nanos(number.into()), id(number), 0);
        }
        for number in 5..=9 {
            let (inserted, evicted) = registry.insert(id(number), "eve", number);
            assert!(inserted, "in the place of one of her own");
            assert_eq!(evicted, vec![(id(number - 3), number - 3)]);
            registry.detached(Moment::from_nanos(number.into()), id(number), 0);
        }
        assert_eq!(registry.insert(id(10), "ben", 10), (true, vec![(id(7), 7)]), "of who has the most, the longest");
        assert_eq!(registry.admit("ann", &hello(id(1))), Admission::Resume(1));
        // Hers have connections now, so that nobody could make room but who has fewer.
        registry.attached(id(8));
        registry.attached(id(9));
        assert_eq!(registry.insert(id(11), "eve", 11), (false, vec![]));
        assert_eq!(registry.insert(id(12), "cleo", 12), (true, vec![(id(1), 1)]), "among equals, the longest");
    }

    #[test]
    fn who_holds_the_most_bytes_makes_room_first() {
        let mut registry = registry(|config| config.max_detached_bytes = 100);
        for (number, principal, bytes) in [(1, "ann", 40), (2, "eve", 30), (3, "eve", 30)] {
            registry.insert(id(number), principal, number);
            assert_eq!(registry.detached(Moment::from_nanos(number.into()), id(number), bytes), vec![]);
        }
        assert_eq!(registry.holds(id(3), 31), vec![(id(2), 2)], "though ann's has waited for longer");
        assert_eq!(registry.detached_bytes(), 71);
        assert_eq!(registry.holds(id(1), 70), vec![(id(1), 1)]);
        assert_eq!((registry.detached_bytes(), registry.detached_len()), (31, 1));
    }

    #[test]
    fn sessions_without_a_connection_are_bounded_by_bytes() {
        let mut registry = registry(|config| config.max_detached_bytes = 100);
        for number in 1..=3 {
            registry.insert(id(number), "", number);
        }
        assert_eq!(registry.detached(Moment::from_nanos(1), id(1), 60), vec![]);
        registry.attached(id(1));
        assert_eq!(registry.detached(Moment::from_nanos(2), id(2), 60), vec![]);
        assert_eq!(registry.detached(Moment::from_nanos(3), id(3), 60), vec![(id(2), 2)]);
        assert_eq!(registry.detached_len(), 1);
    }

    #[test]
    fn what_a_session_without_a_connection_is_sent_counts_from_then_on() {
        let mut registry = registry(|config| config.max_detached_bytes = 100);
        for number in 1..=3 {
            registry.insert(id(number), "", number);
        }
        assert_eq!(registry.holds(id(1), 1_000), vec![], "it has a connection");
        for number in 1..=2 {
            assert_eq!(registry.detached(Moment::from_nanos(number.into()), id(number), 10), vec![]);
        }
        assert_eq!(registry.holds(id(2), 60), vec![]);
        assert_eq!(registry.holds(id(2), 50), vec![], "some has expired");
        assert_eq!(registry.detached_bytes(), 60);
        assert_eq!(registry.holds(id(2), 91), vec![(id(1), 1)], "the longest without a connection goes first");
        assert_eq!(registry.holds(id(2), 101), vec![(id(2), 2)], "even if it is the one that grows");
        assert_eq!(registry.detached_bytes(), 0);
    }

    #[test]
    fn the_memory_of_ended_sessions_is_bounded() {
        let mut registry = registry(|config| config.max_remembered = 2);
        for number in 1..=3 {
            registry.insert(id(number), "", number);
            registry.end(id(number), Gone::Ended);
        }
        assert_eq!(registry.admit("", &hello(id(1))), gone(Gone::Unknown, None));
        assert_eq!(registry.admit("", &hello(id(3))), gone(Gone::Ended, None));
    }
}
