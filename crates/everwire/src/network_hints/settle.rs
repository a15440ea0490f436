use std::time::Duration;

use everwire_core::Hint;
use tokio::time::Instant;

use super::NetworkChange;
use crate::clock;

/// Waits until the network has settled.
#[derive(Debug, Default)]
pub(super) struct Settle {
    first: Option<Instant>,
    last: Option<(Instant, NetworkChange)>,
}

/// No change for so long: it has settled.
const QUIET: Duration = Duration::from_millis(250);
/// After this time it is told even if it has not.
const LONGEST: Duration = Duration::from_secs(2);

impl Settle {
    pub(super) fn note(&mut self, now: Instant, change: NetworkChange) {
        self.first.get_or_insert(now);
        self.last = Some((now, change));
    }

    /// When there is something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, (last, _)) = (self.first?, self.last?);
        Some(clock::after(last, QUIET).min(clock::after(first, LONGEST)))
    }

    /// What is to be told: the last word counts.
    pub(super) fn take(&mut self) -> Option<Hint> {
        self.first = None;
        let (_, change) = self.last.take()?;
        Some(match change {
            NetworkChange::Changed => Hint::NetworkChanged,
            NetworkChange::Gone => Hint::Offline,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_changes_is_one_hint_when_it_is_over_and_the_last_word_counts() {
        let mut settle = Settle::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!((settle.due(), settle.take()), (None, None));
        settle.note(at(0), NetworkChange::Gone);
        settle.note(at(200), NetworkChange::Changed);
        assert_eq!(settle.due(), Some(at(450)));
        assert_eq!((settle.take(), settle.due()), (Some(Hint::NetworkChanged), None));
        settle.note(at(1000), NetworkChange::Gone);
        assert_eq!((settle.due(), settle.take()), (Some(at(1250)), Some(Hint::Offline)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_never_settles_is_told_all_the_same() {
        let mut settle = Settle::default();
        let start = Instant::now();
        for tenths in 0..30 {
            settle.note(start + Duration::from_millis(100 * tenths), NetworkChange::Changed);
        }
        assert_eq!(settle.due(), Some(start + LONGEST));
    }
}
