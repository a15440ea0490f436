//! Which web pages may connect (RFC 6455 section 10.2).

use std::fmt;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Request};

/// The web pages that may open a WebSocket here.
///
/// A browser lets any page connect to any server, and sends the user's cookies along; only the `Origin` header says
/// which page it was. The default, [`same`](Self::same), allows the pages of the host that is connected to. A request
/// without an `Origin` does not come from a page in a browser, and is always allowed.
///
/// ```
/// use everwire_server::Origins;
///
/// let ours = Origins::new(["same", "https://app.example.org", "https://*.example.com"])?;
/// assert!(ours.allow("https://eu.example.com", "chat.example.net"));
/// assert!(ours.allow("https://chat.example.net", "chat.example.net"));
/// assert!(!ours.allow("https://example.com", "chat.example.net")); // a wildcard means subdomains only
/// assert!(!ours.allow("null", "chat.example.net"));
/// # Ok::<(), everwire_server::OriginError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origins {
    any: bool,
    same: bool,
    null: bool,
    listed: Arc<[Pattern]>,
}

/// The error of a rule that is not valid. Its text is one line with the rule and the forms that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError {
    rule: String,
}

impl Origins {
    /// Pages of the host that the request names in its `Host`, by host and port. The scheme is not compared: behind a
    /// proxy that ends TLS, a server does not know its own.
    ///
    /// A proxy in front has to pass on `Host` (nginx: `proxy_set_header Host $host`); where it does not, list the
    /// origin.
    #[must_use]
    pub fn same() -> Self {
        Self { any: false, same: true, null: false, listed: Arc::default() }
    }

    /// Pages of any origin. This is safe only if the service identifies users neither by cookies nor by their network
    /// address.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, ..Self::same() }
    }

    /// Pages that any of the rules allows:
    ///
    /// | rule | lets in |
    /// |---|---|
    /// | `https://example.org`, `http://localhost:3000` | exactly this origin |
    /// | `https://*.example.org` | each subdomain at any depth, but not `example.org` itself |
    /// | `null` | pages without an origin of their own: files, sandboxed frames, some redirects. Anybody can make such a page |
    /// | `same` | as [`same`](Self::same) |
    /// | `*` | as [`any`](Self::any) |
    ///
    /// Without any rules no page is allowed; programs that are not browsers still are.
    ///
    /// # Errors
    /// If a rule has none of these forms.
    pub fn new<I, S>(rules: I) -> Result<Self, OriginError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut origins = Self { same: false, ..Self::same() };
        let mut listed = Vec::new();
        for rule in rules {
            match rule.as_ref().trim() {
                "*" => origins.any = true,
                "same" => origins.same = true,
                "null" => origins.null = true,
                rule => listed.push(Pattern::parse(rule).ok_or_else(|| OriginError { rule: rule.to_owned() })?),
            }
        }
        origins.listed = listed.into();
        Ok(origins)
    }

    /// Returns `true` if a page of this `origin` may connect to this `host` (a `Host` header's value).
    #[must_use]
    pub fn allow(&self, origin: &str, host: &str) -> bool {
        if self.any {
            return true;
        }
        if origin == "null" {
            return self.null;
        }
        let Some(origin) = HostPort::parse(origin) else { return false };
        self.same && origin.is_at(host) || self.listed.iter().any(|pattern| pattern.matches(&origin))
    }

    /// Returns `true` if a rule names this `host` (a `Host` header's value), whatever the scheme and port. The rule
    /// `same` names none, `*` names all.
    ///
    /// ```
    /// # use everwire_server::Origins;
    /// let ours = Origins::new(["same", "https://chat.example.org"])?;
    /// assert!(ours.names_host("chat.example.org:8443") && !ours.names_host("example.org"));
    /// # Ok::<(), everwire_server::OriginError>(())
    /// ```
    #[must_use]
    pub fn names_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_named = |host: &str| {
            self.listed.iter().any(|pattern| {
                let place = HostPort { host: host.to_owned(), ..pattern.place.clone() };
                pattern.matches(&place)
            })
        };
        self.any || host_and_port(&host, "").is_some_and(|(host, _)| is_named(host))
    }

    /// What is wrong with a request's origin, if anything.
    pub(crate) fn check(&self, request: &Request<()>) -> Result<(), String> {
        let mut all = request.headers().get_all(ORIGIN).iter();
        let Some(origin) = all.next() else { return Ok(()) };
        if all.next().is_some() {
            return Err("there are several Origin headers".to_owned());
        }
        let host = match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => text(request.headers(), &HOST),
        };
        if origin.to_str().is_ok_and(|origin| self.allow(origin.trim(), host)) {
            return Ok(());
        }
        Err(format!("a page of {} may not connect to {}", shown(origin.as_bytes()), shown(host.as_bytes())))
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::same()
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = shown(self.rule.as_bytes());
        write!(
            f,
            "'{rule}' is no origin: write it like https://example.org, https://*.example.org:8443, null, same or *"
        )
    }
}

