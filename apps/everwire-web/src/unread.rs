//! What is new in a room since somebody looked.

/// Where the line of the unread stands, and whether what is behind it has been seen.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// The line stands above the first message of another behind this offset.
    behind: Option<u64>,
    /// What has been seen since, as the line counts it. The line stays for whoever comes back, and counts no further.
    seen: Option<Count>,
}

/// How many messages are new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) messages: usize,
    /// And more, which nobody has counted.
    pub(crate) or_more: bool,
}

impl Unread {
    /// Something is there that nobody has seen, behind this offset, up to which all was read.
    pub(crate) fn on_news(&mut self, read: u64) {
        if !self.is_pending() {
            *self = Self { behind: Some(read), seen: None };
        }
    }

    /// All has been seen; the line has counted so many.
    pub(crate) fn on_seen(&mut self, count: Count) {
        self.seen.get_or_insert(count);
    }

    /// Whoever has seen the line needs it no more; whether there was one.
    pub(crate) fn forget_seen(&mut self) -> bool {
        self.seen.take().is_some() && self.behind.take().is_some()
    }

    /// Nothing is new.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// There is a line, and something behind it that was not seen.
    pub(crate) fn is_pending(&self) -> bool {
        self.behind.is_some() && self.seen.is_none()
    }

    /// Behind which offset the line stands, and how many it counts if that is settled.
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
    fn the_line_stays_where_it_is_until_all_was_seen_and_moves_to_the_next_news() {
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
    fn what_is_not_seen_is_not_forgotten() {
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
