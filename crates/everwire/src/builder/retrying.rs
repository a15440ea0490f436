//! Settings of reconnection: delays, limits, and which causes end the client.

use std::time::Duration;

use everwire_core::{AdviceOverride, CauseMatch, Jitter, OnNormalClose};

use super::Builder;
use crate::RetryBudget;

impl Builder {
    /// The delay before the first retry, before jitter. Default: 1 s. Zero is refused.
    ///
    /// Too short: clients of a server that is down ask again and again, and delay its start. Too long: a server that
    /// restarts in a second is missed for as long as the delay lasts.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.config.retry.initial_delay = delay;
        self
    }

    /// The factor by which each delay is longer than the one before. A delay that would be longer than half of the
    /// [longest](Self::max_delay) is the longest at once. Default: 1.3. Less than 1 is refused.
    ///
    /// Too low (1.0 keeps the delay constant): the load on a server that is down does not fall. Too high: two failures
    /// in a row already wait for the [longest delay](Self::max_delay).
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.config.retry.factor = factor;
        self
    }

    /// The longest delay, before jitter. Default: 10 s. Less than [`initial_delay`](Self::initial_delay) is refused.
    ///
    /// Too short: a server that is down gets about one attempt of every client in this time, which may keep it down.
    /// Too long: after an outage clients come back up to this much later than the server.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.config.retry.max_delay = delay;
        self
    }

    /// The random part of delays, which keeps many clients from returning at once. Default: [`Jitter::Full`]. With less
    /// jitter, clients that lost their connections together come back together.
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.config.retry.jitter = jitter;
        self
    }

    /// The number of attempts without a useful connection after which the client gives up. A connection is useful once
    /// it has held for 10 s and the peer has sent something after the opening, or once a message is proven to have
    /// arrived over it. Default: unlimited. Zero is refused.
    ///
    /// Too low: a short outage ends the client, and the program has to build or [connect](crate::Client::connect) it again.
    /// Too high: a wrong address is never reported as final.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.config.retry.max_attempts = Some(attempts);
        self
    }

    /// The time without a useful connection after which the client gives up. Default: unlimited. Zero is refused.
    ///
    /// Too short: a restart of the server ends the client. Too long: a script or a user that waits for the end waits
    /// this long.
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.config.retry.max_elapsed = Some(elapsed);
        self
    }

    /// Limits the retries of this client together with those of all others that are given a clone of this
    /// [`RetryBudget`]. Default: none; each client has only its own delays.
    ///
    /// A budget that is too small for its clients keeps some of them offline long after the server is back; one that is
    /// too large limits nothing.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Replaces the [advice](crate::advice) on whether to retry after one HTTP status or close code. May be called
    /// several times; [`build`](Self::build) refuses contradictions. Default: none.
    pub fn override_advice(mut self, on: CauseMatch, advice: AdviceOverride) -> Self {
        self.config.retry.overrides.push((on, advice));
        self
    }

    /// The reaction when the server closes with 1000. Default: [`OnNormalClose::End`].
    pub fn on_normal_close(mut self, what: OnNormalClose) -> Self {
        self.config.retry.on_normal_close = what;
        self
    }
}
