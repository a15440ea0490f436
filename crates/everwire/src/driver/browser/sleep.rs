//! An alarm by the browser's timers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use web_time::Instant;

/// Ends at an instant, or later: a page in the background is throttled, one that is frozen sleeps with the machine.
#[derive(Debug)]
pub(crate) struct Sleep {
    until: Instant,
    /// And when it is over, about.
    timer: Option<(Instant, TimeoutFuture)>,
}

pub(crate) fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    // Beyond the clock's range: far enough away to be never.
    let until = now.checked_add(duration).or_else(|| now.checked_add(FAR)).unwrap_or(now);
    Sleep { until, timer: None }
}

impl Sleep {
    pub(crate) fn reset(mut self: Pin<&mut Self>, until: Instant) {
        self.until = until;
        // One that is over before its time is followed by another: that costs less than to replace it each time.
        self.timer = self.timer.take().filter(|(over, _)| *over <= until);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.timer = None;
                return Poll::Ready(());
            }
            let until = self.until;
            let (_, timer) = self.timer.get_or_insert_with(|| (until, TimeoutFuture::new(milliseconds(left))));
            // Over before its time, by rounding or because it can't last so long: another one.
            match Pin::new(timer).poll(cx) {
                Poll::Ready(()) => self.timer = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Rounded up. A longer one than this would be over at once (its number is signed, of 32 bits).
fn milliseconds(left: Duration) -> u32 {
    // In 64 bits: a division of 128 is most of a KB of a page.
    let rest = left.subsec_micros().div_ceil(1_000);
    u32::try_from(left.as_secs().saturating_mul(1_000)).unwrap_or(LONGEST).saturating_add(rest).min(LONGEST)
}

/// A year.
const FAR: Duration = Duration::from_secs(365 * 86_400);

const LONGEST: u32 = i32::MAX as u32;
