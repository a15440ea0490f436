//! What is known of a connection when it has ended.

use std::{collections::VecDeque, fmt, time::Duration};

use crate::LearnedInterval;
use crate::address::Listed;
use crate::seconds::{rounded, tenths};
use crate::{Cause, Closed, Loss, Milliseconds, Moment, Seconds, Silence, TriedAddress};

/// All that is known about a connection that has ended. `Display` writes it on one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PostMortem {
    /// The number of the connection among the client's, from 1.
    pub connection: u64,
    /// The addresses that its opening tried, the one that it was connected to first. Empty in a page.
    pub addresses: Vec<TriedAddress>,
    /// The reason why it ended.
    pub cause: Cause,
    /// `true` if a closing handshake was under way.
    pub closing: bool,
    /// The time for which it had been open.
    pub uptime: Duration,
    /// The time between the last sign of life of the peer and the end.
    pub silent_for: Duration,
    /// The time between the last frame that this end sent and the end; `None` if it sent none.
    pub last_sent: Option<Duration>,
    /// Messages that were handed to it, those that were sent again included.
    pub sent: u64,
    /// Messages that came over it.
    pub received: u64,
    /// Its round trips.
    pub round_trips: RoundTrips,
    /// Its answers to pings.
    pub answers: Answers,
    /// The lesson about the path from its end, if that is new: later connections ping more often.
    pub learned: Option<LearnedInterval>,
    /// Messages that were written and not proven, or in a session not acknowledged.
    pub unproven: usize,
    /// Messages that wait to be sent.
    pub queued: usize,
    /// The next step, and its reason.
    pub next: Next,
}

/// The end that closed a connection, or the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndedBy {
    /// The user of this client.
    User,
    /// This client: the peer was silent, or broke the protocol.
    Us,
    /// The peer, by a close frame or in its session.
    Peer,
    /// The network, or a peer that went away without a close frame.
    Network,
}

/// The answers of a connection to pings, as RFC 6455 section 5.5.2 demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answers {
    /// No ping went out on it.
    NotAsked,
    /// It answered at least one.
    Some,
    /// It answered none, and an earlier connection of this client did.
    None,
    /// It answered none, and no connection of this client ever did.
    Never,
}

/// The next step after the end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Another attempt.
    Retry {
        /// After this time.
        after: Duration,
        /// `true` if the server asked for most of this time; `false` if it is the back-off.
        asked: bool,
    },
    /// A connection that was opened before this one ended takes over.
    TakenOver,
    /// None, until the user connects again, or for good; the value is the reason.
    Nothing(Closed),
}

/// Round trips of one connection. Percentiles are those of the latest 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrips {
    /// The number of measurements.
    pub count: u64,
    /// The shortest.
    pub min: Duration,
    /// The median: half took at most this long.
    pub p50: Duration,
    /// Nine in ten did.
    pub p90: Duration,
    /// 99 of 100 did.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl PostMortem {
    /// The end that closed it, or the network.
    #[must_use]
    pub fn ended_by(&self) -> EndedBy {
        match &self.cause {
            Cause::ByUser => EndedBy::User,
            Cause::Dead { .. } | Cause::Lost(Loss::Protocol(..) | Loss::InflatedTooFar(_) | Loss::Unread { .. }) => {
                EndedBy::Us
            }
            Cause::PeerClosed(_) | Cause::Bye { .. } | Cause::Superseded => EndedBy::Peer,
            Cause::Lost(Loss::Ended | Loss::Io(_)) | Cause::OpenFailed(_) => EndedBy::Network,
        }
    }
}

