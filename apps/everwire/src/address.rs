//! What people type as an address, made into a WebSocket URL.

use http::Uri;
use http::uri::Authority;
use percent_encoding::percent_decode_str;

/// A WebSocket URL, and what was changed to make it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) url: String,
    /// The URL without its credentials, if it is not what the user typed and so worth saying.
    pub(crate) understood_as: Option<String>,
}

/// Accepts `ws://…`, `wss://…`, `http://…`, `https://…` and a bare `host:port/path`. `default_path` stands in for a path
/// that was left out.
///
/// # Errors
/// One line that says what is wrong and what would be right.
pub(crate) fn normalise(typed: &str, default_path: &str) -> Result<Address, String> {
    let typed = typed.trim();
    let (scheme, rest) = split_scheme(typed)?;
    if let Some(odd) = rest.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("'{}' has {odd:?} in it; an address has no spaces", typed.escape_debug()));
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    check_authority(typed, authority)?;
    let path = match path {
        "" | "/" => default_path.to_owned(),
        query if query.starts_with('?') => format!("{default_path}{query}"),
        path => path.to_owned(),
    };
    let url = format!("{scheme}://{authority}{path}");
    url.parse::<Uri>().map_err(|error| format!("'{typed}' is not a URL: {error}"))?;
    let shown = format!("{scheme}://{}{path}", authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    let same = url == typed || url.strip_suffix('/') == Some(typed);
    Ok(Address { understood_as: (!same).then_some(shown), url })
}

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

fn split_scheme(typed: &str) -> Result<(&'static str, &str), String> {
    let Some((scheme, rest)) = typed.split_once("://") else {
        return Ok(("ws", typed));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Ok(("ws", rest)),
        "wss" | "https" => Ok(("wss", rest)),
        _ => Err(format!("'{scheme}://' is no WebSocket scheme; use ws:// or, with TLS, wss://")),
    }
}

fn check_authority(typed: &str, authority: &str) -> Result<(), String> {
    let bad = |what: &str| Err(format!("'{typed}' {what}; write it like ws://127.0.0.1:8080/ws"));
    if authority.is_empty() {
        return bad("names no host");
    }
    let Ok(parsed) = authority.parse::<Authority>() else {
        return bad("has a malformed host or port");
    };
    if parsed.host().is_empty() {
        return bad("names no host");
    }
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
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
            ("example.org?room=a", "ws://example.org/ws?room=a"),
            ("ws://example.org#top", "ws://example.org/ws"),
        ] {
            let address = normalise(typed, "/ws").unwrap();
            assert_eq!((address.url.as_str(), address.understood_as.as_deref()), (url, Some(url)), "{typed}");
        }
        let address = normalise("user:secret@host", "/").unwrap();
        assert_eq!(address.url, "ws://user:secret@host/");
        assert_eq!(address.understood_as.unwrap(), "ws://host/", "credentials are not repeated");
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
