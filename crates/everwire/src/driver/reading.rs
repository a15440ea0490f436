//! What reading an open connection led to.

use everwire_core::TransportEvent;

use crate::inbox::Limit;

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing is there; we are woken when there is.
    Dry,
    /// The batch is full.
    More,
    /// The inbox is full; we are woken when it has room.
    Paused,
    /// The connection is gone.
    Gone,
}

impl Limit {
    /// What the machine is told when it is reached.
    pub(super) fn pause(self) -> TransportEvent {
        match self {
            Self::Usual => TransportEvent::ReadPaused,
            Self::Hard => TransportEvent::ReadStalled,
        }
    }
}
