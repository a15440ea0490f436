//! The send rate, watched where frames reach the socket.

use std::collections::VecDeque;

use everwire_core::{Moment, SendRate};

/// Frames that are looked back at.
const REMEMBERED: usize = 256;

/// When a client's last frames went out.
#[derive(Debug)]
pub(super) struct Rate {
    rate: Option<SendRate>,
    sent: VecDeque<Moment>,
}

impl Rate {
    pub(super) fn new(rate: Option<SendRate>) -> Self {
        Self { rate, sent: VecDeque::new() }
    }

    /// This many frames go out now.
    ///
    /// # Errors
    /// If more frames have gone out since some earlier one than a full bucket and its refill since then allow.
    pub(super) fn sends(&mut self, now: Moment, frames: usize) -> Result<(), String> {
        let Some(rate) = self.rate.filter(|_| frames > 0) else { return Ok(()) };
        self.sent.extend(std::iter::repeat_n(now, frames));
        self.sent.drain(..self.sent.len().saturating_sub(REMEMBERED));
        let mut count = 0.0;
        for first in self.sent.iter().rev() {
            count += 1.0;
            let elapsed = now.since(*first).as_secs_f64();
            let allowed = f64::from(rate.burst) + elapsed * rate.per_second;
            // As exact as nanoseconds are.
            if count > allowed + 1e-6 * rate.per_second.max(1.0) {
                return Err(format!("{count} frames within {elapsed} s, where {allowed:.3} are allowed"));
            }
        }
        Ok(())
    }
}
