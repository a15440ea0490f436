//! The URL of a server, checked.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// A URL that can be connected to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `ws` or `wss`, with a host and a usable port. A user and password may be in it: the opening
    /// handshake makes an `Authorization` header of them.
    pub(crate) uri: Uri,
}

impl Target {
    /// Checks a URL as a user writes it. The error is one line, and repeats nothing of the URL
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
        if !url.contains("://") {
            return Err("the URL has no scheme: put wss:// (or ws://) in front of it".into());
        }
        let uri = url.parse::<Uri>().map_err(|error| malformed(url, &error))?;
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
    /// The host, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        without_brackets(self.uri.host().unwrap_or_default())
    }

    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 })
    }

    /// `host:port`; an IPv6 address stands in brackets.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.uri.host().unwrap_or_default(), self.port())
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
            Ok(0) | Err(_) => Err(format!("`{port}` is not a port: expected 1 to 65535")),
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

fn malformed(url: &str, error: &http::uri::InvalidUri) -> String {
    if url.is_ascii() {
        format!("not a valid URL: {error}")
    } else {
        "not a valid URL: write letters beyond ASCII percent-encoded, and in a host name as \
         punycode (xn--…)"
            .into()
    }
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
            ("ws://example.org:99999/", "`99999` is not a port"),
            ("ws://example.org:0/", "`0` is not a port"),
            ("ws://example.org:x/", "`x` is not a port"),
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
