use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::hostile::Abuse;

/// The way a plain server behaves until the scenario is calm. The default answers pings and keeps its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct PlainScript {
    /// It answers no pings, against RFC 6455 section 5.5.2.
    #[serde(skip_serializing_if = "is_false")]
    pub ignores_pings: bool,
    /// It sends pongs that nobody asked for.
    #[serde(skip_serializing_if = "is_false")]
    pub idle_pongs: bool,
    /// It accepts a connection, then closes it with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_with: Option<u16>,
    /// It closes after this many messages; with 0, at the time in `closes_after`.
    #[serde(skip_serializing_if = "is_zero")]
    pub closes_after_messages: u32,
    /// In milliseconds after the opening.
    #[serde(skip_serializing_if = "is_zero")]
    pub closes_after: u32,
    /// It refuses connections with this HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses_with: Option<u16>,
    /// `Retry-After` in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Its answer to the request is no HTTP.
    #[serde(skip_serializing_if = "is_false")]
    pub answers_nonsense: bool,
    /// It does not read for this many milliseconds after the opening.
    #[serde(skip_serializing_if = "is_zero")]
    pub reads_after: u32,
    /// It drops a connection on which it has received nothing for this many milliseconds, as servers do that count only
    /// what they receive. For worlds in which nothing else keeps what is sent from reaching it: a client may lose two
    /// connections in this way, and has to learn from them to ping more often.
    #[serde(skip_serializing_if = "is_zero")]
    pub drops_silent: u32,
    /// It begins to behave so at this time, in milliseconds since the world's start.
    #[serde(skip_serializing_if = "is_zero")]
    pub begins: u32,
    /// A hello gets no answer. The connection is alive.
    #[serde(skip_serializing_if = "is_false")]
    pub withholds_welcome: bool,
    /// A hello is answered with something that is no welcome.
    #[serde(skip_serializing_if = "is_false")]
    pub greets_wrongly: bool,
    /// A hello is answered with a new session, and then the server does this: it floods its client, exceeds the
    /// client's limits, or is alive and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abuse: Option<Abuse>,
    /// It closes the connection with this code at each message that holds a `!`, in the calm too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poison: Option<u16>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl PlainScript {
    /// What is left of it at this time, if it is calm from `calm` on.
    pub(crate) fn at(&self, now: Duration, calm: Duration) -> Self {
        if now < Duration::from_millis(u64::from(self.begins)) {
            return Self::default();
        }
        if now >= calm { Self { poison: self.poison, ..Self::default() } } else { self.clone() }
    }
}
