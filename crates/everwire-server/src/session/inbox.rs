//! What the application has not been given yet: runs of messages, each in the vector that it was read into, so that a
//! message is moved once, when it is handed out.

use std::collections::VecDeque;

use everwire_ws::Message;

use super::received::Received;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Some may be used up.
    runs: VecDeque<DeliveredRun>,
}

/// Messages one behind the other.
#[derive(Debug)]
struct DeliveredRun {
    messages: VecDeque<Message>,
    /// Of the first; none for volatile ones.
    sequence: Option<u64>,
    /// Of the first.
    position: u64,
}

impl Inbox {
    pub(super) fn push(&mut self, messages: Vec<Message>, sequence: Option<u64>, position: u64) {
        if !messages.is_empty() {
            self.runs.push_back(DeliveredRun { messages: messages.into(), sequence, position });
        }
    }

    /// Whether there has been nothing since the last [`clear`](Self::clear), or all of it is handed out.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.iter().all(|run| run.messages.is_empty())
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Hands the next one out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Received> {
        loop {
            let run = self.runs.front_mut()?;
            if let Some(received) = run.pop() {
                return Some(received);
            }
            self.runs.pop_front();
        }
    }
}

impl DeliveredRun {
    #[inline]
    fn pop(&mut self) -> Option<Received> {
        let message = self.messages.pop_front()?;
        let received = Received { message, sequence: self.sequence, position: self.position };
        self.position += 1;
        self.sequence = self.sequence.map(|sequence| sequence + 1);
        Some(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_in_order_with_their_numbers_whatever_they_were_put_in_with() {
        let mut inbox = Inbox::default();
        inbox.push(vec!["a".into(), "b".into()], Some(1), 1);
        inbox.push(Vec::new(), Some(3), 3);
        inbox.push(vec!["volatile".into()], None, 3);
        inbox.push(vec!["c".into()], Some(3), 4);
        assert!(!inbox.is_empty());
        let out: Vec<_> = std::iter::from_fn(|| inbox.pop()).collect();
        let received = |message: &str, sequence, position| Received {
            message: Message::text(message.to_owned()),
            sequence,
            position,
        };
        assert_eq!(
            out,
            [
                received("a", Some(1), 1),
                received("b", Some(2), 2),
                received("volatile", None, 3),
                received("c", Some(3), 4)
            ]
        );
        assert!(inbox.is_empty());
    }
}
