//! One room as it is shown: its messages, which of them were seen, and what is being written.

use std::collections::VecDeque;

use everwire_chat::mention::mentions;
use everwire_chat::timeline::first_unread;
use everwire_chat::{Change, Entry, Missing, ReadPosition, Status, User};

use super::draft::Draft;
use super::link::Link;
use super::scroll::Scroll;

/// The most lines about users who joined or left that are kept.
const NOTICES: usize = 200;

pub(super) struct Room {
    pub(super) name: String,
    pub(super) me: User,
    pub(super) entries: Vec<Entry>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) link: Link,
    pub(super) users: Vec<User>,
    /// Whether the server has reported on this connection who is present.
    pub(super) is_synced: bool,
    pub(super) typing: Vec<String>,
    pub(super) scroll: Scroll,
    pub(super) draft: Draft,
    /// The id of the own message that is chosen.
    pub(super) chosen: Option<String>,
    /// The id of the first message that was not seen.
    unread_from: Option<String>,
    /// The id of the last message that was seen; `None` after a jump to another part of the list.
    seen: Option<String>,
    /// The ids of the first and the last message that were reported as seen last.
    reported_seen: Option<(String, String)>,
    /// The index of the first message that was painted last, at least in part.
    pub(super) top: usize,
    /// Whether the connection is new, and the next event can be the user's read position.
    pub(super) is_opening: bool,
    /// The search for the first unread message, while it goes on.
    opening: Option<Opening>,
    /// Whether the room's first message was painted last, as a whole.
    pub(super) is_top: bool,
    /// Whether older messages were asked for and have not come yet.
    pub(super) loading: bool,
}

/// The search for the first unread message, which may have to be loaded first.
struct Opening {
    /// The offset up to which the user has read.
    read: u64,
    /// The number of messages of others behind it.
    unread: usize,
    /// The number of pages that may still be asked for.
    pages: usize,
}

/// The most pages, of 100 messages each, that are loaded to reach the first unread message; with more unread messages, the
/// list is shown from the first loaded one.
const PAGES: usize = 20;

/// A line about the room.
pub(super) struct Notice {
    /// The message above this line; `None`: it is above all messages.
    pub(super) below: Option<String>,
    pub(super) text: String,
}

impl Room {
    pub(super) fn new(name: String, me: User) -> Self {
        Self {
            name,
            me,
            entries: Vec::new(),
            notices: VecDeque::new(),
            link: Link::default(),
            users: Vec::new(),
            is_synced: false,
            typing: Vec::new(),
            scroll: Scroll::default(),
            draft: Draft::default(),
            chosen: None,
            unread_from: None,
            seen: None,
            reported_seen: None,
            top: 0,
            is_opening: false,
            opening: None,
            is_top: false,
            loading: false,
        }
    }

    /// Replaces all messages after events were missed. The missed events may have been the end of a typing or of a loading.
    pub(super) fn replace(&mut self, entries: Vec<Entry>) {
        self.entries = entries;
        self.typing.clear();
        self.loading = false;
    }

    /// Applies a change of the timeline; `seen`: the user sees new messages at once.
    pub(super) fn on_change(&mut self, change: Change, seen: bool) {
        if let Change::Added { entry, .. } = &change {
            if entry.own {
                // A user who writes has seen the messages before.
                self.unread_from = None;
            } else if !seen && self.unread_from.is_none() {
                self.unread_from = Some(entry.id.clone());
            }
        }
        change.apply(&mut self.entries);
        if self.chosen.as_ref().is_some_and(|chosen| !self.is_choosable(chosen)) {
            self.chosen = None;
        }
    }

    /// Whether it is known which users are present, even if there are none.
    pub(super) fn knows_users(&self) -> bool {
        self.is_synced || !self.users.is_empty()
    }

    /// The first and the last message that were seen since the last call, if any: those on the screen, and those that came or
    /// were scrolled past meanwhile. Messages without an offset are left out.
    pub(super) fn newly_seen(&mut self) -> Option<(String, String)> {
        if self.opening.is_some() || self.is_opening {
            return None;
        }
        let shown = self.scroll.shown(&self.entries);
        let last = self.entries.get(shown.checked_sub(1)?)?.id.clone();
        let before = self.seen.replace(last);
        let before = before.and_then(|before| self.entries.iter().rposition(|entry| entry.id == before));
        let from = before.map_or(self.top, |before| before.min(self.top)).min(shown);
        let mut placed = self.entries[from..shown].iter().filter(|entry| entry.offset.is_some());
        let first = placed.next()?;
        let last = placed.next_back().unwrap_or(first);
        let seen = (first.id.clone(), last.id.clone());
        let is_news = self.reported_seen.as_ref() != Some(&seen);
        self.reported_seen = Some(seen.clone());
        is_news.then_some(seen)
    }

    /// Another part of the list is shown next; the messages between are not seen.
    pub(super) fn jump(&mut self) {
        self.seen = None;
    }

    /// The server has reported how far the user has read: on a new connection, or after another device has read further.
    pub(super) fn on_read_position(&mut self, position: ReadPosition) {
        if std::mem::take(&mut self.is_opening) {
            // The history may be another one.
            self.reported_seen = None;
            self.opening = (position.unread > 0).then_some(Opening {
                read: position.offset,
                unread: position.unread,
                pages: PAGES,
            });
        }
        let is_read = |id: &String| {
            self.entries.iter().any(|entry| entry.id == *id && entry.offset.is_some_and(|at| at <= position.offset))
        };
        if self.unread_from.as_ref().is_some_and(is_read) {
            let next = self.entries.iter().find(|entry| !entry.own && entry.offset > Some(position.offset));
            self.unread_from = next.map(|entry| entry.id.clone());
        }
    }

