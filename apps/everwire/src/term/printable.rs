//! Text from others, made safe to print: none of its control characters reaches the terminal.

/// `text` with every control character replaced by its symbol; line breaks and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { picture(c) }).collect()
}

/// Like [`printable`], on one line.
pub(crate) fn printable_line(text: &str) -> String {
    text.chars().map(picture).collect()
}

fn picture(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        // C1 controls, some of which terminals obey like escapes; line and paragraph separators; and characters that reverse
        // the direction of the following text, with which a line could imitate another one. The two marks in right-to-left
        // names do not reverse anything, and stay.
        '\u{80}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_line};

    #[test]
    fn escapes_of_others_never_reach_the_terminal() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\u{9b}2J\u{7f}"), "␛[31mred␇\u{fffd}2J␡");
        assert_eq!(printable("a\u{202e}b\u{2028}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn ordinary_text_stays_and_a_line_stays_one_line() {
        assert_eq!(printable("Привет, 世界 👋🏽\n\tok"), "Привет, 世界 👋🏽\n\tok");
        assert_eq!(printable_line("a\r\nb\tc"), "a␍␊b␉c");
    }
}
