//! What happens to each run of bytes of one connection.
//!
//! - [`LinkFaults`]: the machine
//! - `act`: one rule at work in one connection

mod act;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::act::{Act, Trigger};
use super::{Direction, Directions, Ending, Fault, Rule, RuleId, Schedule};

/// The faults of one connection: decides, and holds no bytes.
///
/// Ask [`decide`](Self::decide) for each run of bytes as it enters, [`decide_end`](Self::decide_end) when an endpoint
/// ends its direction, and [`poll_event`](Self::poll_event) whenever [`deadline`](Self::deadline) has come and before
/// anything is delivered. [`Link`](super::Link) does all this and keeps the bytes as well.
#[derive(Clone, Debug)]
pub struct LinkFaults {
    acts: Vec<Act>,
    ways: [Way; 2],
    until: Option<Duration>,
}

/// Some bytes that enter a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The number of bytes, at least 1.
    pub len: usize,
    /// The number of them up to the end of the WebSocket message that they begin or go on with; `None` if it does not
    /// end within them or messages are unknown.
    pub message_end: Option<usize>,
}

/// The fate of the first bytes of a chunk. Ask again for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The number of bytes that it is about; never 0 unless the chunk was empty.
    pub len: usize,
    /// The fate of these bytes.
    pub fate: Fate,
}

/// The fate of some bytes, or of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// They arrive at this time, which is never before the present, nor before what was decided earlier in the same
    /// direction.
    Deliver {
        /// Since the network's start.
        at: Duration,
    },
    /// The one byte arrives at this time, changed by exclusive or.
    Corrupt {
        /// Since the network's start.
        at: Duration,
        /// With what.
        xor: u8,
    },
    /// They never arrive, nor does anything that follows them in this direction.
    Hold,
}

/// An event that happens without input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// A rule has begun to act.
    Began {
        /// Which.
        rule: RuleId,
        /// When.
        at: Duration,
    },
    /// The connection is lost. What was to arrive later than `at` never does.
    Cut {
        /// By which rule.
        rule: RuleId,
        /// When.
        at: Duration,
        /// `ToServer` means that the server sees the end.
        directions: Directions,
        /// What they see. Who sees nothing has a connection that is silent for ever.
        ending: Ending,
    },
}

/// One direction's line.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// When the line has room for the next bytes.
    free: Duration,
    /// When the last bytes arrive.
    last: Duration,
    /// Nothing arrives any more.
    dead: bool,
}

impl LinkFaults {
    /// A connection without faults.
    pub fn none() -> Self {
        Self { acts: Vec::new(), ways: [Way::default(); 2], until: None }
    }

    /// `asked` is when the client opened it, `seen` when the server sees it.
    pub(super) fn new(
        schedule: &Schedule,
        connection: u64,
        rules: &[(usize, &Rule)],
        asked: Duration,
        seen: Duration,
    ) -> Self {
        let within = rules.iter().filter(|(_, rule)| !rule.fault.is_at_opening());
        let acts = within.filter_map(|(index, rule)| Act::new(schedule.seed, connection, *index, rule, asked));
        let mut faults = Self { acts: acts.collect(), ways: [Way::default(); 2], until: schedule.until };
        faults.ways[Direction::ToServer as usize].free = seen;
        let until = faults.until;
        faults.acts.retain(|act| act.begins.is_none_or(|begins| until.is_none_or(|until| begins < until)));
        faults
    }

    /// Returns `true` if [`Chunk::message_end`] matters.
    pub fn counts_messages(&self) -> bool {
        self.acts.iter().any(|act| act.begins.is_none() && matches!(act.trigger, Trigger::Messages { .. }))
    }

    /// Decides about the first bytes of a chunk that enters now.
    pub fn decide(&mut self, now: Duration, direction: Direction, chunk: Chunk) -> Decision {
        let start = now.max(self.ways[direction as usize].free);
        let corrupt = self.acts.iter().position(|act| act.corrupts(start, direction));
        let len = self.piece(start, direction, chunk, corrupt.is_some());
        let Some(at) = self.arrival(start, direction, len) else {
            return Decision { len, fate: Fate::Hold };
        };
        self.count(direction, len, chunk.message_end == Some(len), at);
        let fate = match corrupt.map(|index| &mut self.acts[index]) {
            Some(act) => act.spend(at).map_or(Fate::Deliver { at }, |xor| Fate::Corrupt { at, xor }),
            None => Fate::Deliver { at },
        };
        Decision { len, fate }
    }

