use std::collections::VecDeque;
use std::task::Waker;

use everwire_calls::{EndReason, Failure, Kind};
use everwire_ws::Message;

use crate::metrics::Stamp;
use crate::{CallError, Execution, Fate, Ticket};

/// A call of ours, until its end was given out. Kept small: there may be many.
pub(super) struct Slot {
    pub(super) ticket: Option<Box<dyn Ticket>>,
    pub(super) fate: Option<Fate>,
    /// Of a stream.
    pub(super) reading: Option<Box<Reading>>,
    pub(super) end: Option<Box<Result<Option<Message>, EndReason>>>,
    /// Whether its message is being taken back: its end is not given out before that is known.
    pub(super) is_withdrawing: bool,
    pub(super) waker: Option<Waker>,
    /// With a key.
    pub(super) found: Option<Box<Found>>,
    pub(super) stamp: Stamp,
}

/// Items of a stream that have come.
#[derive(Default)]
pub(super) struct Reading {
    items: VecDeque<(u64, Message)>,
    /// Of the items.
    bytes: usize,
    /// The item that was given last, while it is not processed.
    pub(super) given: Option<(u64, Message)>,
}

/// A call with a key.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) processed: u64,
}

/// A call's message that is being taken back.
pub(super) struct Withdrawal {
    pub(super) ticket: Box<dyn Ticket>,
    /// Sent if it can't be.
    pub(super) cancel: Message,
    pub(super) is_withdrawn: bool,
}

/// The end of a call, with what is known of its message.
#[derive(Default)]
pub(super) struct End {
    /// None: there was no such call any more.
    end: Option<Result<Option<Message>, EndReason>>,
    fate: Option<Fate>,
    ticket: Option<Box<dyn Ticket>>,
    closed: bool,
}

impl Slot {
    pub(super) fn new(stamp: Stamp, kind: Kind, found: Option<Box<Found>>) -> Self {
        Self {
            ticket: None,
            fate: None,
            reading: (kind == Kind::Stream).then(Box::default),
            end: None,
            is_withdrawing: false,
            waker: None,
            found,
            stamp,
        }
    }

    /// Bytes of the reply or of the items that wait here to be taken.
    pub(super) fn unread(&self) -> usize {
        let reply = match self.end.as_deref() {
            Some(Ok(Some(reply))) => reply.len(),
            _ => 0,
        };
        self.reading.as_ref().map_or(reply, |reading| reading.bytes)
    }

    /// They are not waited for any more; it has ended so.
    pub(super) fn drop_unread(&mut self, failure: Failure) {
        self.reading = self.reading.take().map(|_| Box::default());
        self.end = Some(Box::new(Err(EndReason::Failed(failure))));
    }

    pub(super) fn give_out(self, closed: bool) -> End {
        End { end: self.end.map(|end| *end), fate: self.fate, ticket: self.ticket, closed }
    }
}

impl Reading {
    pub(super) fn push(&mut self, number: u64, item: Message) {
        self.bytes = self.bytes.saturating_add(item.len());
        self.items.push_back((number, item));
    }

    /// What was given and not processed is given again.
    pub(super) fn put_back(&mut self) {
        if let Some((number, item)) = self.given.take() {
            self.bytes = self.bytes.saturating_add(item.len());
            self.items.push_front((number, item));
        }
    }

    /// Takes the next items, at most `most` of them.
    pub(super) fn take(&mut self, most: usize) -> VecDeque<(u64, Message)> {
        let rest = self.items.split_off(self.items.len().min(most));
        let taken = std::mem::replace(&mut self.items, rest);
        self.bytes = self.bytes.saturating_sub(taken.iter().map(|(_, item)| item.len()).sum());
        taken
    }

    /// The number of the next item that waits.
    pub(super) fn next(&self) -> Option<u64> {
        self.items.front().map(|(number, _)| *number)
    }
}

impl End {
    /// What the application is told. Not under the lock: the message may be taken back.
    pub(super) fn give_out(self) -> Result<Option<Message>, CallError> {
        let reason = match self.end {
            None => return Err(CallError::Closed(Execution::Unknown)),
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(EndReason::Failed(failure))) => return Err(CallError::Failed(failure)),
            Some(Err(reason)) => reason,
        };
        let fate = self.fate.or_else(|| self.ticket.as_ref().and_then(|ticket| ticket.fate()));
        let execution = match (fate, self.ticket) {
            (Some(Fate::NotSent(why)), _) if reason == EndReason::Lost && !self.closed => {
                return Err(CallError::NotSent(why));
            }
            // The message's end may be heard of before that of the session.
            (Some(Fate::Closed), _) if reason == EndReason::Lost => return Err(CallError::Closed(Execution::NotRun)),
            (Some(Fate::NotSent(_) | Fate::Closed), _) => Execution::NotRun,
            (Some(Fate::Processed), _) => Execution::Taken,
            (Some(Fate::Received | Fate::Unknown), _) => Execution::Unknown,
            (None, Some(ticket)) if ticket.withdraw() => Execution::NotRun,
            (None, _) => Execution::Unknown,
        };
        Err(match reason {
            EndReason::DeadlinePassed => CallError::DeadlinePassed(execution),
            EndReason::NotSupported => CallError::NotSupported,
            EndReason::Breach => CallError::Breach(execution),
            _ if self.closed => CallError::Closed(execution),
            _ => CallError::Lost(execution),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_the_end_of_its_client_took_back_is_told_as_closed_whichever_is_heard_first() {
        for closed in [false, true] {
            let end = End { end: Some(Err(EndReason::Lost)), fate: Some(Fate::Closed), ticket: None, closed };
            let told = end.give_out();
            assert!(matches!(told, Err(CallError::Closed(Execution::NotRun))), "{told:?}");
        }
    }
}
