//! One room's messages as a reader sees them: ordered, each once, bounded.
//!
//! Messages that the server has given a place stand in the order of their offsets. What has no place yet (our own that are
//! on their way, and everything from a server that gives none) stands behind them, in the order of arrival.
//! Where offsets leave something out there is a gap ([`Missing`]), which a page of the history fills
//! ([`Timeline::on_page`]).

mod change;
mod pages;
mod seen;
mod unread;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

pub use change::{Change, Entry, Missing};
pub use unread::{FirstUnread, first_unread};

use crate::status::Status;
use crate::wire::{Receipt, TextMessage};
use seen::Seen;

/// Messages kept in memory by default; older ones leave at the front.
pub const WINDOW: usize = 1000;

/// The messages of one room.
#[derive(Clone, Debug)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    window: usize,
    /// Messages beyond the window that were asked for.
    paged: usize,
    /// Ids of the entries, with their offsets.
    known: HashMap<String, Option<u64>>,
    /// The server has nothing before this offset, as far as is known.
    floor: u64,
    /// Ids of messages that have left the window, so that a late repeat does not come back as new.
    left: Seen,
    /// Up to where another member has the messages, and has seen them.
    receipt: Receipt,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new(WINDOW)
    }
}

impl Timeline {
    /// An empty timeline that keeps at most `window` messages (at least one), and beyond them those on their way.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            window: window.max(1),
            paged: 0,
            known: HashMap::new(),
            floor: 0,
            left: Seen::default(),
            receipt: Receipt::default(),
        }
    }

    /// The messages, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// A message by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.position(id).map(|at| &self.entries[at])
    }

    /// Shows our own message at once, while it is on its way; not one that has been here.
    pub fn echo(&mut self, message: TextMessage) -> Vec<Change> {
        if self.has_had(&message.id) {
            return Vec::new();
        }
        self.add(Entry::new(message, true, Status::Sending))
    }

    /// Takes a message from the server. Our own copy coming back, and any repeat, is not shown a second time. One of
    /// another user with the id of a message that is here says nothing of that message: a server that stores them
    /// refuses ours, and says so.
    pub fn on_text(&mut self, message: TextMessage, own: bool) -> Vec<Change> {
        let Some(at) = self.position(&message.id) else {
            if self.has_had(&message.id) {
                return Vec::new();
            }
            return self.add(Entry::new(message, own, Status::Sent));
        };
        if self.entries[at].user_id != message.user_id {
            return Vec::new();
        }
        let mut changes = self.advance_at(at, Status::Sent);
        if let Some(offset) = message.offset {
            changes.extend(self.place(at, offset));
        }
        changes
    }

    /// The server has stored our message.
    pub fn on_stored(&mut self, id: &str, offset: u64) -> Vec<Change> {
        let Some(at) = self.position(id) else { return Vec::new() };
        let mut changes = self.advance_at(at, Status::Sent);
        changes.extend(self.place(at, offset));
        changes
    }

    /// Another member has what is up to these offsets. It counts for our messages that come to stand there later, too.
    pub fn on_receipt(&mut self, receipt: Receipt) -> Vec<Change> {
        let before = self.receipt;
        self.receipt.read = self.receipt.read.max(receipt.read);
        self.receipt.delivered = self.receipt.delivered.max(receipt.delivered).max(self.receipt.read);
        // What stands before these has been as far already.
        let known = if self.receipt.read > before.read { before.read } else { before.delivered };
        let placed = self.placed();
        let first = self.first_from(&placed, known.saturating_add(1));
        (first..placed.end).flat_map(|at| self.receive_at(at)).collect()
    }

    /// The position up to which another member has the messages.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Moves a message's status forward, if that is an allowed move.
    pub fn advance(&mut self, id: &str, status: Status) -> Vec<Change> {
        self.position(id).map_or_else(Vec::new, |at| self.advance_at(at, status))
    }

    /// Takes a message of ours out that has not come anywhere: one that was taken back, or has failed.
    pub fn remove(&mut self, id: &str) -> Vec<Change> {
        let removable = |entry: &Entry| entry.own && matches!(entry.status, Status::Sending | Status::Failed(_));
        let Some(at) = self.position(id).filter(|&at| removable(&self.entries[at])) else { return Vec::new() };
        self.entries.remove(at);
        self.known.remove(id);
        let mut changes = vec![Change::Removed { at, id: id.to_owned() }];
        changes.extend(self.look_for_gap(at));
        changes
    }

    /// Another history has begun: places in the old one say nothing about the order in the new one.
    pub fn forget_offsets(&mut self) -> Vec<Change> {
        self.receipt = Receipt::default();
        self.floor = 0;
        self.known.values_mut().for_each(|offset| *offset = None);
        let placed = self.entries.iter_mut().enumerate().filter(|(_, entry)| entry.offset.is_some());
        let forgotten = placed.map(|(at, entry)| {
            (entry.offset, entry.missing) = (None, None);
            Change::Updated { at, entry: entry.clone() }
        });
        forgotten.collect()
    }

    fn has_had(&self, id: &str) -> bool {
        self.known.contains_key(id) || self.left.contains(id)
    }

    fn position(&self, id: &str) -> Option<usize> {
        match *self.known.get(id)? {
            Some(offset) => {
                let at = self.first_from(&self.placed(), offset);
                // Two with the same offset are the server's mistake.
                let is_there = self.entries.get(at).is_some_and(|entry| entry.id == id);
                if is_there { Some(at) } else { self.entries.iter().rposition(|entry| entry.id == id) }
            }
            // What has no place is almost always recent.
            None => self.entries.iter().rposition(|entry| entry.id == id),
        }
    }

    fn add(&mut self, entry: Entry) -> Vec<Change> {
        let at = entry.offset.map_or(self.entries.len(), |offset| self.place_for(offset));
        self.known.insert(entry.id.clone(), entry.offset);
        self.entries.insert(at, entry);
        // The gap before it belongs to it from the start.
        let _ = self.look_for_gap(at);
        let mut changes = vec![Change::Added { at, entry: self.entries[at].clone() }];
        changes.extend(self.look_for_gap(at + 1));
        changes.extend(self.receive_at(at));
        changes.extend(self.trim());
        changes
    }

    /// Lets the oldest go, but for messages on their way: what became of them is still to be shown.
    fn trim(&mut self) -> Vec<Change> {
        let mut count = 0;
        while self.entries.len() > self.window + self.paged
            && self.entries.front().is_some_and(|oldest| oldest.status != Status::Sending)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.known.remove(&oldest.id);
            self.left.insert(oldest.id);
            count += 1;
        }
        if count == 0 {
            return Vec::new();
        }
        let mut changes = vec![Change::Trimmed { count }];
        changes.extend(self.look_for_gap(0));
        changes
    }

    fn advance_at(&mut self, at: usize, status: Status) -> Vec<Change> {
        let entry = &mut self.entries[at];
        if entry.status.advance(status) { vec![Change::Updated { at, entry: entry.clone() }] } else { Vec::new() }
    }

    /// Moves our own message on as far as the others' marks say.
    fn receive_at(&mut self, at: usize) -> Vec<Change> {
        let entry = &self.entries[at];
        match entry.offset {
            Some(offset) if entry.own && offset <= self.receipt.read => self.advance_at(at, Status::Read),
            Some(offset) if entry.own && offset <= self.receipt.delivered => self.advance_at(at, Status::Delivered),
            _ => Vec::new(),
        }
    }

    /// Gives the message at `at` its place in the history.
    fn place(&mut self, at: usize, offset: u64) -> Vec<Change> {
        if self.entries[at].offset.is_some() {
            return Vec::new();
        }
        let Some(mut entry) = self.entries.remove(at) else { return Vec::new() };
        entry.offset = Some(offset);
        self.known.insert(entry.id.clone(), entry.offset);
        let to = self.place_for(offset);
        self.entries.insert(to, entry.clone());
        let mut changes = vec![match to == at {
            true => Change::Updated { at, entry },
            false => Change::Moved { from: at, to, entry },
        }];
        changes.extend(self.look_for_gap(to));
        changes.extend(self.look_for_gap(to + 1));
        changes.extend(self.receive_at(to));
        changes
    }

    /// Behind the last message with a smaller offset, before all that have none.
    fn place_for(&self, offset: u64) -> usize {
        let placed = self.placed();
        if placed.is_empty() { self.unplaced() } else { self.first_from(&placed, offset) }
    }

    /// Where the messages with offsets stand: behind those of an earlier history, before those that have no place yet.
    fn placed(&self) -> Range<usize> {
        let is_placed = |at: usize| self.entries[at].offset.is_some();
        let end = self.entries.iter().rposition(|entry| entry.offset.is_some()).map_or(0, |last| last + 1);
        // Mostly there is no earlier history.
        let first = if end > 0 && is_placed(0) { 0 } else { first_in(0..end, is_placed) };
        first..end
    }

    /// The first of these that stands at this offset or behind it.
    fn first_from(&self, placed: &Range<usize>, offset: u64) -> usize {
        let is_reached = |at: usize| self.entries[at].offset.is_some_and(|theirs| theirs >= offset);
        // What is looked for is mostly at the end, or as far from there as the offsets say, since they are mostly without a gap: a search
        // through a long history is a row of looks at what no cache holds.
        let Some(last) = placed.end.checked_sub(1).filter(|&last| !placed.is_empty() && is_reached(last)) else {
            return placed.end;
        };
        let back = self.entries[last].offset.unwrap_or(offset) - offset;
        let guess = usize::try_from(back).ok().and_then(|back| last.checked_sub(back)).filter(|at| placed.contains(at));
        match guess {
            Some(at) if is_reached(at) && (at == placed.start || !is_reached(at - 1)) => at,
            _ => first_in(placed.clone(), is_reached),
        }
    }

    /// Where the messages that will never get a place end: those of others, and of ours all that are done.
    fn unplaced(&self) -> usize {
        self.entries.iter().rposition(|entry| entry.status != Status::Sending).map_or(0, |last| last + 1)
    }
}

