use everwire_ws::Message;

use crate::{Call, Failure, Kind};

/// An action or a report of an endpoint. To be drained with [`poll_output`](crate::Endpoint::poll_output) after each call.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this reliably, behind everything before it, the messages that [`open`](crate::Endpoint::open) returned included.
    Send(Message),
    /// As [`Send`](Self::Send): the hello with this number. When the peer's application has processed it, call
    /// [`hello_processed`](crate::Endpoint::hello_processed), if the session can tell.
    SendHello(u64, Message),
    /// As [`Send`](Self::Send): the answer to a hello of the peer.
    SendAnswer(Message),
    /// As [`Send`](Self::Send): the refusal of a peer's call that is beyond a limit.
    SendRefusal(Message),
    /// As [`Send`](Self::Send): the cancel of this end's call whose deadline has passed. It need not be sent if the
    /// call's message can be withdrawn before it is handed to a connection ([C-10]).
    SendCancel(u64, Message),
    /// A call of this end has ended. Nothing follows.
    Replied {
        /// Which.
        id: u64,
        /// The reply, or the reason why there is none.
        result: Result<Message, EndReason>,
    },
    /// The next item of a stream of this end. Call [`processed`](crate::Endpoint::processed) when it is processed.
    Item {
        /// Which stream.
        id: u64,
        /// From 1, without a gap.
        number: u64,
        /// The item.
        item: Message,
    },
    /// A stream of this end has ended. Nothing follows.
    Ended {
        /// Which.
        id: u64,
        /// `Ok` if it ended after its last item, else the reason.
        result: Result<(), EndReason>,
    },
    /// A call of the peer: run its handler.
    Start(Box<Call>),
    /// Drop the handler of this call: its result is not needed any more.
    Drop(u64, DropReason),
    /// A stream that runs here may send again: see [`may_send`](crate::Endpoint::may_send).
    MaySend(u64),
    /// A message that belongs to no call: the application's own.
    Plain(Message),
    /// Open calls of earlier runs of this program, with their keys, in the order of the calls. It comes with each
    /// answer to a hello, also if there are none; each call is in it once.
    Resumed(Vec<Resumed>),
    /// The peer has broken a rule, or says that this end has. Calls in both directions have ended.
    Breach {
        /// Which rule.
        rule: Rule,
        /// `true` if the peer says so.
        told_by_peer: bool,
    },
}

/// The reason why the result of a handler is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The caller has cancelled it or is gone, or calls have ended.
    Cancelled,
    /// Its deadline has passed.
    DeadlinePassed,
    /// An item of its stream is larger than the session carries.
    TooLarge,
}

/// The way a call ended without a reply, or a stream before its end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EndReason {
    /// The callee's application, or the protocol at its side, answered with an error.
    Failed(Failure),
    /// The deadline passed here.
    DeadlinePassed,
    /// The session, or the callee's program, in which it ran is gone, and with it the answer.
    Lost,
    /// The peer's application does not support calls.
    NotSupported,
    /// The two ends disagree on the protocol.
    Breach,
}

/// A call of an earlier run of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Its id, the same as before.
    pub id: u64,
    /// A call or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The application's own name for it.
    pub key: String,
    /// The number of items of a stream that were processed; the next item is the one after.
    pub processed: u64,
}

/// Rules of `docs/calls.md` that a peer can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// [C-4]: the frame can't be read.
    Malformed,
    /// [C-6]: the id of a call was used before.
    IdUsed,
    /// [C-12]: an item without credit.
    NoCredit,
    /// [C-11]: an item, an end or a confirmation whose number does not fit.
    BadNumber,
    /// [C-8]: a reply to a stream, or an item or an end of a call.
    WrongKind,
    /// A rule that the peer names and that is not one of these.
    Other,
}

impl Rule {
    /// Its number in `docs/calls.md`.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::Malformed => "C-4",
            Self::IdUsed => "C-6",
            Self::NoCredit => "C-12",
            Self::BadNumber => "C-11",
            Self::WrongKind => "C-8",
            Self::Other => "?",
        }
    }

    pub(crate) fn of_number(number: &str) -> Self {
        [Self::Malformed, Self::IdUsed, Self::NoCredit, Self::BadNumber, Self::WrongKind]
            .into_iter()
            .find(|rule| rule.number() == number)
            .unwrap_or(Self::Other)
    }
}
