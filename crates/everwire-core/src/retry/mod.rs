//! When to try again, and when to stop.
//!
//! - [`advice()`]: what a cause says about trying again, in one table
//! - [`backoff`](Backoff): growing, capped, spread delays
//! - [`budget`](Budget): retries that several clients share
//! - [`config`](RetryConfig): the settings of both, and the limits
//!
//! [`Retry`] puts them together for one client.

mod advice;
mod backoff;
mod budget;
mod config;

use std::time::Duration;

pub(crate) use advice::blames_a_message;
pub use advice::{Advice, RETRY_AFTER_LIMIT, advice};
pub use backoff::Backoff;
pub use budget::Budget;
pub use config::{AdviceOverride, CauseMatch, Jitter, OnNormalClose, RetryConfig};

use advice::TRY_AGAIN_LATER;

use crate::{Cause, Moment, moment::part};

/// The retry decisions of one client.
///
/// Everything is counted since the last *useful* connection, not since the last that opened: a server that accepts and
/// then closes is a server that fails.
#[derive(Debug)]
pub struct Retry {
    config: RetryConfig,
    backoff: Backoff,
    attempts: u32,
    failing_since: Option<Moment>,
    refused_credentials: u32,
    /// There has been a useful connection since the user started.
    has_been_useful: bool,
    /// Attempts since the last useful connection that were made although the advice was to stop.
    retries_in_spite: u32,
    /// A close with 1000 is not to be taken for the peer's last word.
    excused: bool,
}

/// The decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Try again.
    Wait {
        /// After this long.
        delay: Duration,
        /// The part of the delay that the server asked for, which a hint must not shorten.
        at_least: Duration,
    },
    /// The peer ended it in order.
    End,
    /// Trying again can't help.
    Stop,
    /// A limit is reached.
    GiveUp {
        /// Attempts since the last useful connection.
        attempts: u32,
        /// How long that took: from the start of the first of them, or from the loss of the useful connection.
        elapsed: Duration,
    },
}

impl Retry {
    /// Starts without an attempt. The same seed gives the same delays.
    pub fn new(config: RetryConfig, seed: [u8; 32]) -> Self {
        let backoff = Backoff::new(&config, seed);
        Self {
            config,
            backoff,
            attempts: 0,
            failing_since: None,
            refused_credentials: 0,
            has_been_useful: false,
            retries_in_spite: 0,
            excused: false,
        }
    }

    /// Attempts since the last useful connection.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The number that the next attempt will have.
    pub fn next_attempt(&self) -> u32 {
        self.attempts.saturating_add(1)
    }

    /// Notes that an attempt starts.
    pub fn started(&mut self, now: Moment) {
        self.attempts = self.next_attempt();
        self.failing_since.get_or_insert(now);
        self.excused = false;
    }

    /// Notes that a connection has opened, so that the credentials were accepted. Nothing else is reset by that.
    pub fn opened(&mut self) {
        self.refused_credentials = 0;
    }

    /// Notes that the connection has become useful: everything is counted from zero, and a server that refuses the
    /// client from now on has accepted it before.
    pub fn useful(&mut self) {
        self.reset();
        self.has_been_useful = true;
    }

    /// Notes that the user starts again: everything is counted from zero.
    pub fn reset(&mut self) {
        self.backoff.reset();
        self.attempts = 0;
        self.failing_since = None;
        self.refused_credentials = 0;
        (self.has_been_useful, self.retries_in_spite) = (false, 0);
    }

    /// Notes that the peer may close this connection with 1000 for another reason than the end of its purpose: such a
    /// close is followed by another attempt.
    pub fn excuse_normal_close(&mut self) {
        self.excused = true;
    }

    /// Decides what follows a failed attempt or the end of a connection. `slowly`: the platform says that there is no
    /// network.
    pub fn failed(&mut self, now: Moment, cause: &Cause, slowly: bool) -> Decision {
        let advice = self.advice(cause);
        self.follow(now, advice, slowly)
    }

    /// Decides the same for a failure at one of several addresses: it is tried again whatever the cause, since another
    /// address may work.
    pub fn failed_here(&mut self, now: Moment, slowly: bool) -> Decision {
        self.follow(now, Advice::Retry, slowly)
    }

