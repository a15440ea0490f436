//! Evidence from any standard peer: pings and messages share one order, so a pong proves that the peer's endpoint has read
//! everything that went out before its ping (RFC 6455 sections 5.5.2 and 5.5.3).

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use rand_xoshiro::rand_core::Rng;

use crate::{
    Moment,
    moment::part,
    random::{Purpose, generator},
};

/// Pings whose pong is still awaited: those between the messages of a backlog, and a few behind them. A peer may answer only
/// the latest of several, or only the first, so of more one in between is forgotten.
const OUTSTANDING: usize = 16;

/// Told by `Event::RoundTrip` at most this often.
const ROUND_TRIP_EVENTS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Barrier {
    base: u64,
    count: u64,
    outstanding: VecDeque<Ping>,
    round_trip: Option<Duration>,
    smoothed: Option<Duration>,
    told_at: Option<Moment>,
    /// Reading is paused.
    paused: bool,
}

#[derive(Debug)]
struct Ping {
    payload: [u8; 8],
    sent_at: Moment,
    /// How many messages this connection had taken then.
    covers: u64,
    /// Reading was paused in between, so the time says nothing about the peer.
    distorted: bool,
    /// It was sent when a pong left others unanswered.
    again: bool,
}

/// What a pong proves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The peer has read as many messages of this connection.
    pub(crate) covers: u64,
    /// The round trip, if it says something about the peer.
    pub(crate) measured: Option<Duration>,
    /// The same if it is worth telling.
    pub(crate) round_trip: Option<Duration>,
}

/// An eighth of the new measure.
fn smooth(smoothed: Duration, measured: Duration) -> Duration {
    smoothed.saturating_sub(part(smoothed, 8)).saturating_add(part(measured, 8))
}

impl Barrier {
    /// The seed keeps payloads from being mistaken for those of others that use pings on the same connection.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let base = generator(seed, Purpose::Pings).next_u64();
        Self {
            base,
            count: 0,
            outstanding: VecDeque::new(),
            round_trip: None,
            smoothed: None,
            told_at: None,
            paused: false,
        }
    }

    pub(crate) fn is_outstanding(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// When the oldest ping went out that is not answered.
    pub(crate) fn asked_at(&self) -> Option<Moment> {
        self.outstanding.front().map(|ping| ping.sent_at)
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether a pong has left pings unanswered, and none was sent since: a peer may answer only one of several that it
    /// reads at once.
    pub(crate) fn is_worth_another(&self) -> bool {
        !self.outstanding.iter().any(|ping| ping.again)
    }

    /// A ping to be sent behind everything taken so far.
    pub(crate) fn ping(&mut self, now: Moment, covers: u64) -> Bytes {
        if self.outstanding.len() >= OUTSTANDING {
            self.outstanding.remove(1);
        }
        self.count = self.count.wrapping_add(1);
        let payload = self.base.wrapping_add(self.count).to_be_bytes();
        self.outstanding.push_back(Ping { payload, sent_at: now, covers, distorted: self.paused, again: false });
        Bytes::copy_from_slice(&payload)
    }

    /// The same, because a pong has left others unanswered.
    pub(crate) fn ping_again(&mut self, now: Moment, covers: u64) -> Bytes {
        let payload = self.ping(now, covers);
        self.outstanding.back_mut().into_iter().for_each(|ping| ping.again = true);
        payload
    }

    /// A pong came. One that answers no ping of this connection proves nothing.
    pub(crate) fn pong(&mut self, now: Moment, payload: &[u8]) -> Option<Proof> {
        let index = self.outstanding.iter().position(|ping| ping.payload == payload)?;
        let ping = self.outstanding.remove(index)?;
        // What went out before it has arrived before it, unless it has passed that: then the answer may still come.
        let mut at = 0;
        self.outstanding.retain(|other| {
            at += 1;
            at > index || other.covers > ping.covers
        });
        let measured = (!ping.distorted).then(|| now.since(ping.sent_at));
        if let Some(measured) = measured {
            self.round_trip = Some(measured);
            self.smoothed = Some(self.smoothed.map_or(measured, |smoothed| smooth(smoothed, measured)));
        }
        let quiet = self.told_at.is_some_and(|at| now.since(at) < ROUND_TRIP_EVENTS);
        let round_trip = measured.filter(|_| !quiet);
        if round_trip.is_some() {
            self.told_at = Some(now);
        }
        Some(Proof { covers: ping.covers, measured, round_trip })
    }

    /// Reading is paused: what is outstanding can't be timed any more, nor what follows until it goes on.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
        self.outstanding.iter_mut().for_each(|ping| ping.distorted = true);
    }

    /// Reading goes on.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
    }

    /// The connection is over.
    pub(crate) fn reset(&mut self) {
        self.outstanding = VecDeque::new();
        self.paused = false;
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(crate) fn smoothed_round_trip(&self) -> Option<Duration> {
        self.smoothed
    }
}
