//! The way to sleep, and the alarm.

use std::task::Context;

use super::Driver;

impl Driver {
    /// Prepares for sleep: leaves a waker where work comes from, and sets the alarm. Whether there is nothing to do.
    pub(super) fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        // First armed, then looked at: what comes after the look wakes us.
        drop(self.shared.driver.arm(cx));
        if self.shared.mailbox.has_news(self.processed) {
            return false;
        }
        let mut inner = self.shared.lock();
        if inner.has_work_for_driver() {
            return false;
        }
        inner.armed = self.alarm;
        let deadline = inner.machine.deadline().map(|(deadline, _)| deadline);
        let deadline = deadline.into_iter().chain(self.meter.wants_to_look()).min();
        // An alarm that comes too early is harmless, and cheaper than setting it again for each message.
        if let Some(deadline) = deadline
            && !self.timer_due
            && self.alarm.is_none_or(|alarm| deadline < alarm)
        {
            self.alarm = Some(deadline);
            inner.armed = self.alarm;
            drop(inner);
            self.sleep.as_mut().reset(self.shared.instant(deadline));
            self.poll_alarm(cx);
        }
        debug_assert!(
            self.timer_due || deadline.is_none_or(|deadline| self.alarm.is_some_and(|alarm| alarm <= deadline)),
            "it would sleep over a deadline"
        );
        !self.timer_due
    }

    pub(super) fn poll_alarm(&mut self, cx: &mut Context<'_>) {
        if self.sleep.as_mut().poll(cx).is_ready() {
            self.timer_due = true;
            self.alarm = None;
        }
    }
}
