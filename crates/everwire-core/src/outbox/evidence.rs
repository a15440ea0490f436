//! What is written, and what is proven.

use super::{Guarantee, Outbox};
use crate::{Outcome, Stage, outputs::Outputs};

impl Outbox {
    /// How many messages of this connection a ping that goes out now will prove.
    pub(crate) fn provable(&self) -> u64 {
        match self.guarantee {
            _ if self.session.is_some() => 0,
            Guarantee::Unproven => 0,
            Guarantee::AtMostOnce | Guarantee::AtLeastOnce => self.in_flight.taken(),
        }
    }

    /// The same for a ping that may pass what is not wholly written.
    pub(crate) fn provable_now(&self) -> u64 {
        self.provable().min(self.in_flight.written())
    }

    /// Whether pongs prove that messages have arrived.
    pub(crate) fn has_plain_evidence(&self) -> bool {
        self.session.is_none() && self.guarantee != Guarantee::Unproven
    }

    /// Whether something awaits a proof that can come.
    pub(crate) fn wants_proof(&self) -> bool {
        self.has_plain_evidence() && !self.in_flight.is_empty()
    }

    /// `units` more are wholly written.
    pub(crate) fn written(&mut self, units: usize, outputs: &mut Outputs) {
        self.in_flight.report_written(units, outputs);
        self.volatile_written(outputs);
        if self.session.is_none() && self.guarantee == Guarantee::Unproven {
            let ended = self.in_flight.resolve(u64::MAX, Outcome::Unknown(Stage::Written), outputs);
            self.freed |= ended > 0;
        }
    }

    /// The peer has read this many messages of this connection. Whether that is news.
    pub(crate) fn proven(&mut self, covers: u64, outputs: &mut Outputs) -> bool {
        if self.session.is_some() {
            return false;
        }
        self.in_flight.mark_written(covers, outputs);
        let news = self.in_flight.resolve(covers, Outcome::Received, outputs) > 0;
        self.freed |= news;
        news
    }
}
