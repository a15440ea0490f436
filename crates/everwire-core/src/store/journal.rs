//! What has changed since the last batch, and what is told only when the store has it.

use std::collections::VecDeque;

use super::{BatchId, SavedSession, StoreOp, StoredMessage, ranges::Ranges};
use crate::{MessageId, Outcome, Stage};

#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Accepted, and not yet handed to the store. Their numbers grow.
    fresh: VecDeque<MessageId>,
    /// Handed to the store, in the batch under way or before.
    kept: Ranges,
    /// Kept, but as they were before.
    changed: Vec<MessageId>,
    /// Kept, and to be so no longer.
    removed: Ranges,
    unnumber: Option<bool>,
    /// The session is another: what is to be kept of it is asked for when the batch is made.
    session_changed: bool,
    /// Told when the next batch is durable.
    deferred: Vec<(MessageId, MessageId, Outcome)>,
    under_way: Option<UnderWay>,
    /// The batch under way that the store could not take, until it is tried again.
    failed: Option<Vec<StoreOp>>,
    last_batch: u64,
    /// Which session the numbers belong to; counts up.
    epoch: u64,
    /// The machine has ended: what the store has stays there.
    closed: bool,
}

/// The batch that the store is at.
#[derive(Debug)]
struct UnderWay {
    batch: BatchId,
    /// Messages that are new with it.
    put: Ranges,
    deferred: Vec<(MessageId, MessageId, Outcome)>,
    epoch: u64,
    numbered_to: Option<u64>,
    processed: Option<u64>,
    session: Option<SavedSession>,
}

/// Messages that have got their sequence numbers, in the order of these.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) ids: Vec<MessageId>,
    /// Of the first.
    pub(crate) seq: u64,
}

/// What a batch is made of besides what the journal knows.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) puts: Vec<StoredMessage>,
    pub(crate) staged: Staged,
    /// The session as it is to be kept; the inner none: there is none.
    pub(crate) session: Option<Option<SavedSession>>,
    pub(crate) processed: Option<u64>,
}

/// What may be told and done now that a batch is durable.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    pub(crate) stored: Vec<(MessageId, MessageId)>,
    pub(crate) outcomes: Vec<(MessageId, MessageId, Outcome)>,
    /// Of the present session: up to where its messages may go out.
    pub(crate) numbered_to: Option<u64>,
    /// Of the present session: up to where the peer may be told.
    pub(crate) processed: Option<u64>,
    pub(crate) session: Option<SavedSession>,
    /// Its steps, if they were given back before.
    pub(crate) refused: Vec<StoreOp>,
}

/// What the journal makes of an outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutcomeReport {
    /// It is told as it is.
    Tell,
    /// Nothing of it is told now, or something else is.
    Instead(Vec<(MessageId, MessageId, Outcome)>),
}

impl Journal {
    /// What a store has of an earlier machine.
    pub(crate) fn restored(messages: impl Iterator<Item = MessageId>) -> Self {
        let mut journal = Self::default();
        messages.for_each(|id| journal.kept.insert(id, id));
        journal
    }

    #[inline]
    pub(crate) fn accepted(&mut self, id: MessageId) {
        self.fresh.push_back(id);
    }

    /// Another message stands in the entry.
    pub(crate) fn replaced(&mut self, id: MessageId) {
        if self.kept.contains(id) && !self.changed.contains(&id) {
            self.changed.push(id);
        }
    }

    pub(crate) fn session_changed(&mut self) {
        self.session_changed = true;
    }

    /// A new session begins: numbers start over.
    pub(crate) fn begin_session(&mut self) {
        self.epoch += 1;
        self.session_changed = true;
    }

    /// The session's messages have lost their numbers.
    pub(crate) fn unnumber(&mut self, may_have_arrived: bool) {
        self.epoch += 1;
        self.session_changed = true;
        self.unnumber = Some(self.unnumber.unwrap_or(false) || may_have_arrived);
    }

    /// All of `first..=last` have ended.
    pub(crate) fn ended(&mut self, first: MessageId, last: MessageId, outcome: Outcome) -> OutcomeReport {
        if self.closed {
            return self.ended_at_last(first, last, outcome);
        }
        self.forget_fresh(first, last);
        // Only what would not be sent again is to be told late: the rest is as true after a crash.
        let waits = outcome.is_safe_to_resend();
        let mut told = Vec::new();
        let mut next = first;
        let (removed, deferred) = (&mut self.removed, &mut self.deferred);
        self.kept.remove(first, last, |from, to| {
            removed.insert(from, to);
            if waits {
                deferred.push((from, to, outcome));
                if next < from {
                    told.push((next, MessageId(from.0 - 1), outcome));
                }
                next = MessageId(to.0 + 1);
            }
        });
        if next == first {
            return OutcomeReport::Tell;
        }
        if next <= last {
            told.push((next, last, outcome));
        }
        OutcomeReport::Instead(told)
    }

    /// The machine has ended: what the store has is left there for the next one.
    fn ended_at_last(&mut self, first: MessageId, last: MessageId, outcome: Outcome) -> OutcomeReport {
        let told = (first.0..=last.0).map(MessageId).map(|id| {
            let under_way = self.under_way.as_ref().is_some_and(|under_way| under_way.put.contains(id));
            let outcome = match self.kept.contains(id) {
                true if under_way => Outcome::Unknown(Stage::Queued),
                true => Outcome::Stored,
                false => outcome,
            };
            (id, id, outcome)
        });
        OutcomeReport::Instead(told.collect())
    }

