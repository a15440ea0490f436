//! Numbers for the facade `metrics`, with the feature of that name; without it, nothing.
//!
//! - [`CallsMeter`]: all calls of a client, or of a server's sessions
//! - `notes`: what happens to calls of this end, noted under a lock and told outside
//! - `meter::handled`: a call of the peer's, from its arrival to the end of its handler
//! - `names`: each metric, its unit and what it means
//! - `off`: the same without the feature: types without content, functions without code

#[cfg(feature = "metrics")]
mod meter;
#[cfg(feature = "metrics")]
mod names;
#[cfg(feature = "metrics")]
mod notes;
#[cfg(not(feature = "metrics"))]
mod off;

#[cfg(feature = "metrics")]
pub use self::meter::CallsMeter;
#[cfg(not(feature = "metrics"))]
pub use self::off::CallsMeter;
#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Handled, Notes, Stamp};
#[cfg(feature = "metrics")]
pub(crate) use self::{
    meter::Handled,
    notes::{Notes, Stamp},
};

/// How a handler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandlerOutcome {
    /// With a reply, or with the end of its stream.
    Answered,
    /// With an error of the application's.
    Failed,
    /// It panicked.
    Panicked,
    /// It was not run: there is none of this name, or the payload is not what it takes.
    Refused,
    /// It was dropped, because its deadline passed.
    Deadline,
    /// It was dropped, because the caller cancelled, or is gone.
    Cancelled,
}

impl HandlerOutcome {
    /// For metrics and spans.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Refused => "refused",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
        }
    }
}
