use std::fmt;
use std::time::Duration;

use super::{Advice, advice};
use crate::{
    Cause, ConfigError, OpenFailure, OpenFailureKind, Seconds,
    config::error::{check_count, check_duration},
};

/// The settings of retries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryConfig {
    /// The delay before the second attempt, before jitter. Default 1 s.
    ///
    /// Too short: a server that is down gets many times the load. Too long: a server that restarts in a second is
    /// missed for this long.
    pub initial_delay: Duration,
    /// The factor by which each delay is longer than the one before. Default 1.3; 1.0 keeps the delay constant. A delay
    /// that would be longer than half of the longest is the longest at once, which spreads many clients evenly sooner.
    ///
    /// Too low: the load on a server that is down does not fall. Too high: the second failure already waits for the
    /// longest delay.
    pub factor: f64,
    /// The longest delay, before jitter. Default 10 s. While the server is down, each client tries about once in this
    /// time. A pause that the server asks for by `Retry-After` comes on top, since it knows when it will be there; a
    /// plain "try again later" (close code 1013) does not.
    ///
    /// Too short: a server that is down may be kept down. Too long: an outage lasts that much longer for the clients.
    pub max_delay: Duration,
    /// The random part of delays. Default [`Jitter::Full`].
    pub jitter: Jitter,
    /// The most attempts without a useful connection. Default `None`: no limit.
    ///
    /// Too low: a short outage ends the client. Too high: a wrong address is never reported as final.
    pub max_attempts: Option<u32>,
    /// The time for which attempts without a useful connection go on. Default `None`: no limit. The last attempt starts
    /// at the limit at the latest; its opening time, and its wait for a shared budget, come on top.
    ///
    /// Too short: a restart of the server ends the client. Too long: a program that waits for the end waits this long.
    pub max_elapsed: Option<Duration>,
    /// The time for which a connection must hold to count as useful, which resets delays and limits. Default 10 s.
    ///
    /// It counts only if the peer has sent something later than a second after the opening: a message, a ping, or the
    /// answer to a ping (the first goes out after 3 s in which the client has sent nothing). A server that accepts
    /// connections and hangs is not up. With the heartbeat off no ping is sent, and time alone counts. A connection
    /// over which a message was proven to arrive counts after one second already. Opening alone resets nothing, nor
    /// does a greeting from the server: a server that greets and then says "try again later" is not up.
    ///
    /// Too short: the client asks a server that accepts connections and fails at the pace of the first delay, for ever.
    /// Too long: after each short connection the delays go on growing.
    pub stable_after: Duration,
    /// `true` if each retry is reserved in a [`Budget`](super::Budget) that several clients share, by
    /// [`Output::Reserve`](crate::Output::Reserve). Default false. First attempts, and those that the user asks for
    /// ([`Hint::RetryNow`](crate::Hint::RetryNow)), are not.
    pub budgeted: bool,
    /// The reaction when the peer closes with 1000. Default [`OnNormalClose::End`].
    pub on_normal_close: OnNormalClose,
    /// Advice in place of that of [`advice()`], by HTTP status or close code. Default none.
    pub overrides: Vec<(CauseMatch, AdviceOverride)>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial_delay: Duration::from_secs(1),
            factor: 1.3,
            max_delay: Duration::from_secs(10),
            jitter: Jitter::Full,
            max_attempts: None,
            max_elapsed: None,
            stable_after: Duration::from_secs(10),
            budgeted: false,
            on_normal_close: OnNormalClose::End,
            overrides: Vec::new(),
        }
    }
}

impl RetryConfig {
    /// The table's advice, or what replaces it.
    pub fn advice(&self, cause: &Cause) -> Advice {
        let told = match self.on_normal_close {
            OnNormalClose::Reconnect if cause.is_normal_close() => Advice::Retry,
            OnNormalClose::Reconnect | OnNormalClose::End => advice(cause),
        };
        match self.override_of(cause) {
            None => told,
            Some(AdviceOverride::Stop) => Advice::Stop,
            Some(AdviceOverride::Retry) => match told {
                Advice::Retry
                | Advice::RetrySlowly
                | Advice::RetryNoSoonerThan(_)
                | Advice::RetryLater
                | Advice::RetryAt(_) => told,
                Advice::End | Advice::Stop | Advice::StopAfter { .. } | Advice::StopUnlessUseful { .. } => {
                    Advice::Retry
                }
            },
        }
    }

    pub(crate) fn is_overridden(&self, cause: &Cause) -> bool {
        self.override_of(cause).is_some()
    }

