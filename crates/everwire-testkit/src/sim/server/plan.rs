use std::time::Duration;

use everwire_core::session::{Limits, RegistryConfig, ServerConfig};

use super::script::PlainScript;
use crate::sim::agenda::Nanos;

/// Settings of a server's process.
#[derive(Clone, Debug)]
pub(crate) struct ServerPlan {
    /// None: it speaks no sessions.
    pub(crate) session: Option<ServerConfig>,
    /// What clients are told they may send.
    pub(crate) told: Limits,
    pub(crate) registry: RegistryConfig,
    pub(crate) script: PlainScript,
    /// From this time on scripts behave well.
    pub(crate) calm: Duration,
    pub(crate) work: Nanos,
    /// Messages of a plain connection that wait for the handler before reading pauses.
    pub(crate) inbox: usize,
    pub(crate) write_buffer: usize,
    pub(crate) max_message: usize,
    /// What a session that is over has left in its inbox is still handled.
    pub(crate) finishes: bool,
}
