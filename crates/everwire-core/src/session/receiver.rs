//! The receiving half of a session: nothing twice, nothing left out, and acknowledged when processed.

use std::{collections::VecDeque, time::Duration};

use crate::Moment;

/// What is to be done with a reliable message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Deliver,
    /// It has been here before.
    Duplicate,
    /// A number was left out.
    Gap,
    /// The peer sends more than it may before an acknowledgement.
    BeyondWindow,
}

/// Volatile messages that the application may have before it: what comes above is dropped.
const MAX_VOLATILE: usize = 1024;

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
    /// Positions of volatile messages that the application has not come to.
    volatile: VecDeque<u64>,
    window: u64,
    ack_delay: Duration,
    ack_every: u64,
    ack_at: Option<Moment>,
    /// With a store: up to where it is durable what is processed. The peer is told no more.
    durable: Option<u64>,
}

impl Receiver {
    pub(crate) fn new(window: u32, ack_delay: Duration, ack_every: u32) -> Self {
        Self {
            received: 0,
            processed: 0,
            told: 0,
            delivered: 0,
            position: 0,
            session_start: 0,
            volatile: VecDeque::new(),
            window: u64::from(window),
            ack_delay,
            ack_every: u64::from(ack_every),
            ack_at: None,
            durable: None,
        }
    }

    /// A new session begins; `processed` of it are known to be processed.
    pub(crate) fn begin(&mut self, processed: u64) {
        (self.received, self.processed, self.told) = (processed, processed, processed);
        self.session_start = self.delivered;
        self.ack_at = None;
        self.durable = self.durable.map(|_| processed);
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

    /// What is to be done with a reliable message that has come.
    #[inline]
    pub(crate) fn judge(&self, seq: u64) -> Verdict {
        if seq <= self.received {
            return Verdict::Duplicate;
        }
        if seq != self.received + 1 {
            return Verdict::Gap;
        }
        if self.received - self.processed >= self.window {
            return Verdict::BeyondWindow;
        }
        Verdict::Deliver
    }

    /// A reliable message has come; if it is to be delivered, it counts as handed to the application.
    #[inline]
    pub(crate) fn accept(&mut self, seq: u64) -> Verdict {
        let verdict = self.judge(seq);
        if verdict == Verdict::Deliver {
            self.received = seq;
            self.delivered += 1;
        }
        verdict
    }

    /// The same for messages with consecutive numbers: which of them are delivered, and what is to be done with the one
    /// behind those, if there is one.
    #[cfg(feature = "session")]
    pub(crate) fn accept_run(&mut self, first: u64, count: usize) -> (std::ops::Range<usize>, Option<Verdict>) {
        let duplicates = (self.received + 1).saturating_sub(first).min(count as u64);
        let fresh = count as u64 - duplicates;
        let taken = match self.judge(first + duplicates) {
            Verdict::Deliver => fresh.min(self.window - (self.received - self.processed)),
            Verdict::Duplicate | Verdict::Gap | Verdict::BeyondWindow => 0,
        };
        self.received += taken;
        self.delivered += taken;
        let behind = (taken < fresh).then(|| self.judge(first + duplicates + taken));
        (duplicates as usize..(duplicates + taken) as usize, behind)
    }

    /// A volatile message is handed to the application, unless that has too many to look at.
    pub(crate) fn accept_volatile(&mut self) -> bool {
        if self.volatile.len() >= MAX_VOLATILE {
            return false;
        }
        self.volatile.push_back(self.delivered);
        self.delivered += 1;
        true
    }

    /// Messages of a plain connection are handed to the application.
    pub(crate) fn accept_plain(&mut self, messages: usize) {
        self.delivered += messages as u64;
        self.session_start = self.delivered;
    }

    /// The application has processed everything before this position.
    pub(crate) fn process(&mut self, now: Moment, position: u64) {
        let position = position.min(self.delivered);
        if position <= self.position {
            return;
        }
        let from = self.position.max(self.session_start);
        let mut reliable = position.saturating_sub(from);
        while let Some(at) = self.volatile.front().copied().filter(|at| *at < position) {
            self.volatile.pop_front();
            if at >= from {
                reliable -= 1;
            }
        }
        self.position = position;
        self.processed += reliable;
        if self.processed > self.told && self.ack_at.is_none() {
            self.ack_at = Some(now + self.ack_delay);
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
        Receiver::new(100, Duration::from_millis(25), 4)
    }

    #[test]
    fn each_number_is_delivered_once_and_none_is_left_out() {
        let mut receiver = receiver();
        assert_eq!(receiver.accept(1), Verdict::Deliver);
        assert_eq!(receiver.accept(1), Verdict::Duplicate);
        assert_eq!(receiver.accept(3), Verdict::Gap);
        assert_eq!(receiver.accept(2), Verdict::Deliver);
    }

    #[test]
    fn a_peer_that_ignores_the_window_is_told() {
        let mut receiver = Receiver::new(2, Duration::ZERO, 1);
        assert_eq!(receiver.accept(1), Verdict::Deliver);
        assert_eq!(receiver.accept(2), Verdict::Deliver);
        assert_eq!(receiver.accept(3), Verdict::BeyondWindow);
        receiver.process(Moment::ZERO, 1);
        assert_eq!(receiver.accept(3), Verdict::Deliver);
    }

    #[test]
    fn an_acknowledgement_says_what_is_processed_not_what_is_received() {
        let mut receiver = receiver();
        for seq in 1..=3 {
            receiver.accept(seq);
        }
        assert_eq!(receiver.take_ack(), None);
        receiver.process(Moment::ZERO, 2);
        assert_eq!(receiver.take_ack(), Some(2));
        assert_eq!(receiver.take_ack(), None);
    }

    #[test]
    fn it_waits_for_more_but_not_for_long() {
        let mut receiver = receiver();
        for seq in 1..=10 {
            receiver.accept(seq);
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
        receiver.accept(1);
        receiver.accept_volatile();
        receiver.accept(2);
        receiver.begin(0);
        receiver.accept_volatile();
        receiver.accept(1);
        receiver.process(Moment::ZERO, 2);
        assert_eq!(receiver.processed(), 0);
        receiver.process(Moment::ZERO, 4);
        assert_eq!(receiver.processed(), 0);
        receiver.process(Moment::ZERO, 99);
        assert_eq!(receiver.processed(), 1);
    }
}
