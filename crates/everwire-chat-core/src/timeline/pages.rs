//! Gaps, and pages of the history that fill them.

use super::{Change, Entry, Missing, Timeline};
use crate::status::Status;
use crate::wire::TextMessage;

/// Messages beyond the window that may be asked for: then the oldest leave again.
const MOST_PAGED: usize = 100_000;

impl Timeline {
    /// The offset before which a message misses others that the server may still have: what to ask for.
    #[must_use]
    pub fn wanted_before(&self, id: &str) -> Option<u64> {
        let entry = self.get(id)?;
        matches!(entry.missing, Some(Missing::Unloaded { .. })).then_some(entry.offset).flatten()
    }

    /// Takes a page of the history: the messages right before the offset `before`, oldest first; `more` if the server has
    /// older ones. `is_own` tells our own by their user's id.
    pub fn on_page(
        &mut self,
        before: u64,
        messages: Vec<TextMessage>,
        more: bool,
        is_own: impl Fn(&str) -> bool,
    ) -> Vec<Change> {
        if !more {
            let oldest = messages.iter().filter_map(|message| message.offset).min();
            self.floor = self.floor.max(oldest.unwrap_or(before));
        }
        let mut changes = Vec::new();
        let mut run: Vec<Entry> = Vec::new();
        for message in messages {
            let Some(offset) = message.offset else { continue };
            if self.get(&message.id).is_some() {
                let own = is_own(&message.user_id);
                changes.extend(self.insert_run(std::mem::take(&mut run)));
                changes.extend(self.on_text(message, own));
                continue;
            }
            // What stands between what came before and this one ends the run.
            let follows = run.first().and_then(|first| first.offset).is_none_or(|first| {
                self.entries.get(self.place_for(first)).and_then(|next| next.offset).is_none_or(|next| next > offset)
            });
            if !follows {
                changes.extend(self.insert_run(std::mem::take(&mut run)));
            }
            let own = is_own(&message.user_id);
            let status = match own {
                true if offset <= self.receipt.read => Status::Read,
                true if offset <= self.receipt.delivered => Status::Delivered,
                _ => Status::Sent,
            };
            run.push(Entry::new(message, own, status));
        }
        changes.extend(self.insert_run(run));
        // What was removed on the server shows in the gap that is left.
        let at = self.entries.iter().position(|entry| entry.offset.is_some_and(|offset| offset >= before));
        changes.extend(at.and_then(|at| self.look_for_gap(at)));
        changes.extend(self.look_for_gap(0));
        changes.extend(self.trim());
        changes
    }

    fn insert_run(&mut self, run: Vec<Entry>) -> Vec<Change> {
        let Some(first) = run.first().and_then(|entry| entry.offset) else { return Vec::new() };
        let (at, count) = (self.place_for(first), run.len());
        self.paged = (self.paged + count).min(MOST_PAGED);
        self.known.extend(run.iter().map(|entry| (entry.id.clone(), entry.offset)));
        // The smaller part moves: at the front next to nothing.
        self.entries.rotate_left(at);
        run.into_iter().rev().for_each(|entry| self.entries.push_front(entry));
        self.entries.rotate_right(at);
        for inside in at..at + count {
            let _ = self.look_for_gap(inside);
        }
        let entries = self.entries.range(at..at + count).cloned().collect();
        let mut changes = vec![Change::Earlier { at, entries }];
        changes.extend(self.look_for_gap(at + count));
        changes
    }

    /// Brings the gap before an entry up to date.
    pub(super) fn look_for_gap(&mut self, at: usize) -> Option<Change> {
        let missing = self.missing_before(at);
        let entry = self.entries.get_mut(at)?;
        if entry.missing == missing {
            return None;
        }
        entry.missing = missing;
        Some(Change::Updated { at, entry: entry.clone() })
    }

