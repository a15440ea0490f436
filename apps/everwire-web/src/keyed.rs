//! The steps that turn the rows in the document into the new rows.

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Keep the next old row.
    Keep,
    /// Remove the next old row.
    Remove,
    /// Insert the next new row here.
    Insert,
}

/// The steps from `old` rows to `new` rows, in order. `same`: whether an old row and a new row are the same.
///
/// A row that moves is removed and inserted. For a row that is added or removed anywhere, no other row is touched.
pub(crate) fn steps(old: usize, new: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Step> {
    let mut steps = Vec::with_capacity(old.max(new));
    let mut at = 0;
    for next in 0..new {
        if at < old && same(at, next) {
            steps.push(Step::Keep);
            at += 1;
            continue;
        }
        // The old row here may be the new row after this one.
        let is_new = at == old || (next + 1 < new && same(at, next + 1));
        let found = if is_new { None } else { (at + 1..old).find(|later| same(*later, next)) };
        match found {
            Some(later) => {
                steps.extend((at..later).map(|_| Step::Remove));
                steps.push(Step::Keep);
                at = later + 1;
            }
            None => steps.push(Step::Insert),
        }
    }
    steps.extend((at..old).map(|_| Step::Remove));
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Step::{Insert, Keep, Remove};
    use super::*;

    fn between(old: &str, new: &str) -> Vec<Step> {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        steps(old.len(), new.len(), |at, next| old[at] == new[next])
    }

    #[test]
    fn added_and_removed_rows_leave_the_others_untouched() {
        assert_eq!(between("abc", "abcd"), [Keep, Keep, Keep, Insert]);
        assert_eq!(between("abc", "bcd"), [Remove, Keep, Keep, Insert]);
        assert_eq!(between("bc", "abc"), [Insert, Keep, Keep]);
        assert_eq!(between("abc", "aXc"), [Keep, Insert, Remove, Keep]);
        assert_eq!(between("abc", "abXc"), [Keep, Keep, Insert, Keep]);
        assert_eq!(between("abc", ""), [Remove; 3]);
        assert_eq!(between("", "ab"), [Insert; 2]);
    }

    proptest! {
        #[test]
        fn the_steps_turn_the_old_rows_into_the_new_ones(old in "[a-f]{0,12}", new in "[a-f]{0,12}") {
            let (mut at, mut next, mut made) = (old.bytes(), new.bytes(), Vec::<u8>::new());
            for step in between(&old, &new) {
                match step {
                    Keep => {
                        made.extend(at.next());
                        next.next();
                    }
                    Remove => drop(at.next()),
                    Insert => made.extend(next.next()),
                }
            }
            prop_assert_eq!(made, new.as_bytes());
            prop_assert!(at.next().is_none() && next.next().is_none());
        }
    }
}