    /// Counts the unread messages again: some may have been removed, or read on another device.
    pub(super) fn count_missed(&mut self, unread: impl FnOnce() -> usize) {
        if let Some(opening) = &mut self.opening {
            opening.unread = unread();
        }
    }

    /// Scrolls to the first unread message, once it and those behind it are loaded.
    pub(super) fn open(&mut self) {
        let Some(Opening { read, unread, pages }) = self.opening else { return };
        if unread == 0 {
            return self.opening = None;
        }
        let Some(first) = first_unread(&self.entries, read) else { return };
        let from = &self.entries[first.at..];
        let is_all = from.iter().filter(|entry| !entry.own && entry.offset.is_some()).count() >= unread;
        if (first.is_loaded && is_all) || pages == 0 {
            let id = from[0].id.clone();
            self.unread_from = Some(id.clone());
            self.scroll = Scroll::From { id };
            self.jump();
            self.opening = None;
        }
    }

    /// Gives up the search for the first unread message, because the user scrolls.
    pub(super) fn stop_opening(&mut self) {
        self.opening = None;
    }

    /// Notes that a page of older messages was asked for.
    pub(super) fn on_page_asked(&mut self) {
        self.loading = true;
        if let Some(opening) = &mut self.opening {
            opening.pages = opening.pages.saturating_sub(1);
        }
    }

    /// Whether a message of another user mentions this one.
    pub(super) fn is_mentioned(&self, entry: &Entry) -> bool {
        !entry.own && mentions(&entry.text, &self.me, &self.users)
    }

    /// Whether an unseen message mentions the user.
    pub(super) fn is_mentioned_in_unread(&self) -> bool {
        self.unread().is_some_and(|(at, _)| self.entries[at..].iter().any(|entry| self.is_mentioned(entry)))
    }

    /// The id of the message before which older ones have to be loaded: at the first unread message, at a gap, or at the top of
    /// the screen.
    pub(super) fn wants_earlier(&self) -> Option<&str> {
        if self.loading || !self.link.is_connected() {
            return None;
        }
        let is_unloaded = |entry: &&Entry| matches!(entry.missing, Some(Missing::Unloaded { .. }));
        let missed = self.opening.as_ref().and_then(|opening| {
            let first =
                first_unread(&self.entries, opening.read).filter(|first| !first.is_loaded && opening.pages > 0)?;
            self.entries.get(first.at)
        });
        let gap = self.entries.iter().skip(1).find(is_unloaded);
        let wanted = missed.or(gap).or(self.entries.first().filter(|_| self.is_top).filter(is_unloaded));
        wanted.map(|entry| entry.id.as_str())
    }

    pub(super) fn notice(&mut self, text: String) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(Notice { below: self.entries.last().map(|entry| entry.id.clone()), text });
    }

    /// The index of the first unseen message, and the number of messages of others from it on.
    pub(super) fn unread(&self) -> Option<(usize, u64)> {
        let from = self.unread_from.as_ref()?;
        let at = self.entries.iter().rposition(|entry| entry.id == *from)?;
        let count = self.entries[at..].iter().filter(|entry| !entry.own).count();
        Some((at, count as u64))
    }

    pub(super) fn unread_count(&self) -> u64 {
        let missed = self.opening.as_ref().map_or(0, |opening| opening.unread as u64);
        self.unread().map_or(0, |(_, count)| count).max(missed)
    }

    /// The number of unread messages below the screen.
    pub(super) fn unread_below(&self) -> u64 {
        let Some((from, _)) = self.unread() else { return self.unread_count() };
        let below = &self.entries[from.max(self.scroll.shown(&self.entries))..];
        below.iter().filter(|entry| !entry.own).count() as u64
    }

    /// Removes the line of the unread.
    pub(super) fn forget_unread(&mut self) {
        self.unread_from = None;
    }

    /// The own messages that are queued or in flight.
    pub(super) fn sending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.own && entry.status == Status::Sending)
    }

    pub(super) fn failed(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.own && matches!(&entry.status, Status::Failed(why) if why.is_retryable()))
    }

    /// Chooses the next own message that is in flight or has failed, upwards or downwards; below the last one, none.
    pub(super) fn choose(&mut self, up: bool) {
        let choosable: Vec<&String> =
            self.entries.iter().filter(|entry| is_choosable(entry)).map(|entry| &entry.id).collect();
        let at = self.chosen.as_ref().and_then(|chosen| choosable.iter().position(|id| *id == chosen));
        let next = match (at, up) {
            (None, true) => choosable.len().checked_sub(1),
            (None, false) => None,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => Some(at + 1).filter(|&next| next < choosable.len()),
        };
        self.chosen = next.map(|next| choosable[next].clone());
        if let Some(chosen) = self.chosen.clone() {
            self.scroll.show(chosen);
        }
    }

    fn is_choosable(&self, id: &str) -> bool {
        self.entries.iter().rev().any(|entry| entry.id == id && is_choosable(entry))
    }
}

fn is_choosable(entry: &Entry) -> bool {
    entry.own && matches!(entry.status, Status::Sending | Status::Failed(_))
}
