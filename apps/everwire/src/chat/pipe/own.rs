//! The user's own lines and their status.

use std::collections::{HashSet, VecDeque};

use everwire_chat::{Entry, Status};

/// The most lines in flight; stdin is not read meanwhile. Fewer than the timeline holds, so that no line leaves it before
/// its outcome is known.
const MAX_SENDING: usize = 256;
/// The most failed lines that are remembered, to notice that one is sent again.
const MAX_FAILED: usize = 1_000;
/// The most shown messages that are remembered, so that none is shown twice after missed events.
const MAX_SHOWN: usize = 4_000;

#[derive(Debug, Default)]
pub(super) struct OwnLines {
    sending: Vec<Entry>,
    failed: VecDeque<String>,
    /// Lines that failed before they had an id.
    refused: u64,
}

/// What a change of an own line means for what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineUpdate {
    /// It is in flight now.
    Sending,
    /// It is settled, for the first time or again.
    Settled,
    /// Nothing that is shown changes.
    Nothing,
}

impl OwnLines {
    pub(super) fn on_entry(&mut self, entry: &Entry) -> LineUpdate {
        let known = self.sending.iter().position(|line| line.id == entry.id);
        match (&entry.status, known) {
            (Status::Sending, None) => {
                self.failed.retain(|id| *id != entry.id);
                self.sending.push(entry.clone());
                LineUpdate::Sending
            }
            (Status::Sending, Some(_)) => LineUpdate::Nothing,
            (Status::Failed(_), None) if self.failed.contains(&entry.id) => LineUpdate::Nothing,
            (Status::Failed(_), known) => {
                known.map(|at| self.sending.remove(at));
                if self.failed.len() == MAX_FAILED {
                    self.failed.pop_front();
                }
                self.failed.push_back(entry.id.clone());
                LineUpdate::Settled
            }
            (Status::Sent | Status::Delivered | Status::Read, Some(at)) => {
                self.sending.remove(at);
                LineUpdate::Settled
            }
            // Late evidence for a failed line, or a line from another device of the user. Earlier changes may have been
            // missed.
            (status @ (Status::Sent | Status::Delivered | Status::Read), None) => {
                let failed = self.failed.len();
                self.failed.retain(|id| *id != entry.id);
                if *status == Status::Sent || self.failed.len() < failed {
                    LineUpdate::Settled
                } else {
                    LineUpdate::Nothing
                }
            }
        }
    }

    pub(super) fn on_refused(&mut self) {
        self.refused += 1;
    }

    pub(super) fn has_room(&self) -> bool {
        self.sending.len() < MAX_SENDING
    }

    pub(super) fn is_settled(&self) -> bool {
        self.sending.is_empty()
    }

    /// The number of lines that are not known to have arrived.
    pub(super) fn undelivered(&self) -> u64 {
        self.refused + (self.sending.len() + self.failed.len()) as u64
    }
}

/// The ids of the messages of others that were shown last.
#[derive(Debug, Default)]
pub(super) struct Shown {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl Shown {
    /// Adds a message; returns whether it was not there yet.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_SHOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use everwire_chat::wire::{Event, parse};
    use everwire_chat::{Change, Entry, Failure, Status, Timeline};

    use super::{LineUpdate, MAX_SHOWN, OwnLines, Shown};

    fn echo(timeline: &mut Timeline) -> Entry {
        let json = r#"{"type":"text","id":"1","userId":"a","userName":"ana","text":"hi","timestamp":0}"#;
        let Some(Event::Text(message)) = parse(json).events.pop() else { panic!("no text") };
        changed(timeline.echo(message))
    }

    fn changed(changes: Vec<Change>) -> Entry {
        match changes.into_iter().next() {
            Some(Change::Added { entry, .. } | Change::Updated { entry, .. }) => entry,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn t21_a_failed_line_can_be_sent_again_and_is_reported_again() {
        let (mut timeline, mut own) = (Timeline::default(), OwnLines::default());
        assert_eq!(own.on_entry(&echo(&mut timeline)), LineUpdate::Sending);
        assert!(!own.is_settled());
        let failed = changed(timeline.advance("1", Status::Failed(Failure::Dropped)));
        assert_eq!(own.on_entry(&failed), LineUpdate::Settled);
        assert_eq!(
            own.on_entry(&failed),
            LineUpdate::Nothing,
            "reported once, though events were missed and all entries are read again"
        );
        assert_eq!((own.is_settled(), own.undelivered()), (true, 1));
        let again = changed(timeline.advance("1", Status::Sending));
        assert_eq!(own.on_entry(&again), LineUpdate::Sending);
        let sent = changed(timeline.advance("1", Status::Sent));
        assert_eq!(own.on_entry(&sent), LineUpdate::Settled);
        assert_eq!(own.undelivered(), 0);
        let read = changed(timeline.advance("1", Status::Read));
        assert_eq!(own.on_entry(&read), LineUpdate::Nothing);
    }

    #[test]
    fn a_failed_line_that_turns_out_to_be_read_is_not_undelivered() {
        let (mut timeline, mut own) = (Timeline::default(), OwnLines::default());
        own.on_entry(&echo(&mut timeline));
        own.on_entry(&changed(timeline.advance("1", Status::Failed(Failure::Unknown))));
        assert_eq!(own.undelivered(), 1);
        let read = changed(timeline.advance("1", Status::Read));
        assert_eq!((own.on_entry(&read), own.undelivered()), (LineUpdate::Settled, 0));
        assert_eq!(own.on_entry(&read), LineUpdate::Nothing);
    }

    #[test]
    fn a_message_is_shown_once_and_memory_of_it_is_bounded() {
        let mut shown = Shown::default();
        assert!(shown.insert("a") && !shown.insert("a"));
        for n in 0..MAX_SHOWN * 2 {
            shown.insert(&n.to_string());
        }
        assert_eq!((shown.order.len(), shown.ids.len()), (MAX_SHOWN, MAX_SHOWN));
    }
}
