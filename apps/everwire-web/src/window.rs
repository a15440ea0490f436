//! Which messages are in the document. Rows come when they are scrolled to, and go at the other end.

/// Messages that are in the document at first and at the end of the list, and by how many more they may have grown there.
const SHOWN: usize = 60;
const GROWN: usize = 20;
/// So many are before one that somebody is brought to.
const BEFORE: usize = 10;
/// How many more come when somebody scrolls.
const MORE: usize = 75;
/// So many are in the document at most.
pub(crate) const MOST: usize = 400;

/// Two places in the list of messages. What changes in the list moves them, so that the same messages stay between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    from: usize,
    /// `None`: up to the newest, also of those to come.
    to: Option<usize>,
    /// So many are shown at the end of the list: what fills the screen.
    shown: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { from: 0, to: None, shown: SHOWN }
    }
}

impl Window {
    /// From this message, up to before that one, which may be behind the last.
    pub(crate) fn range(&self) -> (usize, usize) {
        (self.from, self.to.unwrap_or(usize::MAX))
    }

    /// Up to the newest.
    pub(crate) fn is_newest(&self) -> bool {
        self.to.is_none()
    }

    /// The end of the list, which has so many messages.
    pub(crate) fn show_newest(&mut self, len: usize) {
        (self.from, self.to) = (len.saturating_sub(self.shown), None);
    }

    /// This message with some before it, and what follows on it as far as it fills the screen.
    pub(crate) fn show_from(&mut self, at: usize, len: usize) {
        if at < self.from || at >= self.to.unwrap_or(len) {
            self.from = at.saturating_sub(BEFORE);
            self.to = Some(self.from + self.shown);
            self.settle(len, false);
        }
    }

    /// More above or below; whether there are any. `at_end`: the list shows its end, and goes on to do so.
    pub(crate) fn show_more(&mut self, up: bool, len: usize, at_end: bool) -> bool {
        let before = *self;
        let to = self.to.unwrap_or(len);
        if at_end && to - self.from.min(to) >= MOST {
            return false;
        }
        if up {
            self.from = self.from.saturating_sub(MORE);
            self.to = Some(to.min(self.from + MOST));
        } else {
            self.to = Some(to + MORE);
            self.from = self.from.max((to + MORE).min(len).saturating_sub(MOST));
        }
        if at_end && up {
            // The screen is higher than what was shown, and is so for the next messages too.
            self.shown = self.shown.max(len - self.from.min(len)).min(MOST);
        }
        self.settle(len, at_end);
        *self != before
    }

    /// A message has come to stand at this place; there are so many now.
    pub(crate) fn on_added(&mut self, at: usize, len: usize, at_end: bool) {
        self.move_edges(|edge| edge + usize::from(at < edge));
        self.settle(len, at_end);
    }

    pub(crate) fn on_removed(&mut self, at: usize, len: usize, at_end: bool) {
        self.move_edges(|edge| edge - usize::from(at < edge));
        self.settle(len, at_end);
    }

    pub(crate) fn on_moved(&mut self, from: usize, to: usize, len: usize, at_end: bool) {
        self.move_edges(|edge| edge - usize::from(from < edge));
        self.move_edges(|edge| edge + usize::from(to < edge));
        self.settle(len, at_end);
    }

    /// So many have gone at the front.
    pub(crate) fn on_trimmed(&mut self, count: usize, len: usize, at_end: bool) {
        self.move_edges(|edge| edge.saturating_sub(count));
        self.settle(len, at_end);
    }

    /// Older messages have come, to whoever is near: into the document at once, if it does not show the end, and what is far
    /// from them goes.
    pub(crate) fn on_page(&mut self, at: usize, count: usize, len: usize, at_end: bool) {
        let is_edge = at == self.from;
        if at <= self.from {
            self.from += count;
        }
        self.to = self.to.map(|to| if at < to { to + count } else { to });
        let to = self.to.unwrap_or(len);
        if is_edge && !at_end {
            self.from -= MORE.min(count);
        } else if at > self.from && !at_end && to - self.from > MOST {
            let to = to.min(at + count + (MOST - count.min(MOST)) / 2);
            (self.from, self.to) = (self.from.max(to.saturating_sub(MOST)), Some(to));
        }
        self.settle(len, at_end);
    }

