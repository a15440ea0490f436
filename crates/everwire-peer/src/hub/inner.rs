use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll, Waker};

use everwire_calls::{Call, DropReason, EndReason, Endpoint, Failure, Output, codes};
use everwire_ws::Message;
use rustc_hash::FxHashMap;

use super::Sent;
use super::outgoing::{Queue, What};
use super::slot::{End, Found, Slot, Withdrawal};
use crate::metrics::Notes;
use crate::{Fate, Ticket};

/// What the lock guards.
pub(super) struct Inner {
    pub(super) endpoint: Endpoint,
    pub(super) slots: FxHashMap<u64, Box<Slot>>,
    pub(super) outgoing: Queue,
    pub(super) commands: VecDeque<Command>,
    /// Calls with a key that nobody holds.
    pub(super) unclaimed: BTreeMap<u64, Found>,
    /// The other end has said what it has.
    pub(super) answered: bool,
    pub(super) closed: bool,
    pub(super) notes: Notes,
    /// Bytes of the replies and items that wait to be taken, and how many may.
    unread: usize,
    max_unread: usize,
    wakers: Vec<Waker>,
    withdrawals: Vec<(u64, Withdrawal)>,
    is_answer_new: bool,
    was_usable: bool,
    /// What becomes of the last hello, for the task.
    pub(super) hello: Option<(u64, Box<dyn Ticket>)>,
}

/// Of which message of the session something is; of none, if it was not received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    /// At the link.
    pub(crate) position: u64,
    /// Where that is known.
    pub(crate) sequence: Option<u64>,
}

/// What only the task can do.
pub(crate) enum Command {
    Start(Box<Call>, Origin),
    Drop(u64, DropReason),
    MaySend(u64),
    Own(Message),
}

/// What is to be done when the lock is free.
pub(super) struct Notices {
    pub(super) wakers: Vec<Waker>,
    pub(super) notes: Notes,
    pub(super) withdrawals: Vec<(u64, Withdrawal)>,
    /// An answer to a hello has come, or none will.
    pub(super) answered: bool,
}

impl Inner {
    pub(super) fn new(endpoint: Endpoint, max_unread: usize) -> Self {
        Self {
            endpoint,
            slots: FxHashMap::default(),
            outgoing: Queue::default(),
            commands: VecDeque::new(),
            unclaimed: BTreeMap::new(),
            answered: false,
            closed: false,
            notes: Notes::default(),
            unread: 0,
            max_unread,
            wakers: Vec::new(),
            withdrawals: Vec::new(),
            is_answer_new: false,
            was_usable: true,
            hello: None,
        }
    }

