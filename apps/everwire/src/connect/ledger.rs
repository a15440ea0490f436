//! What became of each line.

use std::collections::VecDeque;

use everwire::{Delivery, Outcome, Progress, Stage};

/// So many separate runs of undelivered lines are remembered; beyond, they are only counted.
const MAX_TROUBLES: usize = 1_000;

/// The lines whose outcome is still open, in order, and the account of the others. As large as the outbox at most.
#[derive(Debug)]
pub(super) struct Ledger {
    open: VecDeque<(u64, Delivery)>,
    account: Account,
}

/// Lines are numbered from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Whether a line counts as delivered once it is written, because its arrival is not asked for.
    pub(super) written_is_enough: bool,
    pub(super) read: u64,
    pub(super) delivered: u64,
    pub(super) troubles: Vec<Trouble>,
    /// Undelivered lines that are in no element of `troubles`.
    pub(super) more: u64,
}

/// Neighbouring lines that had the same undelivered outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) first: u64,
    pub(super) last: u64,
    /// `None`: never accepted.
    pub(super) outcome: Option<Outcome>,
}

impl Ledger {
    pub(super) fn new(written_is_enough: bool) -> Self {
        Self { open: VecDeque::new(), account: Account { written_is_enough, ..Account::default() } }
    }

    /// The next line was accepted.
    pub(super) fn sent(&mut self, delivery: Delivery) -> u64 {
        self.account.read += 1;
        self.open.push_back((self.account.read, delivery));
        self.account.read
    }

    /// The next line was not accepted.
    pub(super) fn unsent(&mut self) -> u64 {
        self.account.read += 1;
        self.account.trouble(self.account.read, None);
        self.account.read
    }

    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// How many lines are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The next outcome, in the order of the lines; waits for ever if none is open. Cancel-safe.
    pub(super) async fn settled(&mut self) -> (u64, Outcome) {
        match self.open.front_mut() {
            None => std::future::pending().await,
            Some((line, delivery)) => {
                let settled = (*line, delivery.await);
                self.open.pop_front();
                self.account.outcome(settled.0, settled.1);
                settled
            }
        }
    }

    /// The next outcome in the order of the lines, if it is known already.
    pub(super) fn ready(&mut self) -> Option<(u64, Outcome)> {
        let (line, delivery) = self.open.front()?;
        let Progress::Done(outcome) = delivery.progress() else { return None };
        let settled = (*line, outcome);
        self.open.pop_front();
        self.account.outcome(settled.0, settled.1);
        Some(settled)
    }

    /// Outcomes that are known behind one that is still open; asked for when the ledger grows long, as it would with a
    /// policy that drops the newest lines while the oldest wait.
    pub(super) fn sweep(&mut self) -> Vec<(u64, Outcome)> {
        let mut known = Vec::new();
        self.open.retain(|(line, delivery)| match delivery.progress() {
            Progress::Done(outcome) => {
                known.push((*line, outcome));
                false
            }
            _ => true,
        });
        for &(line, outcome) in &known {
            self.account.outcome(line, outcome);
        }
        known
    }
}

impl Account {
    pub(super) fn undelivered(&self) -> u64 {
        self.more + self.troubles.iter().map(|trouble| trouble.last - trouble.first + 1).sum::<u64>()
    }

    /// Whether `outcome` is what the user asked for.
    pub(super) fn is_good(&self, outcome: Outcome) -> bool {
        outcome.is_delivered() || self.written_is_enough && outcome == Outcome::Unknown(Stage::Written)
    }

    fn outcome(&mut self, line: u64, outcome: Outcome) {
        if self.is_good(outcome) {
            self.delivered += 1;
        } else {
            self.trouble(line, Some(outcome));
        }
    }

    fn trouble(&mut self, line: u64, outcome: Option<Outcome>) {
        let remembered = self.troubles.len();
        match self.troubles.last_mut() {
            Some(last) if last.outcome == outcome && last.last + 1 == line => last.last = line,
            _ if remembered < MAX_TROUBLES => self.troubles.push(Trouble { first: line, last: line, outcome }),
            _ => self.more += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire::{DropPolicy, Outcome, Stage};

    use super::{Account, MAX_TROUBLES, Trouble};

    #[test]
    fn neighbouring_lines_of_one_fate_are_told_together() {
        let mut account = Account::default();
        account.outcome(1, Outcome::Received);
        for line in [2, 3, 4] {
            account.outcome(line, Outcome::Unknown(Stage::Written));
        }
        account.outcome(5, Outcome::Cancelled);
        account.trouble(6, None);
        let unknown = Some(Outcome::Unknown(Stage::Written));
        assert_eq!(
            account.troubles,
            [
                Trouble { first: 2, last: 4, outcome: unknown },
                Trouble { first: 5, last: 5, outcome: Some(Outcome::Cancelled) },
                Trouble { first: 6, last: 6, outcome: None },
            ]
        );
        assert_eq!((account.delivered, account.undelivered()), (1, 5));
    }

    #[test]
    fn written_is_enough_only_where_nothing_more_was_asked_for() {
        let mut account = Account { written_is_enough: true, ..Account::default() };
        account.outcome(1, Outcome::Unknown(Stage::Written));
        account.outcome(2, Outcome::Unknown(Stage::Queued));
        assert_eq!((account.delivered, account.undelivered()), (1, 1));
    }

    #[test]
    fn the_account_is_bounded() {
        let mut account = Account::default();
        for line in 1..=10_000 {
            account.outcome(line * 2, Outcome::Dropped(DropPolicy::Newest));
        }
        assert_eq!(account.troubles.len(), MAX_TROUBLES);
        assert_eq!(account.undelivered(), 10_000);
    }
}
