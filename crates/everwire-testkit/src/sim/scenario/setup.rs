use std::time::Duration;

use everwire_core::session::{Limits, RegistryConfig, ServerConfig, SessionConfig};
use everwire_core::{Batching, Config, Guarantee, Jitter, Overflow, SendRate};
use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::sim::agenda::{millis, nanos};
use crate::sim::client::{ClientPlan, DiskPlan};
use crate::sim::head::Request;
use crate::sim::mutant::Mutant;
use crate::sim::server::ServerPlan;

/// Settings of the clients. Times are in milliseconds; what is 0 or left out has the machine's default, if not said
/// otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
#[allow(missing_docs, reason = "named as the settings of `everwire_core::Config` that they set")]
pub struct ClientSetup {
    #[serde(skip_serializing_if = "super::is_default")]
    pub guarantee: GuaranteeChoice,
    #[serde(skip_serializing_if = "super::is_default")]
    pub overflow: OverflowChoice,
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_messages: usize,
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_bytes: usize,
    /// The batching window; 0: no batching.
    #[serde(skip_serializing_if = "super::is_default")]
    pub batching: u64,
    /// Messages a second at most; 0: as many as the connection takes.
    #[serde(skip_serializing_if = "super::is_default")]
    pub send_rate: u32,
    /// The number of them at once; 0: 1.
    #[serde(skip_serializing_if = "super::is_default")]
    pub send_burst: u32,
    #[serde(skip_serializing_if = "super::is_default")]
    pub heartbeat: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub heartbeat_timeout: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub initial_delay: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_delay: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub no_jitter: bool,
    /// Retries a second that all clients share; 0: as many as each wants.
    #[serde(skip_serializing_if = "super::is_default")]
    pub budget: u32,
    #[serde(skip_serializing_if = "super::is_default")]
    pub open_timeout: u64,
    /// The session's limits: messages before an acknowledgement.
    #[serde(skip_serializing_if = "super::is_default")]
    pub window: u32,
    #[serde(skip_serializing_if = "super::is_default")]
    pub ack_delay: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub ack_every: u32,
    /// The time that the handler takes for a message; 0: no time.
    #[serde(skip_serializing_if = "super::is_default")]
    pub work: u64,
    /// Messages that wait for the handler before reading pauses; 0: 1024.
    #[serde(skip_serializing_if = "super::is_default")]
    pub inbox: usize,
    /// Messages that wait for the handler before reading stops although a message that was sent has no outcome yet; 0:
    /// 65,536. In a session its own limits bound them.
    #[serde(skip_serializing_if = "super::is_default")]
    pub inbox_hard: usize,
    /// The handler answers a message, up to fifty times, and awaits the answer's outcome, and room for it before, before it
    /// takes the next.
    #[serde(skip_serializing_if = "super::is_default")]
    pub awaits: bool,
    /// Bytes that wait for the socket before no more is taken out of the outbox; 0: 64 KiB.
    #[serde(skip_serializing_if = "super::is_default")]
    pub write_buffer: usize,
    /// Bytes that the operating system and the network hold in each direction; 0: 256 KiB.
    #[serde(skip_serializing_if = "super::is_default")]
    pub socket_buffer: usize,
    /// Payloads have up to this many bytes beyond their key; 0: none.
    #[serde(skip_serializing_if = "super::is_default")]
    pub payload: u64,
    /// Every so-many-th message is one that some servers refuse; 0: none.
    #[serde(skip_serializing_if = "super::is_default")]
    pub poison_every: u64,
    /// The outbox is kept in a store that outlives the process.
    #[serde(skip_serializing_if = "super::is_default")]
    pub durable: bool,
    /// The time that a commit of that store takes.
    #[serde(skip_serializing_if = "super::is_default")]
    pub commit: u64,
    /// One commit in four fails.
    #[serde(skip_serializing_if = "super::is_default")]
    pub disk_fails: bool,
    /// From this time on, until the calm, every commit fails: the disk is gone. 0: it stays.
    #[serde(skip_serializing_if = "super::is_default")]
    pub disk_vanishes: u64,
    /// Every third message expires if it has waited so long; 0: none does.
    #[serde(skip_serializing_if = "super::is_default")]
    pub ttl: u64,
    /// Messages are of three priorities, and every fourth has a key by which it is conflated.
    #[serde(skip_serializing_if = "super::is_default")]
    pub levels: bool,
    /// Every so-many-th message is volatile; 0: none.
    #[serde(skip_serializing_if = "super::is_default")]
    pub volatile_every: u64,
    /// Changed bytes are not found out: no TLS. Then only what does not hang on the bytes' truth is checked.
    #[serde(skip_serializing_if = "super::is_default")]
    pub unsealed: bool,
}

