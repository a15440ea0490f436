//! Addresses in a text.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    /// The address of a page, to be opened on its own.
    Link(&'a str),
}

/// The pieces of a text, in order; together they are the text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, link, after)) = next_link(rest) {
        if !before.is_empty() {
            pieces.push(Piece::Plain(before));
        }
        pieces.push(Piece::Link(link));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// What is before the next address, the address, and what is behind it. Others write the text: the work grows with its length
/// and no faster, as what an address was looked for in holds no other scheme unless it is one.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    for (start, scheme) in text.match_indices("http") {
        let rest = &text[start + scheme.len()..];
        let Some(address) = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://") else { continue };
        // `http://` alone, or in the midst of a word, is none.
        if text[..start].chars().next_back().is_some_and(char::is_alphanumeric) {
            continue;
        }
        let length = length(address);
        if length > 0 {
            let end = text.len() - address.len() + length;
            return Some((&text[..start], &text[start..end], &text[end..]));
        }
    }
    None
}

/// How far an address reaches, from behind its scheme: up to white space, without what ends a sentence or closes a bracket from
/// before it.
fn length(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c)).unwrap_or(text.len());
    #[cfg(test)]
    tests::count(end);
    let address = &text[..end];
    let is_open = address.contains('(');
    let ends = |c: char| ".,;:!?'…»”’]}".contains(c) || c == ')' && !is_open;
    address.trim_end_matches(ends).len()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::{Piece::*, pieces};

    thread_local!(static LOOKED_AT: Cell<usize> = const { Cell::new(0) });

    /// So many bytes were looked at in search of the end of an address.
    pub(super) fn count(bytes: usize) {
        LOOKED_AT.set(LOOKED_AT.get() + bytes);
    }

    fn looked_at(text: &str) -> usize {
        LOOKED_AT.set(0);
        let _ = pieces(text);
        LOOKED_AT.get()
    }

    #[test]
    fn addresses_are_found_without_the_sentence_around_them() {
        assert_eq!(pieces("plain"), [Plain("plain")]);
        assert_eq!(
            pieces("see https://a.example/x?y=1."),
            [Plain("see "), Link("https://a.example/x?y=1"), Plain(".")]
        );
        assert_eq!(pieces("(http://a.example)"), [Plain("("), Link("http://a.example"), Plain(")")]);
        assert_eq!(pieces("https://a.example/(b) c"), [Link("https://a.example/(b)"), Plain(" c")]);
        let two = pieces("https://a.example https://б.example");
        assert_eq!(two, [Link("https://a.example"), Plain(" "), Link("https://б.example")]);
    }

    #[test]
    fn nothing_else_becomes_a_link() {
        for text in ["javascript:alert(1)", "https://", "xhttps://a.example", "ftp://a.example", "http:// a", ""] {
            assert!(pieces(text).iter().all(|piece| matches!(piece, Plain(_))), "{text}");
        }
    }

    #[test]
    fn a_text_made_to_be_slow_is_looked_at_once() {
        for (many, end) in
            [("ahttp://", "."), ("http://", "."), ("http://.", ")"), ("http:// ", "."), ("(http://", ")")]
        {
            let text = many.repeat(1024) + &end.repeat(8192);
            assert!(looked_at(&text) <= text.len(), "{many}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_looked_at_once_and_stays_what_it_is(
            parts in prop::collection::vec(prop::sample::select(vec!["http://", "https://", "a", "(", ")", ".", " ", "…", "http"]), 0..60),
        ) {
            let text = parts.concat();
            prop_assert!(looked_at(&text) <= text.len());
            let joined: String = pieces(&text).iter().map(|piece| match piece {
                Plain(text) | Link(text) => *text,
            }).collect();
            prop_assert_eq!(joined, text);
        }
    }

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["a https://a.example, b", "https://a.example…", "«https://a.example»", "😀https://a.example/😀"]
        {
            let joined: String = pieces(text)
                .iter()
                .map(|piece| match piece {
                    Plain(text) | Link(text) => *text,
                })
                .collect();
            assert_eq!(joined, text);
        }
    }
}
