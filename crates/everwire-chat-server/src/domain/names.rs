use std::collections::{BTreeSet, HashMap};

use super::confusable::skeletons;

/// The names in a room: no two users are shown by names that look alike.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Their skeletons.
    skeletons: HashMap<String, Taken>,
    /// By user.
    users: HashMap<String, Named>,
}

#[derive(Debug)]
struct Named {
    /// `None`: another node has decided how the user is shown.
    claimed: Option<String>,
    shown: String,
}

/// A skeleton that is taken.
#[derive(Debug)]
struct Taken {
    /// The number for the next who looks like this.
    next: u64,
    /// Of how many users: two who came at the same moment to two nodes may share it.
    users: usize,
}

/// What stands behind a name that looks like another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameSuffix {
    /// A number: users who choose their name choose their id too.
    #[default]
    Number,
    /// The user's id, which the accounts or the issuer vouch for. A number where the id looks like another's as well.
    UserId,
}

impl Names {
    /// The name by which the user is shown: as it is claimed, or with more behind it if it looks like another's who is here.
    pub(super) fn take(&mut self, user_id: &str, claimed: &str, suffix: NameSuffix) -> String {
        if let Some(named) = self.users.get_mut(user_id) {
            match &named.claimed {
                Some(known) if known == claimed => return named.shown.clone(),
                // The name that it has elsewhere.
                None if is_of_claim(&named.shown, claimed) => {
                    named.claimed = Some(claimed.to_owned());
                    return named.shown.clone();
                }
                Some(_) | None => {}
            }
        }
        self.free(user_id);
        let mut shown = claimed.to_owned();
        if suffix == NameSuffix::UserId && self.is_taken(&shown) {
            shown = format!("{claimed} ({user_id})");
        }
        let mut first = 2;
        while self.is_taken(&shown) {
            let number = self.next_number(claimed).unwrap_or(&mut first);
            shown = format!("{claimed} ({number})");
            *number += 1;
        }
        self.insert(user_id, Some(claimed.to_owned()), shown.clone());
        shown
    }

    /// The user is shown by this name on another node. One who is here as well is shown as here.
    pub(super) fn note_elsewhere(&mut self, user_id: &str, shown: &str) {
        match self.users.get(user_id) {
            Some(Named { claimed: Some(_), .. }) => return,
            Some(Named { claimed: None, shown: known }) if known == shown => return,
            Some(Named { claimed: None, .. }) | None => {}
        }
        self.free(user_id);
        self.insert(user_id, None, shown.to_owned());
    }

    fn insert(&mut self, user_id: &str, claimed: Option<String>, shown: String) {
        for skeleton in distinct_skeletons(&shown) {
            self.skeletons.entry(skeleton).or_insert(Taken { next: 2, users: 0 }).users += 1;
        }
        self.users.insert(user_id.to_owned(), Named { claimed, shown });
    }

    /// The user is here no more.
    pub(super) fn free(&mut self, user_id: &str) {
        if let Some(Named { shown, .. }) = self.users.remove(user_id) {
            for skeleton in distinct_skeletons(&shown) {
                if let Some(taken) = self.skeletons.get_mut(&skeleton) {
                    taken.users = taken.users.saturating_sub(1);
                    if taken.users == 0 {
                        self.skeletons.remove(&skeleton);
                    }
                }
            }
        }
    }

    /// Names that are given here have no skeleton in common with others.
    fn is_taken(&self, name: &str) -> bool {
        skeletons(name).iter().any(|skeleton| self.skeletons.contains_key(skeleton))
    }

    fn next_number(&mut self, claimed: &str) -> Option<&mut u64> {
        let skeleton = skeletons(claimed).into_iter().find(|skeleton| self.skeletons.contains_key(skeleton))?;
        self.skeletons.get_mut(&skeleton).map(|taken| &mut taken.next)
    }
}

