use unicode_width::UnicodeWidthChar;

use crate::term::printable_line;

/// A name is shown with at most this many columns.
const MAX_NAME: usize = 32;

/// A name on one line and of bounded width, harmless.
pub(super) fn short_name(name: &str) -> String {
    let name = printable_line(name.trim());
    let mut width = 0;
    let mut short = String::new();
    for c in name.chars() {
        width += c.width().unwrap_or(0);
        if width > MAX_NAME {
            short.push('…');
            return short;
        }
        short.push(c);
    }
    if short.is_empty() { "?".to_owned() } else { short }
}
