//! Turns an address as people type it into a WebSocket URL.

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
    /// [`shown`](Self::shown), if the URL differs from what the user typed, so that they are told of it.
    pub(crate) understood_as: Option<String>,
}

/// Shows nothing that may be secret.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

/// Accepts `ws://…`, `wss://…`, `http://…`, `https://…` and a bare `host:port/path`. `default_path` replaces an empty path,
/// and is appended to a path that ends in a slash (the address of a chat's page). Characters beyond ASCII, and quotes, are
/// percent-encoded.
///
/// # Errors
/// One line that says what is wrong and how to write it. It repeats no part of the address, because a password or a token
/// may have been typed in the wrong place.
pub(crate) fn normalise(typed: &str, default_path: &str) -> Result<Address, String> {
    let typed = typed.trim();
    let (scheme, rest) = split_scheme(typed)?;
    if let Some(odd) = rest.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("the address has {odd:?} in it; an address has no spaces"));
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host_and_port) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host_and_port)| (Some(user), host_and_port));
    check_host_and_port(host_and_port)?;
    let (folder, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let path = match folder.strip_suffix('/').unwrap_or(folder) {
        above if above != folder || folder.is_empty() => format!("{above}{default_path}{query}"),
        _ => path.to_owned(),
    };
    let path = utf8_percent_encode(&path, QUOTES).to_string();
    let user = user.map(|user| format!("{}@", utf8_percent_encode(user, QUOTES))).unwrap_or_default();
    let url = format!("{scheme}://{user}{host_and_port}{path}");
    url.parse::<Uri>().map_err(|error| format!("the address is not a URL: {error}; {EXAMPLE}"))?;
    let (bare, query) = path.split_once('?').map_or((path.as_str(), ""), |(bare, _)| (bare, "?…"));
    let shown = format!("{scheme}://{host_and_port}{bare}{query}");
    let same = url == typed || url.strip_suffix('/') == Some(typed);
    Ok(Address { understood_as: (!same).then(|| shown.clone()), shown, url })
}

/// Characters that no URL may contain, but that pasted ones often do.
const QUOTES: &AsciiSet = &AsciiSet::EMPTY.add(b'"').add(b'<').add(b'>');

/// `url` without the parameter `name` of its query, and the parameter's value.
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

/// The text before `://` is a scheme only at the beginning of the address: the query may contain another address.
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
fn check_host_and_port(host_and_port: &str) -> Result<(), String> {
    let bad = |what: &str| Err(format!("the address {what}; {EXAMPLE}"));
    if host_and_port.is_empty() || host_and_port.starts_with(':') {
        return bad("names no host");
    }
    if !host_and_port.is_ascii() {
        return bad("has a host with letters beyond ASCII: write it as punycode (xn--…)");
    }
    let Ok(parsed) = host_and_port.parse::<Authority>() else {
        return bad("has a malformed host or port");
    };
    if parsed.host().is_empty() {
        return bad("names no host");
    }
    let port = host_and_port.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
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
    fn a_typed_address_becomes_a_url_and_the_change_is_reported() {
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
    fn characters_beyond_ascii_are_percent_encoded() {
        let address = normalise("ws://ä:ö@h/é?q=ü", "/").unwrap();
        assert_eq!(address.url, "ws://%C3%A4:%C3%B6@h/%C3%A9?q=%C3%BC");
        assert_eq!(address.understood_as.as_deref(), Some("ws://h/%C3%A9?…"));
        assert_eq!(normalise("ws://h/x?f={\"a\":1}", "/").unwrap().url, "ws://h/x?f={%22a%22:1}");
    }

    #[test]
    fn no_error_and_no_shown_address_repeats_a_secret() {
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
    fn an_invalid_address_is_refused_with_a_line_that_says_how_to_write_it() {
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
    fn a_parameter_is_removed_from_the_query() {
        let taken = |url| take_parameter(url, "room");
        assert_eq!(taken("ws://h/ws?room=a%20b"), ("ws://h/ws".into(), Some("a b".into())));
        assert_eq!(taken("ws://h/ws?x=1&room=a&y=2"), ("ws://h/ws?x=1&y=2".into(), Some("a".into())));
        assert_eq!(taken("ws://h/ws?rooms=a"), ("ws://h/ws?rooms=a".into(), None));
        assert_eq!(taken("ws://h/ws"), ("ws://h/ws".into(), None));
    }
}
