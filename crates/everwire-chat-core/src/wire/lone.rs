//! JSON whose texts hold half of a surrogate pair (`"\ud83d"`), as clients write that cut a text by UTF-16 units, in the middle of
//! an emoji. It can't be a Rust string; the rest of the message can.

use everwire_core::json::{self, Json, Malformed};

/// Reads a text, with U+FFFD for each half that stands alone.
pub(super) fn read<T>(text: &str, see: impl FnOnce(Result<Json<'_>, Malformed>) -> T) -> T {
    match json::read(text) {
        Ok(json) => see(Ok(json)),
        Err(error) => match mended(text) {
            Some(mended) => see(json::read(&mended)),
            None => see(Err(error)),
        },
    }
}

/// `None`: no half stands alone.
pub(super) fn mended(text: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        let escape = at + found;
        at = match unit(text, escape) {
            Some(0xd800..=0xdbff) if matches!(unit(text, escape + 6), Some(0xdc00..=0xdfff)) => escape + 12,
            Some(0xd800..=0xdfff) => {
                mended.push_str(&text[from..escape]);
                mended.push_str("\\ufffd");
                from = escape + 6;
                from
            }
            Some(_) => escape + 6,
            None => escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    (from > 0).then(|| mended + &text[from..])
}

/// The UTF-16 unit that is escaped at this byte.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn halves_that_stand_alone_are_replaced_and_pairs_and_escaped_backslashes_are_not() {
        for (text, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\uDE00\ud83d\ude00\ud83dx""#, Some(r#""\ufffd\ud83d\ude00\ufffdx""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ud83d\ude00\u00e9""#, None),
            (r#""\\ud83d""#, None),
            (r#""\ud83""#, None),
            ("\\é\\", None),
            ("", None),
        ] {
            assert_eq!(mended(text).as_deref(), expected, "{text}");
        }
    }
}
