//! Mentions: `@name` in a line addresses a user, by name or by id.
//!
//! An `@` counts at the beginning of a line, and behind anything that is no letter or digit, so that an e-mail address
//! mentions nobody. Upper and lower case are the same. The longest name counts: `@Ben (2)` is not a mention of Ben. A
//! name ends where no letter or digit follows.

use std::ops::Range;

use crate::characters::lower;
use crate::wire::User;

/// Returns `true` if a line addresses `me`. `others` are users whose names may begin as ours do.
///
/// ```
/// use everwire_chat_core::User;
/// use everwire_chat_core::mention::mentions;
///
/// let (ben, other) = (User::new("b", "Ben"), User::new("c", "Ben (2)"));
/// assert!(mentions("look at this, @ben!", &ben, &[]));
/// assert!(!mentions("@Ben (2), and you?", &ben, &[other]));
/// assert!(!mentions("mail to ana@ben.example", &ben, &[]));
/// ```
#[must_use]
pub fn mentions(text: &str, me: &User, others: &[User]) -> bool {
    let mine = [me.user_name.as_str(), me.user_id.as_str()];
    // Of names that are equal the first counts: ours.
    let names: Vec<&str> = mine.into_iter().chain(others.iter().map(|user| user.user_name.as_str())).collect();
    find(text, &names).into_iter().any(|(_, name)| name < mine.len())
}

/// The places where a line addresses any of these names, in bytes of the text, with the `@`; in order, and none in another.
#[must_use]
pub fn spans(text: &str, names: &[&str]) -> Vec<Range<usize>> {
    find(text, names).into_iter().map(|(span, _)| span).collect()
}

/// The completions of a name that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// From this byte on, the text before the cursor is to be replaced.
    pub start: usize,
    /// The names that can stand there, each with its `@`; in order, and at least one.
    pub candidates: Vec<String>,
}

/// The way the text before a cursor can be completed to a mention: from the last `@`, or from the last word, if that is
/// the beginning of a name.
///
/// ```
/// use everwire_chat_core::mention::complete;
///
/// let completion = complete("thanks @an", &["Ben", "Ana", "Andrei"]).unwrap();
/// assert_eq!((completion.start, completion.candidates), (7, vec!["@Ana".to_owned(), "@Andrei".to_owned()]));
/// ```
#[must_use]
pub fn complete(before_cursor: &str, names: &[&str]) -> Option<Completion> {
    let marked = addresses(before_cursor).last().map(|at| (at, at + 1));
    let word = before_cursor
        .rfind(char::is_whitespace)
        .map_or(0, |space| space + before_cursor[space..].chars().next().map_or(0, char::len_utf8));
    let word = (word < before_cursor.len()).then_some((word, word));
    marked.into_iter().chain(word).find_map(|(start, prefix)| {
        let prefix = &before_cursor[prefix..];
        let mut candidates: Vec<String> =
            names.iter().filter(|name| prefix_len(name, prefix).is_some()).map(|name| format!("@{name}")).collect();
        candidates.sort();
        candidates.dedup();
        (!candidates.is_empty()).then_some(Completion { start, candidates })
    })
}

/// The mentions in a text, and the number of the name of each.
fn find(text: &str, names: &[&str]) -> Vec<(Range<usize>, usize)> {
    let mut found: Vec<(Range<usize>, usize)> = Vec::new();
    for at in addresses(text) {
        if found.last().is_some_and(|(last, _)| at < last.end) {
            continue;
        }
        let rest = &text[at + 1..];
        let mut longest: Option<(usize, usize)> = None;
        for (number, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let ends = |length: &usize| !rest[*length..].chars().next().is_some_and(char::is_alphanumeric);
            if let Some(length) = prefix_len(rest, name).filter(ends)
                && longest.is_none_or(|(known, _)| length > known)
            {
                longest = Some((length, number));
            }
        }
        if let Some((length, number)) = longest {
            found.push((at..at + 1 + length, number));
        }
    }
    found
}

/// Each `@` that may begin a mention.
fn addresses(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.match_indices('@')
        .map(|(at, _)| at)
        .filter(|at| !text[..*at].chars().next_back().is_some_and(char::is_alphanumeric))
}

/// The length in bytes of this prefix in a text, without regard to case; `None` if the text does not start with it.
fn prefix_len(text: &str, prefix: &str) -> Option<usize> {
    let mut wanted = prefix.chars().flat_map(lower).peekable();
    let mut length = 0;
    for c in text.chars() {
        if wanted.peek().is_none() {
            break;
        }
        for letter in lower(c) {
            wanted.next_if_eq(&letter)?;
        }
        length += c.len_utf8();
    }
    wanted.peek().is_none().then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn me() -> User {
        User::new("7", "Анна Мария")
    }

    #[test]
    fn a_mention_is_a_whole_name_or_id_behind_an_at_sign() {
        for text in ["@Анна Мария", "да, @анна мария!", "(@АННА МАРИЯ)", "@7: look", "x @7", "@@7", "@анна мария's"]
        {
            assert!(mentions(text, &me(), &[]), "{text}");
        }
        for text in ["Анна Мария", "@Анна", "@Анна Мариям", "a@7", "1@7", "@77", "@ 7", "", "@"]
        {
            assert!(!mentions(text, &me(), &[]), "{text}");
        }
    }

    #[test]
    fn a_longer_name_of_another_is_not_a_mention_and_an_equal_one_is() {
        let (ben, second) = (User::new("b", "Ben"), User::new("c", "Ben (2)"));
        let others = [second.clone(), User::new("d", "ben")];
        assert!(!mentions("@Ben (2)?", &ben, &others) && mentions("@Ben (2)?", &second, std::slice::from_ref(&ben)));
        assert!(mentions("@ben and @Ben (2)", &ben, &others));
    }

    #[test]
    fn spans_are_those_of_the_longest_names() {
        let text = "@Ana, @Ben (2) and ana@example.org, @nobody @ÄRGER";
        let found: Vec<&str> =
            spans(text, &["Ana", "Ben", "Ben (2)", "ärger", ""]).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, ["@Ana", "@Ben (2)", "@ÄRGER"]);
    }

    #[test]
    fn a_name_is_completed_from_its_beginning_with_or_without_the_at_sign() {
        let names = ["Ana", "Andrei", "Ben (2)", "Анна Мария", "Ana"];
        let completed = |text| complete(text, &names).map(|completion| (completion.start, completion.candidates));
        assert_eq!(completed("hi @a"), Some((3, vec!["@Ana".into(), "@Andrei".into()])));
        assert_eq!(completed("an"), Some((0, vec!["@Ana".into(), "@Andrei".into()])));
        assert_eq!(completed("hi be"), Some((3, vec!["@Ben (2)".into()])));
        assert_eq!(completed("да, @анна м"), Some((6, vec!["@Анна Мария".into()])), "a name may hold spaces");
        assert_eq!(completed("@").map(|(start, all)| (start, all.len())), Some((0, 4)));
        assert_eq!((completed("hi "), completed(""), completed("@x"), completed("ana@b")), (None, None, None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_characters(text in "[@ aAnNİßé🙂()2]{0,12}", names in prop::collection::vec("[aAnNİßé🙂 (2)]{0,4}", 0..4)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for span in spans(&text, &names) {
                prop_assert!(text[span].starts_with('@'));
            }
            if let Some(Completion { start, candidates }) = complete(&text, &names) {
                prop_assert!(text.is_char_boundary(start) && !candidates.is_empty());
            }
        }
    }
}
