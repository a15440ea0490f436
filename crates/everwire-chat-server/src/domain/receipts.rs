use std::collections::VecDeque;

use everwire_chat_core::wire::{Receipt, WireStatus};

/// How far a room's messages have come with its users, and who is to hear of it.
#[derive(Clone, Debug, Default)]
pub(super) struct RoomReceipts {
    delivered: Furthest,
    read: Furthest,
    recent: VecDeque<RecentMessage>,
}

/// What of the marks outlives the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredReceipts {
    pub(crate) delivered: Furthest,
    pub(crate) read: Furthest,
}

/// The furthest mark, and the furthest of anybody else: enough to tell each user about the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Furthest {
    pub(crate) user: String,
    pub(crate) offset: u64,
    pub(crate) others: u64,
}

#[derive(Clone, Debug)]
struct RecentMessage {
    offset: u64,
    id: String,
    author: String,
}

/// A message that has come further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) status: WireStatus,
}

/// A step of the marks.
#[derive(Debug)]
pub(super) struct Rise {
    /// Of the latest messages.
    pub(super) moved: Vec<Moved>,
    before: StoredReceipts,
    after: StoredReceipts,
    /// Whose authors are known begins here.
    known_from: u64,
}

/// Latest messages whose authors are known. When marks pass older ones, every client that knows offsets is told.
pub(crate) const RECENT: u64 = 256;

impl RoomReceipts {
    /// As they were when the server last knew the room.
    pub(super) fn of(stored: StoredReceipts) -> Self {
        let StoredReceipts { delivered, read } = stored;
        Self { delivered, read, recent: VecDeque::new() }
    }

    pub(super) fn stored(&self) -> StoredReceipts {
        StoredReceipts { delivered: self.delivered.clone(), read: self.read.clone() }
    }

    /// A message is stored.
    pub(super) fn on_new(&mut self, offset: u64, id: &str, author: &str) {
        if self.recent.len() as u64 == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(RecentMessage { offset, id: id.to_owned(), author: author.to_owned() });
    }

    /// A user has the messages up to there; which have come further by that. `None`: no mark has risen.
    pub(super) fn raise(&mut self, user: &str, receipt: Receipt) -> Option<Rise> {
        let Receipt { delivered, read } = receipt;
        self.rise(|marks| {
            let risen = marks.delivered.raise(user, delivered.max(read));
            marks.read.raise(user, read) || risen
        })
    }

    /// What another node knows of the same room.
    pub(super) fn merge(&mut self, known: &StoredReceipts) -> Option<Rise> {
        self.rise(|marks| {
            let risen = marks.delivered.merge(&known.delivered);
            marks.read.merge(&known.read) || risen
        })
    }

    fn rise(&mut self, raise: impl FnOnce(&mut Self) -> bool) -> Option<Rise> {
        let before = self.stored();
        if !raise(self) {
            return None;
        }
        let moved = self.recent.iter().filter_map(|line| {
            let passed = |old: &Furthest, new: &Furthest| {
                (old.but(&line.author) < line.offset) && (line.offset <= new.but(&line.author))
            };
            let status = if passed(&before.read, &self.read) {
                WireStatus::Read
            } else if passed(&before.delivered, &self.delivered) {
                WireStatus::Delivered
            } else {
                return None;
            };
            Some(Moved { id: line.id.clone(), author: line.author.clone(), status })
        });
        let moved = moved.collect();
        // Where there is nothing, nothing is known.
        let known_from = self.recent.front().map_or(u64::MAX, |line| line.offset);
        Some(Rise { moved, before, after: self.stored(), known_from })
    }

    /// What a user is told about the others.
    pub(super) fn for_user(&self, user: &str) -> Receipt {
        Receipt { delivered: self.delivered.but(user), read: self.read.but(user) }
    }
}

impl StoredReceipts {
    /// A user has the messages up to there.
    #[cfg_attr(not(feature = "cluster"), allow(dead_code))]
    pub(crate) fn raise(&mut self, user: &str, receipt: Receipt) {
        self.delivered.raise(user, receipt.delivered.max(receipt.read));
        self.read.raise(user, receipt.read);
    }
}

impl Rise {
    /// Whether a user's own messages have come further, or may have.
    pub(super) fn concerns(&self, user: &str) -> bool {
        let below = |before: &Furthest, after: &Furthest| {
            let (before, after) = (before.but(user), after.but(user));
            before < after && before + 1 < self.known_from
        };
        self.moved.iter().any(|moved| moved.author == user)
            || below(&self.before.read, &self.after.read)
            || below(&self.before.delivered, &self.after.delivered)
    }
}

