use std::collections::HashMap;

use super::confusable::skeletons;

/// The names in a room: no two users are shown by names that look alike.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Their skeletons, with the number for the next who looks like this.
    skeletons: HashMap<String, u64>,
    /// By user.
    users: HashMap<String, Named>,
}

#[derive(Debug)]
struct Named {
    claimed: String,
    shown: String,
}

/// What stands behind a name that looks like another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameSuffix {
    /// A number: whoever names themselves chooses their id too.
    #[default]
    Number,
    /// The user's id, for which somebody vouches. A number where that looks like another's as well.
    UserId,
}

impl Names {
    /// The name by which the user is shown: as it is claimed, or with more behind it if it looks like another's who is here.
    pub(super) fn take(&mut self, user_id: &str, claimed: &str, suffix: NameSuffix) -> String {
        if let Some(named) = self.users.get(user_id)
            && named.claimed == claimed
        {
            return named.shown.clone();
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
        self.skeletons.extend(skeletons(&shown).map(|skeleton| (skeleton, 2)));
        self.users.insert(user_id.to_owned(), Named { claimed: claimed.to_owned(), shown: shown.clone() });
        shown
    }

    /// The user is here no more.
    pub(super) fn free(&mut self, user_id: &str) {
        if let Some(Named { shown, .. }) = self.users.remove(user_id) {
            for skeleton in skeletons(&shown) {
                self.skeletons.remove(&skeleton);
            }
        }
    }

    /// Names that are shown have no skeleton in common, so that each is of one user.
    fn is_taken(&self, name: &str) -> bool {
        skeletons(name).iter().any(|skeleton| self.skeletons.contains_key(skeleton))
    }

    fn next_number(&mut self, claimed: &str) -> Option<&mut u64> {
        let skeleton = skeletons(claimed).into_iter().find(|skeleton| self.skeletons.contains_key(skeleton))?;
        self.skeletons.get_mut(&skeleton)
    }
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
}
