//! What reading an open connection led to.

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
