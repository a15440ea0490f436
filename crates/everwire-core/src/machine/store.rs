//! What a store adds: batches, and what waits for them.

use std::time::Duration;

use super::Machine;
use crate::{
    Config, ConfigError, Event, Guarantee, Moment, Output, Timer,
    lifecycle::{Intent, Lifecycle},
    outbox::WallClock,
    session::SessionMode,
    store::{BatchId, Contents, Durable, Journal, Saved, Staged, StoreOp},
};

/// A store that failed is asked again after this time, then after twice as long, …
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// … but never later than this.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

impl Machine {
    /// A machine whose outbox is kept in a store, and goes on where that says that the last one was. `unix_ms`: what the
    /// wall clock reads at `now`, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// If a setting is not valid; see [`Config::check`]. Where there may be no session, the guarantee must be
    /// [`AtLeastOnce`](Guarantee::AtLeastOnce): after a crash nobody knows what was written, so what is kept is sent
    /// again.
    pub fn restore(
        config: Config,
        seed: [u8; 32],
        saved: Saved,
        now: Moment,
        unix_ms: u64,
    ) -> Result<Self, ConfigError> {
        let mode = config.session.as_ref().map(|session| session.mode);
        if mode != Some(SessionMode::Require) && config.guarantee != Guarantee::AtLeastOnce {
            let problem = "not at least once, though there is a store and may be no session: after a crash nobody knows \
                           what was written, so what is kept is sent again";
            return Err(ConfigError::new("guarantee", problem));
        }
        let mut machine = Self::new(config, seed)?;
        machine.clock = WallClock { moment: now, unix_ms };
        let Saved { session, messages } = saved;
        machine.outputs.journal = Some(Box::new(Journal::restored(messages.iter().map(|message| message.id))));
        // A session that is not asked for any more has left its messages without one.
        let session = session.filter(|_| machine.session.is_some());
        if session.is_some() {
            // No number of a connection is used twice: those of this process are written down first.
            machine.outputs.session_changed();
        }
        let numbered = session.as_ref().map(|session| session.numbered);
        machine.outbox.restore(messages, numbered, mode != Some(SessionMode::Require), machine.clock);
        if let Some(client) = machine.session.as_mut() {
            client.restore(session);
        }
        machine.persist(now);
        Ok(machine)
    }

    /// Hands the store what has changed, if it is not at work on what changed before.
    #[inline]
    pub(super) fn persist(&mut self, now: Moment) {
        if self.outputs.journal.as_ref().is_some_and(|journal| journal.is_free()) {
            self.make_batch(now);
        }
    }

    fn make_batch(&mut self, now: Moment) {
        let until = self.until();
        let stages = self.lifecycle.is_open()
            && self.session.as_ref().is_some_and(|session| session.is_live())
            && self.outbox.can_stage(&until);
        let mut staged = Staged::default();
        if stages {
            self.outbox.expire(now, &mut self.outputs);
            staged = self.outbox.stage(&until, &mut self.outputs);
        }
        let Some(journal) = &mut self.outputs.journal else { return };
        let news = self.session.as_ref().and_then(|session| session.news());
        if !journal.is_dirty() && staged.ids.is_empty() && news.is_none() {
            return;
        }
        let mut numbered: Vec<_> = staged.ids.iter().copied().zip(staged.seq..).collect();
        numbered.sort_unstable();
        let seq = |id| numbered.binary_search_by_key(&id, |(id, _)| *id).ok().map(|at| numbered[at].1);
        let puts = journal.wanted().filter_map(|id| self.outbox.to_store(id, seq(id), self.clock)).collect();
        let mut contents = Contents { puts, staged, ..Contents::default() };
        let session = self.session.as_mut();
        match session {
            Some(session) if journal.wants_session() => {
                contents.session = Some(session.saved_form(self.outbox.numbered()));
            }
            Some(session) => contents.processed = session.take_news(),
            None => contents.session = journal.wants_session().then_some(None),
        }
        let (batch, ops) = journal.batch(contents);
        self.outputs.push(Output::Persist(batch, ops));
    }

