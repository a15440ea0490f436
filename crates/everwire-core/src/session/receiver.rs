//! The receiving half of a session: nothing twice, nothing left out, nothing beyond its limits, and acknowledged when
//! processed.

use std::{collections::VecDeque, time::Duration};

use super::body::Limits;
use crate::Moment;

/// What is to be done with a reliable message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptance {
    Deliver,
    /// It has been here before.
    Duplicate,
    /// A number was left out.
    Gap,
    /// The peer sends more messages, or more bytes, than it may before an acknowledgement.
    BeyondLimits,
    /// The payload alone is larger than the peer was told it may be.
    TooLarge,
}

/// Volatile messages that wait for the application: one above either bound is dropped. A sender keeps to the same.
const MAX_VOLATILE: usize = 1024;
/// A single one may be larger.
const MAX_VOLATILE_BYTES: u64 = 1 << 20;

/// Room that an idle session keeps.
const IDLE: usize = 64;

/// Positions count what was handed to the application over the life of this end, from 0, volatile messages included;
/// sequence numbers count the reliable messages of the present session, from 1.
#[derive(Debug)]
pub(crate) struct Receiver {
    received: u64,
    processed: u64,
    /// What the peer has been told on this connection, or in its handshake.
    told: u64,
    delivered: u64,
    /// Where the application is.
    position: u64,
    /// What was handed out before this position belongs to an earlier session.
    session_start: u64,
    /// What the application has been handed in this session and has not come to, in order.
    held: VecDeque<Held>,
    /// Payload bytes of the reliable messages among those.
    reliable_bytes: u64,
    /// How many of those are volatile.
    volatile: usize,
    volatile_bytes: u64,
    limits: Limits,
    ack_delay: Duration,
    ack_every: u64,
    ack_at: Option<Moment>,
    /// With a store: up to where it is durable what is processed. The peer is told no more.
    durable: Option<u64>,
}

/// A message that waits for the application.
#[derive(Clone, Copy, Debug)]
enum Held {
    Reliable(u32),
    Volatile(u32),
}