impl fmt::Display for PostMortem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, uptime, silent_for, sent, received, round_trips, answers, unproven, queued, next, .. } = self;
        write!(f, "connection {}", self.connection)?;
        if !self.addresses.is_empty() {
            write!(f, " ({})", Listed(&self.addresses))?;
        }
        write!(f, " ended by {} after {}: {cause}", self.ended_by(), Short(*uptime))?;
        if self.closing {
            f.write_str(" (while closing)")?;
        }
        write!(f, "; last heard of {} before", Short(*silent_for))?;
        if let Some(last_sent) = self.last_sent {
            write!(f, ", last sent {} before", Short(last_sent))?;
        }
        write!(f, "; {sent} out, {received} in")?;
        if round_trips.count > 0 {
            write!(f, "; {round_trips}")?;
        }
        match answers {
            Answers::NotAsked | Answers::Some => {}
            Answers::None => f.write_str("; it answered no ping")?,
            Answers::Never => f.write_str("; the peer has never answered a ping")?,
        }
        if let Some(LearnedInterval { silence, idle, interval }) = self.learned {
            let (idle, interval) = (Short(idle), Short(interval));
            match silence {
                Silence::BothWays => write!(f, "; the path drops connections idle for {idle}")?,
                Silence::Outbound => write!(f, "; the path drops connections on which we are silent for {idle}")?,
            }
            write!(f, ": pinging every {interval}")?;
        }
        write!(f, "; {unproven} unproven, {queued} queued; {next}")
    }
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "the user",
            Self::Us => "us",
            Self::Peer => "the peer",
            Self::Network => "the network",
        })
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { after, asked: false } => write!(f, "next attempt in {} (back-off)", Short(*after)),
            Self::Retry { after, asked: true } => write!(f, "next attempt in {} (asked for)", Short(*after)),
            Self::TakenOver => f.write_str("another connection takes over"),
            Self::Nothing(closed) => write!(f, "no next attempt: {closed}"),
        }
    }
}

impl fmt::Display for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p99, max, .. } = self;
        write!(f, "round trip p50 {}, p99 {}, max {} of {count}", Short(*p50), Short(*p99), Short(*max))
    }
}

/// A duration as people read it.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        match self.0 {
            time if time < Duration::from_secs(1) => Milliseconds(time).fmt(f),
            time if time < MINUTE => Seconds(time).fmt(f),
            time if time < HOUR => write!(f, "{} min", rounded(time, MINUTE)),
            time => tenths(f, time, HOUR, "h"),
        }
    }
}

/// What is noted of the connection that is open.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) last_sent: Option<Moment>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) pings: u64,
    count: u64,
    min: Duration,
    max: Duration,
    latest: VecDeque<Duration>,
}

/// Round trips whose percentiles are told.
const LATEST: usize = 64;

impl Notes {
    pub(crate) fn round_trip(&mut self, time: Duration) {
        self.min = if self.count == 0 { time } else { self.min.min(time) };
        self.max = self.max.max(time);
        self.count += 1;
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(time);
    }

    pub(crate) fn round_trips(&self) -> RoundTrips {
        let mut sorted: Vec<Duration> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        // The smallest round trip that `p` percent of them do not exceed.
        let percentile = |p: usize| sorted.get((sorted.len() * p).div_ceil(100).saturating_sub(1)).copied();
        let percentile = |p| percentile(p).unwrap_or_default();
        let (p50, p90, p99) = (percentile(50), percentile(90), percentile(99));
        RoundTrips { count: self.count, min: self.min, p50, p90, p99, max: self.max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_latest_round_trips() {
        let mut notes = Notes::default();
        assert_eq!(notes.round_trips(), RoundTrips::default());
        notes.round_trip(Duration::from_millis(7));
        let one = notes.round_trips();
        assert_eq!((one.min, one.p50, one.p99, one.max), (one.max, one.max, one.max, Duration::from_millis(7)));
        for n in 1..=200 {
            notes.round_trip(Duration::from_millis(n));
        }
        let RoundTrips { count, min, p50, p90, p99, max } = notes.round_trips();
        let millis = [min, p50, p90, p99, max].map(|time| time.as_millis());
        assert_eq!((count, millis), (201, [1, 168, 194, 200, 200]));
        assert_eq!(notes.latest.len(), LATEST);
    }
}
