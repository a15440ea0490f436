//! What a frame of the peer means for the halves of a session, the same on both ends.

use everwire_ws::{CloseCode, Message};

use super::{
    code,
    frame::{Frame, FrameError},
    receiver::{Receiver, Verdict},
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

    const WINDOW: Self =
        Self { code: code::VIOLATED, words: "more messages than were allowed before an acknowledgement" };

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
        Frame::Reliable(seq, payload) => match receiver.accept(seq) {
            Verdict::Deliver => batch.push(payload),
            Verdict::Duplicate => {}
            Verdict::Gap => return Err(Violation::GAP),
            Verdict::BeyondWindow => return Err(Violation::WINDOW),
        },
        Frame::Volatile(payload) => {
            if receiver.accept_volatile() {
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