    pub(super) fn missing_before(&self, at: usize) -> Option<Missing> {
        let offset = self.entries.get(at)?.offset?;
        // What stands before without an offset is of another history.
        let before = at.checked_sub(1).and_then(|before| self.entries[before].offset).unwrap_or(0);
        let first = before + 1;
        if first >= offset {
            return None;
        }
        Some(match offset.checked_sub(self.floor.max(first)) {
            Some(count) if count > 0 => Missing::Unloaded { count },
            _ => Missing::Gone { count: offset - first },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::WireStatus;

    fn text(offset: u64) -> TextMessage {
        TextMessage {
            id: offset.to_string(),
            user_id: if offset.is_multiple_of(3) { "me" } else { "u" }.into(),
            user_name: "U".into(),
            text: String::new(),
            timestamp: 0,
            status: WireStatus::Sent,
            offset: Some(offset),
        }
    }

    fn of(offsets: impl IntoIterator<Item = u64>) -> Vec<TextMessage> {
        offsets.into_iter().map(text).collect()
    }

    fn first(timeline: &Timeline) -> (&str, Option<Missing>) {
        timeline.entries().next().map(|entry| (entry.id.as_str(), entry.missing)).unwrap()
    }

    #[test]
    fn what_is_before_the_first_message_is_missing_until_it_is_loaded() {
        let mut timeline = Timeline::new(5);
        for offset in 8..=12 {
            timeline.on_text(text(offset), false);
        }
        assert_eq!(first(&timeline), ("8", Some(Missing::Unloaded { count: 7 })));
        assert_eq!((timeline.wanted_before("8"), timeline.wanted_before("9")), (Some(8), None));
        let changes = timeline.on_page(8, of(3..8), true, |_| false);
        assert!(
            matches!(&changes[..], [Change::Earlier { at: 0, entries }, Change::Updated { at: 5, .. }] if entries.len() == 5)
        );
        assert_eq!(first(&timeline), ("3", Some(Missing::Unloaded { count: 2 })));
        timeline.on_page(3, of(1..3), false, |_| false);
        assert_eq!((first(&timeline), timeline.entries().len()), (("1", None), 12));
    }

    #[test]
    fn what_the_server_has_removed_is_gone() {
        let mut timeline = Timeline::new(100);
        timeline.on_text(text(2), false);
        timeline.on_text(text(9), false);
        let missing = |timeline: &Timeline, id: &str| timeline.get(id).unwrap().missing;
        assert_eq!(missing(&timeline, "9"), Some(Missing::Unloaded { count: 6 }));
        timeline.on_page(9, of(6..9), false, |_| false);
        assert_eq!(missing(&timeline, "6"), Some(Missing::Gone { count: 3 }));
        assert_eq!(missing(&timeline, "2"), Some(Missing::Gone { count: 1 }), "so is everything before");
        assert_eq!(timeline.wanted_before("2"), None);
    }

    #[test]
    fn what_was_asked_for_stays_beyond_the_window_and_own_messages_have_their_marks() {
        let mut timeline = Timeline::new(2);
        timeline.on_text(text(10), false);
        timeline.on_text(text(11), false);
        timeline.on_receipt(crate::wire::Receipt { delivered: 9, read: 3 });
        timeline.on_page(10, of(2..10), true, |user| user == "me");
        timeline.on_text(text(12), false);
        assert_eq!(timeline.entries().len(), 10, "two of the window and eight that were asked for");
        let status = |id: &str| timeline.get(id).unwrap().status.clone();
        assert_eq!((status("3"), status("6"), status("4")), (Status::Read, Status::Delivered, Status::Sent));
    }

    proptest! {
        /// A conversation with losses of memory: whatever comes in which order, once all gaps are loaded the timeline
        /// holds the server's history, and a UI that applies the changes shows the same.
        #[test]
        fn pages_fill_every_gap(
            length in 1_u64..60,
            removed in 0_u64..20,
            live in prop::collection::vec(1_u64..60, 0..40),
            limit in 1_usize..9,
        ) {
            let mut timeline = Timeline::new(7);
            let mut copy: Vec<Entry> = Vec::new();
            let kept: Vec<u64> = (removed + 1..=length.max(removed + 1)).collect();
            let apply = |changes: Vec<Change>, copy: &mut Vec<Entry>| changes.into_iter().for_each(|change| change.apply(copy));
            // The newest is known: what is behind it comes live.
            let newest = *kept.last().unwrap();
            for offset in live.into_iter().filter(|offset| kept.contains(offset)).chain([newest]) {
                apply(timeline.on_text(text(offset), offset.is_multiple_of(3)), &mut copy);
            }
            let mut steps = 0;
            loop {
                let wanted = timeline.entries().find_map(|entry| timeline.wanted_before(&entry.id));
                let Some(before) = wanted else { break };
                let older: Vec<u64> = kept.iter().copied().filter(|offset| *offset < before).collect();
                let from = older.len().saturating_sub(limit);
                let page = of(older[from..].iter().copied());
                apply(timeline.on_page(before, page, from > 0, |user| user == "me"), &mut copy);
                steps += 1;
                prop_assert!(steps < 200, "it comes to an end");
            }
            let shown: Vec<u64> = timeline.entries().filter_map(|entry| entry.offset).collect();
            prop_assert_eq!(&shown, &kept);
            prop_assert_eq!(copy, timeline.entries().cloned().collect::<Vec<_>>());
            for entry in timeline.entries().skip(1) {
                prop_assert_eq!(entry.missing, None);
            }
        }
    }
}