    fn follow(&mut self, now: Moment, advice: Advice, slowly: bool) -> Decision {
        let since = *self.failing_since.get_or_insert(now);
        let elapsed = now.since(since);
        let (pace, at_least) = match advice {
            Advice::End => return Decision::End,
            Advice::Stop => return Decision::Stop,
            Advice::StopAfter { retries } => {
                self.refused_credentials = self.refused_credentials.saturating_add(1);
                if self.refused_credentials > retries {
                    return Decision::Stop;
                }
                (self.backoff.advance(), Duration::ZERO)
            }
            Advice::StopUnlessUseful { retries } if !self.retries_in_spite(retries) => return Decision::Stop,
            Advice::Retry => (self.backoff.advance(), Duration::ZERO),
            Advice::RetrySlowly | Advice::StopUnlessUseful { .. } => {
                self.backoff.advance();
                (self.config.max_delay, Duration::ZERO)
            }
            Advice::RetryNoSoonerThan(at_least) => (self.backoff.advance(), at_least),
            Advice::RetryLater => {
                let later = self.later();
                (self.backoff.advance().min(self.config.max_delay.saturating_sub(later)), later)
            }
            // A spread of ours would only spoil the server's.
            Advice::RetryAt(at_least) => (Duration::ZERO, at_least),
        };
        let give_up = Decision::GiveUp { attempts: self.attempts, elapsed };
        if self.config.max_attempts.is_some_and(|limit| self.attempts >= limit) {
            return give_up;
        }
        let pace = if slowly { self.config.max_delay } else { pace };
        let spread = if pace.is_zero() { pace } else { self.backoff.spread(pace) };
        let mut delay = at_least.saturating_add(spread);
        if let Some(limit) = self.config.max_elapsed {
            let remaining = limit.saturating_sub(elapsed);
            if remaining.is_zero() || remaining < at_least {
                return give_up;
            }
            // The last attempt falls on the limit instead of being given up early.
            delay = delay.min(remaining);
        }
        Decision::Wait { delay, at_least }
    }

    /// The time until the next attempt, when one beside a connection that still works has failed: a longest delay;
    /// `None` if trying again can't help. Such attempts count towards no limit.
    pub fn again_beside(&mut self, cause: &Cause) -> Option<Duration> {
        let at_least = match self.advice(cause) {
            Advice::End | Advice::Stop => return None,
            Advice::StopUnlessUseful { retries } if !self.retries_in_spite(retries) => return None,
            Advice::StopAfter { retries } => {
                self.refused_credentials = self.refused_credentials.saturating_add(1);
                if self.refused_credentials > retries {
                    return None;
                }
                Duration::ZERO
            }
            Advice::Retry | Advice::RetrySlowly | Advice::StopUnlessUseful { .. } => Duration::ZERO,
            Advice::RetryNoSoonerThan(at_least) => at_least,
            Advice::RetryLater => Duration::ZERO,
            Advice::RetryAt(pause) => return Some(pause),
        };
        Some(at_least.saturating_add(self.slow_delay()))
    }

    /// The least that "later" means: half of the longest delay at the most, so that the other half spreads those who
    /// hear it.
    fn later(&self) -> Duration {
        TRY_AGAIN_LATER.min(part(self.config.max_delay, 2))
    }

    /// Returns `true` if an override of the user applies to this cause.
    pub fn is_overridden(&self, cause: &Cause) -> bool {
        self.config.is_overridden(cause)
    }

    fn advice(&self, cause: &Cause) -> Advice {
        match self.config.advice(cause) {
            Advice::End if self.excused && cause.is_normal_close() => Advice::Retry,
            advice => advice,
        }
    }

    /// Whether to try again although the advice is to stop, which needs a useful connection before. Counts the attempt.
    fn retries_in_spite(&mut self, retries: u32) -> bool {
        let retries_again = self.has_been_useful && self.retries_in_spite < retries;
        self.retries_in_spite += u32::from(retries_again);
        retries_again
    }

    /// A longest delay with jitter, for when the platform says that there is no network.
    pub fn slow_delay(&mut self) -> Duration {
        self.backoff.spread(self.config.max_delay)
    }
}
