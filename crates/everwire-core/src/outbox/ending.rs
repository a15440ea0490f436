//! What becomes of the rest when the connection, or everything, ends.

use everwire_ws::Message;

use super::poison::{GIVE_UP_AT, SUSPECT_AT};
use super::{Guarantee, Outbox, Poison};
use crate::{MessageId, Outcome, Rejection, Stage, Undelivered, outputs::Outputs};

impl Outbox {
    /// The connection is over; `blame` is the close code if it blames a message. Returns how many were unproven, and
    /// those of them that are not sent again.
    pub(crate) fn lost(&mut self, blame: Option<u16>, outputs: &mut Outputs) -> (usize, Vec<Message>) {
        self.volatile_lost(outputs);
        if self.session.is_some() {
            return (self.detach(), Vec::new());
        }
        let mut orphans = Vec::new();
        let alone = self.in_flight.only().map(|entry| entry.id);
        let unproven = self.in_flight.written_len();
        if self.guarantee == Guarantee::AtLeastOnce {
            self.in_flight.remember_written();
        } else {
            orphans.extend(self.in_flight.give_back(u64::MAX, Outcome::Unknown(Stage::Written), outputs));
            self.freed |= !orphans.is_empty();
        }
        let blame = blame.filter(|_| !self.in_flight.is_empty());
        self.requeue(blame.is_some(), outputs);
        if let (Some(code), Some(id)) = (blame, alone) {
            self.blame(code, id, outputs);
        }
        self.relax();
        (unproven, orphans)
    }

    /// The first message in flight, if what is written and not proven is sent again.
    pub(crate) fn first_again(&self) -> Option<MessageId> {
        let again = self.session.is_none() && self.guarantee == Guarantee::AtLeastOnce;
        self.in_flight.first_written().filter(|_| again)
    }

    /// The connection has died in silence, for the `times`th time in a row with the same message in front. Returns the
    /// message if it is given up.
    pub(crate) fn silenced(&mut self, times: u32, outputs: &mut Outputs) -> Vec<Message> {
        if self.first_again().is_none() || times < SUSPECT_AT {
            return Vec::new();
        }
        if times >= GIVE_UP_AT && self.in_flight.only().is_some() {
            return self.give_up(outputs);
        }
        self.in_flight.suspect();
        Vec::new()
    }

    /// What was written and not proven never will be, and is not sent again.
    pub(crate) fn give_up(&mut self, outputs: &mut Outputs) -> Vec<Message> {
        self.freed = true;
        self.in_flight.give_back(u64::MAX, Outcome::Unknown(Stage::Written), outputs).collect()
    }

    /// What is in flight goes back to the front of its levels, in order.
    pub(super) fn requeue(&mut self, suspect: bool, outputs: &mut Outputs) {
        for mut entry in self.in_flight.drain().rev() {
            if suspect {
                entry.set_suspect();
            }
            if let Some(older) = self.queue.push_front(entry) {
                self.conflated(older, outputs);
            }
        }
    }

    fn blame(&mut self, code: u16, id: MessageId, outputs: &mut Outputs) {
        if self.poison.blame(id)
            && let Some(entry) = self.queue.remove(id)
        {
            outputs.outcome(entry.id, entry.id, Outcome::Rejected(Rejection::PeerRefuses(code)));
            outputs.dispose(entry.message);
            self.freed = true;
        }
    }

    /// How many queued messages were written to an earlier connection.
    pub(crate) fn resending(&self) -> usize {
        self.queue.resending()
    }

    /// The end: every message gets its outcome and goes to `left`.
    pub(crate) fn resolve_all(&mut self, left: &mut Undelivered, outputs: &mut Outputs) {
        self.volatile_lost(outputs);
        self.in_flight.assume_written();
        let written = self.in_flight.give_back(u64::MAX, Outcome::Unknown(Stage::Written), outputs);
        left.unacknowledged.extend(written);
        for entry in self.in_flight.drain().chain(self.queue.drain_all()) {
            let outcome = Self::final_word(&entry, Outcome::Cancelled);
            outputs.outcome(entry.id, entry.id, outcome);
            let list = if outcome == Outcome::Cancelled { &mut left.unsent } else { &mut left.unacknowledged };
            list.push(entry.message);
        }
        self.poison = Poison::default();
        self.freed = true;
        self.bound_left(left, outputs);
    }

    /// What earlier ends left behind counts against the same bounds.
    fn bound_left(&self, left: &mut Undelivered, outputs: &mut Outputs) {
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
            outputs.dispose_all(list.drain(..list.len() - kept));
        }
    }
}
