//! Texts that ask for a sign of life and answer it, where pings of the protocol can't be sent or are not answered.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_ws::Message;

/// The texts, and the payloads of the pings that are not answered yet.
#[derive(Debug)]
pub(super) struct TextPings {
    ping: Message,
    pong: String,
    unanswered: VecDeque<Bytes>,
}

impl TextPings {
    pub(super) fn new((ping, pong): (String, String)) -> Self {
        Self { ping: Message::text(ping), pong, unanswered: VecDeque::new() }
    }

    /// Asks by `queue`, which says whether it could.
    pub(super) fn ask(&mut self, payload: &[u8], queue: impl FnOnce(&Message) -> bool) -> bool {
        let queued = queue(&self.ping);
        if queued {
            self.unanswered.push_back(Bytes::copy_from_slice(payload));
        }
        queued
    }

    /// What the oldest ping carries, if this answers it. A text that answers nothing is a message like any other.
    pub(super) fn answer(&mut self, message: &Message) -> Option<Bytes> {
        if message.as_text()? == self.pong.as_str() { self.unanswered.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_to_the_oldest_ping_and_others_are_messages() {
        let mut pings = TextPings::new(("ping".into(), "pong".into()));
        let pong = Message::text("pong");
        assert_eq!(pings.answer(&pong), None);
        for payload in [b"1", b"2"] {
            assert!(pings.ask(payload, |ping| ping.as_text() == Some("ping")));
        }
        assert!(!pings.ask(b"3", |_| false), "a ping that was not sent is not answered");
        assert_eq!(pings.answer(&Message::text("other")), None);
        assert_eq!(pings.answer(&Message::binary(&b"pong"[..])), None);
        assert_eq!(pings.answer(&pong).as_deref(), Some(&b"1"[..]));
        assert_eq!(pings.answer(&pong).as_deref(), Some(&b"2"[..]));
        assert_eq!(pings.answer(&pong), None);
    }
}
