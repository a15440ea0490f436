//! The heartbeat: when to ping, when to probe a silent peer, and when to declare it dead.

use std::time::Duration;

use crate::{
    ConfigError, Moment, PingProgress, Timer,
    config::error::check_duration,
    moment::part,
    silence::{End, IdleAtEnd, Silences},
    timers::Timers,
};

/// The settings of the heartbeat, which keeps a connection alive and finds a dead peer.
///
/// A ping goes out when either direction has been silent for the interval: servers and proxies that cut idle
/// connections count what they receive, what they send, or both. Death is judged by inbound silence alone: anything
/// that arrives is a sign of life, and a peer is declared dead at most `interval + timeout` after the last one. While a
/// ping waits behind bytes that are still going out, its answer is not awaited yet: the peer is then declared dead when
/// no byte has gone out for that long.
///
/// The first ping of a connection goes out after 3 s in which this end has sent nothing, unless the peer has sent
/// something and is known to answer pings.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HeartbeatConfig {
    /// Silence, in either direction, after which a ping goes out. Default 25 s, below the 30 s after which the strictest of
    /// common servers closes an idle connection. `None` switches the heartbeat off, and a dead peer is then found only by
    /// the operating system, after minutes, or never. Short intervals drain batteries of mobile devices; beyond about a
    /// minute, servers close and middleboxes forget idle connections.
    ///
    /// Too short: traffic and battery. Too long: connections are dropped on the way while they are idle.
    pub interval: Option<Duration>,
    /// Further inbound silence after which the peer is dead. Default 10 s. Too short takes a slow network for a dead peer.
    ///
    /// Too long: messages wait that long on a dead connection.
    pub timeout: Duration,
    /// `true` if connections that are lost while idle teach a shorter interval. Default true. A connection is idle if
    /// nothing went either way, or this end sent nothing, for longer than the connection had survived before. After two
    /// that had been idle for about the same time (a tenth or a second apart) the interval is 7/10 of that time, at
    /// least 5 s and never more than is set. It is kept for a day; then it grows by a quarter each day, until a
    /// connection is lost because of it. Switched off, a path that drops idle connections sooner than `interval` costs
    /// one connection after the other.
    pub adaptive: bool,
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self { interval: Some(Duration::from_secs(25)), timeout: Duration::from_secs(10), adaptive: true }
    }
}

impl HeartbeatConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(interval) = self.interval {
            check_duration("heartbeat.interval", interval)?;
        }
        check_duration("heartbeat.timeout", self.timeout)
    }
}

/// What a heartbeat timer asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// Nothing: there was life.
    Alive,
    /// A ping. `late_by`: the timer was so late that it is we who stalled.
    Probe { late_by: Option<Duration> },
    /// The connection is dead.
    Dead { silent_for: Duration },
}

/// ```text
///        inbound silence for `interval`, a hint       inbound silence for `timeout`
/// Listening ──────────────────────────────▶ Probing ────────────────────────▶ dead
///     ▲  ▲                                    │ ▲ │
///     │  └──────────── any life ──────────────┘ └─┘ we stalled: once more
///     ▼
///   Paused (we do not read: no verdict possible)
/// ```
///
/// In each of the three, outbound silence for `interval` makes a ping due, and the first one sooner ([`FIRST_PING`]).
#[derive(Debug)]
pub(crate) struct Heartbeat {
    config: HeartbeatConfig,
    /// Of this connection, which may be shorter than the one that is set.
    interval: Option<Duration>,
    /// The time-out of this connection, which may be longer than the one that is set.
    timeout: Duration,
    silences: Silences,
    /// How idle the connection was when it was lost, if that can be said.
    at_end: Option<Box<(Moment, Silences, Observed)>>,
    /// The latest ping waits behind bytes of ours, of which some last went out then.
    draining: Option<Moment>,
    first_ping: FirstPing,
    /// No ping of ours was answered before this connection.
    never_answered: bool,
    /// When the peer was last heard on this connection.
    life: Option<Moment>,
    opened: Moment,
    mode: Mode,
}

/// The first ping of a connection, which goes out early: see [`FIRST_PING`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstPing {
    Due,
    /// It goes out now. It is not taken for the end of a silence: one so short teaches nothing, and a peer that never
    /// answers leaves the longer ones to be looked at.
    Leaves,
    /// A ping has gone out.
    Done,
}

