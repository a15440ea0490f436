//! Which messages are in the document. Rows are added when the user scrolls to them, and removed at the other end.

/// The number of messages in the document at the end of the list, and by how many it may grow before some are removed.
const SHOWN: usize = 60;
const GROWN: usize = 20;
/// The number of messages above one that the list scrolls to.
const BEFORE: usize = 10;
/// The number of messages that are added when the user scrolls.
const MORE: usize = 75;
/// The most messages in the document.
pub(crate) const MOST: usize = 400;

/// Two positions in the list of messages. Changes of the list move them, so that the same messages stay between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    from: usize,
    /// `None`: up to the newest, also of those to come.
    to: Option<usize>,
    /// The number of messages to show at the end of the list, so that they fill the screen.
    shown: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { from: 0, to: None, shown: SHOWN }
    }
}

impl Window {
    /// The index of the first message, and that after the last one, which may be beyond the end of the list.
    pub(crate) fn range(&self) -> (usize, usize) {
        (self.from, self.to.unwrap_or(usize::MAX))
    }

    /// Whether it reaches to the newest message.
    pub(crate) fn is_newest(&self) -> bool {
        self.to.is_none()
    }

    /// Shows the end of the list, which has `len` messages.
    pub(crate) fn show_newest(&mut self, len: usize) {
        (self.from, self.to) = (len.saturating_sub(self.shown), None);
    }

    /// Shows the message at `at`, with some before it and enough after it to fill the screen.
    pub(crate) fn show_from(&mut self, at: usize, len: usize) {
        if at < self.from || at >= self.to.unwrap_or(len) {
            self.from = at.saturating_sub(BEFORE);
            self.to = Some(self.from + self.shown);
            self.settle(len, false);
        }
    }

    /// Shows more above or below; returns whether there are more. `at_end`: the list shows its end, and has to stay there.
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
            // The shown messages do not fill the screen, so more are shown from now on.
            self.shown = self.shown.max(len - self.from.min(len)).min(MOST);
        }
        self.settle(len, at_end);
        *self != before
    }

    /// A message was added at `at`; there are `len` now.
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

    /// `count` messages were removed at the beginning.
    pub(crate) fn on_trimmed(&mut self, count: usize, len: usize, at_end: bool) {
        self.move_edges(|edge| edge.saturating_sub(count));
        self.settle(len, at_end);
    }

    /// A page of older messages was loaded. It is put into the document at once, unless that shows the end; messages far from it
    /// are removed.
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

    /// All messages were replaced. `place`: the new index of an old message.
    pub(crate) fn on_replaced(&mut self, place: impl Fn(usize) -> Option<usize>, len: usize, at_end: bool) {
        let (from, to) = self.range();
        // Begins at the first of the shown messages that is still there.
        match (from..to.min(from + MOST)).find_map(&place).filter(|_| !at_end) {
            Some(from) => (self.from, self.to) = (from, Some(self.to.and_then(place).unwrap_or(from + MOST))),
            None => self.show_newest(len),
        }
        self.settle(len, at_end);
    }

    /// Moves the positions to valid ones, with at most as many messages between them as may be in the document.
    fn settle(&mut self, len: usize, at_end: bool) {
        if self.to.is_none() && at_end {
            // Not with every message, so that rows are removed in groups.
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
            // All shown messages were removed: the nearest ones are shown.
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
    fn at_the_end_the_newest_are_shown_and_never_many() {
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
    fn scrolling_adds_messages_until_there_are_no_more() {
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
    fn messages_above_the_end_stay_while_many_come() {
        let mut window = window(900, None);
        for len in 1001..=5000 {
            window.on_added(len - 1, len, false);
        }
        assert_eq!(window.range(), (900, 1300));
    }

    #[test]
    fn a_loaded_page_is_shown_and_removes_the_farthest_rows() {
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
    fn if_the_shown_messages_are_removed_the_nearest_are_shown() {
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
        fn after_any_steps_some_messages_are_shown_not_too_many_and_the_middle_one_stays(
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
                // The message in the middle of the shown ones stays, unless it was removed from the list.
                let read = shown.get(shown.len() / 2).filter(|_| !at_end && matches!(step, Step::Add(_) | Step::Remove(_) | Step::Trim(_)));
                if let Some(read) = read.filter(|read| list.contains(read)) {
                    prop_assert!(now.contains(read), "{:?} of {}", window, list.len());
                }
            }
        }
    }
}
