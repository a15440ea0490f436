//! By which time sign-ins and tokens end. Our own go by a clock that does not jump: who may stay is not for a wrong wall
//! clock to decide, and one that was ahead for a while leaves no token behind that is good for years. An issuer's tokens go by
//! the wall clock, which is all that it shares with us.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::clock::{Clock, ClockReading, unix_ms};
use crate::store::{AccountStore, StoreError};
use crate::sync::lock;

#[derive(Debug)]
pub(super) enum SignInClock {
    Own(Mutex<Clock>),
    Wall,
}

impl SignInClock {
    /// Goes on from where the last server of this folder stood; a sign-in lasts for `longest`.
    pub(super) fn resume(accounts: &dyn AccountStore, longest: Duration) -> Result<Self, StoreError> {
        let (clock, left_out) = Clock::resume(accounts.clock()?, unix_ms(), Some(longest), Instant::now());
        if let Some(days) = left_out {
            tracing::warn!(
                days,
                "the clock is far ahead of when this server ran last: that time is not counted, and sign-ins last as much longer"
            );
        }
        let reading = ClockReading { own: clock.now(Instant::now()), wall: unix_ms() };
        if let Err(error) = accounts.save_clock(reading) {
            tracing::warn!(%error, "where the clock of sign-ins stands can't be stored");
        }
        Ok(Self::Own(Mutex::new(clock)))
    }

    /// In milliseconds: since the Unix epoch, or near that.
    pub(super) fn millis(&self) -> i64 {
        match self {
            Self::Own(clock) => lock(clock).now(Instant::now()),
            Self::Wall => unix_ms(),
        }
    }

    pub(super) fn seconds(&self) -> i64 {
        self.millis() / 1000
    }

    /// What is to be stored now, for the next start.
    pub(super) fn due(&self) -> Option<ClockReading> {
        let Self::Own(clock) = self else { return None };
        let mut clock = lock(clock);
        clock.is_save_due(Instant::now()).then(|| ClockReading { own: clock.now(Instant::now()), wall: unix_ms() })
    }
}