impl Furthest {
    /// Whether anything has changed.
    fn raise(&mut self, user: &str, offset: u64) -> bool {
        if self.user == user {
            let risen = offset > self.offset;
            self.offset = self.offset.max(offset);
            risen
        } else if offset > self.offset {
            self.others = self.offset;
            (self.user, self.offset) = (user.to_owned(), offset);
            true
        } else {
            let risen = offset > self.others;
            self.others = self.others.max(offset);
            risen
        }
    }

    /// Takes in what another node knows; whether anything has changed.
    fn merge(&mut self, known: &Self) -> bool {
        let mut risen = self.raise(&known.user, known.offset);
        // The others of another user's mark are not further than that mark, which counts already.
        if self.user == known.user && known.others > self.others {
            self.others = known.others;
            risen = true;
        }
        risen
    }

    /// The furthest of everybody but this user.
    fn but(&self, user: &str) -> u64 {
        if self.user == user { self.others } else { self.offset }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn authors_hear_of_each_step_once_and_never_by_their_own_doing() {
        let mut marks = RoomReceipts::default();
        marks.on_new(1, "a", "ana");
        marks.on_new(2, "b", "ben");
        let moved = |id: &str, author: &str, status| Moved { id: id.into(), author: author.into(), status };
        let got = |delivered, read| Receipt { delivered, read };
        let mut raised = |user, receipt| marks.raise(user, receipt).map(|rise| rise.moved);
        assert_eq!(raised("ana", got(2, 0)), Some(vec![moved("b", "ben", WireStatus::Delivered)]));
        assert_eq!(raised("cat", got(1, 1)), Some(vec![moved("a", "ana", WireStatus::Read)]));
        assert_eq!(raised("cat", got(1, 1)), None);
        assert_eq!(raised("cat", got(2, 2)), Some(vec![moved("b", "ben", WireStatus::Read)]));
        assert_eq!(marks.for_user("cat"), got(2, 0));
        assert_eq!(marks.for_user("dan"), got(2, 2));
    }

    #[test]
    fn whoever_may_have_written_what_is_too_old_to_be_known_is_concerned() {
        let mut marks = RoomReceipts::default();
        (1..=RECENT + 10).for_each(|n| marks.on_new(n, &n.to_string(), if n == 5 { "ana" } else { "ben" }));
        let got = |delivered, read| Receipt { delivered, read };
        let rise = marks.raise("cat", got(4, 0)).unwrap();
        assert!(rise.concerns("ana") && !rise.concerns("cat"), "her own mark says nothing to her");
        assert!(marks.raise("cat", got(RECENT, 0)).unwrap().concerns("ana"));
        assert!(!marks.raise("cat", got(RECENT + 1, 0)).unwrap().concerns("ana"), "ben wrote that");
        assert!(marks.raise("cat", got(0, RECENT)).unwrap().concerns("ana"), "she is told anew when it is read");
    }

    proptest! {
        #[test]
        fn each_user_is_told_the_furthest_mark_of_the_others(steps in prop::collection::vec((0..4_usize, 0..9_u64), 0..40)) {
            let mut marks = RoomReceipts::default();
            let mut furthest = [0; 4];
            for (user, offset) in steps {
                marks.raise(&user.to_string(), Receipt { delivered: offset, read: 0 });
                furthest[user] = offset.max(furthest[user]);
                for me in 0..4 {
                    let others = (0..4).filter(|other| *other != me).map(|other| furthest[other]).max();
                    prop_assert_eq!(Some(marks.for_user(&me.to_string()).delivered), others);
                }
            }
        }

        #[test]
        fn nodes_that_tell_each_other_what_they_know_know_what_one_alone_would(
            steps in prop::collection::vec((0..3_usize, 0..4_usize, 0..9_u64), 0..40)
        ) {
            let mut nodes = [RoomReceipts::default(), RoomReceipts::default()];
            let mut alone = RoomReceipts::default();
            for (node, user, offset) in steps {
                if node < 2 {
                    let receipt = Receipt { delivered: offset, read: offset / 2 };
                    nodes[node].raise(&user.to_string(), receipt);
                    alone.raise(&user.to_string(), receipt);
                } else {
                    let known = nodes[user % 2].stored();
                    nodes[1 - user % 2].merge(&known);
                }
            }
            for from in [0, 1] {
                let known = nodes[from].stored();
                nodes[1 - from].merge(&known);
                prop_assert!(nodes[1 - from].merge(&known).is_none(), "it is known");
            }
            for (node, user) in [0, 1].into_iter().flat_map(|node| (0..4).map(move |user| (node, user.to_string()))) {
                prop_assert_eq!(nodes[node].for_user(&user), alone.for_user(&user));
            }
        }
    }
}
