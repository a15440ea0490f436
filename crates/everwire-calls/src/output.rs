use everwire_ws::Message;

use crate::{Call, Failure, Kind};

/// An action or a report of an endpoint. To be drained with [`poll_output`](crate::Endpoint::poll_output) after each call.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this reliably, behind everything before it, the messages that [`open`](crate::Endpoint::open) returned included.
    Send(Message),
    /// As [`Send`](Self::Send): the hello with this number. When the peer's application has processed it, say so by
    /// [`hello_processed`](crate::Endpoint::hello_processed), where that can be known.
    SendHello(u64, Message),
    /// As [`Send`](Self::Send): the answer to a hello of the peer's.
    SendAnswer(Message),
    /// As [`Send`](Self::Send): a call of the peer's is beyond a limit, and was not run.
    SendRefusal(Message),
    /// As [`Send`](Self::Send): the deadline of this call of ours has passed. It need not be sent if the call's message
    /// is taken back before a connection has had it ([C-10]).
    SendCancel(u64, Message),
    /// A call of ours has ended. Nothing follows.
    Replied {
        /// Which.
        id: u64,
        /// The reply, or how else it ended.
        result: Result<Message, EndReason>,
    },
    /// The next item of a stream of ours. Say [`processed`](crate::Endpoint::processed) when it is.
    Item {
        /// Which stream.
        id: u64,
        /// From 1, without a gap.
        number: u64,
        /// The item.
        item: Message,
    },
    /// A stream of ours has ended. Nothing follows.
    Ended {
        /// Which.
        id: u64,
        /// How: in order, or not.
        result: Result<(), EndReason>,
    },
    /// The peer calls: run its handler.
    Start(Call),
    /// Drop the handler of this call: its result is not needed any more.
    Drop(u64, DropReason),
    /// A stream that runs here may send again: see [`may_send`](crate::Endpoint::may_send).
    MaySend(u64),
    /// A message that belongs to no call: the application's own.
    Plain(Message),
    /// Calls that earlier runs of this program had open and that can be found by their keys, in the order of the calls.
    /// Told with each answer to a hello, also if there is nothing; each call once.
    Resumed(Vec<Resumed>),
    /// The peer has broken a rule, or says that we have. Calls in both directions have ended.
    Breach {
        /// Which rule.
        rule: Rule,
        /// Whether it is the peer that says so.
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
    /// The peer's application does not know calls.
    NotSupported,
    /// The two ends disagree on the protocol.
    Breach,
}

/// A call of an earlier run of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Its id, as before.
    pub id: u64,
    /// A call or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The application's own name for it.
    pub key: String,
    /// Items of a stream that were processed; the next one is the one after.
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
    /// The peer names a rule that is not one of these.
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