    /// All messages were replaced. `place`: where one of the old ones is among the new ones.
    pub(crate) fn on_replaced(&mut self, place: impl Fn(usize) -> Option<usize>, len: usize, at_end: bool) {
        let (from, to) = self.range();
        // The first that is left of those that were shown.
        match (from..to.min(from + MOST)).find_map(&place).filter(|_| !at_end) {
            Some(from) => (self.from, self.to) = (from, Some(self.to.and_then(place).unwrap_or(from + MOST))),
            None => self.show_newest(len),
        }
        self.settle(len, at_end);
    }

    /// Brings the places to where they can be, and to no more than may be in the document.
    fn settle(&mut self, len: usize, at_end: bool) {
        if self.to.is_none() && at_end {
            // Not with every message: rows come and go together.
            if len > self.from + self.shown + GROWN {
                self.from = len - self.shown;
            }
        } else {
            self.to = Some(self.to.unwrap_or(len).min(self.from + MOST));
        }
        if self.to.is_some_and(|to| to >= len) {
            self.to = None;
        }
        if self.from >= self.to.unwrap_or(len) {
            // All that was shown has gone: what is nearest comes.
            self.from = self.to.unwrap_or(len).saturating_sub(self.shown);
            self.to = Some(self.from + self.shown).filter(|to| *to < len);
        }
    }

