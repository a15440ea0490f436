use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::term::printable_line;

/// A name is shown with at most this many columns.
const MAX_NAME: usize = 32;

/// A name on one line and of bounded width, harmless.
pub(super) fn short_name(name: &str) -> String {
    let name = printable_line(name.trim());
    match cut(&name, MAX_NAME) {
        "" => "?".to_owned(),
        short if short.len() < name.len() => format!("{short}…"),
        whole => whole.to_owned(),
    }
}

/// A text in so many columns. What does not fit is left out, with a sign of it.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    match columns.checked_sub(1) {
        Some(columns_before) if text.width() > columns => format!("{}…", cut(text, columns_before).trim_end()),
        Some(_) => text.to_owned(),
        None => String::new(),
    }
}

/// As much of a text as these columns hold, cut between what people take for characters: their parts alone are something else.
fn cut(text: &str, columns: usize) -> &str {
    let mut width = 0;
    let fits = |character: &&str| {
        width += character.width();
        width <= columns
    };
    let length = text.graphemes(true).take_while(fits).map(str::len).sum();
    &text[..length]
}

#[cfg(test)]
mod tests {
    use super::{fitted, short_name};

    #[test]
    fn what_does_not_fit_into_its_columns_is_cut_with_a_sign_of_it() {
        for (columns, expected) in [(8, "line one"), (7, "line o…"), (6, "line…"), (2, "l…"), (1, "…"), (0, "")]
        {
            assert_eq!(fitted("line one", columns), expected);
        }
        assert_eq!(
            (fitted("日本語", 6), fitted("日本語", 5), fitted("日本語", 4)),
            ("日本語".into(), "日本…".into(), "日…".into())
        );
    }

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