impl std::error::Error for OriginError {}

/// An origin's three parts, in lower case; no port means the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostPort {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// A place, or all places below its host.
#[derive(Clone, Debug)]
struct Pattern {
    place: HostPort,
    below: bool,
}

impl HostPort {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let (host, port) = host_and_port(authority, scheme)?;
        is_scheme.then(|| Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }

    /// Whether it is what a `Host` header names.
    fn is_at(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host_and_port(&host, &self.scheme).is_some_and(|(host, port)| host == self.host && port == self.port)
    }
}

impl Pattern {
    fn parse(rule: &str) -> Option<Self> {
        match rule.split_once("://*.") {
            Some((scheme, base)) if !base.contains('*') => {
                let place = HostPort::parse(&format!("{scheme}://{base}"))?;
                // An address has no subdomains.
                let below = !place.host.starts_with('[') && place.host.parse::<std::net::Ipv4Addr>().is_err();
                below.then_some(Self { place, below })
            }
            _ if rule.contains('*') => None,
            _ => Some(Self { place: HostPort::parse(rule)?, below: false }),
        }
    }

    fn matches(&self, origin: &HostPort) -> bool {
        if !self.below {
            return self.place == *origin;
        }
        let under = origin.host.strip_suffix(self.place.host.as_str()).and_then(|rest| rest.strip_suffix('.'));
        let same = self.place.scheme == origin.scheme && self.place.port == origin.port;
        same && under.is_some_and(|label| !label.is_empty())
    }
}

/// `host` or `host:port`, with the scheme's own port left out.
fn host_and_port<'a>(authority: &'a str, scheme: &str) -> Option<(&'a str, Option<u16>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    let port = match rest {
        "" => None,
        _ => Some(rest.strip_prefix(':')?.parse::<u16>().ok()?),
    };
    let is_host =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte));
    let own = match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    is_host.then_some((host, port.filter(|port| Some(*port) != own)))
}