/// The size of a payload as it is counted: frames of 4 GiB and more do not occur.
fn counted(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Receiver {
    pub(crate) fn new(limits: Limits, ack_delay: Duration, ack_every: u32) -> Self {
        Self {
            received: 0,
            processed: 0,
            told: 0,
            delivered: 0,
            position: 0,
            session_start: 0,
            held: VecDeque::new(),
            reliable_bytes: 0,
            volatile: 0,
            volatile_bytes: 0,
            limits,
            ack_delay,
            ack_every: u64::from(ack_every),
            ack_at: None,
            durable: None,
        }
    }

    /// A new session begins; `processed` of it are known to be processed.
    pub(crate) fn begin(&mut self, processed: u64) {
        (self.received, self.processed, self.told) = (processed, processed, processed);
        self.start_here();
        self.ack_at = None;
        self.durable = self.durable.map(|_| processed);
    }

    /// What was handed out so far does not count for what follows.
    fn start_here(&mut self) {
        self.session_start = self.delivered;
        self.held.clear();
        (self.reliable_bytes, self.volatile, self.volatile_bytes) = (0, 0, 0);
    }

    /// From here on only what is durable is told.
    pub(crate) fn restore(&mut self, processed: u64) {
        self.durable = Some(processed);
        self.begin(processed);
    }

    /// That this much is processed is durable.
    pub(crate) fn processed_durably(&mut self, processed: u64) {
        self.durable = self.durable.map(|durable| durable.max(processed));
    }

    /// What the peer may be told.
    pub(crate) fn tellable(&self) -> u64 {
        self.durable.map_or(self.processed, |durable| durable.min(self.processed))
    }

    /// The handshake of a new connection tells the peer what is processed.
    pub(crate) fn tell(&mut self) -> u64 {
        self.told = self.tellable();
        if self.told == self.processed {
            self.ack_at = None;
        }
        self.told
    }

    /// The handshake of a connection that is open now has told so much. Whatever an earlier connection has told since
    /// then may have come too late to count.
    pub(crate) fn has_told(&mut self, processed: u64) {
        self.told = processed;
        self.ack_at = None;
    }

    /// What is to be done with a reliable message of this size that has come.
    #[inline]
    pub(crate) fn judge(&self, seq: u64, size: usize) -> Acceptance {
        if seq <= self.received {
            return Acceptance::Duplicate;
        }
        if seq != self.received + 1 {
            return Acceptance::Gap;
        }
        if size as u64 > self.limits.message_bytes {
            return Acceptance::TooLarge;
        }
        // The sender looks at the same before it sends, and knows of less that is processed.
        let held = usize::try_from(self.received - self.processed).unwrap_or(usize::MAX);
        if self.limits.admit(held, self.reliable_bytes) { Acceptance::Deliver } else { Acceptance::BeyondLimits }
    }

    /// A reliable message has come; if it is to be delivered, it counts as handed to the application.
    #[inline]
    pub(crate) fn accept(&mut self, seq: u64, size: usize) -> Acceptance {
        let verdict = self.judge(seq, size);
        if verdict == Acceptance::Deliver {
            self.received = seq;
            self.delivered += 1;
            self.held.push_back(Held::Reliable(counted(size)));
            self.reliable_bytes += u64::from(counted(size));
        }
        verdict
    }

    /// The same for messages of these sizes with consecutive numbers: which of them are delivered, and what is to be done
    /// with the one behind those, if there is one.
    #[cfg(feature = "session")]
    pub(crate) fn accept_run(
        &mut self,
        first: u64,
        sizes: impl ExactSizeIterator<Item = usize>,
    ) -> (std::ops::Range<usize>, Option<Acceptance>) {
        let duplicates = usize::try_from((self.received + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let duplicates = duplicates.min(sizes.len());
        let mut end = duplicates;
        self.held.reserve(sizes.len() - duplicates);
        for (seq, size) in (first + duplicates as u64..).zip(sizes.skip(duplicates)) {
            match self.accept(seq, size) {
                Acceptance::Deliver => end += 1,
                behind => return (duplicates..end, Some(behind)),
            }
        }
        (duplicates..end, None)
    }

    /// A volatile message of this size is handed to the application, unless that has too many to look at.
    pub(crate) fn accept_volatile(&mut self, size: usize) -> bool {
        let bytes = u64::from(counted(size));
        let most = MAX_VOLATILE_BYTES.min(self.limits.bytes);
        let fits = self.volatile == 0 || self.volatile < MAX_VOLATILE && self.volatile_bytes + bytes <= most;
        if !fits || bytes > self.limits.message_bytes {
            return false;
        }
        self.held.push_back(Held::Volatile(counted(size)));
        self.volatile += 1;
        self.volatile_bytes += bytes;
        self.delivered += 1;
        true
    }

    /// Messages of a plain connection are handed to the application.
    pub(crate) fn accept_plain(&mut self, messages: usize) {
        self.delivered += messages as u64;
        self.start_here();
    }

    /// The application has processed everything before this position.
    pub(crate) fn process(&mut self, now: Moment, position: u64) {
        let position = position.min(self.delivered);
        if position <= self.position {
            return;
        }
        let from = self.position.max(self.session_start);
        let passed = usize::try_from(position.saturating_sub(from)).unwrap_or(usize::MAX).min(self.held.len());
        for held in self.held.drain(..passed) {
            match held {
                Held::Reliable(bytes) => {
                    self.processed += 1;
                    self.reliable_bytes -= u64::from(bytes);
                }
                Held::Volatile(bytes) => {
                    self.volatile -= 1;
                    self.volatile_bytes -= u64::from(bytes);
                }
            }
        }
        self.position = position;
        if self.processed > self.told && self.ack_at.is_none() {
            self.ack_at = Some(now + self.ack_delay);
        }
        debug_assert_eq!(self.held.len() as u64, self.delivered - self.position.max(self.session_start));
    }

    /// Payload bytes that the application has been handed in this session and has not processed.
    #[cfg(feature = "session")]
    pub(crate) fn held_bytes(&self) -> usize {
        usize::try_from(self.reliable_bytes + self.volatile_bytes).unwrap_or(usize::MAX)
    }

    /// Gives back the memory that a burst has needed.
    pub(crate) fn relax(&mut self) {
        if self.held.capacity() > IDLE && self.held.len() < self.held.capacity() / 4 {
            self.held.shrink_to((self.held.len() * 2).max(IDLE));
        }
    }

    /// Whether an acknowledgement should not wait any longer.
    pub(crate) fn is_ack_due(&self, now: Moment) -> bool {
        let tellable = self.tellable();
        tellable > self.told
            && (tellable == self.received
                || tellable - self.told >= self.ack_every
                || self.ack_at.is_none_or(|at| at <= now))
    }

    /// When one will be due that is not yet.
    pub(crate) fn ack_at(&self) -> Option<Moment> {
        self.ack_at.filter(|_| self.tellable() > self.told)
    }

    /// The acknowledgement to be written now, with whatever else is.
    pub(crate) fn take_ack(&mut self) -> Option<u64> {
        (self.tellable() > self.told).then(|| self.tell())
    }

    pub(crate) fn processed(&self) -> u64 {
        self.processed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver() -> Receiver {
        Receiver::new(Limits { messages: 100, ..Limits::default() }, Duration::from_millis(25), 4)
    }

    #[test]
    fn each_number_is_delivered_once_and_none_is_left_out() {
        let mut receiver = receiver();
        assert_eq!(receiver.accept(1, 1), Acceptance::Deliver);
        assert_eq!(receiver.accept(1, 1), Acceptance::Duplicate);
        assert_eq!(receiver.accept(3, 1), Acceptance::Gap);
        assert_eq!(receiver.accept(2, 1), Acceptance::Deliver);
    }

    #[test]
    fn a_peer_that_ignores_the_window_is_told() {
        let mut receiver = Receiver::new(Limits { messages: 2, ..Limits::default() }, Duration::ZERO, 1);
        assert_eq!(receiver.accept(1, 1), Acceptance::Deliver);
        assert_eq!(receiver.accept(2, 1), Acceptance::Deliver);
        assert_eq!(receiver.accept(3, 1), Acceptance::BeyondLimits);
        receiver.process(Moment::ZERO, 1);
        assert_eq!(receiver.accept(3, 1), Acceptance::Deliver);
    }

    #[test]
    fn a_peer_that_ignores_the_bytes_is_told_but_the_last_message_may_exceed_them() {
        let limits = Limits { messages: 100, bytes: 10, message_bytes: 8 };
        let mut receiver = Receiver::new(limits, Duration::ZERO, 1);
        assert_eq!(receiver.accept(1, 9), Acceptance::TooLarge);
        assert_eq!(receiver.accept(1, 8), Acceptance::Deliver);
        assert_eq!(receiver.accept(2, 8), Acceptance::Deliver, "there was room before it");
        assert_eq!(receiver.accept(3, 0), Acceptance::BeyondLimits);
        receiver.process(Moment::ZERO, 1);
        assert_eq!(receiver.accept(3, 1), Acceptance::Deliver);
    }

    #[test]
    fn volatile_messages_are_dropped_beyond_a_number_and_beyond_bytes() {
        let mut receiver = Receiver::new(Limits::default(), Duration::ZERO, 1);
        let (large, small) = (1 << 20, 10);
        assert!(!receiver.accept_volatile(large + 1), "larger than any message may be");
        assert!(receiver.accept_volatile(large), "one alone");
        assert!(!receiver.accept_volatile(small));
        assert_eq!(receiver.accept(1, large), Acceptance::Deliver, "reliable ones have their own limits");
        receiver.process(Moment::ZERO, 1);
        for _ in 0..MAX_VOLATILE {
            assert!(receiver.accept_volatile(small));
        }
        assert!(!receiver.accept_volatile(small));
        receiver.process(Moment::ZERO, u64::MAX);
        assert_eq!(receiver.held_bytes(), 0);
        assert_eq!(receiver.processed(), 1);
    }

    #[test]
    fn an_idle_session_gives_back_what_a_burst_has_needed() {
        let mut receiver = Receiver::new(Limits::default(), Duration::ZERO, 1);
        (1..=8192).for_each(|seq| assert_eq!(receiver.accept(seq, 1), Acceptance::Deliver));
        receiver.relax();
        receiver.process(Moment::ZERO, 8192);
        receiver.relax();
        assert!(receiver.held.capacity() <= IDLE);
    }

    #[test]
    fn an_acknowledgement_says_what_is_processed_not_what_is_received() {
        let mut receiver = receiver();
        for seq in 1..=3 {
            receiver.accept(seq, 1);
        }
        assert_eq!(receiver.take_ack(), None);
        receiver.process(Moment::ZERO, 2);
        assert_eq!(receiver.take_ack(), Some(2));
        assert_eq!(receiver.take_ack(), None);
    }

    #[test]
    fn an_acknowledgement_waits_for_more_messages_but_not_for_long() {
        let mut receiver = receiver();
        for seq in 1..=10 {
            receiver.accept(seq, 1);
        }
        receiver.process(Moment::ZERO, 1);
        assert!(!receiver.is_ack_due(Moment::ZERO));
        let later = receiver.ack_at().unwrap();
        assert!(receiver.is_ack_due(later));
        receiver.process(Moment::ZERO, 4);
        assert!(receiver.is_ack_due(Moment::ZERO), "enough of them");
        receiver.tell();
        receiver.process(Moment::ZERO, 10);
        assert!(receiver.is_ack_due(Moment::ZERO), "nothing more to wait for");
    }

    #[test]
    fn volatile_messages_and_those_of_an_earlier_session_count_for_nothing() {
        let mut receiver = receiver();
        receiver.accept(1, 1);
        receiver.accept_volatile(1);
        receiver.accept(2, 1);
        receiver.begin(0);
        receiver.accept_volatile(1);
        receiver.accept(1, 1);
        receiver.process(Moment::ZERO, 2);
        assert_eq!(receiver.processed(), 0);
        receiver.process(Moment::ZERO, 4);
        assert_eq!(receiver.processed(), 0);
        receiver.process(Moment::ZERO, 99);
        assert_eq!(receiver.processed(), 1);
    }
}
