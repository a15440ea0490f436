//! Which part of a list of messages is shown. The list grows at its end and shrinks at its beginning while the user reads, so
//! a position in it is given by a message's id.

use everwire_chat::Entry;
use ratatui::text::Line;

/// The position in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Scroll {
    /// The newest message is at the bottom of the screen.
    #[default]
    Newest,
    /// This message is at the bottom of the screen, and this many of its lines are hidden below.
    At { id: String, below: usize },
    /// This message is at the top of the screen, or lower if the list below it does not fill the screen.
    From { id: String },
}

/// A list whose blocks of lines are rendered when they are needed.
pub(super) trait Blocks {
    fn count(&self) -> usize;
    fn id(&self, at: usize) -> &str;
    fn lines(&self, at: usize) -> Vec<Line<'static>>;
}

/// The lines to show, top down, and the new position.
pub(super) struct View {
    pub(super) lines: Vec<Line<'static>>,
    pub(super) scroll: Scroll,
    /// The index of the first message that is visible, at least in part.
    pub(super) top: usize,
    /// Whether the list's first message is visible as a whole.
    pub(super) is_top: bool,
}

impl Scroll {
    /// Scrolls so that a message is at the bottom.
    pub(super) fn show(&mut self, id: String) {
        *self = Self::At { id, below: 0 };
    }

    pub(super) fn is_newest(&self) -> bool {
        *self == Self::Newest
    }

    /// The number of messages, from the oldest on, that are on the screen or above it.
    pub(super) fn shown(&self, entries: &[Entry]) -> usize {
        let position = |id: &String| entries.iter().rposition(|entry| entry.id == *id);
        match self {
            Self::Newest => entries.len(),
            Self::At { id, below } => position(id).map_or(0, |at| at + usize::from(*below == 0)),
            // Not painted yet.
            Self::From { id } => position(id).unwrap_or(0),
        }
    }

    /// The same position, given by the message at the bottom.
    fn by_bottom(&self, list: &impl Blocks, height: usize) -> Self {
        let Self::From { id } = self else { return self.clone() };
        let Some(first) = (0..list.count()).rev().find(|&at| list.id(at) == id) else { return Self::Newest };
        let mut rows = 0;
        for at in first..list.count() {
            rows += list.lines(at).len();
            if rows > height {
                return Self::At { id: list.id(at).to_owned(), below: rows - height };
            }
        }
        Self::Newest
    }

    /// Scrolls up by this many lines (down if negative), and returns what is visible on `height` lines.
    pub(super) fn view(&self, list: &impl Blocks, up: isize, height: usize) -> View {
        let Some((mut at, mut below)) = self.by_bottom(list, height).find(list) else {
            return View { lines: Vec::new(), scroll: Self::Newest, top: 0, is_top: true };
        };
        // Up: further into the blocks above. Down: less of this one is hidden, then of those below.
        let mut hidden = isize::try_from(below).unwrap_or(0) + up;
        while hidden < 0 && at + 1 < list.count() {
            at += 1;
            hidden += len(list, at);
        }
        hidden = hidden.max(0);
        while hidden >= len(list, at) {
            if at == 0 {
                hidden = len(list, at) - 1;
                break;
            }
            hidden -= len(list, at);
            at -= 1;
        }
        below = usize::try_from(hidden).unwrap_or(0);
        Self::fill(list, at, below, height)
    }

    fn fill(list: &impl Blocks, at: usize, below: usize, height: usize) -> View {
        let mut rows: Vec<Line<'static>> = Vec::with_capacity(height);
        let mut block = list.lines(at);
        block.truncate(block.len().saturating_sub(below));
        let mut top = at;
        loop {
            rows.extend(block.into_iter().rev());
            if rows.len() > height || top == 0 {
                break;
            }
            if rows.len() == height {
                break;
            }
            top -= 1;
            block = list.lines(top);
        }
        let is_top = top == 0 && rows.len() <= height;
        let (mut at, mut below) = (at, below);
        // The screen is not full at the top: what was hidden below comes up.
        while rows.len() < height && (below > 0 || at + 1 < list.count()) {
            if below == 0 {
                at += 1;
                below = list.lines(at).len();
                continue;
            }
            let block = list.lines(at);
            rows.insert(0, block[block.len() - below].clone());
            below -= 1;
        }
        rows.truncate(height);
        rows.reverse();
        let newest = below == 0 && at + 1 == list.count();
        let scroll = if newest { Self::Newest } else { Self::At { id: list.id(at).to_owned(), below } };
        View { lines: rows, scroll, top, is_top }
    }

    /// The block at the bottom, and the number of its lines that are hidden. A message that was removed had been the oldest.
    fn find(&self, list: &impl Blocks) -> Option<(usize, usize)> {
        let last = list.count().checked_sub(1)?;
        match self {
            Self::Newest | Self::From { .. } => Some((last, 0)),
            Self::At { id, below } => match (0..=last).rev().find(|&at| list.id(at) == id) {
                Some(at) => Some((at, *below)),
                None => Some((0, 0)),
            },
        }
    }
}

