//! The outcome of each line.

use std::collections::VecDeque;

use everwire::{Delivery, Outcome, Progress, Stage};

/// The most runs of undelivered lines that are remembered; beyond it, lines are only counted.
const MAX_UNDELIVERED_RUNS: usize = 1_000;

/// The lines whose outcome is not known yet, in order, and the account of the others. It grows with the outbox at most.
#[derive(Debug)]
pub(super) struct Ledger {
    open: VecDeque<(u64, Delivery)>,
    account: Account,
}

/// Lines are numbered from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Whether a line counts as delivered once it is written, because no proof of arrival was asked for.
    pub(super) written_is_enough: bool,
    pub(super) read: u64,
    pub(super) delivered: u64,
    pub(super) undelivered_lines: Vec<UndeliveredLines>,
    /// The number of undelivered lines beyond those in `undelivered_lines`.
    pub(super) more: u64,
}

/// A run of consecutive lines that were not delivered, with the same outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UndeliveredLines {
    pub(super) first: u64,
    pub(super) last: u64,
    /// `None`: never accepted.
    pub(super) outcome: Option<Outcome>,
}

impl Ledger {
    pub(super) fn new(written_is_enough: bool) -> Self {
        Self { open: VecDeque::new(), account: Account { written_is_enough, ..Account::default() } }
    }

    /// Notes that the next line was accepted; returns its number.
    pub(super) fn sent(&mut self, delivery: Delivery) -> u64 {
        self.account.read += 1;
        self.open.push_back((self.account.read, delivery));
        self.account.read
    }

    /// Notes that the next line was not accepted; returns its number.
    pub(super) fn unsent(&mut self) -> u64 {
        self.account.read += 1;
        self.account.undelivered_run(self.account.read, None);
        self.account.read
    }

    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The number of lines whose outcome is not known yet.
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

    /// Removes and returns all known outcomes, those behind an open one too. Called when the ledger grows long, as it does with
    /// a policy that drops the newest lines while the oldest wait.
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
        self.more
            + self
                .undelivered_lines
                .iter()
                .map(|undelivered_run| undelivered_run.last - undelivered_run.first + 1)
                .sum::<u64>()
    }

    /// Whether `outcome` is what the user asked for.
    pub(super) fn is_good(&self, outcome: Outcome) -> bool {
        outcome.is_delivered() || self.written_is_enough && outcome == Outcome::Unknown(Stage::Written)
    }

    fn outcome(&mut self, line: u64, outcome: Outcome) {
        if self.is_good(outcome) {
            self.delivered += 1;
        } else {
            self.undelivered_run(line, Some(outcome));
        }
    }

    fn undelivered_run(&mut self, line: u64, outcome: Option<Outcome>) {
        let remembered = self.undelivered_lines.len();
        match self.undelivered_lines.last_mut() {
            Some(last) if last.outcome == outcome && last.last + 1 == line => last.last = line,
            _ if remembered < MAX_UNDELIVERED_RUNS => {
                self.undelivered_lines.push(UndeliveredLines { first: line, last: line, outcome })
            }
            _ => self.more += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire::{DropPolicy, Outcome, Stage};

    use super::{Account, MAX_UNDELIVERED_RUNS, UndeliveredLines};

    #[test]
    fn consecutive_lines_with_the_same_outcome_are_one_run() {
        let mut account = Account::default();
        account.outcome(1, Outcome::Received);
        for line in [2, 3, 4] {
            account.outcome(line, Outcome::Unknown(Stage::Written));
        }
        account.outcome(5, Outcome::Cancelled);
        account.undelivered_run(6, None);
        let unknown = Some(Outcome::Unknown(Stage::Written));
        assert_eq!(
            account.undelivered_lines,
            [
                UndeliveredLines { first: 2, last: 4, outcome: unknown },
                UndeliveredLines { first: 5, last: 5, outcome: Some(Outcome::Cancelled) },
                UndeliveredLines { first: 6, last: 6, outcome: None },
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
        assert_eq!(account.undelivered_lines.len(), MAX_UNDELIVERED_RUNS);
        assert_eq!(account.undelivered(), 10_000);
    }
}
