//! What a client's machine may and may not say, whatever the application.

use std::collections::BTreeSet;
use std::time::Duration;

use everwire_core::{Message, MessageId, Moment, Outcome, RetryConfig};

/// One outcome per message, numbers without gaps.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Whether the message with this number, less one, has its outcome.
    ended: Vec<bool>,
    /// Numbers of this life begin behind this one.
    base: u64,
    /// Numbers of an earlier life that are open.
    kept: BTreeSet<u64>,
    open: usize,
    pub(crate) largest: usize,
}

impl Ledger {
    /// That of a process that goes on with these messages of an earlier one.
    pub(crate) fn restored(ids: impl Iterator<Item = MessageId>) -> Self {
        let kept: BTreeSet<u64> = ids.map(|id| id.0).collect();
        Self { base: kept.last().copied().unwrap_or(0), open: kept.len(), kept, ..Self::default() }
    }

    pub(crate) fn accepted(&mut self, id: MessageId, message: &Message) -> Result<(), String> {
        if self.ended.is_empty() {
            self.base = self.base.max(id.0 - 1);
        }
        let next = self.base + self.ended.len() as u64 + 1;
        if id.0 != next {
            return Err(format!("message {next} is accepted as number {}", id.0));
        }
        self.ended.push(false);
        self.open += 1;
        self.largest = self.largest.max(message.len());
        Ok(())
    }

    pub(crate) fn outcome(&mut self, first: MessageId, last: MessageId, outcome: Outcome) -> Result<(), String> {
        let end = self.base + self.ended.len() as u64;
        if first.0 == 0 || last < first || last.0 > end {
            return Err(format!("an outcome for {}..={} of {end} messages", first.0, last.0));
        }
        for number in first.0..=last.0 {
            if number <= self.base {
                self.open -= usize::from(self.kept.remove(&number));
                continue;
            }
            let ended = &mut self.ended[(number - self.base) as usize - 1];
            if std::mem::replace(ended, true) {
                return Err(format!("message {number} has a second outcome: {outcome}"));
            }
            self.open -= 1;
        }
        Ok(())
    }

    /// How many messages have no outcome yet.
    pub(crate) fn open(&self) -> usize {
        self.open
    }
}

/// How often attempts are made: at the pace of the back-off, unless a user or a hint causes one.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    attempts: u32,
    since: Moment,
    last: u64,
    /// A refusal said that trying again can't help.
    pub(crate) refused: Option<u16>,
}

/// From this many attempts on, chance no longer explains a fast pace.
const SURE: u32 = 25;

impl Pace {
    /// A user or a hint may have caused what follows.
    pub(crate) fn prod(&mut self) {
        self.attempts = 0;
        self.refused = None;
    }

    /// A connection has held for a second or more, so that what follows may start from the shortest delay.
    pub(crate) fn useful(&mut self) {
        self.attempts = 0;
    }

    pub(crate) fn attempt(&mut self, now: Moment, attempt: u64, config: &RetryConfig) -> Result<(), String> {
        if attempt <= self.last {
            return Err(format!("attempt {attempt} after attempt {}", self.last));
        }
        self.last = attempt;
        if let Some(status) = self.refused {
            return Err(format!("an attempt after the refusal with {status}"));
        }
        if self.attempts == 0 {
            self.since = now;
        }
        self.attempts += 1;
        let least = least(config, self.attempts);
        if self.attempts >= SURE && now.since(self.since) < least {
            return Err(format!(
                "attempt storm: {} attempts in {:?}, which should take at least {least:?}",
                self.attempts,
                now.since(self.since)
            ));
        }
        Ok(())
    }
}

/// A tenth of the sum of the full delays between this many attempts: full jitter makes half of that sum, on average.
fn least(config: &RetryConfig, attempts: u32) -> Duration {
    let mut delay = config.initial_delay.as_secs_f64();
    let mut sum = 0.0;
    for _ in 1..attempts {
        sum += delay;
        delay = (delay * config.factor).min(config.max_delay.as_secs_f64());
    }
    Duration::from_secs_f64(sum / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_outcome_and_a_gap_in_the_numbers_are_found() {
        let mut ledger = Ledger::default();
        let message = Message::text("x");
        ledger.accepted(MessageId(1), &message).unwrap();
        assert!(ledger.accepted(MessageId(3), &message).is_err());
        ledger.outcome(MessageId(1), MessageId(1), Outcome::Received).unwrap();
        assert!(ledger.outcome(MessageId(1), MessageId(1), Outcome::Cancelled).is_err());
        assert!(ledger.outcome(MessageId(2), MessageId(2), Outcome::Cancelled).is_err());
    }

    #[test]
    fn a_storm_of_attempts_is_found() {
        let (mut pace, config) = (Pace::default(), RetryConfig::default());
        let storm = (1..100).find_map(|n| pace.attempt(Moment::from_nanos(n * 500_000_000), n, &config).err());
        assert!(storm.is_some_and(|words| words.contains("storm")));
        let mut pace = Pace::default();
        assert!((1..100).all(|n| pace.attempt(Moment::from_nanos(n * 12_000_000_000), n, &config).is_ok()));
    }
}
