//! Redirects of the upgrade request: which are followed, and what goes along.

use everwire_core::RefusalReason;
use everwire_ws::handshake::Refused;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, LOCATION, ORIGIN, USER_AGENT};
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use iri_string::types::{UriAbsoluteStr, UriReferenceStr};

use crate::target::Target;

/// The reason why a redirect is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotFollowed {
    pub(super) reason: RefusalReason,
    /// What follows "the server redirects".
    pub(super) words: String,
}

impl NotFollowed {
    fn new(reason: RefusalReason, words: impl Into<String>) -> Self {
        Self { reason, words: words.into() }
    }
}

/// The redirects of one attempt.
#[derive(Debug)]
pub(super) struct Redirects {
    most: u8,
    /// Where the attempt has been, the present place included.
    seen: Vec<Uri>,
}

impl Redirects {
    pub(super) fn new(most: u8, start: &Target) -> Self {
        Self { most, seen: vec![start.uri.clone()] }
    }

    /// How many have been followed.
    pub(super) fn followed(&self) -> u8 {
        u8::try_from(self.seen.len() - 1).unwrap_or(u8::MAX)
    }

    /// Whether a refusal is a redirect, and redirects are followed at all.
    pub(super) fn concerns(&self, refused: &Refused) -> bool {
        // RFC 9110 section 15.4; the others offer a choice or name no other place.
        let moved = matches!(
            refused.status,
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
        );
        moved && self.most > 0
    }

    /// Where to go from `here`. Takes out of `headers` what the new place must not see. The error says why the redirect
    /// is not followed.
    pub(super) fn follow(
        &mut self,
        here: &Target,
        refused: &Refused,
        headers: &mut HeaderMap,
    ) -> Result<Target, NotFollowed> {
        let invalid = |words: &str| NotFollowed::new(RefusalReason::InvalidRedirect, words);
        let location = refused.headers.get(LOCATION).ok_or_else(|| invalid("without saying where to"))?;
        let location = location.to_str().map_err(|_| invalid("to what is not a URL"))?;
        let mut there =
            resolve(here, location).ok_or_else(|| invalid("to what is not a URL that can be connected to"))?;
        let place = there.for_log();
        if self.followed() >= self.most {
            let words = format!("to {place}, which would be more than {} in a row", self.most);
            return Err(NotFollowed::new(RefusalReason::TooManyRedirects, words));
        }
        if here.is_secure() && !there.is_secure() {
            let words = format!("to {place}, which would give up the encryption");
            return Err(NotFollowed::new(RefusalReason::RedirectToPlain, words));
        }
        if same_origin(here, &there) {
            there = there.with_user_of(here);
        } else {
            *headers = harmless(headers);
        }
        if self.seen.contains(&there.uri) {
            let words = format!("to {place}, where it has been before: they run in a circle");
            return Err(NotFollowed::new(RefusalReason::RedirectLoop, words));
        }
        self.seen.push(there.uri.clone());
        Ok(there)
    }
}

/// What a `Location` means, seen from here, without its fragment and without a user and password of its own.
fn resolve(here: &Target, location: &str) -> Option<Target> {
    let base = here.without_user().uri.to_string();
    let base = UriAbsoluteStr::new(&base).ok()?;
    let mut url = UriReferenceStr::new(location).ok()?.resolve_against(base).to_string();
    if let Some(fragment) = url.find('#') {
        url.truncate(fragment);
    }
    let (scheme, rest) = url.split_once(':')?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return None,
    };
    Target::parse(&format!("{scheme}:{rest}")).ok().map(|target| target.without_user())
}

fn same_origin(one: &Target, other: &Target) -> bool {
    one.is_secure() == other.is_secure() && one.port() == other.port() && one.host().eq_ignore_ascii_case(other.host())
}

