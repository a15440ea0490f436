//! Reliable messages one behind the other, which is what most of them are.

use everwire_ws::{Message, MessageRef};

use super::frame;

/// Reliable messages with consecutive numbers, each without what stands before its payload on the wire.
///
/// They are taken out of the read buffer in one step, and copied once.
///
/// ```
/// use everwire_core::session::MessageRun;
/// use everwire_ws::MessageRef;
///
/// let mut run = MessageRun::default();
/// assert!(run.push(MessageRef::Text("m7:hello")));
/// assert!(run.push(MessageRef::Binary(b"m8:\xff")));
/// assert!(!run.push(MessageRef::Text("m10:a number is left out")));
/// assert!(!run.push(MessageRef::Text("a3")), "an acknowledgement");
/// assert_eq!(run.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct MessageRun {
    pub(crate) first: u64,
    pub(crate) messages: Vec<Message>,
}

impl MessageRun {
    /// An empty run with room for this many messages.
    #[must_use]
    pub fn with_capacity(messages: usize) -> Self {
        Self { first: 0, messages: Vec::with_capacity(messages) }
    }

    /// Adds a copy of the message's payload, if it is the next reliable message. Returns `true` if it is; otherwise the
    /// run is unchanged.
    #[inline]
    #[must_use = "a message that is not the next one is nowhere yet"]
    pub fn push(&mut self, message: MessageRef<'_>) -> bool {
        let Some((seq, length)) = frame::reliable(message.payload()) else { return false };
        if self.messages.is_empty() {
            self.first = seq;
        } else if seq != self.first + self.messages.len() as u64 {
            return false;
        }
        let payload = match message {
            MessageRef::Text(text) => text.get(length..).map(Message::from),
            MessageRef::Binary(data) => data.get(length..).map(Message::from),
        };
        payload.map(|payload| self.messages.push(payload)).is_some()
    }

    /// The number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}