fn text<'a>(headers: &'a HeaderMap<HeaderValue>, name: &http::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A peer's words in a line of ours: printable, and not too many.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 80;
    let mut shown: String =
        bytes.iter().take(MOST).map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' }).collect();
    if bytes.len() > MOST {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{OriginError, Origins};
    use http::Request;

    fn rules(rules: &[&str]) -> Origins {
        Origins::new(rules).unwrap()
    }

    #[test]
    fn the_same_host_is_let_in_whatever_the_scheme_and_however_the_port_is_written() {
        let same = Origins::same();
        for (origin, host) in [
            ("https://example.org", "example.org"),
            ("http://example.org", "example.org"),
            ("https://EXAMPLE.org", "example.ORG:443"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]:80"),
        ] {
            assert!(same.allow(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("https://example.org", "example.com"),
            ("https://example.org", "example.org:8443"),
            ("https://example.org:8443", "example.org"),
            ("https://a.example.org", "example.org"),
            ("https://example.org.evil.net", "example.org"),
            ("null", "example.org"),
            ("", ""),
            ("example.org", "example.org"),
            ("https://", ""),
            ("https://user@example.org", "user@example.org"),
            ("https://example.org:99999", "example.org:99999"),
        ] {
            assert!(!same.allow(origin, host), "{origin} at {host}");
        }
    }

    #[test]
    fn a_listed_origin_is_matched_whole() {
        let listed = rules(&["https://example.org", "http://localhost:3000", "app://everwire"]);
        for origin in ["https://example.org", "http://localhost:3000", "app://everwire"] {
            assert!(listed.allow(origin, "elsewhere"), "{origin}");
        }
        for origin in [
            "http://example.org",
            "https://example.org:8443",
            "https://www.example.org",
            "https://example.org.evil.net",
            "https://evilexample.org",
            "http://localhost",
            "app://other",
            "https://elsewhere",
        ] {
            assert!(!listed.allow(origin, "elsewhere"), "{origin}");
        }
    }

    #[test]
    fn a_wildcard_means_subdomains_and_nothing_that_only_ends_alike() {
        let below = rules(&["https://*.example.org", "https://*.example.net:8443"]);
        assert!(below.allow("https://a.example.org", "") && below.allow("https://a.b.example.org", ""));
        assert!(below.allow("https://a.example.net:8443", ""));
        for origin in [
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "http://a.example.org",
            "https://a.example.org:444",
            "https://a.example.net",
            "https://a.example.org.evil.net",
        ] {
            assert!(!below.allow(origin, ""), "{origin}");
        }
    }

    #[test]
    fn null_is_let_in_only_where_it_is_said() {
        assert!(rules(&["null"]).allow("null", "x") && rules(&["*"]).allow("null", "x"));
        assert!(!rules(&["same", "https://x"]).allow("null", "x"));
    }

    #[test]
    fn what_is_no_origin_is_refused_with_how_to_write_one() {
        for rule in [
            "",
            "example.org",
            "https://",
            "https://example.org/",
            "https://example.org/path",
            "https://*",
            "https://*.",
            "https://a.*.org",
            "https://*.*.org",
            "https://*.127.0.0.1",
            "*.example.org",
            "https://exämple.org",
            "https://example.org:port",
            "https://u:p@example.org",
        ] {
            let error = Origins::new([rule]).unwrap_err();
            assert_eq!(error, OriginError { rule: rule.to_owned() });
            assert!(error.to_string().contains("https://*.example.org"), "{error}");
        }
    }

    #[test]
    fn a_request_is_judged_by_its_one_origin_and_its_host() {
        let request = |origins: &[&[u8]]| {
            let mut request = Request::get("/ws").header("host", "example.org").body(()).unwrap();
            for origin in origins {
                request.headers_mut().append("origin", http::HeaderValue::from_bytes(origin).unwrap());
            }
            request
        };
        let same = Origins::same();
        assert_eq!(same.check(&request(&[])), Ok(()), "no browser");
        assert_eq!(Origins::new::<_, &str>([]).unwrap().check(&request(&[])), Ok(()), "no browser");
        assert_eq!(same.check(&request(&[b"https://example.org"])), Ok(()));
        let line = same.check(&request(&[b"https://evil.net"])).unwrap_err();
        assert_eq!(line, "a page of https://evil.net may not connect to example.org");
        assert!(
            same.check(&request(&[b"https://example.org", b"https://example.org"])).unwrap_err().contains("several")
        );
        let hostile = [b"\xff\t".as_slice(), &[b'x'; 500]].concat();
        let line = same.check(&request(&[&hostile])).unwrap_err();
        assert!(line.is_ascii() && line.len() < 200 && !line.contains('\t'), "{line}");
        let absolute =
            Request::get("http://other.org/ws").header("host", "example.org").header("origin", "http://other.org");
        assert_eq!(same.check(&absolute.body(()).unwrap()), Ok(()), "RFC 9112 section 3.2.2");
    }
}
