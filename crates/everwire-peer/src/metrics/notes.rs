use everwire_calls::{EndReason, Kind};
use everwire_core::Moment;
use everwire_ws::Message;

use super::CallsMeter;

/// What has happened while something was locked; it is told to the recorder when nothing is.
#[derive(Default)]
pub(crate) struct Notes(Vec<Note>);

enum Note {
    Made(Kind),
    Found,
    Ended(Ending, Option<Moment>),
    Item,
    Refused,
}

/// How a call ended at its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Answered,
    Failed,
    Deadline,
    Lost,
    Unsupported,
    Breach,
    Cancelled,
}

/// When a call was made whose time counts: one that gets a reply, in this run of the program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp(Option<Moment>);

impl Notes {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn made(&mut self, kind: Kind, now: Moment) -> Stamp {
        self.0.push(Note::Made(kind));
        Stamp((kind == Kind::Call).then_some(now))
    }

    /// A call that an earlier run of the program has made is found again.
    pub(crate) fn found(&mut self) -> Stamp {
        self.0.push(Note::Found);
        Stamp(None)
    }

    pub(crate) fn ended(&mut self, stamp: Stamp, result: &Result<Option<Message>, EndReason>) {
        let ending = match result {
            Ok(_) => Ending::Answered,
            Err(EndReason::Failed(_)) => Ending::Failed,
            Err(EndReason::DeadlinePassed) => Ending::Deadline,
            Err(EndReason::NotSupported) => Ending::Unsupported,
            Err(EndReason::Breach) => Ending::Breach,
            // And what this version does not know.
            Err(_) => Ending::Lost,
        };
        self.0.push(Note::Ended(ending, stamp.0));
    }

    pub(crate) fn cancelled(&mut self) {
        self.0.push(Note::Ended(Ending::Cancelled, None));
    }

    pub(crate) fn item_received(&mut self) {
        self.0.push(Note::Item);
    }

    /// A call of the peer's was not run because of a limit.
    pub(crate) fn refused(&mut self) {
        self.0.push(Note::Refused);
    }

    pub(crate) fn tell(self, meter: &CallsMeter, now: impl Fn() -> Moment) {
        for note in self.0 {
            match note {
                Note::Made(kind) => meter.made(kind),
                Note::Found => meter.found(),
                Note::Ended(ending, since) => {
                    let is_answer = matches!(ending, Ending::Answered | Ending::Failed);
                    meter.ended(ending, since.filter(|_| is_answer).map(|since| now().since(since)));
                }
                Note::Item => meter.item_received(),
                Note::Refused => meter.refused(),
            }
        }
    }
}