/// The first index for which it is so, where it is so for all behind that one; or the end.
fn first_in(range: Range<usize>, is_so: impl Fn(usize) -> bool) -> usize {
    let Range { start: mut low, end: mut high } = range;
    while low < high {
        let middle = low.midpoint(high);
        if is_so(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Failure;
    use crate::wire::WireStatus;
    use proptest::prelude::*;

    fn text(id: &str, offset: Option<u64>) -> TextMessage {
        TextMessage {
            id: id.into(),
            user_id: "u".into(),
            user_name: "U".into(),
            text: id.into(),
            timestamp: 0,
            status: WireStatus::Sent,
            offset,
        }
    }

    fn ids(timeline: &Timeline) -> Vec<&str> {
        timeline.entries().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn t23_our_own_message_that_comes_back_is_not_shown_twice_and_counts_as_sent() {
        let mut timeline = Timeline::default();
        timeline.echo(text("mine", None));
        assert_eq!(timeline.get("mine").map(|entry| &entry.status), Some(&Status::Sending));
        let changes = timeline.on_text(text("mine", Some(4)), true);
        assert!(matches!(&changes[..], [Change::Updated { at: 0, entry }, ..] if entry.status == Status::Sent));
        assert_eq!(ids(&timeline), ["mine"]);
        assert!(timeline.on_text(text("mine", Some(4)), true).is_empty());
    }

    #[test]
    fn another_user_s_message_with_the_id_of_ours_does_not_send_ours() {
        let mut timeline = Timeline::default();
        timeline.echo(text("mine", None));
        let theirs = TextMessage { user_id: "eve".into(), text: "not mine".into(), ..text("mine", Some(4)) };
        assert!(timeline.on_text(theirs.clone(), false).is_empty());
        timeline.on_page(5, vec![theirs], false, |user| user == "u");
        let mine = timeline.get("mine").unwrap();
        assert_eq!((&mine.status, mine.offset, &*mine.text), (&Status::Sending, None, "mine"));
        timeline.on_stored("mine", 5);
        assert_eq!(timeline.get("mine").map(|entry| entry.offset), Some(Some(5)));
    }

    #[test]
    fn t25_marks_of_others_move_our_messages_on_whenever_they_come_and_never_back() {
        let mut timeline = Timeline::default();
        timeline.on_text(text("theirs", Some(1)), false);
        for (id, offset) in [("b", 2), ("c", 3)] {
            timeline.echo(text(id, None));
            timeline.on_stored(id, offset);
        }
        timeline.echo(text("d", None));
        let status = |timeline: &Timeline, id: &str| timeline.get(id).map(|entry| entry.status.clone()).unwrap();
        timeline.on_receipt(Receipt { delivered: 4, read: 2 });
        assert_eq!(status(&timeline, "b"), Status::Read);
        assert_eq!(status(&timeline, "c"), Status::Delivered);
        assert_eq!(status(&timeline, "d"), Status::Sending, "it has no place yet");
        assert_eq!(status(&timeline, "theirs"), Status::Sent);
        timeline.on_stored("d", 4);
        assert_eq!(status(&timeline, "d"), Status::Delivered, "the mark came first");
        assert!(timeline.on_receipt(Receipt { delivered: 1, read: 1 }).is_empty(), "an old mark says nothing");
        assert_eq!((timeline.unread(0), timeline.unread(1)), (1, 0));
    }

    #[test]
    fn a_message_on_its_way_stands_last_and_takes_its_place_once_it_is_stored() {
        let mut timeline = Timeline::default();
        timeline.on_text(text("a", Some(1)), false);
        timeline.echo(text("mine", None));
        timeline.on_text(text("b", Some(2)), false);
        timeline.on_text(text("d", Some(4)), false);
        assert_eq!(ids(&timeline), ["a", "b", "d", "mine"]);
        let changes = timeline.on_stored("mine", 3);
        assert!(
            matches!(&changes[..], [Change::Updated { at: 3, .. }, Change::Moved { from: 3, to: 2, .. }, ..]),
            "{changes:?}"
        );
        assert_eq!(ids(&timeline), ["a", "b", "mine", "d"]);
    }

    #[test]
    fn without_offsets_the_order_is_that_of_arrival() {
        let mut timeline = Timeline::default();
        timeline.on_text(text("a", None), false);
        timeline.echo(text("mine", None));
        timeline.on_text(text("b", None), false);
        timeline.advance("mine", Status::Sent);
        assert_eq!(ids(&timeline), ["a", "mine", "b"]);
    }

    #[test]
    fn what_is_on_its_way_and_has_been_here_is_not_shown_a_second_time() {
        let mut timeline = Timeline::new(1);
        timeline.on_text(text("a", Some(1)), true);
        timeline.on_text(text("b", Some(2)), true);
        assert!(timeline.echo(text("a", None)).is_empty() && timeline.echo(text("b", None)).is_empty());
        assert_eq!(ids(&timeline), ["b"]);
        assert_eq!(timeline.get("b").map(|entry| entry.status.clone()), Some(Status::Sent));
    }

    #[test]
    fn t24_the_window_is_bounded_and_what_has_left_it_does_not_come_back() {
        let mut timeline = Timeline::new(3);
        for n in 1..=5 {
            timeline.on_text(text(&n.to_string(), Some(n)), false);
        }
        assert_eq!(ids(&timeline), ["3", "4", "5"]);
        assert!(timeline.on_text(text("1", Some(1)), false).is_empty());
        assert_eq!(ids(&timeline), ["3", "4", "5"]);
    }

    #[test]
    fn t24_a_message_on_its_way_does_not_leave_the_window_before_its_outcome_is_shown() {
        let mut timeline = Timeline::new(3);
        for n in 1..=5 {
            timeline.echo(text(&n.to_string(), None));
        }
        assert_eq!(ids(&timeline), ["1", "2", "3", "4", "5"]);
        assert_eq!(timeline.on_stored("1", 1).len(), 2, "its status, and its place");
        timeline.on_stored("2", 2);
        let changes = timeline.echo(text("6", None));
        assert!(changes.contains(&Change::Trimmed { count: 2 }), "{changes:?}");
        assert_eq!(ids(&timeline), ["3", "4", "5", "6"]);
    }

    #[test]
    fn t21_a_failed_message_is_retried_and_ends_as_sent() {
        let mut timeline = Timeline::default();
        timeline.echo(text("mine", None));
        assert_eq!(timeline.advance("mine", Status::Failed(Failure::Unknown)).len(), 1);
        assert_eq!(timeline.advance("mine", Status::Sending).len(), 1);
        assert_eq!(timeline.on_stored("mine", 1).len(), 2, "its status, and its place");
        assert!(timeline.advance("mine", Status::Failed(Failure::Unknown)).is_empty());
        assert_eq!(timeline.get("mine").map(|entry| entry.status.clone()), Some(Status::Sent));
    }

    #[test]
    fn a_new_history_starts_behind_the_old_one() {
        let mut timeline = Timeline::default();
        timeline.on_text(text("old", Some(90)), false);
        let changes = timeline.forget_offsets();
        let is_forgotten = |entry: &Entry| entry.offset.is_none() && entry.missing.is_none();
        assert!(matches!(&changes[..], [Change::Updated { at: 0, entry }] if is_forgotten(entry)), "{changes:?}");
        timeline.on_text(text("new", Some(1)), false);
        assert_eq!(ids(&timeline), ["old", "new"]);
    }

    proptest! {
        /// Any arrival order, with repeats and histories that begin again: a UI that applies the changes shows what the
        /// timeline holds, placed messages are in order, and each message is there once.
        #[test]
        fn changes_keep_a_copy_equal_and_offsets_in_order(arrivals in prop::collection::vec((0_u64..40, 0..30), 0..120)) {
            let mut timeline = Timeline::new(25);
            let mut copy: Vec<Entry> = Vec::new();
            for (n, kind) in arrivals {
                let id = n.to_string();
                let changes = match kind {
                    0..10 => timeline.echo(text(&id, None)),
                    10..20 => timeline.on_stored(&id, n + 1),
                    29 => timeline.forget_offsets(),
                    _ => timeline.on_text(text(&id, Some(n + 1)), false),
                };
                for change in changes {
                    change.apply(&mut copy);
                }
                prop_assert_eq!(&copy, &timeline.entries().cloned().collect::<Vec<_>>());
            }
            for (at, entry) in timeline.entries().enumerate() {
                prop_assert_eq!(entry.missing, timeline.missing_before(at), "at {}", at);
            }
            let offsets: Vec<u64> = timeline.entries().filter_map(|entry| entry.offset).collect();
            prop_assert!(offsets.is_sorted());
            let mut ids = ids(&timeline);
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), count);
        }
    }
}
