//! Broken rules of calls, for a test of the tests. Realised around the machines: what one hears or says is changed.

use std::collections::BTreeMap;

use everwire_calls::{Frame, Limits, MAX_ID, Message};

macro_rules! mutants {
    ($($(#[doc = $words:literal])+ $name:ident = $text:literal,)+) => {
        /// One way to get it wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Mutant {
            $($(#[doc = $words])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// A description in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($words),+).trim_ascii(),)+
                }
            }

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

mutants! {
    /// The handler of a call runs twice.
    RunTwice = "run-twice",
    /// A reply is told twice.
    ReplyTwice = "reply-twice",
    /// A reply is that of the call before.
    ReplyOfAnother = "reply-of-another",
    /// An item is left out, and those behind it take its number.
    ItemLost = "item-lost",
    /// An item is sent twice, with a number of its own each.
    ItemTwice = "item-twice",
    /// An item has the content of the one before it.
    ItemsMixed = "items-mixed",
    /// The items of a frame change places.
    BatchReversed = "batch-reversed",
    /// A stream ends before its last item.
    EndEarly = "end-early",
    /// Items are sent without credit.
    CreditIgnored = "credit-ignored",
    /// A cancel never arrives.
    CancelIgnored = "cancel-ignored",
    /// A dropped handler goes on.
    HandlerKept = "handler-kept",
    /// Deadlines are not looked at.
    DeadlineIgnored = "deadline-ignored",
    /// That a call is lost is never told.
    LossUntold = "loss-untold",
    /// Hello is said once, and not again in a new session.
    HelloOnce = "hello-once",
    /// A hello in a session that goes on ends all calls.
    EverythingLost = "everything-lost",
    /// A new run of the program does not find what has a key.
    KeyForgotten = "key-forgotten",
    /// A new run of the program gets a stream from its first item on.
    FromTheStart = "from-the-start",
    /// Items are told as processed when they arrive.
    ProcessedEarly = "processed-early",
    /// What is processed of a stream with a key is told now and then only.
    ProcessedLate = "processed-late",
    /// What was kept of calls with a key is never forgotten.
    ForgetIgnored = "forget-ignored",
    /// Each session's server begins with the same ids.
    IdsReused = "ids-reused",
    /// A call above the callee's limit is not answered.
    RefusalUntold = "refusal-untold",
    /// A message of the application's own that looks like a frame is sent as it is.
    OwnUnmarked = "own-unmarked",
    /// Numbers are written with leading zeros.
    NumberPadded = "number-padded",
    /// An error has the code of another one.
    ErrorMixed = "error-mixed",
    /// A hello is never answered.
    HelloUnanswered = "hello-unanswered",
    /// An end runs calls with any number of bytes.
    RunningBytesIgnored = "running-bytes-ignored",
    /// How many bytes of items may be on the way is not told.
    WindowBytesUntold = "window-bytes-untold",
    /// What an application does not take has no bound.
    UnreadUnbounded = "unread-unbounded",
    /// Where an application takes too little, the call ends of which least waits.
    UnreadOfFewest = "unread-of-fewest",
    /// How large a frame may be is not told.
    MaxMessageUntold = "max-message-untold",
    /// That a rule was broken is not told.
    BreachUntold = "breach-untold",
    /// A frame that breaks a rule is passed over.
    BreachForgiven = "breach-forgiven",
    /// What a peer's application does with a hello is not looked at, so that one that knows no calls is waited for.
    PlainPeerAwaited = "plain-peer-awaited",
    /// A peer that sends everything back is taken for one that knows calls.
    EchoBelieved = "echo-believed",
    /// A server's handler commits its effect before its watermark.
    EffectFirst = "effect-first",
    /// A server's handler commits its watermark before its effect.
    WatermarkFirst = "watermark-first",
    /// A client sends again only what was not acknowledged, whatever the watermark says.
    NothingSentAgain = "nothing-sent-again",
    /// A call whose message was processed is told as one that was not run.
    TakenAsNotRun = "taken-as-not-run",
    /// A call of which nothing is known is told as one that was taken.
    UnknownAsTaken = "unknown-as-taken",
}

/// What a mutant does on the wire.
#[derive(Debug, Default)]
pub(super) struct Wire {
    before: Option<Message>,
    /// How far the numbers of a stream's items are off.
    offset: BTreeMap<u64, i64>,
}

impl Wire {
    /// What arrives of a message.
    pub(super) fn distort(&mut self, mutant: Mutant, message: Message) -> Vec<Message> {
        let Ok(frame) = Frame::parse(message.clone()) else { return vec![message] };
        let frames = match (mutant, frame) {
            (Mutant::BatchReversed, Frame::Items(id, first, mut items)) => {
                items.reverse();
                vec![Frame::Items(id, first, items)]
            }
            (
                Mutant::ItemLost | Mutant::ItemTwice | Mutant::ItemsMixed | Mutant::EndEarly,
                Frame::Items(id, first, items),
            ) => {
                let alone = (first..).zip(items).map(|(number, item)| Frame::Item(id, number, item).to_message());
                return alone.flat_map(|item| self.distort(mutant, item)).collect();
            }
            (Mutant::ReplyOfAnother, Frame::Reply(id, reply)) => {
                let before = self.before.replace(reply.clone());
                vec![Frame::Reply(id, before.unwrap_or(reply))]
            }
            (Mutant::ItemLost | Mutant::ItemTwice, Frame::Item(id, number, item)) => {
                let offset = self.offset.entry(id).or_default();
                let at = number.saturating_add_signed(*offset);
                match (mutant, number) {
                    (Mutant::ItemLost, 2) => {
                        *offset -= 1;
                        vec![]
                    }
                    (Mutant::ItemTwice, 2) => {
                        *offset += 1;
                        vec![Frame::Item(id, at, item.clone()), Frame::Item(id, at + 1, item)]
                    }
                    _ => vec![Frame::Item(id, at, item)],
                }
            }
            (Mutant::ItemLost | Mutant::ItemTwice, Frame::End(id, items)) => {
                let offset = self.offset.get(&id).copied().unwrap_or_default();
                vec![Frame::End(id, items.saturating_add_signed(offset))]
            }
            (Mutant::ItemsMixed, Frame::Item(id, number, item)) => {
                let before = self.before.replace(item.clone()).filter(|_| number > 1);
                vec![Frame::Item(id, number, before.unwrap_or(item))]
            }
            (Mutant::EndEarly, Frame::Item(id, 3, _)) => vec![Frame::End(id, 2)],
            (Mutant::CancelIgnored, Frame::Cancel(_)) | (Mutant::ForgetIgnored, Frame::Forget(_)) => vec![],
            (Mutant::LossUntold, Frame::Answer(answer)) if answer.number > 1 => vec![],
            (Mutant::HelloOnce, Frame::Hello(hello)) if hello.number > 1 => vec![],
            (Mutant::EverythingLost, Frame::Answer(mut answer)) => {
                answer.running.clear();
                vec![Frame::Answer(answer)]
            }
            (Mutant::KeyForgotten, Frame::Answer(mut answer)) => {
                answer.keyed.clear();
                vec![Frame::Answer(answer)]
            }
            (Mutant::FromTheStart, Frame::Answer(mut answer)) => {
                answer.keyed.iter_mut().for_each(|open| open.processed = 0);
                vec![Frame::Answer(answer)]
            }
            (Mutant::ProcessedLate, Frame::Processed(_, number)) if number % 2 == 1 => vec![],
            (Mutant::RefusalUntold, Frame::Error(_, failure)) if failure.code == everwire_calls::codes::TOO_MANY => {
                vec![]
            }
            (Mutant::OwnUnmarked, Frame::Plain(own)) => return vec![own],
            (Mutant::NumberPadded, Frame::Processed(id, number)) => return vec![format!("@k{id} 0{number}").into()],
            (Mutant::ErrorMixed, Frame::Error(id, mut failure)) if failure.code.starts_with('c') => {
                failure.code.push('0');
                vec![Frame::Error(id, failure)]
            }
            (Mutant::HelloUnanswered, Frame::Answer(_)) | (Mutant::BreachUntold, Frame::Breach(_)) => vec![],
            (Mutant::WindowBytesUntold | Mutant::MaxMessageUntold, Frame::Hello(mut hello)) => {
                untell(mutant, &mut hello.limits);
                vec![Frame::Hello(hello)]
            }
            (Mutant::WindowBytesUntold | Mutant::MaxMessageUntold, Frame::Answer(mut answer)) => {
                untell(mutant, &mut answer.limits);
                vec![Frame::Answer(answer)]
            }
            _ => return vec![message],
        };
        frames.iter().map(Frame::to_message).collect()
    }
}

fn untell(mutant: Mutant, limits: &mut Limits) {
    match mutant {
        Mutant::WindowBytesUntold => limits.window_bytes = MAX_ID,
        _ => limits.max_message = MAX_ID,
    }
}
