//! Which names people can't tell apart.

use everwire_chat_core::limits::shows;
use unicode_security::skeleton;

/// How a name skeletons: as it is written, and without the difference between capital and small letters, which people overlook.
/// People tell two names apart if these have nothing in common (UTS 39, section 4): other scripts' letters, other spaces and
/// what nobody sees make no difference.
pub(crate) fn skeletons(name: &str) -> [String; 3] {
    let seen: String = name.chars().filter(|&c| c.is_whitespace() || shows(c)).collect();
    let words = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    let written: String = skeleton(&words).collect();
    // Both ways: a capital I skeletons like a small l, and the small i of the same name does not.
    let small = skeleton(&words.to_lowercase()).collect();
    let small_look = skeleton(&written.to_lowercase()).collect();
    [written, small, small_look]
}

/// Whether people may take one name for the other.
pub(crate) fn are_confusable(one: &str, other: &str) -> bool {
    let others = skeletons(other);
    skeletons(one).iter().any(|look| others.contains(look))
}

#[cfg(test)]
mod tests {
    use super::are_confusable;

    #[test]
    fn names_are_alike_whatever_their_case_and_the_script_of_their_letters() {
        for (one, other, alike) in [
            ("Ben", "Ben", true),
            ("Ben", "ben", true),
            ("BEN", "ben", true),
            ("\u{410}\u{43d}\u{43d}\u{430}", "\u{430}\u{43d}\u{43d}\u{430}", true),
            // A Cyrillic capital beside the Latin name in small letters.
            ("\u{412}en", "ben", true),
            ("Ivan", "ivan", true),
            ("Ivan", "lvan", true),
            ("ivan", "lvan", false),
            ("Benn", "ben", false),
            ("Ana", "Anna", false),
        ] {
            assert_eq!(are_confusable(one, other), alike, "{one} and {other}");
            assert_eq!(are_confusable(other, one), alike, "{other} and {one}");
        }
    }
}