    /// Decides about the end of a direction that its endpoint has ended now.
    pub fn decide_end(&mut self, now: Duration, direction: Direction) -> Fate {
        let start = now.max(self.ways[direction as usize].free);
        self.arrival(start, direction, 0).map_or(Fate::Hold, |at| Fate::Deliver { at })
    }

    /// The next event that has happened without input up to now, in order; call until `None`.
    pub fn poll_event(&mut self, now: Duration) -> Option<LinkEvent> {
        let act =
            self.acts.iter_mut().filter(|act| act.news().is_some_and(|at| at <= now)).min_by_key(|act| act.news())?;
        let at = act.news()?;
        act.told = true;
        let rule = act.id.clone();
        let Fault::Cut(ending) = act.fault else { return Some(LinkEvent::Began { rule, at }) };
        let directions = act.direction;
        // What comes after the end is nobody's.
        self.acts.clear();
        self.ways.iter_mut().for_each(|way| way.dead = true);
        Some(LinkEvent::Cut { rule, at, directions, ending })
    }

    /// The time when [`poll_event`](Self::poll_event) has the next thing to say, as far as is known.
    pub fn deadline(&self) -> Option<Duration> {
        self.acts.iter().filter_map(Act::news).min()
    }

    /// How many bytes go together.
    fn piece(&self, start: Duration, direction: Direction, chunk: Chunk, corrupt: bool) -> usize {
        let mut len = if corrupt { chunk.len.min(1) } else { chunk.len };
        for act in &self.acts {
            let limit = match (&act.fault, &act.trigger) {
                (_, Trigger::Bytes { left }) if act.waits_for(direction) => usize::try_from(*left).ok(),
                (_, Trigger::Messages { .. }) if act.waits_for(direction) => chunk.message_end,
                (Fault::Split { size, .. }, _) if act.shapes(start, direction) => Some(*size),
                // A twentieth of a second's worth, so that bytes trickle and do not come in heaps.
                (Fault::Bandwidth(rate), _) if act.shapes(start, direction) => usize::try_from(*rate / 20).ok(),
                _ => None,
            };
            if let Some(limit) = limit {
                len = len.min(limit.max(1));
            }
        }
        len
    }

    /// When `len` bytes arrive that get the line at `start`; `None` for never.
    fn arrival(&mut self, start: Duration, direction: Direction, len: usize) -> Option<Duration> {
        let way = self.ways[direction as usize];
        if way.dead {
            return None;
        }
        let (mut line, mut gap, mut delay) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for act in self.acts.iter_mut().filter(|act| act.shapes(start, direction)) {
            match act.fault {
                Fault::Bandwidth(rate) => line = line.max(transmission(len, rate)),
                Fault::Split { gap: between, .. } => gap = gap.max(between),
                Fault::Delay { by, jitter } => {
                    delay = delay.saturating_add(by).saturating_add(act.jitter(direction, jitter));
                }
                _ => {}
            }
        }
        let sent = start.saturating_add(line);
        let at = self.after_stalls(direction, sent.saturating_add(delay).max(way.last));
        let way = &mut self.ways[direction as usize];
        if self.acts.iter().any(|act| act.ends(direction, at)) {
            way.dead = true;
            return None;
        }
        *way = Way { free: if len == 0 { sent } else { sent.saturating_add(gap) }, last: at, dead: false };
        Some(at)
    }

    /// `at`, or the end of the stalls that it falls into.
    fn after_stalls(&self, direction: Direction, mut at: Duration) -> Duration {
        // Each turn but the last leaves at least one stall behind for good.
        while let Some(end) = self.acts.iter().find_map(|act| act.stalls(direction, at)) {
            at = end;
        }
        at
    }

    /// `len` bytes have passed that arrive `at` this time.
    fn count(&mut self, direction: Direction, len: usize, message: bool, at: Duration) {
        let until = self.until;
        for act in self.acts.iter_mut().filter(|act| act.waits_for(direction)) {
            act.count(len as u64, u64::from(message), at);
            if act.begins.zip(until).is_some_and(|(begins, until)| begins >= until) {
                act.abandon();
            }
        }
    }
}

impl Chunk {
    /// Bytes of which nobody knows where messages end.
    pub const fn bytes(len: usize) -> Self {
        Self { len, message_end: None }
    }

    /// One whole message, or the rest of one.
    pub const fn message(len: usize) -> Self {
        Self { len, message_end: Some(len) }
    }
}

fn transmission(len: usize, rate: u64) -> Duration {
    let nanos = len as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