/// A connection on which no ping has gone out yet is pinged after this silence of ours, unless the peer has been heard since
/// its greeting and is known to answer pings. The answer tells a server that works from one that only accepts connections,
/// and a path that forgets connections from a peer that answers no pings. Paths that drop connections sooner than this are
/// none from which an interval is learned.
const FIRST_PING: Duration = Duration::from_secs(3);

/// What comes within this time after the opening may be a greeting, which says nothing of what comes after it.
const GREETING: Duration = Duration::from_secs(1);

/// Whether we were listening when the connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Observed {
    All,
    /// The end only: what came before it was not read.
    End,
}

#[derive(Debug)]
enum Mode {
    Off,
    Listening,
    Probing {
        until: Moment,
        timeout: Duration,
        excused: bool,
        /// The ping that asks has had to wait behind bytes of ours, and has left: the time-out counts from then.
        left_late: bool,
    },
    Paused {
        since: Moment,
        probe_wanted: Option<Duration>,
    },
}

impl Heartbeat {
    /// When the peer last gave a sign of life.
    pub(crate) fn last_life(&self) -> Moment {
        self.silences.heard()
    }

    pub(crate) fn new(config: HeartbeatConfig) -> Self {
        Self {
            config,
            interval: config.interval,
            timeout: config.timeout,
            silences: Silences::default(),
            at_end: None,
            draining: None,
            first_ping: FirstPing::Done,
            never_answered: true,
            life: None,
            opened: Moment::ZERO,
            mode: Mode::Off,
        }
    }

    /// How long something may stand still at the most before that means death; `None`: for ever. It counts the interval
    /// that is set: a learned one says how often the path wants to be used, not how slow a peer may be.
    pub(crate) fn patience(&self) -> Option<Duration> {
        Some(self.config.interval?.saturating_add(self.config.timeout))
    }

    /// How long the peer may be silent at the most, by the interval and the time-out of this connection.
    pub(crate) fn allowed_silence(&self) -> Option<Duration> {
        Some(self.interval?.saturating_add(self.timeout))
    }

    /// A connection has opened.
    pub(crate) fn start(&mut self, now: Moment, interval: Option<Duration>, timeout: Duration, timers: &mut Timers) {
        (self.interval, self.timeout) = (interval, timeout);
        (self.silences, self.at_end, self.draining) = (Silences::new(now), None, None);
        (self.opened, self.life, self.first_ping) = (now, None, FirstPing::Done);
        self.mode = Mode::Listening;
        self.watch(timers);
    }

    /// The first ping of the connection that has just opened goes out early ([`FIRST_PING`]). `never_answered`: none
    /// was ever answered before.
    pub(crate) fn ask_early(&mut self, never_answered: bool, timers: &mut Timers) {
        (self.first_ping, self.never_answered) = (FirstPing::Due, never_answered);
        self.watch(timers);
    }

    /// What silence is answered with from the next ping on.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Whether an answer could be here: we read, and no ping waits behind bytes of ours.
    pub(crate) fn hears_answers(&self) -> bool {
        self.draining.is_none() && matches!(self.mode, Mode::Listening | Mode::Probing { .. })
    }

    /// The connection is over or about to be.
    pub(crate) fn stop(&mut self, timers: &mut Timers) {
        self.mode = Mode::Off;
        timers.clear(Timer::Heartbeat);
        timers.clear(Timer::Probe);
    }

    /// Something arrived.
    pub(crate) fn alive(&mut self, now: Moment, timers: &mut Timers) {
        self.silences.note_heard(now);
        self.life = Some(now);
        if let Mode::Probing { .. } = self.mode {
            timers.clear(Timer::Probe);
            self.mode = Mode::Listening;
            self.watch(timers);
        }
    }

    /// Something of ours goes out.
    #[inline]
    pub(crate) fn sent(&mut self, now: Moment) {
        self.silences.note_sent(now);
    }

    /// A ping of ours was answered.
    pub(crate) fn answered(&mut self) {
        self.silences.note_answer();
    }

    /// Whether the peer has been heard when it had held the connection for so long, or for [`GREETING`]; true without a
    /// heartbeat, since nobody asks it then.
    pub(crate) fn is_shown_alive(&self, held: Duration) -> bool {
        let since = self.opened + held.min(GREETING);
        self.interval.is_none() || self.life.is_some_and(|life| life >= since)
    }

