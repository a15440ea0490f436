//! What has been read of a connection, for the server's end of its session.

use everwire_ws::{Message, MessageRef};

use super::{MessageRun, ServerInput};
use crate::Attempt;

/// Collects what was read from a connection into [`ServerInput`]s, in order and as few as possible.
///
/// ```
/// use everwire_core::{Attempt, session::{Reading, ServerInput}};
/// use everwire_ws::MessageRef;
///
/// let mut reading = Reading::new(Attempt(1), 2);
/// for text in ["m1:hello", "m2:world", "a7"] {
///     reading.push_ref(MessageRef::Text(text));
/// }
/// let inputs = reading.into_inputs();
/// assert!(matches!(&inputs[..], [ServerInput::Run(_, run), ServerInput::Received(..)] if run.len() == 2));
/// ```
#[derive(Debug)]
pub struct Reading {
    link: Attempt,
    inputs: Vec<ServerInput>,
    messages: usize,
    bytes: usize,
    /// Behind `inputs`. If it is not empty, `others` is.
    run: MessageRun,
    /// Behind `inputs`: what is no run.
    others: Vec<Message>,
}

impl Reading {
    /// An empty collection with room for about `expected` messages.
    #[must_use]
    pub fn new(link: Attempt, expected: usize) -> Self {
        let run = MessageRun::with_capacity(expected);
        Self { link, inputs: Vec::new(), messages: 0, bytes: 0, run, others: Vec::new() }
    }

    /// Adds a message that is in the read buffer; it is copied from there.
    #[inline]
    pub fn push_ref(&mut self, message: MessageRef<'_>) {
        if self.run.push(message) || self.begins_run(message) {
            self.count(message.payload().len());
            self.end_others();
        } else {
            self.push(message.to_message());
        }
    }

    /// Adds a message that has an allocation of its own.
    pub fn push(&mut self, message: Message) {
        self.end_run();
        self.count(message.len());
        self.others.push(message);
    }

    /// Adds an input that is not a message.
    pub fn push_input(&mut self, input: ServerInput) {
        self.end_run();
        self.end_others();
        self.inputs.push(input);
    }

    /// The number of messages so far.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// The bytes of these messages, prefixes included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The inputs.
    #[must_use]
    pub fn into_inputs(mut self) -> Vec<ServerInput> {
        self.end_run();
        self.end_others();
        self.inputs
    }

    /// Whether it is reliable, but not the next of the run that there is.
    fn begins_run(&mut self, message: MessageRef<'_>) -> bool {
        if self.run.is_empty() {
            return false;
        }
        self.end_run();
        self.run.push(message)
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.inputs.push(ServerInput::Run(self.link, std::mem::take(&mut self.run)));
        }
    }

    #[inline]
    fn end_others(&mut self) {
        if !self.others.is_empty() {
            self.inputs.push(ServerInput::Received(self.link, std::mem::take(&mut self.others)));
        }
    }

    #[inline]
    fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_in_the_order_in_which_it_came() {
        let mut reading = Reading::new(Attempt(1), 2);
        let texts = ["m1:a", "m2:b", "a7", "v:x", "m3:c", "m4:d", "m9:gap", "m10:e", "nonsense"];
        texts.into_iter().for_each(|text| reading.push_ref(MessageRef::Text(text)));
        reading.push(Message::text("m11:large"));
        reading.push_ref(MessageRef::Text("m12:f"));
        reading.push_input(ServerInput::Activity(Attempt(1)));
        reading.push_ref(MessageRef::Text("m13:g"));
        assert_eq!((reading.messages(), reading.bytes()), (12, 4 + 4 + 2 + 3 + 4 + 4 + 6 + 5 + 8 + 9 + 5 + 5));
        let shapes: Vec<_> = reading
            .into_inputs()
            .iter()
            .map(|input| match input {
                ServerInput::Run(Attempt(1), run) => format!("run of {} from {}", run.len(), run.first),
                ServerInput::Received(Attempt(1), messages) => format!("{} others", messages.len()),
                other => format!("{other:?}"),
            })
            .collect();
        let expected = [
            "run of 2 from 1",
            "2 others",
            "run of 2 from 3",
            "run of 2 from 9",
            "2 others",
            "run of 1 from 12",
            "Activity(Attempt(1))",
            "run of 1 from 13",
        ];
        assert_eq!(shapes, expected);
    }
}
