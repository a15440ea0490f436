//! Finds the addresses of web pages in a text.

use std::borrow::Cow;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    /// The address of a web page, as it is written; [`target`] completes it.
    Link(&'a str),
}

/// The beginnings of addresses, in lower or upper case.
const BEGINNINGS: [&str; 3] = ["https://", "http://", WWW];
const WWW: &str = "www.";

/// Splits a text into pieces, which together are the text.
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

/// The URL of an address as it is written.
pub(crate) fn target(link: &str) -> Cow<'_, str> {
    if begins(link, WWW) { format!("https://{link}").into() } else { link.into() }
}

/// The text before the next address, the address, and the text after it. The text may be made to be slow, so the work is linear
/// in its length: a part that was searched for the end of an address is not searched again.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    for (start, _) in text.match_indices(['h', 'H', 'w', 'W']) {
        let here = &text[start..];
        let Some(beginning) = BEGINNINGS.into_iter().find(|beginning| begins(here, beginning)) else { continue };
        let address = &here[beginning.len()..];
        // `http://` or `www.` alone is no address, nor is one within a word or a name.
        let is_inside = |before: char| before.is_alphanumeric() || beginning == WWW && ".-_@/".contains(before);
        if text[..start].chars().next_back().is_some_and(is_inside)
            || beginning == WWW && !address.starts_with(char::is_alphanumeric)
        {
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

fn begins(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// The length of an address after its beginning: up to white space, without the punctuation at the end of a sentence, and without
/// closing brackets that were opened before it.
fn length(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c)).unwrap_or(text.len());
    #[cfg(test)]
    tests::count(end);
    let mut address = &text[..end];
    // A closing bracket belongs to the address only if it was opened within it.
    let count = |bracket: char| address.matches(bracket).count();
    let mut over =
        [('(', ')'), ('[', ']'), ('{', '}')].map(|(open, close)| (close, count(close).saturating_sub(count(open))));
    while let Some(last) = address.chars().next_back() {
        let goes = match over.iter_mut().find(|(close, _)| *close == last) {
            Some((_, over)) if *over > 0 => {
                *over -= 1;
                true
            }
            Some(_) => false,
            None => ".,;:!?'…»”’".contains(last),
        };
        if !goes {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address.len()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::{Piece::*, pieces, target};

    thread_local!(static LOOKED_AT: Cell<usize> = const { Cell::new(0) });

    /// Counts the bytes that were searched for the end of an address.
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
    fn brackets_that_an_address_opens_and_closes_belong_to_it() {
        for (text, link) in [
            ("(https://a.example/x_(y))", "https://a.example/x_(y)"),
            ("(see https://a.example/x_(y).)", "https://a.example/x_(y)"),
            ("[https://a.example/[1]]", "https://a.example/[1]"),
            ("https://a.example/)(", "https://a.example/)("),
            ("(https://a.example/(x), and)", "https://a.example/(x)"),
        ] {
            assert!(pieces(text).contains(&Link(link)), "{text}: {:?}", pieces(text));
        }
    }

    #[test]
    fn an_address_without_its_scheme_begins_with_www() {
        assert_eq!(pieces("at www.a.example, yes"), [Plain("at "), Link("www.a.example"), Plain(", yes")]);
        assert_eq!(target("www.a.example"), "https://www.a.example");
        assert_eq!(pieces("Https://a.example"), [Link("Https://a.example")]);
        assert_eq!(target("Https://a.example"), "Https://a.example");
        assert_eq!(target("Www.a.example"), "https://Www.a.example");
    }

    #[test]
    fn nothing_else_becomes_a_link() {
        for text in [
            "javascript:alert(1)",
            "https://",
            "xhttps://a.example",
            "ftp://a.example",
            "http:// a",
            "",
            "www.",
            "www..",
            "www. a",
            "awww.a",
            "ana@www.a.example",
            "x-www.a.example",
        ] {
            assert!(pieces(text).iter().all(|piece| matches!(piece, Plain(_))), "{text}");
        }
    }

    #[test]
    fn a_text_made_to_be_slow_is_searched_once() {
        for (many, end) in [
            ("ahttp://", "."),
            ("http://", "."),
            ("http://.", ")"),
            ("http:// ", "."),
            ("(http://", ")"),
            ("www.", "."),
            ("www..", ")"),
            ("(www.a", ")"),
        ] {
            let text = many.repeat(1024) + &end.repeat(8192);
            assert!(looked_at(&text) <= text.len(), "{many}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_searched_once_and_its_pieces_are_the_text(
            parts in prop::collection::vec(prop::sample::select(vec!["http://", "https://", "a", "(", ")", ".", " ", "…", "http", "www.", "W", "[", "]"]), 0..60),
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
