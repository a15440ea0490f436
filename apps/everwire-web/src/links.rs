//! Addresses in a text.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    /// The address of a page, to be opened on its own.
    Link(&'a str),
}

const SCHEMES: [&str; 2] = ["https://", "http://"];

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

fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let found = SCHEMES.iter().filter_map(|scheme| text[from..].find(scheme).map(|at| (from + at, scheme.len())));
        let (start, scheme) = found.min()?;
        let length = length(&text[start..]);
        // `http://` alone, or in the midst of a word, is none.
        let stands_alone = !text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        if length > scheme && stands_alone {
            return Some((&text[..start], &text[start..start + length], &text[start + length..]));
        }
        from = start + scheme;
    }
}

/// How far an address reaches: up to white space, without what ends a sentence or closes a bracket from before it.
fn length(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c)).unwrap_or(text.len());
    let mut link = &text[..end];
    while let Some(last) = link.chars().next_back() {
        let opened = link.contains('(');
        if !(".,;:!?'…»”’]}".contains(last) || last == ')' && !opened) {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    link.len()
}

#[cfg(test)]
mod tests {
    use super::{Piece::*, pieces};

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
