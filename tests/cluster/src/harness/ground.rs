//! What members need of the world.

use std::time::Instant;

use everwire_cluster::record::Millis;

use super::tokens::Issuer;

/// Where the nodes are, and who vouches for members.
pub(crate) struct Ground {
    pub(crate) addresses: Vec<String>,
    pub(crate) issuer: Issuer,
    /// Members sign in; else the issuer vouches for them.
    pub(crate) has_accounts: bool,
    pub(crate) started: Instant,
}

impl Ground {
    pub(crate) fn now(&self) -> Millis {
        self.started.elapsed().as_millis().try_into().unwrap_or(Millis::MAX)
    }
}
