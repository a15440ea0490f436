//! Messages beyond the read position that were on the screen: a user who has skipped some messages has not read those.

use everwire_chat_core::timeline::Timeline;

/// Ranges that are remembered; of more, the first is forgotten, and its messages count as unread again.
const MOST: usize = 64;

/// Ranges of offsets, in order and apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Vec<Range>);

/// From one offset to another, with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Shown {
    pub(super) fn add(&mut self, mut new: Range) {
        self.0.retain(|known| {
            let is_apart = known.to.saturating_add(1) < new.from || new.to.saturating_add(1) < known.from;
            if !is_apart {
                new = Range { from: new.from.min(known.from), to: new.to.max(known.to) };
            }
            is_apart
        });
        let at = self.0.partition_point(|known| known.from < new.from);
        self.0.insert(at, new);
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// Takes out the ranges that begin where was read up to, or where nothing of others stands in between; the end of the last.
    pub(super) fn follow(&mut self, mut read: u64, timeline: &Timeline) -> Option<u64> {
        let mut end = None;
        while let Some(&Range { from, to }) = self.0.first()
            && (from <= read.saturating_add(1) || timeline.is_clear_between(read, from - 1))
        {
            self.0.remove(0);
            read = read.max(to);
            end = Some(to);
        }
        end
    }

    /// Messages of others in them, behind this offset.
    pub(super) fn count_behind(&self, offset: u64, timeline: &Timeline) -> usize {
        let counts =
            self.0.iter().map(|range| timeline.others_between(offset.max(range.from.saturating_sub(1)), range.to));
        usize::try_from(counts.sum::<u64>()).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use everwire_chat_core::wire::{TextMessage, WireStatus};

    use super::*;

    fn timeline(offsets: impl IntoIterator<Item = u64>) -> Timeline {
        let mut timeline = Timeline::default();
        for offset in offsets {
            let message = TextMessage {
                id: offset.to_string(),
                user_id: "ana".into(),
                user_name: "Ana".into(),
                text: "hi".into(),
                timestamp: 0,
                status: WireStatus::Sent,
                offset: Some(offset),
            };
            timeline.on_text(message, false);
        }
        timeline
    }

    #[test]
    fn what_was_jumped_over_keeps_the_position_back_until_it_was_shown_too() {
        let timeline = timeline(1..=100);
        let mut shown = Shown::default();
        shown.add(Range { from: 1, to: 9 });
        assert_eq!(shown.follow(0, &timeline), Some(9));
        shown.add(Range { from: 90, to: 95 });
        assert_eq!(shown.follow(9, &timeline), None);
        shown.add(Range { from: 94, to: 100 });
        assert_eq!(shown.0, [Range { from: 90, to: 100 }]);
        assert_eq!((shown.count_behind(9, &timeline), shown.count_behind(95, &timeline)), (11, 5));
        shown.add(Range { from: 10, to: 89 });
        assert_eq!((shown.follow(9, &timeline), shown.0.len()), (Some(100), 0));
    }

    #[test]
    fn what_stands_below_the_position_moves_it_nowhere_further() {
        let mut shown = Shown::default();
        shown.add(Range { from: 20, to: 30 });
        assert_eq!(shown.follow(100, &timeline(1..=100)), Some(30));
    }

    #[test]
    fn ranges_are_bounded() {
        let mut shown = Shown::default();
        (1..=100).for_each(|n| shown.add(Range { from: n * 10, to: n * 10 }));
        assert_eq!((shown.0.len(), shown.0[0].from), (MOST, 370));
    }
}
