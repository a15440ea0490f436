use serde::{Deserialize, Serialize};

use super::header::MAX_ID;

/// The limits of an end, as its hello and its answers tell them. A key that is absent sets no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// The most calls that the sender runs at the same time.
    pub max_running: u64,
    /// The largest frame of calls in bytes that the sender accepts.
    #[serde(default = "unlimited")]
    pub max_message: u64,
    /// `true` if the sender accepts several items in one frame.
    #[serde(default, skip_serializing_if = "is_false")]
    pub batches: bool,
    /// The most bytes of the payloads of the calls that it runs at the same time; a single one may have more.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub max_running_bytes: u64,
    /// The largest window of a stream that the sender runs, whatever is asked for.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub max_window: u64,
    /// The most bytes of a stream's items that are sent and not processed, for streams that the sender runs and for
    /// those that it reads; the last item may exceed them.
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
