//! What was opened, and what became of it.

use std::collections::{BTreeMap, VecDeque};

use everwire_calls::{EndReason, Kind, Message, Resumed, codes};
use everwire_core::Moment;

/// A broken promise, in words.
pub(super) type Checked = Result<(), String>;

/// Calls that one end has made.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) entries: Vec<Entry>,
    open: BTreeMap<u64, usize>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: u64,
    /// What its payload, its reply and its items have in them.
    pub(super) nonce: u64,
    pub(super) kind: Kind,
    pub(super) key: Option<String>,
    /// While the program that has set it runs.
    pub(super) deadline: Option<Moment>,
    has_deadline: bool,
    window: u64,
    pub(super) state: State,
    /// What could take it with it has happened since it was opened.
    may_be_lost: bool,
    /// A broken rule was noticed, so that the call may end by that.
    may_break: bool,
    /// What its handler gives last is larger than the session carries.
    pub(super) is_large: bool,
    /// The number of the next item.
    next: u64,
    /// Items that the application has and has not processed.
    pub(super) inbox: VecDeque<u64>,
    pub(super) processed: u64,
    /// How many items the handler makes, once it runs.
    pub(super) total: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// It has a key, and the program that has made it has crashed.
    Detached,
    /// It has a key, its end is told, and the application has not done with that.
    Held,
    /// Over, and nothing may follow.
    Over,
}

impl Entry {
    /// Of the items that the application has and has not processed.
    pub(super) fn unprocessed_bytes(&self) -> usize {
        self.inbox.iter().map(|number| format!("i{}:{number}", self.nonce).len()).sum()
    }

    /// Whether everything has come that its handler gives before what is too large.
    fn has_all_but_the_large(&self) -> bool {
        match self.kind {
            Kind::Call => true,
            Kind::Stream => self.total.is_some_and(|total| total > 0 && self.next == total),
        }
    }
}

impl Ledger {
    #[allow(clippy::too_many_arguments, reason = "all that there is to say of a call")]
    pub(super) fn opened(
        &mut self,
        id: u64,
        nonce: u64,
        kind: Kind,
        key: Option<String>,
        deadline: Option<Moment>,
        window: u64,
        may_be_lost: bool,
    ) {
        let (state, inbox) = (State::Open, VecDeque::new());
        self.open.insert(id, self.entries.len());
        self.entries.push(Entry {
            id,
            nonce,
            kind,
            key,
            deadline,
            has_deadline: deadline.is_some(),
            window,
            state,
            may_be_lost,
            may_break: false,
            is_large: false,
            next: 1,
            inbox,
            processed: 0,
            total: None,
        });
    }

    fn find(&mut self, id: u64, what: &str) -> Result<&mut Entry, String> {
        let at = self.open.get(&id).ok_or_else(|| format!("{what} of {id}, which is not open"))?;
        Ok(&mut self.entries[*at])
    }