    /// Whether nothing of ours has gone out for longer than the interval; than the default one if there is none.
    pub(crate) fn is_mute(&self, now: Moment) -> bool {
        let interval = self.interval.or(HeartbeatConfig::default().interval);
        interval.is_some_and(|interval| now.since(self.silences.sent()) > interval)
    }

    /// A ping of ours goes out.
    pub(crate) fn pinged(&mut self, now: Moment) {
        match std::mem::replace(&mut self.first_ping, FirstPing::Done) {
            FirstPing::Leaves => self.silences.note_progress(now),
            FirstPing::Due | FirstPing::Done => self.silences.note_ping(now),
        }
    }

    /// When the first ping goes out, if it is still to.
    fn first_ping_at(&self) -> Option<Moment> {
        let wanted = self.never_answered || !self.is_shown_alive(GREETING);
        (self.first_ping == FirstPing::Due && wanted).then(|| self.silences.sent() + FIRST_PING)
    }

    /// A ping of ours did not leave at once.
    pub(crate) fn own_ping(&mut self, now: Moment, progress: PingProgress, timers: &mut Timers) {
        self.silences.note_progress(now);
        match progress {
            PingProgress::Waits => self.draining = Some(now),
            PingProgress::Sent => {
                self.draining = None;
                // Once: what goes out later asks the same, and must not put the verdict off.
                if let Mode::Probing { until, timeout, left_late: left_late @ false, .. } = &mut self.mode {
                    *left_late = true;
                    *until = (*until).max(now + *timeout);
                    timers.set(Timer::Probe, *until);
                }
            }
        }
    }

    /// The connection is lost, or the peer has said that it is over: whatever comes behind is no news of the path.
    pub(crate) fn note_end(&mut self, now: Moment) {
        let heard = if let Mode::Paused { .. } = self.mode { Observed::End } else { Observed::All };
        let silences = self.silences;
        self.at_end.get_or_insert_with(|| Box::new((now, silences, heard)));
    }

    /// For how long the connection had been idle when it was lost, as far as that may be the reason. `answers`: a ping has
    /// ever been answered.
    pub(crate) fn idle_at_end(&self, end: End, answers: bool) -> IdleAtEnd {
        let Some((at, silences, heard)) = self.at_end.as_deref().copied() else { return IdleAtEnd::default() };
        // Without an answer ever, nothing tells a path that has forgotten the connection from a peer that answers no pings.
        // An end that is told tells that itself.
        if !answers && end == End::Silent {
            return IdleAtEnd::default();
        }
        let IdleAtEnd { both_ways, outbound } = silences.at_end(at, end);
        // A longer silence was a stand-still of ours.
        let most = self.interval.unwrap_or(Duration::MAX).saturating_add(Duration::from_secs(1));
        IdleAtEnd {
            both_ways: both_ways.filter(|idle| heard == Observed::All && *idle <= most),
            outbound: outbound.filter(|idle| *idle <= most),
        }
    }

    /// Our side stops reading: inbound silence says nothing from now on.
    pub(crate) fn pause(&mut self, now: Moment, timers: &mut Timers) {
        let probe_wanted = match self.mode {
            Mode::Off | Mode::Paused { .. } => return,
            Mode::Listening => None,
            Mode::Probing { timeout, .. } => Some(timeout),
        };
        self.mode = Mode::Paused { since: now, probe_wanted };
        timers.clear(Timer::Probe);
        self.watch(timers);
    }

    /// Our side reads again: the clock restarts, with a probe if one was pending at the pause or if the pause could
    /// have hidden a dead connection.
    pub(crate) fn resume(&mut self, now: Moment, timers: &mut Timers) -> Liveness {
        let Mode::Paused { since, probe_wanted } = self.mode else { return Liveness::Alive };
        let long = self.interval.is_some() && now.since(since) >= self.timeout;
        self.silences.listen_again(now);
        self.mode = Mode::Listening;
        self.watch(timers);
        match probe_wanted.or(long.then_some(self.timeout)) {
            Some(timeout) => self.probe(now, timeout, timers),
            None => Liveness::Alive,
        }
    }

