//! What people type as an address, made into a WebSocket URL.

use std::fmt;

use http::Uri;
use http::uri::Authority;
use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

/// A WebSocket URL, and what was changed to make it one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// May hold secrets: a user and a password, and tokens in the query.
    pub(crate) url: String,
    /// The URL without what may be secret.
    pub(crate) shown: String,
    /// The same, if the URL is not what the user typed and so worth saying.
    pub(crate) understood_as: Option<String>,
}

/// Without what may be secret.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

/// Accepts `ws://…`, `wss://…`, `http://…`, `https://…` and a bare `host:port/path`. `default_path` stands in for a path
/// that was left out, and behind one that ends in a slash, as the address of a page below a path does. Characters beyond ASCII, and quotes, are percent-encoded.
///
/// # Errors
/// One line that says what is wrong and what would be right. It repeats nothing of the address, where passwords and tokens
/// may stand in the wrong place.
pub(crate) fn normalise(typed: &str, default_path: &str) -> Result<Address, String> {
    let typed = typed.trim();
    let (scheme, rest) = split_scheme(typed)?;
    if let Some(odd) = rest.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("the address has {odd:?} in it; an address has no spaces"));
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
    check_place(place)?;
    let (folder, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let path = match folder.strip_suffix('/').unwrap_or(folder) {
        above if above != folder || folder.is_empty() => format!("{above}{default_path}{query}"),
        _ => path.to_owned(),
    };
    let path = utf8_percent_encode(&path, QUOTES).to_string();
    let user = user.map(|user| format!("{}@", utf8_percent_encode(user, QUOTES))).unwrap_or_default();
    let url = format!("{scheme}://{user}{place}{path}");
    url.parse::<Uri>().map_err(|error| format!("the address is not a URL: {error}; {EXAMPLE}"))?;
    let (bare, query) = path.split_once('?').map_or((path.as_str(), ""), |(bare, _)| (bare, "?…"));
    let shown = format!("{scheme}://{place}{bare}{query}");
    let same = url == typed || url.strip_suffix('/') == Some(typed);
    Ok(Address { understood_as: (!same).then(|| shown.clone()), shown, url })
}

/// What may stand in no URL, and is pasted into many.
const QUOTES: &AsciiSet = &AsciiSet::EMPTY.add(b'"').add(b'<').add(b'>');

/// `url` without the parameter `name` of its query, and what that was.
pub(crate) fn take_parameter(url: &str, name: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut taken = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some((key, value)) if key == name => {
                taken = Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            _ => kept.push(pair),
        }
    }
    let url = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    (url, taken)
}

/// What stands before `://` is a scheme only if it comes first: an address may stand in the query too.
fn split_scheme(typed: &str) -> Result<(&'static str, &str), String> {
    let (scheme, rest) = match typed.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (scheme, rest),
        _ => return Ok(("ws", typed)),
    };
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Ok(("ws", rest)),
        "wss" | "https" => Ok(("wss", rest)),
        _ => Err("the address has another scheme; use ws:// or, with TLS, wss://".to_owned()),
    }
}

const EXAMPLE: &str = "write it like ws://127.0.0.1:8080/ws";