/// The headers that any server may see. Of others nobody knows whether they are a secret.
fn harmless(headers: &HeaderMap) -> HeaderMap {
    const HARMLESS: [HeaderName; 4] = [ACCEPT, ACCEPT_LANGUAGE, ORIGIN, USER_AGENT];
    let kept = headers.iter().filter(|(name, value)| HARMLESS.contains(name) && !value.is_sensitive());
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).expect(url)
    }

    fn redirect(location: &str) -> Refused {
        let location = HeaderValue::from_str(location).expect(location);
        let headers = [(LOCATION, location)].into_iter().collect();
        Refused { status: StatusCode::FOUND, reason: String::new(), headers, body: Bytes::new() }
    }

    fn follow(here: &str, location: &str) -> Result<String, NotFollowed> {
        let here = target(here);
        let there = Redirects::new(9, &here).follow(&here, &redirect(location), &mut HeaderMap::new());
        there.map(|target| target.uri.to_string())
    }

    #[test]
    fn a_location_is_resolved_against_where_it_came_from() {
        let here = "wss://example.org/a/b?x=1";
        for (location, expected) in [
            ("wss://other.example/feed?y", "wss://other.example/feed?y"),
            ("https://other.example", "wss://other.example/"),
            ("HTTPS://other.example:8443/#top", "wss://other.example:8443/"),
            ("//other.example/c", "wss://other.example/c"),
            ("/c?d", "wss://example.org/c?d"),
            ("c", "wss://example.org/a/c"),
            ("../c/./d", "wss://example.org/c/d"),
            ("?y", "wss://example.org/a/b?y"),
        ] {
            assert_eq!(follow(here, location).as_deref(), Ok(expected), "{location}");
        }
        assert_eq!(follow("ws://example.org/", "http://[::1]:80/x").as_deref(), Ok("ws://[::1]:80/x"));
        assert_eq!(follow("ws://example.org/", "https://example.org/").as_deref(), Ok("wss://example.org/"));
    }

    #[test]
    fn user_and_password_stay_with_the_origin_and_are_never_taken_from_a_location() {
        let here = "wss://ana:secret@example.org/a";
        assert_eq!(follow(here, "/b").as_deref(), Ok("wss://ana:secret@example.org/b"));
        assert_eq!(follow(here, "wss://EXAMPLE.org:443/b").as_deref(), Ok("wss://ana:secret@EXAMPLE.org:443/b"));
        assert_eq!(follow(here, "wss://other.example/b").as_deref(), Ok("wss://other.example/b"));
        assert_eq!(follow(here, "wss://example.org:8443/b").as_deref(), Ok("wss://example.org:8443/b"));
        assert_eq!(follow("wss://example.org/", "wss://u:p@other.example/").as_deref(), Ok("wss://other.example/"));
        assert_eq!(follow("ws://ana:secret@example.org/", "wss://example.org/").as_deref(), Ok("wss://example.org/"));
    }

    #[test]
    fn across_origins_only_harmless_headers_go_along() {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "proxy-authorization", "x-api-key", "user-agent", "origin", "accept"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        let here = target("wss://example.org/");
        let mut redirects = Redirects::new(9, &here);
        let all = headers.clone();
        let here = redirects.follow(&here, &redirect("/b"), &mut headers).expect("same origin");
        assert_eq!(headers, all);
        let there = redirects.follow(&here, &redirect("wss://other.example/"), &mut headers).expect("another origin");
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "origin", "user-agent"]);
        // The way back does not bring them back.
        redirects.follow(&there, &redirect("wss://example.org/c"), &mut headers).expect("the first origin");
        assert!(!headers.contains_key("authorization"));
    }

    #[test]
    fn what_is_not_followed_is_told_without_what_may_be_secret() {
        use RefusalReason::{InvalidRedirect, RedirectLoop, RedirectToPlain};
        for (location, reason, expected) in [
            (
                "ws://example.org/b?token=t",
                RedirectToPlain,
                "to ws://example.org/b, which would give up the encryption",
            ),
            ("http://example.org/b", RedirectToPlain, "to ws://example.org/b, which would give up the encryption"),
            ("/?token=t", RedirectLoop, "to wss://example.org/, where it has been before: they run in a circle"),
            ("ftp://example.org/", InvalidRedirect, "to what is not a URL that can be connected to"),
            ("wss://", InvalidRedirect, "to what is not a URL that can be connected to"),
            ("a b", InvalidRedirect, "to what is not a URL that can be connected to"),
            ("wss://example.org:99999/", InvalidRedirect, "to what is not a URL that can be connected to"),
        ] {
            let error = follow("wss://example.org/?token=t", location).expect_err(location);
            assert_eq!((error.reason, &*error.words), (reason, expected));
        }
        let here = target("wss://example.org/");
        let mut nowhere = redirect("/");
        nowhere.headers.clear();
        let error = Redirects::new(1, &here).follow(&here, &nowhere, &mut HeaderMap::new());
        assert_eq!(error.expect_err("no place").words, "without saying where to");
    }

    #[test]
    fn redirects_are_counted_and_other_answers_are_none() {
        let here = target("wss://example.org/");
        let mut redirects = Redirects::new(1, &here);
        assert!(redirects.concerns(&redirect("/b")));
        let there = redirects.follow(&here, &redirect("/b"), &mut HeaderMap::new()).expect("the first");
        assert_eq!(redirects.followed(), 1);
        let error = redirects.follow(&there, &redirect("/c"), &mut HeaderMap::new()).expect_err("the second");
        assert_eq!(error.reason, RefusalReason::TooManyRedirects);
        assert_eq!(error.words, "to wss://example.org/c, which would be more than 1 in a row");
        assert!(!Redirects::new(0, &here).concerns(&redirect("/b")));
        for status in [StatusCode::MULTIPLE_CHOICES, StatusCode::NOT_MODIFIED, StatusCode::FORBIDDEN, StatusCode::OK] {
            assert!(!redirects.concerns(&Refused { status, ..redirect("/b") }));
        }
    }
}
