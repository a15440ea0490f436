//! Our own lines and where they stand.

use std::collections::{HashSet, VecDeque};

use everwire_chat::{Entry, Status};

/// So many lines may be on their way before stdin is read on. Less than what the timeline holds, so that none leaves it
/// before its fate is known.
const MAX_SENDING: usize = 256;
/// So many failed lines can be sent again.
const MAX_FAILED: usize = 1_000;
/// So many shown messages are remembered, to show none twice after a gap in the news.
const MAX_SHOWN: usize = 4_000;

#[derive(Debug, Default)]
pub(super) struct Own {
    sending: Vec<Entry>,
    failed: VecDeque<String>,
    /// Lines that failed before they had an id.
    refused: u64,
}

/// What the news about an own line means for what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing to show but among the lines on their way.
    Sending,
    /// It is settled, for the first time or anew.
    Settled,
    /// What is shown stays as it is.
    Nothing,
}

impl Own {
    pub(super) fn on_entry(&mut self, entry: &Entry) -> News {
        let known = self.sending.iter().position(|line| line.id == entry.id);
        match (&entry.status, known) {
            (Status::Sending, None) => {
                self.failed.retain(|id| *id != entry.id);
                self.sending.push(entry.clone());
                News::Sending
            }
            (Status::Sending, Some(_)) => News::Nothing,
            (Status::Failed(_), None) if self.failed.contains(&entry.id) => News::Nothing,
            (Status::Failed(_), known) => {
                known.map(|at| self.sending.remove(at));
                if self.failed.len() == MAX_FAILED {
                    self.failed.pop_front();
                }
                self.failed.push_back(entry.id.clone());
                News::Settled
            }
            (Status::Sent | Status::Delivered | Status::Read, Some(at)) => {
                self.sending.remove(at);
                News::Settled
            }
            // Late evidence for a failed line, or a line from another of our devices. What came between may have been missed.
            (status @ (Status::Sent | Status::Delivered | Status::Read), None) => {
                let failed = self.failed.len();
                self.failed.retain(|id| *id != entry.id);
                if *status == Status::Sent || self.failed.len() < failed { News::Settled } else { News::Nothing }
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

    /// How many lines are not known to have arrived.
    pub(super) fn undelivered(&self) -> u64 {
        self.refused + (self.sending.len() + self.failed.len()) as u64
    }
}

/// Which messages of others were shown lately.
#[derive(Debug, Default)]
pub(super) struct Shown {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl Shown {
    /// Whether it is new.
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

    use super::{MAX_SHOWN, News, Own, Shown};

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
    fn t21_a_failed_line_can_be_sent_again_and_is_told_anew() {
        let (mut timeline, mut own) = (Timeline::default(), Own::default());
        assert_eq!(own.on_entry(&echo(&mut timeline)), News::Sending);
        assert!(!own.is_settled());
        let failed = changed(timeline.advance("1", Status::Failed(Failure::Dropped)));
        assert_eq!(own.on_entry(&failed), News::Settled);
        assert_eq!(
            own.on_entry(&failed),
            News::Nothing,
            "told once, though news were missed and all is looked at again"
        );
        assert_eq!((own.is_settled(), own.undelivered()), (true, 1));
        let again = changed(timeline.advance("1", Status::Sending));
        assert_eq!(own.on_entry(&again), News::Sending);
        let sent = changed(timeline.advance("1", Status::Sent));
        assert_eq!(own.on_entry(&sent), News::Settled);
        assert_eq!(own.undelivered(), 0);
        let read = changed(timeline.advance("1", Status::Read));
        assert_eq!(own.on_entry(&read), News::Nothing);
    }

    #[test]
    fn a_failed_line_whose_next_news_is_that_it_was_read_is_not_undelivered() {
        let (mut timeline, mut own) = (Timeline::default(), Own::default());
        own.on_entry(&echo(&mut timeline));
        own.on_entry(&changed(timeline.advance("1", Status::Failed(Failure::Unknown))));
        assert_eq!(own.undelivered(), 1);
        let read = changed(timeline.advance("1", Status::Read));
        assert_eq!((own.on_entry(&read), own.undelivered()), (News::Settled, 0));
        assert_eq!(own.on_entry(&read), News::Nothing);
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