/// [`Guarantee`], as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is explained at `everwire_core::Guarantee`")]
pub enum GuaranteeChoice {
    Unproven,
    #[default]
    AtMostOnce,
    AtLeastOnce,
}

/// [`Overflow`], as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is explained at `everwire_core::Overflow`")]
pub enum OverflowChoice {
    #[default]
    Reject,
    DropOldest,
    DropNewest,
    DropLowestPriority,
}

/// Settings of the server. Times are in milliseconds; what is 0 or left out has the machine's default, if not said
/// otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
#[allow(missing_docs, reason = "named as the settings of `everwire_core::session::ServerConfig` that they set")]
pub struct ServerSetup {
    #[serde(skip_serializing_if = "super::is_default")]
    pub resume_within: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub window: u32,
    #[serde(skip_serializing_if = "super::is_default")]
    pub window_bytes: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub message_bytes: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub outbox: usize,
    /// The age of every message in a session's outbox; 0: none expires.
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_age: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub ack_delay: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub ack_every: u32,
    #[serde(skip_serializing_if = "super::is_default")]
    pub heartbeat: u64,
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_sessions: usize,
    #[serde(skip_serializing_if = "super::is_default")]
    pub max_detached_bytes: usize,
    /// The time that the handler takes for a message; 0: no time.
    #[serde(skip_serializing_if = "super::is_default")]
    pub work: u64,
    /// Messages of a plain connection that wait for the handler before reading pauses; 0: 1024.
    #[serde(skip_serializing_if = "super::is_default")]
    pub inbox: usize,
    #[serde(skip_serializing_if = "super::is_default")]
    pub write_buffer: usize,
    /// The way effects become durable.
    #[serde(skip_serializing_if = "super::is_default")]
    pub commit: Commit,
    /// Handles what a session that is over has left in its inbox.
    #[serde(skip_serializing_if = "super::is_default")]
    pub finishes: bool,
    /// Each message is answered with one.
    #[serde(skip_serializing_if = "super::is_default")]
    pub echo: bool,
}

/// The way the server's application makes effects durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commit {
    /// Each by itself, at once; how far a session has come is forgotten in a crash.
    #[default]
    Each,
    /// Many together with the sessions' watermarks, in one transaction, at intervals of this many milliseconds.
    Together(u64),
}

fn set<T>(to: &mut T, value: T, given: bool) {
    if given {
        *to = value;
    }
}

fn time(to: &mut Duration, value: u64) {
    set(to, Duration::from_millis(value), value > 0);
}