    /// From here on nothing more is handed to the store. Gives what could not be told because the store has not
    /// confirmed it: nobody knows now.
    pub(crate) fn close(&mut self) -> Vec<(MessageId, MessageId, Outcome)> {
        self.closed = true;
        let under_way = self.under_way.iter_mut().flat_map(|under_way| under_way.deferred.drain(..));
        under_way
            .chain(self.deferred.drain(..))
            .map(|(first, last, _)| (first, last, Outcome::Unknown(Stage::Queued)))
            .collect()
    }

    fn forget_fresh(&mut self, first: MessageId, last: MessageId) {
        if self.fresh.front().is_none_or(|oldest| *oldest > last) {
            return;
        }
        let from = self.fresh.partition_point(|id| *id < first);
        let to = self.fresh.partition_point(|id| *id <= last);
        self.fresh.drain(from..to);
    }

    /// Whether a batch may be made now.
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        self.under_way.is_none() && !self.closed
    }

    /// Whether there is something for one.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.fresh.is_empty()
            || !self.removed.is_empty()
            || !self.changed.is_empty()
            || self.session_changed
            || self.unnumber.is_some()
    }

    /// Whether the store has everything.
    pub(crate) fn is_settled(&self) -> bool {
        self.under_way.is_none() && !self.is_dirty()
    }

    /// The messages whose present form the store does not have.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = MessageId> {
        self.fresh.iter().chain(&self.changed).copied()
    }

    pub(crate) fn wants_session(&self) -> bool {
        self.session_changed
    }

    /// Makes the batch.
    pub(crate) fn batch(&mut self, contents: Contents) -> (BatchId, Vec<StoreOp>) {
        let Contents { mut puts, staged, session, processed } = contents;
        let mut ops = Vec::with_capacity(puts.len() + 4);
        if let Some(may_have_arrived) = self.unnumber.take() {
            ops.push(StoreOp::Unnumber { may_have_arrived });
        }
        ops.extend(std::mem::take(&mut self.removed).iter().map(|(first, last)| StoreOp::Remove { first, last }));
        let numbered_to = (!staged.ids.is_empty()).then(|| staged.seq - 1 + staged.ids.len() as u64);
        puts.sort_unstable_by_key(|put| put.id);
        number(&mut puts, &staged, &mut ops);
        let mut put = Ranges::default();
        for message in &puts {
            if !self.kept.contains(message.id) {
                put.insert(message.id, message.id);
                self.kept.insert(message.id, message.id);
            }
        }
        ops.extend(puts.into_iter().map(StoreOp::Put));
        let kept_session = session.clone().flatten();
        ops.extend(session.map(StoreOp::Session));
        ops.extend(processed.map(StoreOp::Processed));

        self.fresh.clear();
        self.changed.clear();
        self.session_changed = false;
        self.last_batch += 1;
        let batch = BatchId(self.last_batch);
        let deferred = std::mem::take(&mut self.deferred);
        let processed = processed.or(kept_session.as_ref().map(|session| session.processed));
        self.under_way =
            Some(UnderWay { batch, put, deferred, epoch: self.epoch, numbered_to, processed, session: kept_session });
        (batch, ops)
    }

    /// The store says that this batch is durable.
    pub(crate) fn stored(&mut self, batch: BatchId) -> Option<Durable> {
        let under_way = self.under_way.take_if(|under_way| under_way.batch == batch)?;
        let refused = self.failed.take().unwrap_or_default();
        let is_present = under_way.epoch == self.epoch;
        let mut stored = Vec::new();
        if !self.closed {
            // Those that have ended meanwhile need no word any more.
            under_way.put.iter().for_each(|(first, last)| stored.extend(self.kept.within(first, last)));
        }
        Some(Durable {
            stored,
            outcomes: under_way.deferred,
            numbered_to: under_way.numbered_to.filter(|_| is_present),
            processed: under_way.processed.filter(|_| is_present),
            session: under_way.session.filter(|_| is_present),
            refused,
        })
    }

    /// The store could not do it: the same steps are tried again. Gives them back if this is not the batch under way.
    pub(crate) fn refused(&mut self, batch: BatchId, ops: Vec<StoreOp>) -> Option<Vec<StoreOp>> {
        let is_ours = self.under_way.as_ref().is_some_and(|under_way| under_way.batch == batch) && !self.closed;
        if is_ours { self.failed.replace(ops) } else { Some(ops) }
    }

    /// The batch that the store refused.
    pub(crate) fn again(&mut self) -> Option<(BatchId, Vec<StoreOp>)> {
        Some((self.under_way.as_ref()?.batch, self.failed.take()?))
    }
}

/// Gives sequence numbers: within the message where it is new, else by a step of its own.
fn number(puts: &mut [StoredMessage], staged: &Staged, ops: &mut Vec<StoreOp>) {
    for (id, seq) in staged.ids.iter().copied().zip(staged.seq..) {
        if let Ok(at) = puts.binary_search_by_key(&id, |put| put.id) {
            puts[at].seq = Some(seq);
            continue;
        }
        match ops.last_mut() {
            Some(StoreOp::Number { first, last, seq: from })
                if last.0 + 1 == id.0 && *from + (id.0 - first.0) == seq =>
            {
                *last = id;
            }
            _ => ops.push(StoreOp::Number { first: id, last: id, seq }),
        }
    }
}
