use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::term::printable_line;

/// A name is shown with at most this many columns.
const MAX_NAME: usize = 32;

/// A name on one line and of bounded width, without control characters.
pub(super) fn short_name(name: &str) -> String {
    let name = printable_line(name.trim());
    match cut(&name, MAX_NAME) {
        "" => "?".to_owned(),
        short if short.len() < name.len() => format!("{short}…"),
        whole => whole.to_owned(),
    }
}

/// A text in at most this many columns; a longer one is cut and ends in an ellipsis.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    match columns.checked_sub(1) {
        Some(columns_before) if text.width() > columns => format!("{}…", cut(text, columns_before).trim_end()),
        Some(_) => text.to_owned(),
        None => String::new(),
    }
}

/// The beginning of a text that fits these columns, cut between grapheme clusters and never within one.
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
    fn a_text_that_does_not_fit_its_columns_ends_in_an_ellipsis() {
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
