//! Numbers for the facade `metrics`, with the feature of that name; without it, nothing.
//!
//! - `names`: each metric, its unit and what it means
//! - `connections`: what an accept loop counts
//! - `sessions`: what all sessions of a server count together
//! - `session`: one session's share, batch by batch
//! - `off`: the same without the feature: types without content, functions without code

#[cfg(feature = "metrics")]
mod connections;
#[cfg(feature = "metrics")]
mod names;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod session;
#[cfg(feature = "metrics")]
mod sessions;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{ConnectionsMeter, Look, SessionMeter, SessionsMeter, Tally};
#[cfg(feature = "metrics")]
pub(crate) use self::{
    connections::ConnectionsMeter,
    session::{Look, SessionMeter, Tally},
    sessions::SessionsMeter,
};