    /// Sorts what the machine wants done.
    pub(super) fn collect(&mut self, origin: Origin) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message) => self.outgoing.push(message, What::Other),
                Output::SendHello(number, message) => self.outgoing.push(message, What::Hello(number)),
                Output::SendAnswer(message) => self.outgoing.push(message, What::Answer),
                Output::SendRefusal(message) => {
                    self.outgoing.push(message, What::Refusal);
                    self.notes.refused();
                }
                Output::SendCancel(id, message) => self.cancel_late(id, message),
                Output::Replied { id, result } => self.end(id, result.map(Some)),
                Output::Ended { id, result } => self.end(id, result.map(|()| None)),
                Output::Item { id, number, item } => {
                    // Behind an end, there are those of the frame in which it was found that they have no room.
                    if let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.end.is_none())
                        && let Some(reading) = &mut slot.reading
                    {
                        self.unread = self.unread.saturating_add(item.len());
                        reading.push(number, item);
                        self.notes.item_received();
                        self.wakers.extend(slot.waker.take());
                    }
                    self.shed();
                }
                Output::Start(call) => self.commands.push_back(Command::Start(call, origin)),
                Output::Drop(id, reason) => self.commands.push_back(Command::Drop(id, reason)),
                Output::MaySend(id) => self.commands.push_back(Command::MaySend(id)),
                Output::Plain(message) => self.commands.push_back(Command::Own(message)),
                Output::Resumed(resumed) => {
                    (self.answered, self.is_answer_new) = (true, true);
                    for call in resumed {
                        let (id, kind, name, key) = (call.id, call.kind, call.name, call.key);
                        let found = Found { id, kind, name, key, processed: call.processed };
                        let stamp = self.notes.found();
                        self.slots.insert(id, Box::new(Slot::new(stamp, call.kind, Some(Box::new(found.clone())))));
                        self.unclaimed.insert(id, found);
                    }
                }
                Output::Breach { rule, told_by_peer } => {
                    tracing::warn!(
                        target: "everwire::calls",
                        rule = rule.number(),
                        told_by_peer,
                        "the protocol of calls was broken: all calls have ended"
                    );
                }
            }
        }
    }

    /// None: there is nothing.
    pub(super) fn take_told(&mut self) -> Option<Box<Notices>> {
        // No answer will come from an endpoint that has become unusable: the tasks that wait for one are notified of that.
        self.is_answer_new |= std::mem::replace(&mut self.was_usable, self.endpoint.is_usable()) && !self.was_usable;
        let is_quiet = self.wakers.is_empty() && self.withdrawals.is_empty() && self.notes.is_empty();
        if is_quiet && !self.is_answer_new {
            return None;
        }
        Some(Box::new(Notices {
            wakers: std::mem::take(&mut self.wakers),
            notes: std::mem::take(&mut self.notes),
            withdrawals: std::mem::take(&mut self.withdrawals),
            answered: std::mem::take(&mut self.is_answer_new),
        }))
    }

    /// Whether something waits to be sent, or will when [what is to be told](Self::take_told) is.
    pub(super) fn has_to_send(&self) -> bool {
        !self.outgoing.is_empty() || !self.withdrawals.is_empty()
    }

    /// A message was handed to the session.
    pub(super) fn sent(&mut self, what: What, sent: Sent) {
        match (what, sent) {
            (What::Call(id), Ok(Some(ticket))) => {
                let Some(slot) = self.slots.get_mut(&id) else { return };
                // It may have ended before it was known here.
                let is_undelivered = slot.ticket.insert(ticket).fate().is_some_and(|fate| fate.is_undelivered());
                if is_undelivered {
                    self.end_undelivered();
                }
            }
            // After the end nothing is received either, which ends the task.
            (What::Call(id), Err(_)) => self.not_sent(id, ENDED.to_owned()),
            (What::Hello(number), Ok(Some(ticket))) => self.hello = Some((number, ticket)),
            _ => {}
        }
    }

    /// A call's deadline has passed here. Its message is taken back if no connection has had it, or else the cancel sent.
    fn cancel_late(&mut self, id: u64, cancel: Message) {
        if self.outgoing.take_back(id).is_some() {
            self.not_sent(id, "the deadline passed".to_owned());
            return;
        }
        match self.slots.get_mut(&id).and_then(|slot| slot.ticket.take().map(|ticket| (slot, ticket))) {
            Some((slot, ticket)) => {
                slot.is_withdrawing = true;
                self.withdrawals.push((id, Withdrawal { ticket, cancel, is_withdrawn: false }));
            }
            None => self.outgoing.push(cancel, What::Other),
        }
    }

    /// What became of it. The waker is to be woken.
    pub(super) fn withdrawn(&mut self, id: u64, withdrawal: Withdrawal) -> Option<Waker> {
        let Withdrawal { ticket, cancel, is_withdrawn } = withdrawal;
        if is_withdrawn {
            self.not_sent(id, "the deadline passed".to_owned());
        } else {
            self.outgoing.push(cancel, What::Other);
        }
        let slot = self.slots.get_mut(&id)?;
        slot.is_withdrawing = false;
        if !is_withdrawn {
            slot.ticket = Some(ticket);
        }
        slot.waker.take()
    }

    /// A call's message is not, and will never be, on its way.
    pub(super) fn not_sent(&mut self, id: u64, why: String) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.fate = Some(Fate::NotSent(why));
        }
    }

    /// Ends the calls whose messages have ended without arriving.
    pub(super) fn end_undelivered(&mut self) {
        let tickets = self.slots.iter_mut().filter(|(_, slot)| slot.end.is_none());
        let ended = tickets.filter_map(|(id, slot)| {
            let fate = slot.ticket.as_ref()?.fate().filter(Fate::is_undelivered)?;
            (slot.ticket, slot.fate) = (None, Some(fate));
            Some(*id)
        });
        let mut ended: Vec<u64> = ended.collect();
        ended.sort_unstable();
        for id in ended {
            self.endpoint.cancel(id, false);
            self.end(id, Err(EndReason::Lost));
        }
    }

    fn end(&mut self, id: u64, end: Result<Option<Message>, EndReason>) {
        if let Some(slot) = self.slots.get_mut(&id) {
            self.notes.ended(slot.stamp, &end);
            let before = slot.unread();
            slot.end = Some(Box::new(end));
            self.unread = self.unread.saturating_sub(before).saturating_add(slot.unread());
            self.wakers.extend(slot.waker.take());
            self.shed();
        }
    }

    /// Ends calls whose replies and items wait here until there is room for the others', those with the most first ([C-22]).
    fn shed(&mut self) {
        while self.unread > self.max_unread {
            let Some((id, slot)) = self.slots.iter_mut().max_by_key(|(_, slot)| slot.unread()) else { return };
            let (id, bytes) = (*id, slot.unread());
            let words = format!(
                "replies and items of more than {} bytes wait here, most of them of this call: take them sooner",
                self.max_unread
            );
            let failure = Failure::new(codes::UNREAD, words);
            if slot.end.is_none() {
                self.notes.ended(slot.stamp, &Err(EndReason::Failed(failure.clone())));
            }
            slot.drop_unread(failure);
            self.unread = if bytes == 0 { 0 } else { self.unread.saturating_sub(bytes) };
            self.wakers.extend(slot.waker.take());
            // Behind what is being told of the machine.
            self.endpoint.cancel(id, true);
        }
    }

    /// Takes the next items of a stream, at most `most` of them.
    pub(super) fn take_items(&mut self, id: u64, most: usize) -> VecDeque<(u64, Message)> {
        let Some(slot) = self.slots.get_mut(&id) else { return VecDeque::new() };
        let before = slot.unread();
        let items = slot.reading.as_mut().map(|reading| reading.take(most)).unwrap_or_default();
        self.unread = self.unread.saturating_sub(before.saturating_sub(slot.unread()));
        items
    }

    fn take_slot(&mut self, id: u64) -> Option<Box<Slot>> {
        let slot = self.slots.remove(&id)?;
        if self.slots.is_empty() && self.slots.capacity() > KEPT {
            self.slots = FxHashMap::default();
        }
        self.unread = self.unread.saturating_sub(slot.unread());
        Some(slot)
    }

    /// Nobody waits for it any more.
    pub(super) fn remove_slot(&mut self, id: u64) -> Option<Box<Slot>> {
        let slot = self.take_slot(id)?;
        if slot.end.is_none() {
            self.notes.cancelled();
        }
        Some(slot)
    }

    pub(super) fn let_go(&mut self, id: u64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.waker = None;
        let Some(mut found) = slot.found.as_deref().cloned() else { return };
        if let Some(reading) = &mut slot.reading {
            let given = reading.given.as_ref().map_or(0, |(_, item)| item.len());
            reading.put_back();
            self.unread = self.unread.saturating_add(given);
            found.processed = reading.next().map_or(found.processed, |number| number.saturating_sub(1));
        }
        self.unclaimed.insert(id, found);
    }

    pub(super) fn poll_end(&mut self, id: u64, cx: &Context<'_>) -> Poll<End> {
        let Some(slot) = self.slots.get_mut(&id) else { return Poll::Ready(End::default()) };
        if slot.end.is_none() || slot.is_withdrawing {
            if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                slot.waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let closed = self.closed;
        Poll::Ready(self.take_slot(id).map(|slot| slot.give_out(closed)).unwrap_or_default())
    }
}

/// The largest capacity, in calls, that is kept when the last one is gone.
const KEPT: usize = 1_024;

/// Why a call was not sent.
pub(super) const ENDED: &str = "the session has ended";
