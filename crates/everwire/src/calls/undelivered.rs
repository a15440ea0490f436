use std::task::{Context, Poll, Waker};

use everwire_core::Outcome;

/// Whether messages have ended without arriving, for the one task that wants to hear of that. It is guarded by the mutex of the
/// machine.
#[derive(Debug, Default)]
pub(crate) struct Undelivered {
    are_there: bool,
    waker: Option<Waker>,
}

impl Undelivered {
    /// Messages have this outcome. Returns the waker of the task, if it is to be woken.
    pub(crate) fn push(&mut self, outcome: Outcome) -> Option<Waker> {
        match outcome {
            Outcome::Acknowledged | Outcome::Received | Outcome::Unknown(_) | Outcome::Stored => None,
            // A call whose message was taken back is over, and the end of the client is told by that of its inbox.
            Outcome::Cancelled => None,
            // And what this version does not know: it looks once too often then.
            _ => {
                self.are_there = true;
                self.waker.take()
            }
        }
    }

    /// Ready if there were some since the last time. Also the waker that stood here before, to be dropped when nothing is locked.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> (Poll<()>, Option<Waker>) {
        if std::mem::take(&mut self.are_there) {
            return (Poll::Ready(()), None);
        }
        match &self.waker {
            Some(waker) if waker.will_wake(cx.waker()) => (Poll::Pending, None),
            _ => (Poll::Pending, self.waker.replace(cx.waker().clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire_core::{DropPolicy, Stage};

    use super::*;

    #[test]
    fn only_messages_that_have_not_arrived_are_told_and_once() {
        let cx = Context::from_waker(Waker::noop());
        let mut undelivered = Undelivered::default();
        for outcome in [Outcome::Acknowledged, Outcome::Received, Outcome::Unknown(Stage::Written), Outcome::Cancelled]
        {
            assert!(undelivered.poll(&cx).0.is_pending());
            assert!(undelivered.push(outcome).is_none(), "{outcome}");
        }
        assert!(undelivered.poll(&cx).0.is_pending());
        for outcome in [Outcome::Expired, Outcome::Dropped(DropPolicy::Oldest)] {
            assert!(undelivered.push(outcome).is_some(), "{outcome}");
            assert!(undelivered.poll(&cx).0.is_ready());
            assert!(undelivered.poll(&cx).0.is_pending());
        }
    }
}
