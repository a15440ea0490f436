//! A proxy's URL, checked.

use std::fmt;

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::target::{check_port, without_brackets};

/// Where a proxy is, and how it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyUrl {
    pub(crate) kind: Kind,
    /// As in a URL: an IPv6 address stands in brackets.
    host: String,
    port: u16,
    pub(crate) credentials: Option<Credentials>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CONNECT (RFC 9110 section 9.3.6).
    Http,
    /// CONNECT within TLS.
    Https,
    /// SOCKS 5 (RFC 1928), which is given an address.
    Socks5,
    /// SOCKS 5, which is given the server's name and resolves it.
    Socks5h,
}

/// A user and a password. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl ProxyUrl {
    /// Checks a URL as a user writes it: `http`, `https`, `socks5` or `socks5h`; without a scheme it is `http`. The error
    /// is one line, and repeats nothing of the URL that may be secret.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim();
        if url.is_empty() {
            return Err(format!("the proxy's URL is empty: {EXPECTED}"));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let kind = Kind::parse(scheme)?;
        // Only the scheme is unknown to `http`, and its place is what counts.
        let uri: Uri =
            format!("http://{rest}").parse().map_err(|error| format!("not a valid proxy URL ({error}): {EXPECTED}"))?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| format!("the proxy's URL has no host: {EXPECTED}"))?;
        // What stands where the port should be may be a password.
        check_port(authority).map_err(|_| "the proxy's port is not a number from 1 to 65535".to_owned())?;
        if uri.path_and_query().is_some_and(|path| path != "/") || rest.contains('#') {
            return Err(format!("a proxy's URL has no path, query or fragment: {EXPECTED}"));
        }
        let credentials = match authority.as_str().rsplit_once('@') {
            Some((user, _)) => Some(Credentials::parse(user, kind)?),
            None => None,
        };
        let port = authority.port_u16().unwrap_or(kind.default_port());
        Ok(Self { kind, host: authority.host().to_owned(), port, credentials })
    }

    /// The host, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        without_brackets(&self.host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Without the credentials.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.kind.scheme(), self.host, self.port)
    }
}

/// Without the credentials too.
impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = if self.credentials.is_some() { ", with credentials" } else { "" };
        write!(f, "ProxyUrl({self}{credentials})")
    }
}

impl Kind {
    fn parse(scheme: &str) -> Result<Self, String> {
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            "socks5" => Ok(Self::Socks5),
            "socks5h" => Ok(Self::Socks5h),
            other => Err(format!("`{}` is not a kind of proxy that is known: {EXPECTED}", other.escape_debug())),
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl Credentials {
    fn parse(user_and_password: &str, kind: Kind) -> Result<Self, String> {
        let (user, password) = user_and_password.split_once(':').unwrap_or((user_and_password, ""));
        let decode = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(String::from).map_err(|_| "the proxy's user or password is not UTF-8 text".to_owned())
        };
        let (user, password) = (decode(user)?, decode(password)?);
        match kind {
            // RFC 7617 section 2.
            Kind::Http | Kind::Https if user.contains(':') => Err("a proxy's user can't contain a colon".into()),
            Kind::Http | Kind::Https => Ok(Self { user, password }),
            // RFC 1929 section 2.
            Kind::Socks5 | Kind::Socks5h if !fits(&user) || !fits(&password) => {
                Err("a SOCKS proxy's user and password have 1 to 255 bytes each".into())
            }
            Kind::Socks5 | Kind::Socks5h => Ok(Self { user, password }),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

fn fits(text: &str) -> bool {
    (1..=255).contains(&text.len())
}

const EXPECTED: &str = "expected one like http://proxy.example:3128, https://…, socks5://… or socks5h://…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_scheme_and_port() {
        for (url, expected) in [
            ("http://proxy.example", "http://proxy.example:80"),
            ("HTTP://proxy.example:3128/", "http://proxy.example:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            (" proxy.example ", "http://proxy.example:80"),
            ("https://proxy.example", "https://proxy.example:443"),
            ("socks5://127.0.0.1", "socks5://127.0.0.1:1080"),
            ("socks5h://[::1]:9050", "socks5h://[::1]:9050"),
        ] {
            assert_eq!(ProxyUrl::parse(url).expect(url).to_string(), expected);
        }
        let proxy = ProxyUrl::parse("socks5h://[::1]:9050").expect("good");
        assert_eq!((proxy.host(), proxy.host_and_port().as_str()), ("::1", "[::1]:9050"));
    }

    #[test]
    fn user_and_password_are_decoded_and_never_shown() {
        for url in ["http://ana:p%40s%3As@proxy.example", "ana:p%40s%3As@proxy.example", "socks5://ana:p%40s%3As@p"] {
            let proxy = ProxyUrl::parse(url).expect(url);
            let expected = Credentials { user: "ana".into(), password: "p@s:s".into() };
            assert_eq!(proxy.credentials, Some(expected));
            let shown = format!("{proxy} {proxy:?} {:?}", proxy.credentials);
            assert!(!shown.contains("ana") && !shown.contains("p@s") && !shown.contains("p%40"), "{shown}");
        }
        let proxy = ProxyUrl::parse("http://ana@proxy.example").expect("good");
        assert_eq!(proxy.credentials, Some(Credentials { user: "ana".into(), password: String::new() }));
    }

    #[test]
    fn each_bad_url_is_refused_with_what_is_wrong_and_without_what_is_secret() {
        for (url, expected) in [
            ("", "is empty"),
            ("socks4://proxy.example", "`socks4` is not a kind"),
            ("ftp://secret@proxy.example", "`ftp` is not a kind"),
            ("http://", "not a valid proxy URL"),
            ("http://:3128", "no host"),
            ("http://proxy.example:99999", "port is not a number from 1 to 65535"),
            ("http://proxy.example:0", "port is not a number from 1 to 65535"),
            ("http://ana:secret", "port is not a number from 1 to 65535"),
            ("http://u:secret@proxy.example/path", "no path"),
            ("http://u:secret@proxy.example?x", "no path"),
            ("http://u:secret@proxy.example#x", "no path"),
            ("http://u:secret word@proxy.example", "not a valid proxy URL"),
            ("http://%FF:secret@proxy.example", "not UTF-8"),
            ("http://a%3Ab:secret@proxy.example", "colon"),
            ("socks5://secret@proxy.example", "1 to 255 bytes"),
        ] {
            let error = ProxyUrl::parse(url).expect_err(url);
            assert!(error.contains(expected), "{url:?}: {error}");
            assert!(!error.contains("secret") && !error.contains('\n'), "{url:?}: {error}");
        }
    }
}
