use everwire_core::{MessageId, Outcome};

/// Messages that have ended, by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(super) ended: [u64; OUTCOMES.len()],
}

/// The label's values, in the order of [`index`].
pub(super) const OUTCOMES: [&str; 8] =
    ["acknowledged", "received", "expired", "dropped", "rejected", "cancelled", "unknown", "stored"];

impl Tally {
    /// All of `first..=last` have this outcome.
    pub(crate) fn ended(&mut self, first: MessageId, last: MessageId, outcome: Outcome) {
        if let Some(count) = self.ended.get_mut(index(outcome)) {
            *count += last.0.saturating_sub(first.0) + 1;
        }
    }
}

fn index(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Acknowledged => 0,
        Outcome::Received => 1,
        Outcome::Expired => 2,
        Outcome::Dropped(_) => 3,
        Outcome::Rejected(_) => 4,
        Outcome::Cancelled => 5,
        // A word that this version does not know is no word.
        Outcome::Unknown(_) => 6,
        Outcome::Stored => 7,
        _ => 6,
    }
}