    fn override_of(&self, cause: &Cause) -> Option<AdviceOverride> {
        let code = CauseMatch::of(cause)?;
        self.overrides.iter().find(|(matched, _)| *matched == code).map(|(_, advice)| *advice)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_duration("retry.initial_delay", self.initial_delay)?;
        check_duration("retry.max_delay", self.max_delay)?;
        check_duration("retry.stable_after", self.stable_after)?;
        if self.max_delay < self.initial_delay {
            let (initial, max) = (Seconds(self.initial_delay), Seconds(self.max_delay));
            let problem = format!("{max}: it must not be below retry.initial_delay, {initial}");
            return Err(ConfigError::new("retry.max_delay", problem));
        }
        if !self.factor.is_finite() || self.factor < 1.0 {
            return Err(ConfigError::new("retry.factor", "out of range: it must be a number from 1 upwards"));
        }
        if let Some(limit) = self.max_attempts {
            check_count("retry.max_attempts", limit as usize)?;
        }
        if let Some(limit) = self.max_elapsed {
            check_duration("retry.max_elapsed", limit)?;
        }
        for (index, (matched, advice)) in self.overrides.iter().enumerate() {
            matched.check()?;
            if self.overrides[..index].iter().any(|(other, other_advice)| other == matched && other_advice != advice) {
                let problem = format!("contradictory: it says both to retry and to stop on {matched}");
                return Err(ConfigError::new("retry.overrides", problem));
            }
        }
        Ok(())
    }
}

/// The status or close code that an override applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CauseMatch {
    /// A refused upgrade with this HTTP status, 200 to 599; lower ones are no refusals.
    Status(u16),
    /// A close frame of the peer with this code, 1000 to 4999 (1005: a close frame without a code). Not 1006 and 1015,
    /// which mean an end without a close frame.
    CloseCode(u16),
}

impl CauseMatch {
    fn of(cause: &Cause) -> Option<Self> {
        match cause {
            Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Closed(_), .. }) | Cause::PeerClosed(_) => {
                cause.code().map(Self::CloseCode)
            }
            Cause::OpenFailed(_) => cause.code().map(Self::Status),
            Cause::Lost(_) | Cause::Dead { .. } | Cause::Bye { .. } | Cause::Superseded | Cause::ByUser => None,
        }
    }

    fn check(self) -> Result<(), ConfigError> {
        let problem = match self {
            Self::CloseCode(code @ (1006 | 1015)) => {
                format!("about close code {code}: no close frame carries it; it stands for an end without one")
            }
            Self::Status(200..=599) | Self::CloseCode(1000..=4999) => return Ok(()),
            Self::Status(status @ 100..=199) => {
                format!("about HTTP status {status}: it refuses nothing; those that do go from 200 to 599")
            }
            Self::Status(status) => format!("about HTTP status {status}: they go from 200 to 599"),
            Self::CloseCode(code) => format!("about close code {code}: they go from 1000 to 4999"),
        };
        Err(ConfigError::new("retry.overrides", problem))
    }
}

impl fmt::Display for CauseMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP status {status}"),
            Self::CloseCode(code) => write!(f, "close code {code}"),
        }
    }
}

/// The advice in place of the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdviceOverride {
    /// Keep trying, as after any failure. A pause that the server asks for is still kept.
    Retry,
    /// End, with [`Closed::Refused`](crate::Closed::Refused).
    Stop,
}

/// The reaction when the peer closes a connection with 1000, normal closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnNormalClose {
    /// The client ends: by RFC 6455 section 7.4.1 the purpose of the connection is fulfilled. There are exceptions,
    /// after which it tries again: when the client had sent nothing for longer than the heartbeat's interval or its
    /// process stood still, since servers close idle connections with 1000; and in a session, which ends with a bye.
    #[default]
    End,
    /// The client tries again, as after any loss: for feeds that never end, since several servers send 1000 when they
    /// restart, or when a handler merely returns. If a server closes every connection at once with 1000, the client
    /// tries at the pace of the longest delay, for ever.
    Reconnect,
}

/// The random part of delays, so that clients that lost the same server do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Jitter {
    /// The first delay, and the first that is as long as the longest delay, are uniform from a tenth of the initial
    /// delay (or of the delay, if that is shorter) up to the delay. That spreads clients evenly; the following delays
    /// are at least nine tenths of the longest, which keeps them so (full jitter on each would crowd the clients into
    /// the first seconds after the server's return). The growing delays in between are uniform from half the delay up
    /// to it, since an attempt soon after the one before would be wasted.
    #[default]
    Full,
    /// Uniform from half the delay up to the delay.
    Equal,
    /// No jitter: clients that lost their connections together come back together. For tests, and for a single client
    /// of a server.
    None,
}
