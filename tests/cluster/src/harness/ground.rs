//! What members need to know of the world.

use std::time::Instant;

use everwire_cluster::record::Millis;

use super::tokens::Issuer;

/// The nodes' addresses, and how members authenticate.
pub(crate) struct Ground {
    pub(crate) addresses: Vec<String>,
    pub(crate) issuer: Issuer,
    /// Whether members sign in with accounts; else they have tokens of the issuer.
    pub(crate) has_accounts: bool,
    pub(crate) started: Instant,
}

impl Ground {
    pub(crate) fn now(&self) -> Millis {
        self.started.elapsed().as_millis().try_into().unwrap_or(Millis::MAX)
    }
}