    pub(super) fn with_nonce(&mut self, nonce: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.nonce == nonce)
    }

    /// The places of those that are in this state.
    pub(super) fn those(&self, state: State) -> Vec<usize> {
        (0..self.entries.len()).filter(|at| self.entries[*at].state == state).collect()
    }

    pub(super) fn cancelled(&mut self, at: usize) {
        self.open.remove(&self.entries[at].id);
        self.entries[at].state = State::Over;
    }

    /// What the callee had of the calls may be gone.
    pub(super) fn may_be_lost(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.may_be_lost = true);
    }

    /// A broken rule was noticed: all calls may end by that, and what was kept of them may be gone.
    pub(super) fn may_break(&mut self) {
        self.entries.iter_mut().for_each(|entry| (entry.may_break, entry.may_be_lost) = (true, true));
    }

    /// The program is gone.
    pub(super) fn crashed(&mut self) {
        self.open.clear();
        for entry in &mut self.entries {
            entry.inbox.clear();
            entry.state = match (entry.state, &entry.key) {
                (State::Over, _) | (_, None) => State::Over,
                (State::Open | State::Detached | State::Held, Some(_)) => State::Detached,
            };
        }
    }

    /// Whether the call ended well; whether it was lost.
    pub(super) fn ended(
        &mut self,
        id: u64,
        now: Moment,
        result: &Result<Option<Message>, EndReason>,
    ) -> Result<(bool, bool), String> {
        let entry = self.find(id, "an end")?;
        let (nonce, expected) = (entry.nonce, format!("r{}", entry.nonce));
        let said = match result {
            Ok(Some(reply)) if entry.kind == Kind::Call && reply.as_text() == Some(&expected) => Ok((true, false)),
            Ok(None) if entry.kind == Kind::Stream => match entry.total {
                Some(total) if total + 1 == entry.next => Ok((true, false)),
                total => Err(format!("stream {nonce} ends after {} items of {total:?}", entry.next - 1)),
            },
            Ok(reply) => Err(format!("call {nonce} is answered with {reply:?}")),
            Err(EndReason::Failed(failure)) => match failure.code.as_str() {
                codes::TOO_MANY => Ok((false, false)),
                codes::TOO_LARGE if entry.is_large && entry.has_all_but_the_large() => Ok((false, false)),
                codes::DEADLINE if entry.has_deadline => Ok((false, false)),
                code if code == format!("c{nonce}") => Ok((false, false)),
                code => Err(format!("call {nonce} fails with {code}")),
            },
            Err(EndReason::DeadlinePassed) if entry.deadline.is_some_and(|deadline| deadline <= now) => {
                Ok((false, false))
            }
            Err(EndReason::Lost) if entry.may_be_lost => Ok((false, true)),
            Err(EndReason::Breach) if entry.may_break => Ok((false, false)),
            Err(reason) => Err(format!("call {nonce} ends with {reason:?} without a reason")),
        };
        let by_callee = matches!(result, Ok(_) | Err(EndReason::Failed(_)));
        entry.state = if entry.key.is_some() && by_callee { State::Held } else { State::Over };
        if entry.state == State::Over {
            entry.inbox.clear();
        }
        self.open.remove(&id);
        said
    }

    pub(super) fn item(&mut self, id: u64, number: u64, item: &Message, window_bytes: usize) -> Checked {
        let entry = self.find(id, "an item")?;
        let expected = format!("i{}:{number}", entry.nonce);
        if number != entry.next || item.as_text() != Some(&expected) {
            return Err(format!(
                "item {number} of stream {} is {item:?}, where {} is the next",
                entry.nonce, entry.next
            ));
        }
        if number > entry.processed + entry.window {
            return Err(format!("item {number} of stream {} has no credit", entry.nonce));
        }
        if entry.key.is_none() && entry.unprocessed_bytes() >= window_bytes {
            return Err(format!("item {number} of stream {} has no credit in bytes", entry.nonce));
        }
        entry.next += 1;
        entry.inbox.push_back(number);
        Ok(())
    }

    /// A new run of the program has found it.
    pub(super) fn resumed(&mut self, found: &Resumed) -> Checked {
        let at = self.entries.iter().position(|entry| entry.id == found.id);
        let Some(at) = at else { return Err(format!("{} is found, which was never opened", found.id)) };
        let entry = &mut self.entries[at];
        if entry.state != State::Detached || entry.key.as_ref() != Some(&found.key) {
            return Err(format!("call {} is found, and is {:?}", entry.nonce, entry.state));
        }
        if found.processed != entry.processed {
            return Err(format!("stream {} goes on behind {}, not {}", entry.nonce, found.processed, entry.processed));
        }
        (entry.state, entry.next) = (State::Open, found.processed + 1);
        entry.deadline = None;
        self.open.insert(found.id, at);
        Ok(())
    }

    /// Bytes that wait for the application, over all calls.
    pub(super) fn unread(&self) -> usize {
        self.entries.iter().map(Entry::unprocessed_bytes).sum()
    }

    pub(super) fn has_room(&self, most: usize) -> Checked {
        match self.unread() {
            bytes if bytes > most => Err(format!("{bytes} bytes wait for an application that takes none")),
            _ => Ok(()),
        }
    }

    /// A call has ended because too many bytes wait for the application: it must be the one with the most of them ([C-22]).
    pub(super) fn shed(&mut self, at: usize) -> Checked {
        let (bytes, most) =
            (self.entries[at].unprocessed_bytes(), self.entries.iter().map(Entry::unprocessed_bytes).max());
        self.entries[at].inbox.clear();
        self.cancelled(at);
        match most {
            Some(most) if most > bytes => {
                Err(format!("a call ends of which {bytes} bytes wait, and {most} of another one"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn deadlines_kept(&self, now: Moment) -> Checked {
        let late = |entry: &&Entry| entry.state == State::Open && entry.deadline.is_some_and(|deadline| deadline < now);
        match self.entries.iter().find(late) {
            Some(entry) => Err(format!("call {} is open after its deadline", entry.nonce)),
            None => Ok(()),
        }
    }

    /// Once all is calm.
    pub(super) fn at_rest(&self) -> Checked {
        for entry in &self.entries {
            match entry.state {
                State::Over => {}
                State::Detached if entry.may_be_lost => {}
                // It was refused, and nobody was there to hear it.
                State::Detached if entry.total.is_none() => {}
                state => return Err(format!("no rest: call {} is {state:?}", entry.nonce)),
            }
        }
        Ok(())
    }
}