/// Whether a name that is shown is this one, as it is or with more behind it.
fn is_of_claim(shown: &str, claimed: &str) -> bool {
    shown.strip_prefix(claimed).is_some_and(|more| more.is_empty() || (more.starts_with(" (") && more.ends_with(')')))
}

fn distinct_skeletons(name: &str) -> BTreeSet<String> {
    skeletons(name).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{NameSuffix, Names};

    fn take(names: &mut Names, user: &str, claimed: &str) -> String {
        names.take(user, claimed, NameSuffix::Number)
    }

    #[test]
    fn names_that_look_alike_are_numbered() {
        let mut names = Names::default();
        assert_eq!(take(&mut names, "1", "Ben"), "Ben");
        // With Cyrillic \u{412} and \u{435}, a joiner, and other spaces.
        for (user, claimed, shown) in [
            ("2", "\u{412}\u{435}n", "\u{412}\u{435}n (2)"),
            ("3", "Ben\u{200d}", "Ben\u{200d} (3)"),
            ("4", " Ben\u{3000}", " Ben\u{3000} (4)"),
            ("5", "ben", "ben (5)"),
            ("6", "Benn", "Benn"),
            ("7", "BEN (6)", "BEN (6)"),
            ("8", "Ben", "Ben (7)"),
            ("9", "Ben (7)", "Ben (7) (2)"),
        ] {
            assert_eq!(take(&mut names, user, claimed), shown);
        }
    }

    #[test]
    fn a_user_keeps_a_name_until_it_leaves_or_takes_another() {
        let mut names = Names::default();
        take(&mut names, "1", "Ben");
        assert_eq!(take(&mut names, "2", "Ben"), "Ben (2)");
        assert_eq!(take(&mut names, "2", "Ben"), "Ben (2)", "on another device");
        names.free("1");
        assert_eq!(take(&mut names, "2", "Ben"), "Ben (2)", "while it is here");
        assert_eq!(take(&mut names, "2", "Benjamin"), "Benjamin");
        assert_eq!(take(&mut names, "3", "Ben"), "Ben");
        assert_eq!(take(&mut names, "3", "Ben (2)"), "Ben (2)");
        assert_eq!(take(&mut names, "2", "Ben"), "Ben");
    }

    #[test]
    fn where_somebody_vouches_for_users_their_id_tells_names_apart() {
        let mut names = Names::default();
        for (user, claimed, shown) in [
            ("u1", "Ben", "Ben"),
            ("u2", "B\u{435}n", "B\u{435}n (u2)"),
            ("u3", "Ben (u4)", "Ben (u4)"),
            ("u4", "Ben", "Ben (2)"),
            ("eve", "Eve", "Eve"),
        ] {
            assert_eq!(names.take(user, claimed, NameSuffix::UserId), shown);
        }
    }

    #[test]
    fn who_is_shown_by_a_name_on_another_node_has_it_here_too() {
        let mut names = Names::default();
        names.note_elsewhere("1", "Ben");
        assert_eq!(take(&mut names, "2", "B\u{435}n"), "B\u{435}n (2)");
        names.note_elsewhere("3", "Ben (7)");
        assert_eq!(take(&mut names, "3", "Ben"), "Ben (7)", "the same user comes here");
        assert_eq!(take(&mut names, "1", "Ben"), "Ben");
        names.note_elsewhere("1", "Ben (9)");
        assert_eq!(take(&mut names, "1", "Ben"), "Ben", "shown as here");
        // Two who came to two nodes at the same moment: the name is free when both have gone.
        names.note_elsewhere("4", "Ben");
        names.free("1");
        assert_eq!(take(&mut names, "5", "Ben"), "Ben (3)");
        names.free("4");
        assert_eq!(take(&mut names, "6", "Ben"), "Ben");
        names.note_elsewhere("6", "Ana");
        names.note_elsewhere("7", "Ana");
        names.note_elsewhere("7", "Eve");
        assert_eq!(take(&mut names, "8", "Ana"), "Ana", "renamed elsewhere");
    }
}
