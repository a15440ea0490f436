use std::time::Duration;

use crate::{ConfigError, config::error::check_count, config::error::check_duration};

/// Merges bursts of JSON texts into one JSON array per frame.
///
/// Texts that look like JSON objects are collected while the connection is open; anything else (binary messages, other
/// texts) ends the batch and is sent alone, so the order is kept. A lone message is sent as it is, not as an array of
/// one. Only messages of one [priority](crate::Priority) share a frame, and only those of normal priority wait for
/// others. All messages of a frame have the same outcome, and `Disconnect` and `Close` send what is being collected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batching {
    /// The time for which the first message of a batch may wait for others. Default 100 ms, by which every first
    /// message arrives later.
    pub window: Duration,
    /// The largest frame that messages are merged into, in bytes. Default 64 KiB. A batch that reaches it is sent at
    /// once; a larger message is sent alone.
    pub max_bytes: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { window: Duration::from_millis(100), max_bytes: 64 << 10 }
    }
}

impl Batching {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_duration("batching.window", self.window)?;
        check_count("batching.max_bytes", self.max_bytes)
    }
}
