//! What a frame of the peer means for the halves of a session, the same on both ends.

use everwire_ws::{CloseCode, Message};

use super::{
    code,
    frame::{self, Frame, FrameError},
    receiver::{Acceptance, Receiver},
};
use crate::{
    Output,
    outbox::{BeyondSent, Outbox},
    outputs::Outputs,
};

/// A broken rule: how the connection is closed, and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) code: CloseCode,
    pub(crate) words: &'static str,
}

impl Violation {
    pub(crate) const fn malformed(words: &'static str) -> Self {
        Self { code: code::MALFORMED, words }
    }

    const GAP: Self = Self { code: code::GAP, words: "a sequence number was left out" };

    const BEYOND_SENT: Self = Self { code: code::VIOLATED, words: "an acknowledgement of what was never sent" };

    const LIMITS: Self =
        Self { code: code::VIOLATED, words: "more messages or bytes than the limits allow before an acknowledgement" };

    const TOO_LARGE: Self = Self { code: code::VIOLATED, words: "a message larger than the limits allow" };

    /// What a verdict on a reliable message means for its connection.
    fn of(verdict: Acceptance) -> Result<(), Self> {
        match verdict {
            Acceptance::Deliver | Acceptance::Duplicate => Ok(()),
            Acceptance::Gap => Err(Self::GAP),
            Acceptance::BeyondLimits => Err(Self::LIMITS),
            Acceptance::TooLarge => Err(Self::TOO_LARGE),
        }
    }

    /// Whether the session itself can't go on ([S-12]).
    pub(crate) fn ends_session(self) -> bool {
        self.code == code::VIOLATED
    }
}

impl From<FrameError> for Violation {
    fn from(error: FrameError) -> Self {
        Self::malformed(match error {
            FrameError::UnknownLetter => "unknown frame",
            FrameError::BadSequence => "bad sequence number",
            FrameError::NotText => "control frame that is not text",
            FrameError::BadBody => "bad frame body",
        })
    }
}

impl From<BeyondSent> for Violation {
    fn from(_: BeyondSent) -> Self {
        Self::BEYOND_SENT
    }
}

/// What is left of a frame for its end to deal with.
#[derive(Debug)]
pub(crate) enum Rest {
    Nothing,
    /// Something of ours was acknowledged.
    Proof,
    Control(Frame),
}

/// Reads the messages of the peer's up to the first that is more than the next reliable one, where they are: which most of
/// them are, and so none of these is moved. They are left as what they carry for the application; how many they are.
#[inline]
pub(crate) fn receive_run(messages: &mut [Message], receiver: &mut Receiver) -> usize {
    let next = |message: &mut Message| {
        let Some((seq, length)) = frame::reliable(message.payload()) else { return false };
        let size = message.len() - length;
        receiver.judge(seq, size) == Acceptance::Deliver
            && frame::strip(message, length).is_ok()
            && receiver.accept(seq, size) == Acceptance::Deliver
    };
    messages.iter_mut().map(next).take_while(|taken| *taken).count()
}

/// Takes a run of the peer's messages in: those that are to be delivered, and what was wrong behind them.
#[cfg(feature = "session")]
pub(crate) fn accept_run(
    run: super::run::MessageRun,
    receiver: &mut Receiver,
) -> (Vec<Message>, Result<(), Violation>) {
    let super::run::MessageRun { first, mut messages } = run;
    let (taken, behind) = receiver.accept_run(first, messages.iter().map(Message::len));
    messages.truncate(taken.end);
    messages.drain(..taken.start);
    (messages, behind.map_or(Ok(()), Violation::of))
}