    /// Demands a sign of life within `timeout`, or sooner if one is already demanded.
    pub(crate) fn probe(&mut self, now: Moment, timeout: Duration, timers: &mut Timers) -> Liveness {
        let demanded = now + timeout;
        match &mut self.mode {
            Mode::Off => return Liveness::Alive,
            Mode::Paused { probe_wanted, .. } => {
                *probe_wanted = Some(probe_wanted.map_or(timeout, |wanted| wanted.min(timeout)));
                return Liveness::Alive;
            }
            Mode::Probing { until, .. } if *until <= demanded => return Liveness::Alive,
            Mode::Probing { until, timeout: allowed, .. } => (*until, *allowed) = (demanded, timeout),
            Mode::Listening => self.mode = Mode::Probing { until: demanded, timeout, excused: false, left_late: false },
        }
        timers.set(Timer::Probe, demanded);
        Liveness::Probe { late_by: None }
    }

    /// [`Timer::Heartbeat`] has come. It is not moved at each sign of life but looked at here.
    pub(crate) fn on_silence(&mut self, now: Moment, timers: &mut Timers) -> Liveness {
        let Some(interval) = self.interval else { return Liveness::Alive };
        if let Mode::Off = self.mode {
            return Liveness::Alive;
        }
        let due = self.silences.heard() + interval;
        if let Mode::Listening = self.mode
            && due <= now
        {
            let late_by = self.stalled(now.since(due), self.config.timeout);
            let until = if late_by.is_some() { now } else { due } + self.timeout;
            self.mode = Mode::Probing { until, timeout: self.timeout, excused: false, left_late: false };
            timers.set(Timer::Probe, until);
            // A ping that went out for the other direction's sake asks the same, unless it still waits to leave: a probe
            // may pass what it waits for.
            let left = self.draining.is_none();
            let asked = left && self.silences.asked().is_some_and(|asked| now.since(asked) < self.config.timeout);
            if late_by.is_some() || !asked {
                self.pinged(now);
                self.watch(timers);
                return Liveness::Probe { late_by };
            }
        }
        let quiet = self.silences.sent() + interval <= now;
        let first = !quiet && self.first_ping_at().is_some_and(|at| at <= now);
        if first {
            self.first_ping = FirstPing::Leaves;
            self.silences.note_progress(now);
        } else if quiet {
            self.pinged(now);
        }
        self.watch(timers);
        if quiet || first { Liveness::Probe { late_by: None } } else { Liveness::Alive }
    }

    /// [`Timer::Probe`] has come.
    pub(crate) fn on_unanswered(&mut self, now: Moment, timers: &mut Timers) -> Liveness {
        let Mode::Probing { until, timeout, excused, .. } = self.mode else { return Liveness::Alive };
        // What was asked behind bytes that still go out is not heard yet.
        let patience = self.patience().unwrap_or(self.config.timeout.saturating_mul(2));
        let until = self.draining.map_or(until, |progress| until.max(progress + patience));
        if until > now {
            timers.set(Timer::Probe, until);
            return Liveness::Alive;
        }
        match self.stalled(now.since(until), timeout) {
            Some(late_by) if !excused => {
                let until = now + timeout;
                self.mode = Mode::Probing { until, timeout, excused: true, left_late: false };
                timers.set(Timer::Probe, until);
                Liveness::Probe { late_by: Some(late_by) }
            }
            _ => Liveness::Dead { silent_for: now.since(self.silences.heard()) },
        }
    }

    /// Sets [`Timer::Heartbeat`] for the direction that is first to have been silent for the interval. Inbound silence
    /// matters only while nobody has asked for a sign of life, and we read.
    fn watch(&self, timers: &mut Timers) {
        let Some(interval) = self.interval else { return timers.clear(Timer::Heartbeat) };
        let since = match self.mode {
            Mode::Off => return timers.clear(Timer::Heartbeat),
            Mode::Listening => self.silences.heard().min(self.silences.sent()),
            Mode::Probing { .. } | Mode::Paused { .. } => self.silences.sent(),
        };
        let at = since + interval;
        timers.set(Timer::Heartbeat, self.first_ping_at().map_or(at, |first| at.min(first)));
    }

    /// A timer that is late by more than a quarter of the time-out, within 10 ms and 1 s, tells of a stall of our own.
    fn stalled(&self, late_by: Duration, timeout: Duration) -> Option<Duration> {
        let slack = part(timeout, 4).clamp(Duration::from_millis(10), Duration::from_secs(1));
        (late_by > slack).then_some(late_by)
    }
}
