//! What is new in a room since somebody looked.

/// The first message that was not seen, and how many there were from there.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    first: Option<String>,
    count: usize,
    /// They have been seen since. The line above them stays for whoever comes back, and counts no further.
    is_seen: bool,
}

impl Unread {
    /// So many came of which nobody saw any, the first with this id.
    pub(crate) fn on_news(&mut self, first: &str, count: usize) {
        if self.is_seen || self.first.is_none() {
            *self = Self { first: Some(first.to_owned()), count: 0, is_seen: false };
        }
        self.count += count;
    }

    /// Somebody looks at the newest messages.
    pub(crate) fn on_seen(&mut self) {
        self.is_seen = true;
    }

    /// Whoever has seen the line needs it no more; whether there was one.
    pub(crate) fn forget_seen(&mut self) -> bool {
        self.is_seen && self.first.take().is_some()
    }

    /// Nothing is new.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Messages that nobody has seen yet.
    pub(crate) fn count(&self) -> usize {
        if self.is_seen { 0 } else { self.count }
    }

    /// The message that the line stands above, and the number in it.
    pub(crate) fn line(&self) -> Option<(&str, usize)> {
        self.first.as_deref().map(|first| (first, self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::Unread;

    #[test]
    fn the_line_counts_what_came_while_nobody_looked_and_moves_to_the_next_such() {
        let mut unread = Unread::default();
        unread.on_news("a", 1);
        unread.on_news("b", 2);
        assert_eq!((unread.line(), unread.count()), (Some(("a", 3)), 3));
        unread.on_seen();
        assert_eq!((unread.line(), unread.count()), (Some(("a", 3)), 0), "it stays for who has come back");
        unread.on_news("c", 1);
        assert_eq!((unread.line(), unread.count()), (Some(("c", 1)), 1));
    }

    #[test]
    fn what_is_not_seen_is_not_forgotten() {
        let mut unread = Unread::default();
        assert!(!unread.forget_seen());
        unread.on_news("a", 1);
        assert!(!unread.forget_seen());
        assert_eq!(unread.line(), Some(("a", 1)));
        unread.on_seen();
        assert!(unread.forget_seen());
        assert_eq!(unread.line(), None);
        unread.on_news("b", 1);
        assert_eq!((unread.line(), unread.count()), (Some(("b", 1)), 1));
    }
}
