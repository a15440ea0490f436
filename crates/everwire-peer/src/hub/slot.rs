use std::collections::VecDeque;
use std::task::Waker;

use everwire_calls::{EndReason, Kind};
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
    pub(super) items: VecDeque<(u64, Message)>,
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

    pub(super) fn give_out(self, closed: bool) -> End {
        End { end: self.end.map(|end| *end), fate: self.fate, ticket: self.ticket, closed }
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
