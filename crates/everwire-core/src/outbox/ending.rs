//! What becomes of the rest when the connection, or everything, ends.

use everwire_ws::Message;

use super::{Guarantee, Outbox, Poison};
use crate::{Left, MessageId, Outcome, Rejection, Stage, outputs::Outputs};

impl Outbox {
    /// The connection is over; `blame` is the close code if it blames a message. Returns how many were unproven, and
    /// those of them that are not sent again.
    pub(crate) fn lost(&mut self, blame: Option<u16>, outputs: &mut Outputs) -> (usize, Vec<Message>) {
        self.volatile_lost(outputs);
        if self.session.is_some() {
            return (self.detach(), Vec::new());
        }
        let mut orphans = Vec::new();
        let alone = self.in_flight.len() == 1;
        let unproven = self.in_flight.written_len();
        if self.guarantee == Guarantee::AtLeastOnce {
            if let Some(id) = self.in_flight.last_written() {
                self.maybe_arrived = self.maybe_arrived.max(id);
            }
        } else {
            orphans.extend(self.in_flight.resolve(u64::MAX, Outcome::Unknown(Stage::Written), outputs));
            self.freed |= !orphans.is_empty();
        }
        let newest_back = self.in_flight.newest();
        self.requeue();
        if let (Some(code), Some(newest)) = (blame, newest_back) {
            self.blame(code, alone, newest, outputs);
        }
        self.relax();
        (unproven, orphans)
    }

    /// What is in flight goes back to the front of the queue, in order.
    pub(super) fn requeue(&mut self) {
        for entry in self.in_flight.drain_newest_first() {
            self.queued_bytes += entry.message.len();
            self.queued.push_front(entry);
        }
    }

    fn blame(&mut self, code: u16, alone: bool, newest: MessageId, outputs: &mut Outputs) {
        let Some(oldest) = self.oldest() else { return };
        if self.poison.blame(oldest, alone, newest)
            && let Some(entry) = self.pop_queued()
        {
            outputs.outcome(entry.id, entry.id, Outcome::Rejected(Rejection::PeerRefuses(code)));
            self.freed = true;
        }
    }

    /// How many queued messages were written to an earlier connection.
    pub(crate) fn resending(&self) -> usize {
        self.queued.partition_point(|entry| entry.id <= self.maybe_arrived)
    }

    /// The end: every message gets its outcome and goes to `left`.
    pub(crate) fn resolve_all(&mut self, left: &mut Left, outputs: &mut Outputs) {
        self.volatile_lost(outputs);
        self.in_flight.assume_written();
        let written = self.in_flight.resolve(u64::MAX, Outcome::Unknown(Stage::Written), outputs);
        left.unacknowledged.extend(written);
        for entry in self.in_flight.drain_newest_first() {
            self.queued.push_front(entry);
        }
        for entry in std::mem::take(&mut self.queued) {
            if entry.id <= self.maybe_arrived {
                outputs.outcome(entry.id, entry.id, Outcome::Unknown(Stage::Written));
                left.unacknowledged.push(entry.message);
            } else {
                outputs.outcome(entry.id, entry.id, Outcome::Cancelled);
                left.unsent.push(entry.message);
            }
        }
        self.queued_bytes = 0;
        self.poison = Poison::default();
        self.freed = true;
        self.bound_left(left);
    }

    /// What earlier ends left behind counts against the same bounds.
    fn bound_left(&self, left: &mut Left) {
        for list in [&mut left.unsent, &mut left.unacknowledged] {
            let mut bytes = 0_usize;
            let kept = list
                .iter()
                .rev()
                .take(self.config.max_messages)
                .take_while(|message| {
                    bytes = bytes.saturating_add(message.len());
                    bytes <= self.config.max_bytes
                })
                .count();
            list.drain(..list.len() - kept);
        }
    }
}