/// Host and port.
fn check_place(place: &str) -> Result<(), String> {
    let bad = |what: &str| Err(format!("the address {what}; {EXAMPLE}"));
    if place.is_empty() || place.starts_with(':') {
        return bad("names no host");
    }
    if !place.is_ascii() {
        return bad("has a host with letters beyond ASCII: write it as punycode (xn--…)");
    }
    let Ok(parsed) = place.parse::<Authority>() else {
        return bad("has a malformed host or port");
    };
    if parsed.host().is_empty() {
        return bad("names no host");
    }
    let port = place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(Ok(0) | Err(_)) => bad("has a port that is not a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::{normalise, take_parameter};

    #[test]
    fn a_websocket_url_stays_as_it_is() {
        for url in ["ws://localhost:8080/ws", "wss://example.org/feed?x=1", "ws://[::1]:9/"] {
            let address = normalise(url, "/").unwrap();
            assert_eq!((address.url.as_str(), address.understood_as), (url, None));
        }
        let slash = normalise("ws://localhost", "/").unwrap();
        assert_eq!(slash.understood_as, None, "a slash alone is not worth a word");
    }

    #[test]
    fn what_people_type_becomes_a_url_and_is_said_to_be_changed() {
        for (typed, url) in [
            ("localhost:8080", "ws://localhost:8080/ws"),
            ("http://localhost:8080", "ws://localhost:8080/ws"),
            ("https://example.org/", "wss://example.org/ws"),
            ("HTTP://example.org/feed", "ws://example.org/feed"),
            ("https://example.org/?room=a", "wss://example.org/ws?room=a"),
            ("https://example.org/chat/", "wss://example.org/chat/ws"),
            ("https://example.org/chat/?room=a/", "wss://example.org/chat/ws?room=a/"),
            ("example.org?room=a", "ws://example.org/ws?room=a"),
            ("localhost/x?u=http://a", "ws://localhost/x?u=http://a"),
            ("localhost?u=http://a", "ws://localhost/ws?u=http://a"),
            ("ws://example.org#top", "ws://example.org/ws"),
        ] {
            let address = normalise(typed, "/ws").unwrap();
            assert_eq!(address.url, url, "{typed}");
            let shown = url.split_once('?').map_or(url.to_owned(), |(bare, _)| format!("{bare}?…"));
            assert_eq!(address.understood_as, Some(shown), "{typed}");
        }
        let address = normalise("user:secret@host", "/").unwrap();
        assert_eq!(address.url, "ws://user:secret@host/");
        assert_eq!(address.understood_as.unwrap(), "ws://host/", "credentials are not repeated");
    }

    #[test]
    fn what_is_beyond_ascii_is_percent_encoded() {
        let address = normalise("ws://ä:ö@h/é?q=ü", "/").unwrap();
        assert_eq!(address.url, "ws://%C3%A4:%C3%B6@h/%C3%A9?q=%C3%BC");
        assert_eq!(address.understood_as.as_deref(), Some("ws://h/%C3%A9?…"));
        assert_eq!(normalise("ws://h/x?f={\"a\":1}", "/").unwrap().url, "ws://h/x?f={%22a%22:1}");
    }

    #[test]
    fn no_error_and_nothing_that_is_shown_repeats_what_may_be_secret() {
        for typed in [
            "ws://ana:s3cret@ho st/?token=s3cret",
            "ws://ana:s3cret@host:99999/",
            "ws://ana:s3cret@/",
            "ws://ana:s3cret",
            "ws://ana:pa/s3cret@host/",
            "s3cret://host/",
            "ws://ana:s3cret@exämple.org/",
            "ws://ana:s3cret@[::1/",
        ] {
            let line = normalise(typed, "/").unwrap_err();
            assert!(!line.contains("s3cret"), "{typed}: {line}");
        }
        let address = normalise("ws://ana:s3cret@host/feed?token=s3cret", "/").unwrap();
        assert_eq!((address.shown.as_str(), address.understood_as.as_deref()), ("ws://host/feed?…", None));
        assert_eq!(format!("{address:?}"), "Address(ws://host/feed?…)");
    }

    #[test]
    fn nonsense_is_refused_with_a_line_that_says_what_would_be_right() {
        for (typed, part) in [
            ("ftp://example.org", "use ws://"),
            ("ws://", "names no host"),
            ("", "names no host"),
            ("/ws", "names no host"),
            ("ws://exa mple", "no spaces"),
            ("ws://host:99999/", "1 to 65535"),
            ("ws://host:0/", "1 to 65535"),
            ("ws://[::1/", "malformed"),
            ("ws://exämple.org/", "punycode"),
        ] {
            let line = normalise(typed, "/").unwrap_err();
            assert!(line.contains(part), "{typed}: {line}");
            assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn a_parameter_is_taken_out_of_the_query() {
        let taken = |url| take_parameter(url, "room");
        assert_eq!(taken("ws://h/ws?room=a%20b"), ("ws://h/ws".into(), Some("a b".into())));
        assert_eq!(taken("ws://h/ws?x=1&room=a&y=2"), ("ws://h/ws?x=1&y=2".into(), Some("a".into())));
        assert_eq!(taken("ws://h/ws?rooms=a"), ("ws://h/ws?rooms=a".into(), None));
        assert_eq!(taken("ws://h/ws"), ("ws://h/ws".into(), None));
    }
}
