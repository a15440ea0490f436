//! The line above a room's unread messages.

/// The line of the unread, and whether the messages below it have been seen.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// The line is above the first message of another user behind this offset.
    behind: Option<u64>,
    /// The line's number of messages, once all of them were seen. The line then stays, and its number does not grow.
    seen: Option<Count>,
}

/// A number of unread messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) messages: usize,
    /// Whether there are more, which were not counted.
    pub(crate) or_more: bool,
}

impl Unread {
    /// There are unseen messages behind this offset.
    pub(crate) fn on_news(&mut self, read: u64) {
        if !self.is_pending() {
            *self = Self { behind: Some(read), seen: None };
        }
    }

    /// All messages have been seen; this is the line's number.
    pub(crate) fn on_seen(&mut self, count: Count) {
        self.seen.get_or_insert(count);
    }

    /// Removes the line if the messages below it were seen; returns whether it was removed.
    pub(crate) fn forget_seen(&mut self) -> bool {
        self.seen.take().is_some() && self.behind.take().is_some()
    }

    /// Removes the line.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether there is a line, with unseen messages below it.
    pub(crate) fn is_pending(&self) -> bool {
        self.behind.is_some() && self.seen.is_none()
    }

    /// The offset behind which the line is, and its number if that is fixed.
    pub(crate) fn line(&self) -> Option<(u64, Option<Count>)> {
        self.behind.map(|behind| (behind, self.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Unread};

    const fn count(messages: usize) -> Count {
        Count { messages, or_more: false }
    }

    #[test]
    fn the_line_stays_until_all_was_seen_and_moves_to_the_next_unseen_message() {
        let mut unread = Unread::default();
        unread.on_news(7);
        unread.on_news(9);
        assert_eq!((unread.line(), unread.is_pending()), (Some((7, None)), true));
        unread.on_seen(count(3));
        unread.on_seen(count(4));
        assert_eq!(unread.line(), Some((7, Some(count(3)))), "it stays for who has come back");
        assert!(!unread.is_pending());
        unread.on_news(12);
        assert_eq!((unread.line(), unread.is_pending()), (Some((12, None)), true));
    }

    #[test]
    fn a_line_above_unseen_messages_is_not_removed() {
        let mut unread = Unread::default();
        assert!(!unread.forget_seen());
        unread.on_news(7);
        assert!(!unread.forget_seen());
        assert!(unread.is_pending());
        unread.on_seen(count(1));
        assert!(unread.forget_seen());
        assert_eq!(unread.line(), None);
        unread.on_news(8);
        unread.forget();
        assert_eq!(unread.line(), None);
    }
}
