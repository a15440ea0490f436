//! A bound on the answers that a peer's frames cause.

use everwire_ws::Message;

/// Holds an end's replies back while its socket has much to write, so that a peer that sends and never reads costs a
/// constant amount of memory.
///
/// A session pings and acknowledges in frames of its own, and each of the peer's pings and messages leads to one. While
/// [`BUFFER`](Self::BUFFER) bytes or more wait in the socket, only the latest acknowledgement and the answer to the latest
/// ping are kept ([S-28]). A driver passes each [`Output::Control`](crate::Output::Control) through
/// [`admit`](Self::admit), and calls [`next`](Self::next) whenever its socket has written something. It keeps one
/// `Replies` per connection.
///
/// ```
/// use everwire_core::{Message, session::Replies};
///
/// let mut replies = Replies::default();
/// assert_eq!(replies.admit(Message::text("q1"), 0), Some(Message::text("q1"))); // the socket is idle: queue it
/// let much = Replies::BUFFER;
/// assert_eq!(replies.admit(Message::text("q2"), much), None);
/// assert_eq!(replies.admit(Message::text("q3"), much), None); // it replaces the one before
/// assert_eq!(replies.next(much), None);
/// assert_eq!(replies.next(100), Some(Message::text("q3")));
/// assert!(!replies.is_waiting());
/// ```
#[derive(Debug, Default)]
pub struct Replies {
    ack: Option<Message>,
    pong: Option<Message>,
}

impl Replies {
    /// Replies are queued while the socket has less than this many bytes to write: 64 KiB.
    pub const BUFFER: usize = 64 << 10;

    /// Returns the frame if it is to be queued now. A reply is held back while the `buffered` bytes that wait in the
    /// socket are [`BUFFER`](Self::BUFFER) or more; it replaces an earlier one of its kind. Other frames are never held
    /// back, and a bye drops replies that are: nothing follows it ([S-24]).
    pub fn admit(&mut self, frame: Message, buffered: usize) -> Option<Message> {
        let place = match frame.payload().first() {
            Some(b'a') => &mut self.ack,
            Some(b'q') => &mut self.pong,
            Some(b'b') => {
                *self = Self::default();
                return Some(frame);
            }
            _ => return Some(frame),
        };
        *place = Some(frame);
        if buffered < Self::BUFFER { place.take() } else { None }
    }

    /// The next reply that was held back, if it may be queued now that `buffered` bytes wait in the socket.
    pub fn next(&mut self, buffered: usize) -> Option<Message> {
        if buffered >= Self::BUFFER {
            return None;
        }
        self.ack.take().or_else(|| self.pong.take())
    }

    /// Returns `true` if a reply is held back: then [`next`](Self::next) is worth a call once something is written.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.ack.is_some() || self.pong.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_of_reply_the_latest_is_kept_and_the_rest_of_the_frames_pass() {
        let mut replies = Replies::default();
        for number in 0..1_000 {
            assert_eq!(replies.admit(Message::text(format!("a{number}")), Replies::BUFFER), None);
            assert_eq!(replies.admit(Message::text(format!("q{number}")), Replies::BUFFER), None);
        }
        for other in ["pnonce", "g{}", "h{}", "w{}"] {
            assert_eq!(replies.admit(Message::text(other), usize::MAX), Some(Message::text(other)));
        }
        assert_eq!(replies.next(Replies::BUFFER), None);
        assert_eq!(replies.next(0), Some(Message::text("a999")));
        assert_eq!(replies.next(0), Some(Message::text("q999")));
        assert_eq!(replies.next(0), None);
    }

    #[test]
    fn a_reply_that_is_queued_outdates_one_that_was_held_back() {
        let mut replies = Replies::default();
        assert_eq!(replies.admit(Message::text("a1"), Replies::BUFFER), None);
        assert_eq!(replies.admit(Message::text("a2"), 0), Some(Message::text("a2")));
        assert!(!replies.is_waiting());
    }

    #[test]
    fn nothing_follows_a_bye() {
        let mut replies = Replies::default();
        assert_eq!(replies.admit(Message::text("a1"), Replies::BUFFER), None);
        assert_eq!(replies.admit(Message::text("b{}"), Replies::BUFFER), Some(Message::text("b{}")));
        assert_eq!(replies.next(0), None);
    }
}
