//! What a client's process leaves behind: a store that crashes with it, or fails.

use std::ops::Range;

use everwire_core::Input;
use everwire_core::store::{BatchId, Saved, StoreOp};

use crate::sim::agenda::Nanos;
use crate::sim::mutant::Mutant;
use crate::sim::stage::Stage;

/// What a store is like.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskPlan {
    /// How long a commit takes.
    pub(crate) delay: Nanos,
    /// One commit in four fails.
    pub(crate) fails: bool,
    /// When every commit fails.
    pub(crate) gone: Range<Nanos>,
}

/// Outlives the processes that use it. Its writes take their time; a crash meets them done, or not done.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    saved: Saved,
    plan: DiskPlan,
    writing: Option<(BatchId, Vec<StoreOp>, Nanos)>,
}

impl Disk {
    pub(crate) fn new(plan: DiskPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// What the next process finds.
    pub(crate) fn saved(&self) -> Saved {
        self.saved.clone()
    }

    pub(super) fn write(&mut self, stage: &Stage, batch: BatchId, ops: Vec<StoreOp>) {
        self.writing = Some((batch, ops, stage.agenda.now() + self.plan.delay));
    }

    pub(super) fn due(&self) -> Option<Nanos> {
        self.writing.as_ref().map(|(_, _, at)| *at)
    }

    /// What it has to say now.
    pub(super) fn done(&mut self, stage: &mut Stage) -> Option<Input> {
        let gone = self.plan.gone.contains(&stage.agenda.now());
        if gone && stage.is(Mutant::StoreVanishesUntold) {
            self.writing = None;
            return None;
        }
        let (batch, ops, _) = self.writing.take_if(|(_, _, at)| gone || *at <= stage.agenda.now())?;
        if gone {
            return Some(Input::PersistFailed { batch, ops, reason: "the disk is gone".to_owned() });
        }
        if self.plan.fails && stage.random.one_in(4) {
            return Some(Input::PersistFailed { batch, ops, reason: "the disk is full".to_owned() });
        }
        // A store that lies: it says that all is durable, and has forgotten what a message is.
        let forgets = stage.is(Mutant::StoreForgets);
        let kept = ops.into_iter().filter(|op| !(forgets && matches!(op, StoreOp::Put(_))));
        kept.for_each(|op| self.saved.apply(op));
        Some(Input::Persisted(batch))
    }

    /// The process is gone. What was being written is wholly there, or not at all.
    pub(super) fn crash(&mut self, stage: &mut Stage) {
        let Some((_, ops, _)) = self.writing.take() else { return };
        let there = if stage.is(Mutant::TornBatch) {
            stage.random.below(ops.len() as u64 + 1) as usize
        } else if stage.random.one_in(2) {
            ops.len()
        } else {
            0
        };
        ops.into_iter().take(there).for_each(|op| self.saved.apply(op));
    }
}
