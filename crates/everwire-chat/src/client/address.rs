//! The chat's address with who we are, which room, and what we have seen.

use everwire_chat_core::wire::Position;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Left as they are in a query's values: the unreserved characters (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `base` with more parameters in its query.
pub(super) fn with_parameters(base: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = base.to_owned();
    for (name, value) in parameters {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, ESCAPED));
    }
    url
}

/// The parameter that asks for what came after `seen`, or for the latest messages.
pub(super) fn after(seen: Option<&Position>) -> String {
    seen.map(Position::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped_and_follow_what_is_there() {
        let url = with_parameters("ws://h/ws", &[("room", "a b&c"), ("userName", "Аня")]);
        assert_eq!(url, "ws://h/ws?room=a%20b%26c&userName=%D0%90%D0%BD%D1%8F");
        assert_eq!(with_parameters("ws://h/ws?x=1", &[("room", "r")]), "ws://h/ws?x=1&room=r");
    }

    #[test]
    fn the_position_is_named_or_left_empty() {
        assert_eq!(after(None), "");
        assert_eq!(after(Some(&Position { epoch: "e".into(), offset: 3 })), "e:3");
    }
}
