//! What texts, names and ids may be. Servers enforce these limits; clients check them first, to say so early.

use crate::characters::characters;

/// Bytes of UTF-8 in a line of chat: 16 KiB.
pub const TEXT_BYTES: usize = 16 << 10;
/// Characters in a user's name, and in a room's: 64. A character is what people take for one, a grapheme cluster (Unicode
/// Annex 29): a family of emoji is one, and a letter with its accents.
pub const NAME_CHARS: usize = 64;
/// Bytes of UTF-8 in a user's name, and in a room's: 512.
pub const NAME_BYTES: usize = 512;
/// Bytes in a message's or user's id: 128.
pub const ID_BYTES: usize = 128;

/// Checks that a line may be sent; the error is the reason why not.
///
/// # Errors
/// If it is blank or longer than [`TEXT_BYTES`].
pub fn check_text(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("the message is blank")
    } else if text.len() > TEXT_BYTES {
        Err("the message is longer than 16 KiB")
    } else {
        Ok(())
    }
}

/// Checks that this may be a user's name.
///
/// # Errors
/// If it is blank, longer than [`NAME_CHARS`] or [`NAME_BYTES`], or holds control characters or such as turn the
/// direction of the text that follows, by which a name could make a line look like another's.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if !name.chars().any(shows) {
        Err("the name is blank")
    } else if name.len() > NAME_BYTES || characters(name) > NAME_CHARS {
        Err("the name is longer than 64 characters, or 512 bytes")
    } else if name.chars().any(char::is_control) {
        Err("the name holds control characters")
    } else if name.chars().any(turns) {
        Err("the name holds characters that turn the direction of what follows")
    } else if name.chars().any(hides) {
        Err("the name holds characters that nobody sees")
    } else {
        Ok(())
    }
}

/// Checks that this may be a room's name: like a user's, without spaces around it.
///
/// # Errors
/// If it is no [name](check_name), or has spaces around it.
pub fn check_room(name: &str) -> Result<(), &'static str> {
    if !name.chars().any(shows) {
        Err("the room's name is blank")
    } else if name.len() > NAME_BYTES || characters(name) > NAME_CHARS {
        Err("the room's name is longer than 64 characters, or 512 bytes")
    } else if name.chars().any(char::is_control) {
        Err("the room's name holds control characters")
    } else if name.chars().any(turns) {
        Err("the room's name holds characters that turn the direction of what follows")
    } else if name.chars().any(hides) {
        Err("the room's name holds characters that nobody sees")
    } else if name.trim() != name {
        Err("the room's name has spaces around it")
    } else {
        Ok(())
    }
}

/// Checks that this may be an id.
///
/// # Errors
/// If it is empty, longer than [`ID_BYTES`], or holds control characters.
pub fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        Err("the id is empty")
    } else if id.len() > ID_BYTES {
        Err("the id is longer than 128 bytes")
    } else if id.chars().any(char::is_control) {
        Err("the id holds control characters")
    } else {
        Ok(())
    }
}

/// What leaves no trace at all: with it a name looks like another's. Joiners, variation selectors, tags and the marks
/// of names that are written from right to left belong to what they stand with.
fn hides(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
    )
}

/// Returns `true` if this character is visible on its own: it is no space, and does more than control, join or vary others.
#[must_use]
pub fn shows(c: char) -> bool {
    let only_with_others = matches!(
        c,
        '\u{180b}'..='\u{180f}' | '\u{200c}'..='\u{200f}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
    );
    !(c.is_whitespace() || c.is_control() || turns(c) || hides(c) || only_with_others)
}

/// Embeddings, overrides and isolates (Unicode Annex 9), and separators of lines and paragraphs. The marks of names that are
/// written from right to left are none of them.
fn turns(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_names_rooms_and_ids_have_limits() {
        assert!(check_text("hi").is_ok() && check_text(&"x".repeat(TEXT_BYTES)).is_ok());
        assert!(check_text(" \n").is_err() && check_text(&"x".repeat(TEXT_BYTES + 1)).is_err());
        assert!(check_name("Ана Å 🙂").is_ok() && check_name(&"я".repeat(64)).is_ok());
        assert!(check_name("").is_err() && check_name("a\u{1b}[2J").is_err() && check_name(&"я".repeat(65)).is_err());
        assert!(check_name(&"e\u{301}".repeat(64)).is_ok() && check_name(&"e\u{301}".repeat(65)).is_err());
        assert!(check_name(&"👩‍👩‍👧‍👦".repeat(20)).is_ok() && check_name(&"👩‍👩‍👧‍👦".repeat(21)).is_err());
        assert!(check_room(&"क्षि".repeat(42)).is_ok() && check_room(&format!("z{}", "\u{301}".repeat(256))).is_err());
        assert!(check_name("\u{202e}nimda").is_err() && check_room("a\u{2067}b").is_err());
        assert!(check_name("دانا\u{200f}").is_ok() && check_name("👩‍👩‍👧‍👦").is_ok());
        for blank in ["\u{200b}", "\u{3164}", "\u{2800}\u{2800}", "\u{ad}", "\u{e0041}", "\u{200d}\u{fe0f}"] {
            assert!(check_name(blank).is_err() && check_room(blank).is_err(), "{}", blank.escape_unicode());
        }
        assert!(
            check_name("Ben\u{200b} Real").is_err() && check_room("lobby\u{feff}").is_err(),
            "they look like others"
        );
        assert!(check_name("\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e007f}").is_ok(), "a flag");
        assert!(check_room("den").is_ok() && check_room(" den").is_err() && check_room("").is_err());
        assert!(check_id("0197").is_ok() && check_id("").is_err() && check_id(&"x".repeat(129)).is_err());
    }
}