    pub(super) fn persisted(&mut self, now: Moment, batch: BatchId) {
        let Some(durable) = self.outputs.journal.as_mut().and_then(|journal| journal.stored(batch)) else { return };
        let Durable { stored, outcomes, numbered_to, processed, session, refused } = durable;
        self.outputs.dispose_of_steps(refused);
        for (first, last) in stored {
            self.outputs.push(Output::Stored { first, last });
        }
        for (first, last, outcome) in outcomes {
            self.outputs.tell(first, last, outcome);
        }
        if let Some(seq) = numbered_to {
            self.outbox.numbered_durably(seq);
        }
        if let Some(client) = self.session.as_mut() {
            if let Some(session) = session {
                client.saved(session);
            }
            if let Some(processed) = processed {
                client.receiver.processed_durably(processed);
            }
        }
        self.say_hello();
        self.timers.clear(Timer::Store);
        if self.store_failures > 0 {
            self.store_failures = 0;
            self.outputs.event(Event::StoreRecovered);
        }
        self.seek_ack(now);
    }

    pub(super) fn persist_failed(&mut self, now: Moment, batch: BatchId, ops: Vec<StoreOp>, reason: String) {
        let refused = match &mut self.outputs.journal {
            Some(journal) => journal.refused(batch, ops),
            None => Some(ops),
        };
        if let Some(not_ours) = refused {
            return self.outputs.dispose_of_steps(not_ours);
        }
        let retry_in = FIRST_RETRY.saturating_mul(1 << self.store_failures.min(16)).min(LONGEST_RETRY);
        self.store_failures += 1;
        self.timers.set(Timer::Store, now + retry_in);
        self.outputs.event(Event::StoreFailed { reason, retry_in });
    }

    /// [`Timer::Store`] has come.
    pub(super) fn persist_again(&mut self) {
        if let Some((batch, ops)) = self.outputs.journal.as_mut().and_then(|journal| journal.again()) {
            self.outputs.push(Output::Persist(batch, ops));
        }
    }

    /// All but that of the store, which goes on.
    pub(super) fn clear_timers(&mut self) {
        let again = self.timers.at(Timer::Store);
        self.timers.clear_all();
        if let Some(at) = again {
            self.timers.set(Timer::Store, at);
        }
    }

    pub(super) fn has_store(&self) -> bool {
        self.outputs.journal.is_some()
    }

    /// Whether nothing stands in the way of the closing handshake any more.
    pub(super) fn may_take_leave(&mut self, now: Moment) -> bool {
        !matches!(self.intent, Intent::Close { .. }) || self.is_settled_for_good(now)
    }

    /// Before the last word to the server: nothing of the session is left in the store, nor on its way there. Forgets the
    /// session for that, once everything else is settled.
    fn is_settled_for_good(&mut self, now: Moment) -> bool {
        let Some(journal) = &mut self.outputs.journal else { return true };
        if !journal.is_settled() {
            return false;
        }
        match self.session.as_mut() {
            Some(session) if session.is_kept() => {
                session.keep_no_longer();
                journal.session_changed();
                self.persist(now);
                false
            }
            _ => true,
        }
    }

    /// Whether a close in order still waits for the store.
    pub(super) fn store_is_behind(&self) -> bool {
        self.outputs.journal.as_ref().is_some_and(|journal| !journal.is_settled())
            && matches!(self.intent, Intent::Close { .. })
            && !matches!(self.lifecycle, Lifecycle::Finished)
    }

    /// The end: the store keeps what it has.
    pub(super) fn close_journal(&mut self) {
        let Some(journal) = &mut self.outputs.journal else { return };
        for (first, last, outcome) in journal.close() {
            self.outputs.tell(first, last, outcome);
        }
    }
}
