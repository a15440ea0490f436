//! The URL of a server, checked.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, utf8_percent_encode};

/// A URL that can be connected to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `ws` or `wss`, with a host and a usable port. A user and password may be in it: the opening
    /// handshake makes an `Authorization` header of them.
    pub(crate) uri: Uri,
}

impl Target {
    /// Checks a URL as a user writes it; what is beyond ASCII, and quotes, in user, password, path
    /// and query is percent-encoded. The error is one line, and repeats nothing of the URL
    /// that may be secret.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if url.is_empty() {
            return Err("the URL is empty: expected one like wss://example.org/feed".into());
        }
        if url.contains('#') {
            return Err("a WebSocket URL has no fragment (RFC 6455 section 3): leave out what \
                        begins at `#`, or write %23"
                .into());
        }
        // It may stand in the query too.
        let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])) else {
            return Err("the URL has no scheme: put wss:// (or ws://) in front of it".into());
        };
        let uri = percent_encoded(scheme, rest)?;
        let uri = uri.parse::<Uri>().map_err(|error| format!("not a valid URL: {error}"))?;
        Self::check(&uri)
    }

    /// Checks a parsed URL.
    pub(crate) fn check(uri: &Uri) -> Result<Self, String> {
        let scheme = scheme(uri)?;
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return Err("the URL has no host: expected one like wss://example.org/feed".into());
        };
        check_port(authority)?;
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(scheme);
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts).map_err(|error| format!("not a valid URL: {error}"))?;
        Ok(Self { uri })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.uri.scheme_str() == Some("wss")
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The host, without the brackets of an IPv6 address, and without its zone.
    pub(crate) fn host(&self) -> &str {
        split_zone(without_brackets(self.uri.host().unwrap_or_default())).0
    }

    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 })
    }

    /// `host:port`; an IPv6 address stands in brackets. Its zone means something on this machine only (RFC 6874 section
    /// 4), so that it is not in here.
    pub(crate) fn host_and_port(&self) -> String {
        let host = self.uri.host().unwrap_or_default();
        match split_zone(host) {
            (address, Some(_)) => format!("{address}]:{}", self.port()),
            (host, None) => format!("{host}:{}", self.port()),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The host as the system's look-up takes it, with its zone: `fe80::1%eth0`.
    pub(crate) fn dialled_host(&self) -> String {
        match split_zone(without_brackets(self.uri.host().unwrap_or_default())) {
            (address, Some(zone)) => format!("{address}%{zone}"),
            (host, None) => host.to_owned(),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The same with the port, for error messages that are read on this machine.
    pub(crate) fn dialled_place(&self) -> String {
        let (host, port) = (self.dialled_host(), self.port());
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The same place, without user and password.
    pub(crate) fn without_user(&self) -> Self {
        let authority = self.uri.authority().map_or("", without_user);
        self.with_authority(authority)
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The same place, with the user and password of the other, or none if that has none.
    pub(crate) fn with_user_of(&self, other: &Self) -> Self {
        let authority = self.uri.authority().map_or("", without_user);
        match other.uri.authority().and_then(|other| other.as_str().rsplit_once('@')) {
            Some((user, _)) => self.with_authority(&format!("{user}@{authority}")),
            None => self.with_authority(authority),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn with_authority(&self, authority: &str) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.authority = authority.parse().ok();
        // What is put together here was valid apart; should it ever not be, nothing has changed.
        Self { uri: Uri::from_parts(parts).unwrap_or_else(|_| self.uri.clone()) }
    }

    /// The URL for logs: without user, password and query, which may hold a token.
    pub(crate) fn for_log(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", without_user);
        format!("{scheme}://{authority}{}", self.uri.path())
    }
}

/// As for logs.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.for_log())
    }
}

fn scheme(uri: &Uri) -> Result<Scheme, String> {
    let name = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let meant = match name.as_str() {
        "ws" | "wss" => {
            return name.parse().map_err(|_| "the URL's scheme can't be read".to_owned());
        }
        "http" => "did you mean ws://?",
        "https" => "did you mean wss://?",
        "" => "put wss:// (or ws://) in front of it",
        _ => "expected ws:// or wss://",
    };
    Err(format!("`{name}` is not a WebSocket scheme: {meant}"))
}

/// `http` takes any text for a port and finds none in it later.
pub(crate) fn check_port(authority: &Authority) -> Result<(), String> {
    let port = without_user(authority).strip_prefix(authority.host()).unwrap_or_default();
    match port.strip_prefix(':') {
        None | Some("") => Ok(()),
        Some(port) => match port.parse::<u16>() {
            Ok(1..) => Ok(()),
            // It is not repeated: what stands where the port should be may be a password.
            Ok(0) | Err(_) => Err("the URL's port is not a number from 1 to 65535".into()),
        },
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn without_user(authority: &Authority) -> &str {
    let authority = authority.as_str();
    authority.rsplit_once('@').map_or(authority, |(_, rest)| rest)
}

/// The address and the zone of an IPv6 address, written as RFC 6874 has it (`%25eth0`) or as everybody does (`%eth0`).
fn split_zone(host: &str) -> (&str, Option<&str>) {
    let Some((address, zone)) = host.split_once('%') else { return (host, None) };
    let zone = zone.trim_end_matches(']');
    (address, Some(zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone)))
}

/// The URL with only ASCII in it.
fn percent_encoded(scheme: &str, rest: &str) -> Result<String, String> {
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
    if !place.is_ascii() {
        return Err("not a valid URL: write a host name with letters beyond ASCII as punycode (xn--…)".into());
    }
    let user = user.map(|user| format!("{}@", encoded_part(user))).unwrap_or_default();
    Ok(format!("{scheme}://{user}{place}{}", encoded_part(path)))
}

/// What may stand in no URL, and is pasted into many. Spaces and control characters are left for the check to find.
const QUOTES: &AsciiSet = &AsciiSet::EMPTY.add(b'"').add(b'<').add(b'>');

fn encoded_part(text: &str) -> String {
    utf8_percent_encode(text, QUOTES).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str) -> String {
        Target::parse(url).expect_err(url)
    }

    #[test]
    fn good_urls_are_taken_as_they_are() {
        for url in
            ["ws://localhost/", "wss://example.org/feed?room=a%20b&x=1", "ws://127.0.0.1:9001/", "ws://[::1]:9001/chat"]
        {
            assert_eq!(Target::parse(url).expect(url).uri.to_string(), url);
        }
        assert_eq!(Target::parse("WS://LOCALHOST").expect("upper case").uri.scheme_str(), Some("ws"));
        assert_eq!(Target::parse("ws://[::1]:9/").expect("v6").host(), "::1");
        assert_eq!(Target::parse("wss://[::1]").expect("v6").host_and_port(), "[::1]:443");
    }

    #[test]
    fn what_is_beyond_ascii_is_percent_encoded_and_an_address_in_the_query_does_no_harm() {
        for (url, expected) in [
            ("wss://example.org/é?q=ü&r=%20", "wss://example.org/%C3%A9?q=%C3%BC&r=%20"),
            ("wss://example.org/x?f={\"a\":<1>}", "wss://example.org/x?f={%22a%22:%3C1%3E}"),
            ("wss://ä:ö@example.org/", "wss://%C3%A4:%C3%B6@example.org/"),
            ("wss://example.org?u=http://a", "wss://example.org/?u=http://a"),
        ] {
            assert_eq!(Target::parse(url).expect(url).uri.to_string(), expected);
        }
        assert!(error("example.org/x?u=http://a").contains("no scheme"));
    }

    #[test]
    fn a_zone_is_dialled_and_nothing_else() {
        for url in ["ws://[fe80::1%25eth0]:9/", "ws://[fe80::1%eth0]:9/"] {
            let target = Target::parse(url).expect(url);
            assert_eq!(target.host(), "fe80::1");
            assert_eq!(target.host_and_port(), "[fe80::1]:9");
            assert_eq!(target.dialled_host(), "fe80::1%eth0");
        }
        let numbered = Target::parse("ws://[fe80::1%25]/").expect("a zone with a number");
        assert_eq!(numbered.dialled_host(), "fe80::1%25");
        let plain = Target::parse("ws://[::1]:9/").expect("no zone");
        assert_eq!(plain.dialled_host(), "::1");
    }

    #[test]
    fn each_bad_url_is_refused_with_what_is_wrong_and_what_would_be_right() {
        for (url, expected) in [
            ("", "is empty"),
            ("example.org/feed", "put wss://"),
            ("/feed", "put wss://"),
            ("http://example.org", "did you mean ws://"),
            ("https://example.org", "did you mean wss://"),
            ("ftp://example.org", "expected ws:// or wss://"),
            ("ws://", "not a valid URL"),
            ("ws://:80/", "no host"),
            ("ws://user@/", "not a valid URL"),
            ("ws://example.org:99999/", "port is not a number from 1 to 65535"),
            ("ws://example.org:0/", "port is not a number from 1 to 65535"),
            ("ws://example.org:x/", "port is not a number from 1 to 65535"),
            ("ws://example.org/#top", "no fragment"),
            ("ws://exa mple.org/", "not a valid URL"),
            ("ws://exämple.org/", "punycode"),
            ("ws://[::1/", "not a valid URL"),
        ] {
            let error = error(url);
            assert!(error.contains(expected), "{url:?}: {error}");
            assert!(!error.contains('\n'), "{url:?}: {error}");
        }
    }

    #[test]
    fn user_password_and_query_are_never_logged() {
        let target = Target::parse("wss://ana:p%40ss@example.org:7/feed?token=t").expect("good");
        assert_eq!(target.for_log(), "wss://example.org:7/feed");
        assert_eq!(target.host_and_port(), "example.org:7");
    }
}
