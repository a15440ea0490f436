//! What is known of an attempt before it is dialled.

use everwire_core::session::SUBPROTOCOL;
use everwire_core::{Attempt, Cause};

/// Which attempt this is.
#[derive(Debug)]
pub(super) struct Which {
    pub(super) attempt: Attempt,
    /// As users count.
    pub(super) number: u32,
    /// No session is offered.
    pub(super) plain: bool,
    pub(super) last_cause: Option<Cause>,
}

/// The subprotocols of a request.
pub(super) fn offered(subprotocols: &[String], plain: bool) -> Vec<String> {
    subprotocols.iter().filter(|name| !plain || *name != SUBPROTOCOL).cloned().collect()
}