/// Reads one message of the peer's; what it carries for the application is appended to `batch`.
#[inline]
pub(crate) fn receive(
    message: Message,
    receiver: &mut Receiver,
    outbox: &mut Outbox,
    outputs: &mut Outputs,
    batch: &mut Vec<Message>,
) -> Result<Rest, Violation> {
    match Frame::parse(message)? {
        Frame::Reliable(seq, payload) => match receiver.accept(seq, payload.len()) {
            Acceptance::Deliver => batch.push(payload),
            verdict => Violation::of(verdict)?,
        },
        Frame::Volatile(payload) => {
            if receiver.accept_volatile(payload.len()) {
                if !batch.is_empty() {
                    outputs.push(Output::Deliver(std::mem::take(batch)));
                }
                outputs.push(Output::DeliverVolatile(payload));
            }
        }
        Frame::Ack(seq) => {
            if outbox.acknowledged(seq, outputs)? {
                return Ok(Rest::Proof);
            }
        }
        control => return Ok(Rest::Control(control)),
    }
    Ok(Rest::Nothing)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use everwire_ws::MessageRef;

    use super::*;
    use crate::{
        Moment,
        session::{Limits, MessageRun},
    };

    #[test]
    fn a_run_ends_before_the_first_that_is_more_than_the_next_reliable_message_and_leaves_it_as_it_is() {
        let long = "ü".repeat(5000);
        let run = [Message::text("short"), Message::text(long), Message::binary(vec![7, 255]), Message::text("")];
        for other in ["a0", "v:x", "pn", "m4:again", "m6:gap", "m05:", "m5", "", "x"] {
            let mut receiver = Receiver::new(window(100), Duration::ZERO, 1);
            let framed = (1..).zip(&run).map(|(seq, message)| Frame::Reliable(seq, message.clone()).to_message());
            let mut messages: Vec<Message> = framed.collect();
            messages.extend([Message::text(other.to_owned()), Message::text("m5:behind it")]);
            assert_eq!(receive_run(&mut messages, &mut receiver), 4, "{other}");
            assert_eq!(messages[..4], run, "{other}");
            assert_eq!(messages[4..], [Message::text(other.to_owned()), Message::text("m5:behind it")]);
            assert_eq!(receiver.judge(5, 0), Acceptance::Deliver, "{other}");
        }
    }

    /// Whatever comes in whatever order, a run means what its messages one by one mean.
    #[test]
    fn a_run_means_what_its_messages_mean_one_by_one() {
        for (before, window, processed) in [(0, 5, 0), (3, 5, 0), (3, 5, 3), (4, 4, 0), (4, 4, 2)] {
            for first in 1..=8_u64 {
                for count in 0..=7_u64 {
                    let mut receivers = [(); 2].map(|()| Receiver::new(self::window(window), Duration::ZERO, 1));
                    for receiver in &mut receivers {
                        (1..=before).for_each(|seq| assert_eq!(receiver.accept(seq, 1), Acceptance::Deliver));
                        receiver.process(Moment::ZERO, processed);
                    }
                    let [one_by_one, at_once] = &mut receivers;
                    let (mut expected, mut broken) = (Vec::new(), Ok(()));
                    let mut run = MessageRun::with_capacity(1);
                    for seq in first..first + count {
                        let frame = Frame::Reliable(seq, Message::text(seq.to_string())).to_message();
                        assert!(run.push(MessageRef::from(&frame)));
                        if broken.is_ok() {
                            let (outbox, outputs) = (&mut outbox(), &mut Outputs::default());
                            broken = receive(frame, one_by_one, outbox, outputs, &mut expected).map(drop);
                        }
                    }
                    assert_eq!(accept_run(run, at_once), (expected, broken), "{first} {count} after {before}");
                    assert_eq!(format!("{one_by_one:?}"), format!("{at_once:?}"));
                }
            }
        }
    }

    fn window(messages: u32) -> Limits {
        Limits { messages, ..Limits::default() }
    }

    fn outbox() -> Outbox {
        Outbox::new(crate::OutboxConfig::default(), crate::Guarantee::default())
    }

    #[test]
    fn a_run_ends_at_the_limit() {
        let mut receiver = Receiver::new(window(2), Duration::ZERO, 1);
        let mut messages = ["m1:a", "m2:b", "m3:c"].map(Message::from);
        assert_eq!(receive_run(&mut messages, &mut receiver), 2);
        assert_eq!(messages, ["a", "b", "m3:c"].map(Message::from));
    }
}