fn len(list: &impl Blocks, at: usize) -> isize {
    isize::try_from(list.lines(at).len()).unwrap_or(isize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::text::Line;

    use super::{Blocks, Scroll, View};

    /// Blocks of these sizes; a line's text is the number of its block and of the line in it.
    struct Sizes(Vec<usize>, Vec<String>);

    fn sizes(sizes: &[usize]) -> Sizes {
        Sizes(sizes.to_vec(), (0..sizes.len()).map(|n| n.to_string()).collect())
    }

    impl Blocks for Sizes {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn id(&self, at: usize) -> &str {
            &self.1[at]
        }
        fn lines(&self, at: usize) -> Vec<Line<'static>> {
            (0..self.0[at]).map(|line| Line::from(format!("{at}.{line}"))).collect()
        }
    }

    fn shown(view: &View) -> Vec<String> {
        view.lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_newest_are_at_the_bottom() {
        let view = Scroll::Newest.view(&sizes(&[2, 1, 2]), 0, 4);
        assert_eq!(shown(&view), ["0.1", "1.0", "2.0", "2.1"]);
        assert!(view.scroll.is_newest() && !view.is_top);
        let view = Scroll::Newest.view(&sizes(&[2, 1, 2]), 0, 9);
        assert_eq!(shown(&view).len(), 5);
        assert!(view.is_top);
        assert!(shown(&Scroll::Newest.view(&sizes(&[]), 3, 4)).is_empty());
    }

    #[test]
    fn scrolling_goes_by_lines_and_stops_at_both_ends() {
        let list = sizes(&[2, 1, 2]);
        let up = Scroll::Newest.view(&list, 1, 3);
        assert_eq!(shown(&up), ["0.1", "1.0", "2.0"]);
        let top = up.scroll.view(&list, 100, 3);
        assert_eq!(shown(&top), ["0.0", "0.1", "1.0"]);
        assert!(top.is_top);
        let down = top.scroll.view(&list, -1, 3);
        assert_eq!(shown(&down), ["0.1", "1.0", "2.0"]);
        let bottom = down.scroll.view(&list, -100, 3);
        assert_eq!(shown(&bottom), ["1.0", "2.0", "2.1"]);
        assert!(bottom.scroll.is_newest());
    }

    #[test]
    fn a_position_above_the_newest_stays_while_messages_come() {
        let mut list = sizes(&[1, 1, 1, 1]);
        let up = Scroll::Newest.view(&list, 1, 2);
        assert_eq!(shown(&up), ["1.0", "2.0"]);
        list = sizes(&[1, 1, 1, 1, 3]);
        assert_eq!(shown(&up.scroll.view(&list, 0, 2)), ["1.0", "2.0"]);
    }

    #[test]
    fn a_message_is_shown_at_the_top_where_enough_stands_below_it() {
        let list = sizes(&[2, 1, 2, 3, 1]);
        let from = |id: &str| Scroll::From { id: id.into() };
        assert_eq!(shown(&from("1").view(&list, 0, 4)), ["1.0", "2.0", "2.1", "3.0"]);
        assert_eq!(shown(&from("1").view(&list, -1, 4)), ["2.0", "2.1", "3.0", "3.1"]);
        let view = from("3").view(&list, 0, 5);
        assert_eq!(shown(&view), ["2.1", "3.0", "3.1", "3.2", "4.0"].map(str::to_owned).to_vec());
        assert!(view.scroll.is_newest());
        assert!(from("gone").view(&list, 0, 4).scroll.is_newest());
        assert_eq!(shown(&from("3").view(&sizes(&[1, 1, 1, 9]), 0, 4)), ["3.0", "3.1", "3.2", "3.3"]);
    }

    #[test]
    fn the_position_of_a_removed_message_is_the_top() {
        let gone = Scroll::At { id: "gone".into(), below: 5 };
        assert_eq!(shown(&gone.view(&sizes(&[1, 1, 1]), 0, 2)), ["0.0", "1.0"]);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_a_full_window_of_the_list(
            heights in prop::collection::vec(1..5_usize, 1..12),
            moves in prop::collection::vec(-9..9_isize, 0..12),
            height in 1..12_usize,
        ) {
            let list = sizes(&heights);
            let all: Vec<String> = (0..heights.len()).flat_map(|at| list.lines(at)).map(|l| l.to_string()).collect();
            // The model: the number of lines that are hidden below.
            let most = all.len().saturating_sub(height);
            let (mut scroll, mut hidden) = (Scroll::Newest, 0_isize);
            for up in moves {
                let view = scroll.view(&list, up, height);
                hidden = (hidden + up).clamp(0, most as isize);
                let end = all.len() - hidden as usize;
                prop_assert_eq!(shown(&view), &all[end.saturating_sub(height)..end]);
                prop_assert_eq!(view.scroll.is_newest(), hidden == 0);
                prop_assert_eq!(view.is_top, end <= height);
                scroll = view.scroll;
            }
        }
    }
}
