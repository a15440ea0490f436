use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::term::printable_line;

/// A name is shown with at most this many columns.
const MAX_NAME: usize = 32;

/// A name on one line and of bounded width, harmless.
pub(super) fn short_name(name: &str) -> String {
    let name = printable_line(name.trim());
    let mut short = String::new();
    // Cut between what people take for characters: their parts alone are something else.
    for character in name.graphemes(true) {
        if short.width() + character.width() > MAX_NAME {
            short.push('…');
            return short;
        }
        short.push_str(character);
    }
    if short.is_empty() { "?".to_owned() } else { short }
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_name_is_cut_between_characters_as_people_see_them() {
        assert_eq!(short_name(" Ana\u{1b} "), "Ana␛");
        assert_eq!(short_name("\u{200f}دانا"), "\u{200f}دانا", "the mark belongs to it");
        assert_eq!(short_name(&"x".repeat(32)), "x".repeat(32));
        assert_eq!(short_name(&"e\u{301}".repeat(40)), format!("{}…", "e\u{301}".repeat(32)));
        assert_eq!(short_name(&"👩‍👩‍👧‍👦".repeat(20)), format!("{}…", "👩‍👩‍👧‍👦".repeat(16)));
        assert_eq!(short_name("  "), "?");
    }
}
