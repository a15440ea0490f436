use serde::{Deserialize, Serialize};

use super::header::MAX_ID;

/// The limits of an end, told in its hello and in its answers. A key that is absent sets no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Calls that the sender runs at the same time.
    pub max_running: u64,
    /// The largest frame of calls in bytes that the sender takes.
    #[serde(default = "unlimited")]
    pub max_message: u64,
    /// The sender takes several items in one frame.
    #[serde(default, skip_serializing_if = "is_false")]
    pub batches: bool,
    /// Bytes of the payloads of those that it runs at the same time; one alone may have more.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub max_running_bytes: u64,
    /// The largest window of a stream that the sender runs, whatever is asked for.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub max_window: u64,
    /// Bytes of a stream's items that are on the way and not processed, of those that the sender runs and of those that it reads;
    /// the last item may exceed them.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub window_bytes: u64,
}

impl Limits {
    /// Of a peer that has told nothing.
    pub(crate) const UNKNOWN: Self = Self {
        max_running: MAX_ID,
        max_message: MAX_ID,
        batches: false,
        max_running_bytes: MAX_ID,
        max_window: MAX_ID,
        window_bytes: MAX_ID,
    };
}

/// A limit of the protocol's as a size here.
pub(crate) fn to_size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn unlimited() -> u64 {
    MAX_ID
}

fn is_unlimited(limit: &u64) -> bool {
    *limit >= MAX_ID
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
