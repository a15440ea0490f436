//! How long a connection had been silent when it was lost, and which silences it had outlived before.

use std::time::Duration;

use crate::Moment;

/// The kind of silence after which a path drops a connection as idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Silence {
    /// Neither end sends anything.
    BothWays,
    /// This end sends nothing, whatever the peer sends.
    Outbound,
}

/// For how long a connection had been silent when it was lost, as far as that may be the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdleAtEnd {
    pub(crate) both_ways: Option<Duration>,
    pub(crate) outbound: Option<Duration>,
}

/// How a connection ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing came any more.
    Silent,
    /// The transport ended, or the peer closed.
    Told,
}

/// Watches the silences of a connection.
///
/// A silence ends when something goes over the connection. It was outlived when the peer is heard after that: whatever ends
/// the connection later, it is no shorter silence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Silences {
    heard: Moment,
    sent: Moment,
    /// When the latest ping went out that nothing has come after.
    asked: Option<Moment>,
    /// What went out first since the peer was last heard.
    unheard: Option<Ended>,
    /// The latest silence of ours that has ended and may not be outlived.
    ours: Option<Ended>,
    outlived_both_ways: Duration,
    outlived_outbound: Duration,
}

/// A silence that we have ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    since: Moment,
    at: Moment,
}

/// For so long after something went out, an end may have been under way already, or be the path's answer to it.
const CROSSING: Duration = Duration::from_secs(1);

impl Silences {
    /// Of a connection that opens now.
    pub(crate) fn new(now: Moment) -> Self {
        Self { heard: now, sent: now, ..Self::default() }
    }

    /// When the peer was last heard.
    pub(crate) fn heard(&self) -> Moment {
        self.heard
    }

    /// When something of ours last went out.
    pub(crate) fn sent(&self) -> Moment {
        self.sent
    }

    /// When the latest ping went out that nothing has come after.
    pub(crate) fn asked(&self) -> Option<Moment> {
        self.asked
    }

    /// Something has come in.
    pub(crate) fn note_heard(&mut self, now: Moment) {
        let ended = self.unheard.take().map(Ended::length).unwrap_or_default();
        self.outlived_both_ways = self.outlived_both_ways.max(ended).max(self.idle(now));
        (self.heard, self.asked) = (now, None);
        // What comes sooner may have been sent before.
        if self.ours.is_some_and(|ended| now.since(ended.at) > CROSSING) {
            self.note_answer();
        }
    }

    /// The peer has answered what we sent last.
    pub(crate) fn note_answer(&mut self) {
        if let Some(ended) = self.ours.take() {
            self.outlived_outbound = self.outlived_outbound.max(ended.length());
        }
    }

    /// Something goes out.
    #[inline]
    pub(crate) fn note_sent(&mut self, now: Moment) {
        if self.unheard.is_none() {
            self.unheard = Some(Ended { since: self.heard.max(self.sent), at: now });
        }
        if self.ours.is_none() {
            self.ours = Some(Ended { since: self.sent, at: now });
        }
        self.sent = now;
    }

    /// A ping goes out.
    pub(crate) fn note_ping(&mut self, now: Moment) {
        self.note_sent(now);
        self.asked = Some(now);
    }

    /// Bytes that were handed over before still go out, or something whose answer is not to be told from silence.
    pub(crate) fn note_progress(&mut self, now: Moment) {
        self.sent = now;
    }

    /// We begin to listen again: what the peer did meanwhile is not known.
    pub(crate) fn listen_again(&mut self, now: Moment) {
        self.heard = now;
    }

    /// The connection is lost now.
    pub(crate) fn at_end(&self, now: Moment, end: End) -> IdleAtEnd {
        let crossed = |ended: Option<Ended>| ended.filter(|ended| now.since(ended.at) <= CROSSING).map(Ended::length);
        let (both_ways, outbound) = match end {
            // The path had forgotten it when the first thing went out that nothing came after; and of a feed, when the last
            // of it came.
            End::Silent => (self.unheard.map(Ended::length), self.ours.map(|ended| self.heard.since(ended.since))),
            // While an answer is awaited the connection is not idle.
            End::Told if self.asked.is_some() => (crossed(self.unheard), crossed(self.ours)),
            End::Told => {
                let idle = (self.idle(now), now.since(self.sent));
                (crossed(self.unheard).or(Some(idle.0)), crossed(self.ours).or(Some(idle.1)))
            }
        };
        IdleAtEnd {
            both_ways: both_ways.filter(|idle| *idle > self.outlived_both_ways),
            outbound: outbound.filter(|idle| *idle > self.outlived_outbound),
        }
    }

    fn idle(&self, now: Moment) -> Duration {
        now.since(self.heard.max(self.sent))
    }
}

impl Ended {
    fn length(self) -> Duration {
        self.at.since(self.since)
    }
}
