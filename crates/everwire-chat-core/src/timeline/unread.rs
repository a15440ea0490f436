//! What is unread, of messages that are here and of those that are not loaded.

use super::{Entry, Missing, Timeline};

/// The place in a timeline where the unread messages begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirstUnread {
    /// The place of the entry, counted from the oldest.
    pub at: usize,
    /// It is the first unread message. Else messages that may be unread belong right before it and are not loaded
    /// ([`Entry::missing`]): `ChatClient::load_earlier` gets them.
    pub is_loaded: bool,
}

/// Finds where the messages of others behind the offset `read` begin; `None` if there are none, as far as is known.
///
/// ```
/// use everwire_chat_core::Timeline;
/// use everwire_chat_core::timeline::first_unread;
///
/// let timeline = Timeline::default();
/// assert_eq!(first_unread(timeline.entries(), 0), None);
/// ```
pub fn first_unread<'a>(entries: impl IntoIterator<Item = &'a Entry>, read: u64) -> Option<FirstUnread> {
    entries.into_iter().enumerate().find_map(|(at, entry)| {
        let is_loaded = unloaded_before(entry, read) == 0;
        (!is_loaded || is_unread(entry, read)).then_some(FirstUnread { at, is_loaded })
    })
}

impl Timeline {
    /// Messages of others behind this offset that are here.
    #[must_use]
    pub fn unread(&self, read: u64) -> usize {
        self.entries.iter().filter(|entry| is_unread(entry, read)).count()
    }

    /// Messages of others behind one offset and up to another that are here.
    #[must_use]
    pub fn others_between(&self, after: u64, to: u64) -> u64 {
        let is_between = |entry: &&Entry| is_unread(entry, after) && entry.offset.is_some_and(|offset| offset <= to);
        self.entries.iter().filter(is_between).count() as u64
    }

    /// Returns `true` if all that stands behind one offset and up to another, at which there is a message here, is here
    /// and ours.
    #[must_use]
    pub fn is_clear_between(&self, after: u64, to: u64) -> bool {
        let leaves_out = |entry: &Entry| match (entry.missing, entry.offset) {
            (Some(Missing::Unloaded { count }), Some(offset)) => offset - 1 > after && offset - 1 - count < to,
            _ => false,
        };
        self.others_between(after, to) == 0 && !self.entries.iter().any(leaves_out)
    }

    /// The largest possible number of messages behind one offset and up to another that are not here, and that the server
    /// may have.
    #[must_use]
    pub fn unloaded_between(&self, after: u64, to: u64) -> u64 {
        let gaps: u64 = self.entries.iter().map(|entry| unloaded_before(entry, after)).sum();
        let last = self.entries.iter().filter_map(|entry| entry.offset).max().unwrap_or(0);
        gaps.saturating_add(to.saturating_sub(last.max(after)))
    }
}

fn is_unread(entry: &Entry, read: u64) -> bool {
    !entry.own && entry.offset.is_some_and(|offset| offset > read)
}

/// Messages behind `read` in the gap before an entry.
fn unloaded_before(entry: &Entry, read: u64) -> u64 {
    match (entry.missing, entry.offset) {
        (Some(Missing::Unloaded { count }), Some(offset)) => count.min(offset.saturating_sub(1).saturating_sub(read)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{TextMessage, WireStatus};

    /// Ours are those by "me".
    fn with(messages: &[(u64, &str)]) -> Timeline {
        let mut timeline = Timeline::default();
        for (offset, user) in messages {
            let message = TextMessage {
                id: offset.to_string(),
                user_id: (*user).into(),
                user_name: (*user).into(),
                text: "hi".into(),
                timestamp: 0,
                status: WireStatus::Sent,
                offset: Some(*offset),
            };
            timeline.on_text(message, *user == "me");
        }
        timeline
    }

    fn first(timeline: &Timeline, read: u64) -> Option<(usize, bool)> {
        first_unread(timeline.entries(), read).map(|first| (first.at, first.is_loaded))
    }

    #[test]
    fn the_first_unread_message_is_the_first_of_others_behind_the_position() {
        let timeline = with(&[(1, "ana"), (2, "me"), (3, "me"), (4, "ben"), (5, "me")]);
        assert_eq!(first(&timeline, 0), Some((0, true)));
        assert_eq!(first(&timeline, 1), Some((3, true)), "our own are read");
        assert_eq!(first(&timeline, 4), None);
        assert_eq!((timeline.unread(0), timeline.unread(1), timeline.unread(4)), (2, 1, 0));
    }

    #[test]
    fn what_is_not_loaded_may_be_unread() {
        let timeline = with(&[(100, "me"), (101, "ana")]);
        assert_eq!(first(&timeline, 40), Some((0, false)));
        assert_eq!(first(&timeline, 99), Some((1, true)), "the gap ends where was read");
        assert_eq!(timeline.unloaded_between(40, 101), 59);
        assert_eq!(timeline.unloaded_between(99, 101), 0);
        assert_eq!(timeline.unloaded_between(99, 110), 9, "these are on their way");
        assert_eq!(Timeline::default().unloaded_between(3, 10), 7);
        assert_eq!((timeline.others_between(40, 101), timeline.others_between(40, 100)), (1, 0));
    }

    #[test]
    fn between_two_offsets_it_is_clear_where_nothing_of_others_stands_or_may_stand() {
        let timeline = with(&[(100, "me"), (101, "ana"), (102, "me"), (110, "me")]);
        for (after, to, clear) in [
            (99, 100, true),
            (100, 101, false),
            (101, 102, true),
            (98, 100, false),
            (101, 109, false),
            (109, 110, true),
        ] {
            assert_eq!(timeline.is_clear_between(after, to), clear, "{after} to {to}");
        }
    }

    #[test]
    fn what_was_removed_is_not_unread() {
        let mut timeline = with(&[(100, "me"), (101, "ana")]);
        timeline.on_page(100, Vec::new(), false, |_| false);
        assert_eq!((first(&timeline, 40), timeline.unloaded_between(40, 101)), (Some((1, true)), 0));
    }
}