impl Scenario {
    pub(crate) fn client_plan(&self, index: u32) -> ClientPlan {
        let setup = &self.client;
        let mut config = Config::default();
        config.guarantee = match setup.guarantee {
            GuaranteeChoice::Unproven => Guarantee::Unproven,
            GuaranteeChoice::AtMostOnce => Guarantee::AtMostOnce,
            GuaranteeChoice::AtLeastOnce => Guarantee::AtLeastOnce,
        };
        config.outbox.overflow = match setup.overflow {
            OverflowChoice::Reject => Overflow::Reject,
            OverflowChoice::DropOldest => Overflow::DropOldest,
            OverflowChoice::DropNewest => Overflow::DropNewest,
            OverflowChoice::DropLowestPriority => Overflow::DropLowestPriority,
        };
        set(&mut config.outbox.max_messages, setup.max_messages, setup.max_messages > 0);
        set(&mut config.outbox.max_bytes, setup.max_bytes, setup.max_bytes > 0);
        if setup.batching > 0 && !self.session {
            let mut batching = Batching::default();
            batching.window = Duration::from_millis(setup.batching);
            config.batching = Some(batching);
        }
        let send_rate = (setup.send_rate > 0)
            .then(|| SendRate::per_second(f64::from(setup.send_rate)).burst(setup.send_burst.max(1)));
        config.send_rate = send_rate.filter(|_| self.mutant != Some(Mutant::SendRateIgnored));
        if setup.heartbeat > 0 {
            config.heartbeat.interval = Some(Duration::from_millis(setup.heartbeat));
        }
        config.heartbeat.adaptive = self.mutant != Some(Mutant::SilenceTeachesNothing);
        if self.mutant == Some(Mutant::DeathUnnoticed) {
            config.heartbeat.interval = None;
        }
        time(&mut config.heartbeat.timeout, setup.heartbeat_timeout);
        time(&mut config.retry.initial_delay, setup.initial_delay);
        time(&mut config.retry.max_delay, setup.max_delay);
        config.retry.max_delay = config.retry.max_delay.max(config.retry.initial_delay);
        set(&mut config.retry.jitter, Jitter::None, setup.no_jitter);
        config.retry.budgeted = setup.budget > 0;
        set(&mut config.retry.stable_after, Duration::from_nanos(1), self.mutant == Some(Mutant::ResetOnOpen));
        time(&mut config.open.timeout, setup.open_timeout);
        let mut told = Limits::default();
        if self.session {
            let mut session = SessionConfig::default();
            set(&mut session.limits.messages, setup.window, setup.window > 0);
            time(&mut session.ack_delay, setup.ack_delay);
            set(&mut session.ack_every, setup.ack_every, setup.ack_every > 0);
            told = session.limits;
            if self.mutant == Some(Mutant::ClientLimitsUnheld) {
                session.limits = Limits { messages: u32::MAX, bytes: 1 << 40, message_bytes: 1 << 30 };
            }
            config.session = Some(session);
        }
        let request = Request { principal: format!("client-{index}"), session: self.session }.to_bytes().into_bytes();
        ClientPlan {
            config,
            send_rate,
            request,
            told,
            disk: (setup.durable && self.session).then(|| DiskPlan {
                delay: millis(setup.commit),
                fails: setup.disk_fails,
                gone: match setup.disk_vanishes {
                    0 => 0..0,
                    from => millis(from)..nanos(self.calm()),
                },
            }),
            work: millis(setup.work),
            inbox: if setup.inbox > 0 { setup.inbox } else { 1024 },
            inbox_hard: match setup.inbox_hard {
                _ if self.session => usize::MAX,
                0 => 1 << 16,
                messages => messages,
            },
            write_buffer: if setup.write_buffer > 0 { setup.write_buffer } else { 64 << 10 },
        }
    }

    pub(crate) fn server_plan(&self) -> ServerPlan {
        let setup = &self.server;
        let mut session = self.session.then(|| {
            let mut config = ServerConfig::default();
            let Limits { messages, bytes, message_bytes } = &mut config.limits;
            set(messages, setup.window, setup.window > 0);
            set(bytes, setup.window_bytes, setup.window_bytes > 0);
            set(message_bytes, setup.message_bytes, setup.message_bytes > 0);
            set(&mut config.outbox.max_messages, setup.outbox, setup.outbox > 0);
            config.outbox.max_age = (setup.max_age > 0).then_some(Duration::from_millis(setup.max_age));
            time(&mut config.resume_within, setup.resume_within);
            time(&mut config.ack_delay, setup.ack_delay);
            set(&mut config.ack_every, setup.ack_every, setup.ack_every > 0);
            if setup.heartbeat > 0 {
                config.heartbeat.interval = Some(Duration::from_millis(setup.heartbeat));
            }
            config
        });
        let mut registry = RegistryConfig::default();
        set(&mut registry.max_sessions, setup.max_sessions, setup.max_sessions > 0);
        set(&mut registry.max_detached_bytes, setup.max_detached_bytes, setup.max_detached_bytes > 0);
        let told = session.as_ref().map_or_else(Limits::default, |session: &ServerConfig| session.limits);
        if self.mutant == Some(Mutant::LimitsUnheld)
            && let Some(session) = &mut session
        {
            session.limits = Limits { messages: u32::MAX, bytes: 1 << 40, message_bytes: 1 << 30 };
        }
        ServerPlan {
            session,
            told,
            registry,
            script: self.script.clone(),
            calm: self.calm(),
            work: millis(setup.work),
            inbox: if setup.inbox > 0 { setup.inbox } else { 1024 },
            write_buffer: if setup.write_buffer > 0 { setup.write_buffer } else { 64 << 10 },
            max_message: 16 << 20,
            finishes: setup.finishes,
        }
    }

    /// From when on no fault begins.
    pub(crate) fn network_plan(&self) -> crate::faults::Schedule {
        let mut schedule = self.network.clone();
        let calm = self.calm();
        schedule.until = Some(schedule.until.map_or(calm, |until| until.min(calm)));
        debug_assert!(nanos(calm) < u64::MAX, "a scenario ends");
        schedule
    }
}
