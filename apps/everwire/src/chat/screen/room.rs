//! One room as it is shown: its messages, what is seen of them, and what is being written.

use std::collections::VecDeque;

use everwire_chat::mention::mentions;
use everwire_chat::timeline::first_unread;
use everwire_chat::{Change, Entry, Missing, ReadPosition, Status, User};

use super::draft::Draft;
use super::link::Link;
use super::scroll::Scroll;

/// So many lines about who came and went are kept.
const NOTICES: usize = 200;

pub(super) struct Room {
    pub(super) name: String,
    pub(super) me: User,
    pub(super) entries: Vec<Entry>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) link: Link,
    pub(super) users: Vec<User>,
    /// The server has said on this connection who is here.
    pub(super) is_synced: bool,
    pub(super) typing: Vec<String>,
    pub(super) scroll: Scroll,
    pub(super) draft: Draft,
    /// The chosen message of ours.
    pub(super) chosen: Option<String>,
    /// The first message that was not seen.
    unread_from: Option<String>,
    /// The last message that was seen, unless what is shown now has nothing to do with that.
    seen: Option<String>,
    /// Which messages were told to be seen last.
    told_seen: Option<(String, String)>,
    /// The place of the first message of which something is on the screen, as painted last.
    pub(super) top: usize,
    /// The server is about to say how far our user has read.
    pub(super) is_opening: bool,
    /// Where the unread begin is being looked for.
    opening: Option<Opening>,
    /// The first message is on the screen, as painted last.
    pub(super) is_top: bool,
    /// Older messages are on their way.
    pub(super) loading: bool,
}

/// What was missed, until it is on the screen.
struct Opening {
    /// Our user has read up to there.
    read: u64,
    /// Messages of others behind that.
    unread: usize,
    /// Pages that are still asked for to reach its beginning.
    pages: usize,
}

/// Pages of what was missed, with 100 messages each: who has missed more begins in the middle of it.
const PAGES: usize = 20;

/// A line about the room.
pub(super) struct Notice {
    /// Stands below this message; none: above all.
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
            told_seen: None,
            top: 0,
            is_opening: false,
            opening: None,
            is_top: false,
            loading: false,
        }
    }

    /// Everything anew, as after events were missed; who stopped typing and what was loaded may be among them.
    pub(super) fn replace(&mut self, entries: Vec<Entry>) {
        self.entries = entries;
        self.typing.clear();
        self.loading = false;
    }

    /// A step of the timeline; `seen`: somebody looks at the newest messages now.
    pub(super) fn on_change(&mut self, change: Change, seen: bool) {
        if let Change::Added { entry, .. } = &change {
            if entry.own {
                // Who writes has seen.
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

    /// Whether it is known who is here, be it nobody.
    pub(super) fn knows_users(&self) -> bool {
        self.is_synced || !self.users.is_empty()
    }

    /// The first and the last message that were seen, if that is news: those on the screen, and what came or was scrolled past
    /// since the last look. Those without a place in the history can't be told of yet.
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
        let is_news = self.told_seen.as_ref() != Some(&seen);
        self.told_seen = Some(seen.clone());
        is_news.then_some(seen)
    }

    /// What is shown next has nothing to do with what is shown now: nobody sees what is between.
    pub(super) fn jump(&mut self) {
        self.seen = None;
    }

    /// The server has told how far our user has read: when a connection is new, or since another device has read further.
    pub(super) fn on_read_position(&mut self, position: ReadPosition) {
        if std::mem::take(&mut self.is_opening) {
            // Another history may have begun.
            self.told_seen = None;
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

    /// What was missed may have become less: some of it was removed, or read on another device.
    pub(super) fn count_missed(&mut self, unread: impl FnOnce() -> usize) {
        if let Some(opening) = &mut self.opening {
            opening.unread = unread();
        }
    }

    /// Once what was missed is here, shows where it begins.
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

    /// Somebody goes elsewhere: it is not shown where the unread begin.
    pub(super) fn stop_opening(&mut self) {
        self.opening = None;
    }

    /// A page of older messages was asked for.
    pub(super) fn on_page_asked(&mut self) {
        self.loading = true;
        if let Some(opening) = &mut self.opening {
            opening.pages = opening.pages.saturating_sub(1);
        }
    }

    /// Whether a message addresses our user.
    pub(super) fn is_mentioned(&self, entry: &Entry) -> bool {
        !entry.own && mentions(&entry.text, &self.me, &self.users)
    }

    /// Whether any that was not seen does.
    pub(super) fn is_mentioned_in_unread(&self) -> bool {
        self.unread().is_some_and(|(at, _)| self.entries[at..].iter().any(|entry| self.is_mentioned(entry)))
    }

    /// The message before which others are missing that should be here: those that somebody wants to see above the first,
    /// and those that left a gap.
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

    /// The first unseen message's place, and how many there are from it on.
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

    /// Unread messages that are below the screen.
    pub(super) fn unread_below(&self) -> u64 {
        let Some((from, _)) = self.unread() else { return self.unread_count() };
        let below = &self.entries[from.max(self.scroll.shown(&self.entries))..];
        below.iter().filter(|entry| !entry.own).count() as u64
    }

    /// The line of the unread goes: they have been seen, and something was done since.
    pub(super) fn forget_unread(&mut self) {
        self.unread_from = None;
    }

    /// Ours that wait or are on their way.
    pub(super) fn sending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.own && entry.status == Status::Sending)
    }

    pub(super) fn failed(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.own && matches!(&entry.status, Status::Failed(why) if why.is_retryable()))
    }

    /// Chooses the next choosable message of ours, upwards or downwards; beyond the last, none.
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
