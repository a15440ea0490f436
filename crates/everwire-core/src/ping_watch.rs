//! Whether our latest ping has left: for drivers, which see the bytes.

/// Tells whether the latest ping has left. The driver notes where the ping ends in the bytes that it has queued, and
/// how many bytes the transport has taken.
///
/// ```
/// use everwire_core::{PingProgress, PingWatch};
///
/// let mut watch = PingWatch::default();
/// watch.queued(1000); // 990 bytes wait in front of a ping of 10
/// assert_eq!(watch.sample(400, 600), Some(PingProgress::Waits));
/// assert_eq!(watch.sample(400, 600), None, "the transport has taken nothing since");
/// assert_eq!(watch.sample(800, 200), Some(PingProgress::Waits));
/// assert_eq!(watch.sample(1000, 0), Some(PingProgress::Sent));
/// assert_eq!(watch.sample(1000, 0), None);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PingWatch {
    end: Option<u64>,
    /// What the transport had taken when it was last told that the ping waits.
    told: Option<u64>,
}

/// The progress of our latest ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingProgress {
    /// It waits behind other bytes, and the transport has taken some of them since this was last reported, or has not
    /// been asked before.
    Waits,
    /// It had waited, and has left now.
    Sent,
}

/// The ping counts as on its way until this many bytes behind it have gone out: the bytes ahead of it that the
/// operating systems of both sides hold are not visible otherwise.
const ON_THE_WAY: u64 = 256 << 10;

impl PingWatch {
    /// Notes that a ping is queued, which ends at this place in the bytes ever queued.
    pub fn queued(&mut self, end: u64) {
        self.end = Some(end);
    }

    /// Notes that a ping will be queued behind a message that is still being sent in fragments.
    pub fn held_back(&mut self) {
        self.end = Some(u64::MAX);
    }

    /// Returns `true` if it has reported that the ping waits, and not yet that the ping has left.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.told.is_some()
    }

    /// Returns the progress of the ping, if that is news. The transport has just been asked to take what it can:
    /// `taken` is how many of the bytes ever queued it has taken, `waiting` how many it has not.
    pub fn sample(&mut self, taken: u64, waiting: usize) -> Option<PingProgress> {
        let end = self.end?;
        if waiting > 0 && taken < end.saturating_add(ON_THE_WAY) {
            let told = self.told.replace(taken);
            return (told != Some(taken)).then_some(PingProgress::Waits);
        }
        self.end = None;
        self.told.take().map(|_| PingProgress::Sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_that_leaves_at_once_is_no_news() {
        let mut watch = PingWatch::default();
        assert_eq!(watch.sample(0, 50), None, "there is no ping");
        watch.queued(60);
        assert_eq!(watch.sample(60, 0), None);
    }

    #[test]
    fn bytes_that_go_out_behind_the_ping_count_for_a_while() {
        let mut watch = PingWatch::default();
        watch.queued(1000);
        assert_eq!(watch.sample(1000, 1 << 20), Some(PingProgress::Waits));
        assert_eq!(watch.sample(1000 + ON_THE_WAY - 1, 1 << 20), Some(PingProgress::Waits));
        assert_eq!(watch.sample(1000 + ON_THE_WAY, 1 << 20), Some(PingProgress::Sent));
    }

    #[test]
    fn a_ping_that_is_held_back_waits_until_it_is_queued_and_out() {
        let mut watch = PingWatch::default();
        watch.held_back();
        assert_eq!(watch.sample(1 << 30, 1), Some(PingProgress::Waits));
        watch.queued((1 << 30) + 10);
        assert_eq!(watch.sample((1 << 30) + 10, 0), Some(PingProgress::Sent));
    }
}
