//! What holds between the cursors after each change.

use super::InFlight;

/// With more messages or frames than this, the checks that visit each of them are skipped, so that large tests stay fast.
const WORTH_A_WALK: usize = 64;

impl InFlight {
    /// Does nothing in a release build without debug assertions.
    pub(super) fn check(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let Self { proven, written, taken, ever_written, ever_taken, reported, .. } = *self;
        debug_assert!(
            proven <= written && written <= taken && taken <= self.end(),
            "the cursors are in order: {self:?}"
        );
        debug_assert!(
            written <= ever_written && taken <= ever_taken && ever_written <= ever_taken && ever_taken <= self.end(),
            "a connection adds to what the session has seen: {self:?}"
        );
        debug_assert_eq!(
            self.units_taken - self.units_reported,
            self.singles + self.frames.len() as u64,
            "each frame that is not reported is counted once"
        );
        debug_assert!(!self.entries.is_empty() || self.bytes == 0, "nothing has no bytes: {self:?}");
        if self.entries.len() > WORTH_A_WALK || self.frames.len() > WORTH_A_WALK {
            return;
        }
        let in_frames: usize = self.frames.iter().sum();
        debug_assert_eq!(reported + self.singles + in_frames as u64, taken, "each message is in one frame: {self:?}");
        let sizes = || self.entries.iter().map(|entry| entry.message.len());
        debug_assert_eq!(sizes().sum::<usize>(), self.bytes, "{self:?}");
        debug_assert_eq!(sizes().take((taken - proven) as usize).sum::<usize>(), self.taken_bytes, "{self:?}");
        debug_assert!(self.mixed || self.entries.iter().map(|entry| entry.id).is_sorted(), "numbers grow: {self:?}");
    }
}