    fn move_edges(&mut self, moved: impl Fn(usize) -> usize) {
        self.from = moved(self.from);
        self.to = self.to.map(moved);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(from: usize, to: Option<usize>) -> Window {
        Window { from, to, shown: SHOWN }
    }

    #[test]
    fn at_the_end_there_are_always_the_newest_and_never_many() {
        let mut window = Window::default();
        for len in 1..=1000 {
            window.on_added(len - 1, len, true);
            assert!(window.is_newest());
            assert!((len.min(SHOWN)..=SHOWN + GROWN).contains(&(len - window.from)), "{window:?} of {len}");
        }
    }

    #[test]
    fn a_high_screen_stays_filled_while_messages_come() {
        let mut window = window(940, None);
        assert!(window.show_more(true, 1000, true));
        assert_eq!(window.range(), (865, usize::MAX));
        for len in 1001..1100 {
            window.on_added(len - 1, len, true);
            assert!(len - window.from >= SHOWN + MORE, "{window:?} of {len}");
        }
    }

    #[test]
    fn whoever_scrolls_gets_more_until_there_is_no_more() {
        let mut window = window(940, None);
        for _ in 0..13 {
            assert!(window.show_more(true, 1000, false));
        }
        assert_eq!(window.range(), (0, MOST));
        assert!(!window.show_more(true, 1000, false));
        for _ in 0..8 {
            assert!(window.show_more(false, 1000, false));
        }
        assert_eq!(window.range(), (600, usize::MAX));
        assert!(!window.show_more(false, 1000, false));
    }

    #[test]
    fn whoever_reads_above_the_end_keeps_it_while_many_come() {
        let mut window = window(900, None);
        for len in 1001..=5000 {
            window.on_added(len - 1, len, false);
        }
        assert_eq!(window.range(), (900, 1300));
    }

    #[test]
    fn a_page_comes_where_it_was_asked_for_and_pushes_the_far_rows_out() {
        let mut at_top = window(0, Some(300));
        at_top.on_page(0, 100, 1100, false);
        assert_eq!(at_top.range(), (25, 400));
        let mut at_bottom = window(0, Some(300));
        at_bottom.on_page(300, 100, 1100, false);
        assert_eq!(at_bottom.range(), (0, 300));
        let mut in_gap = window(0, Some(400));
        in_gap.on_page(350, 100, 1100, false);
        assert_eq!(in_gap.range(), (100, 500));
        let mut early = window(0, Some(400));
        early.on_page(10, 100, 1100, false);
        assert_eq!(early.range(), (0, 260));
    }

    #[test]
    fn whoever_reads_what_goes_sees_what_is_nearest() {
        let mut window = window(0, Some(400));
        window.on_trimmed(500, 1000, false);
        assert_eq!(window.range(), (0, SHOWN));
        window.on_replaced(|_| None, 10, false);
        assert_eq!(window.range(), (0, usize::MAX));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(usize),
        Remove(usize),
        Move(usize, usize),
        Trim(usize),
        Page(usize, usize),
        More(bool),
        Newest,
        Replace(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let place = 0..2000_usize;
        prop_oneof![
            4 => place.clone().prop_map(Step::Add),
            1 => place.clone().prop_map(Step::Remove),
            1 => (place.clone(), place.clone()).prop_map(|(from, to)| Step::Move(from, to)),
            1 => (0..300_usize).prop_map(Step::Trim),
            2 => (place, 1..150_usize).prop_map(|(at, count)| Step::Page(at, count)),
            4 => any::<bool>().prop_map(Step::More),
            1 => Just(Step::Newest),
            1 => (0..200_usize).prop_map(Step::Replace),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_something_is_shown_and_not_too_much_and_what_was_shown_stays(
            len in 0..1500_usize,
            steps in prop::collection::vec((step(), any::<bool>()), 0..60),
        ) {
            let (mut list, mut next) = ((0..len).collect::<Vec<_>>(), len);
            let mut window = Window::default();
            window.show_newest(len);
            for (step, at_end) in steps {
                let at_end = at_end && window.is_newest();
                let (from, to) = window.range();
                let shown: Vec<usize> = list[from..to.min(list.len())].to_vec();
                match step {
                    Step::Add(at) => {
                        let at = at.min(list.len());
                        list.insert(at, next);
                        window.on_added(at, list.len(), at_end);
                    }
                    Step::Remove(at) if at < list.len() => {
                        list.remove(at);
                        window.on_removed(at, list.len(), at_end);
                    }
                    Step::Move(from, to) if from < list.len() && to < list.len() => {
                        let moved = list.remove(from);
                        list.insert(to, moved);
                        window.on_moved(from, to, list.len(), at_end);
                    }
                    Step::Trim(count) => {
                        let count = count.min(list.len());
                        list.drain(..count);
                        window.on_trimmed(count, list.len(), at_end);
                    }
                    Step::Page(at, count) => {
                        let at = at.min(list.len());
                        list.splice(at..at, next..next + count);
                        window.on_page(at, count, list.len(), at_end);
                    }
                    Step::More(up) => {
                        window.show_more(up, list.len(), at_end);
                    }
                    Step::Newest => window.show_newest(list.len()),
                    Step::Replace(gone) => {
                        let old = list.clone();
                        list = old.iter().copied().skip(gone).chain(next..next + 50).collect();
                        window.on_replaced(|at| list.iter().position(|one| old.get(at) == Some(one)), list.len(), at_end);
                    }
                    Step::Remove(_) | Step::Move(..) => continue,
                }
                next += 200;
                let (from, to) = window.range();
                prop_assert!(to == usize::MAX || to < list.len(), "{:?} of {}", window, list.len());
                let now = &list[from..to.min(list.len())];
                prop_assert!(now.len() <= MOST + GROWN, "{:?} of {}", window, list.len());
                prop_assert!(!now.is_empty() || list.is_empty(), "{:?} of {}", window, list.len());
                // What whoever reads has before them, in the middle of what is shown, stays unless it went from the list.
                let read = shown.get(shown.len() / 2).filter(|_| !at_end && matches!(step, Step::Add(_) | Step::Remove(_) | Step::Trim(_)));
                if let Some(read) = read.filter(|read| list.contains(read)) {
                    prop_assert!(now.contains(read), "{:?} of {}", window, list.len());
                }
            }
        }
    }
}
