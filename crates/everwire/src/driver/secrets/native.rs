//! What only a native client sends: headers, credentials in the URL, and what goes to a proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use everwire_core::Loss;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{Secrets, decoded};
use crate::proxy::Credentials;

/// Parts of names of headers that carry credentials.
const CREDENTIALS: [&str; 5] = ["auth", "cookie", "key", "secret", "token"];

impl Secrets {
    pub(in crate::driver) fn of_request(url: &Uri, headers: &HeaderMap, subprotocols: &[String]) -> Self {
        let mut secrets = Self::default();
        secrets.add_subprotocols(subprotocols);
        secrets.add_request(url, headers);
        secrets
    }

    /// Those of a further request of the same attempt, after a redirect.
    pub(in crate::driver) fn add_request(&mut self, url: &Uri, headers: &HeaderMap) {
        let authority = url.authority().map_or("", |authority| authority.as_str());
        if let Some((user_info, _)) = authority.rsplit_once('@') {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            self.add(user_info);
            self.add_encoded(user);
            self.add_encoded(password);
            self.add_basic(&decoded(user), &decoded(password));
        }
        self.add_query(url);
        for (name, value) in headers.iter().filter(|(name, value)| is_secret(name, value)) {
            self.add_header(name, &String::from_utf8_lossy(value.as_bytes()));
        }
        self.sort();
    }

    pub(in crate::driver) fn of_proxy(credentials: Option<&Credentials>) -> Self {
        let mut secrets = Self::default();
        if let Some(Credentials { user, password }) = credentials {
            secrets.add(user);
            secrets.add(password);
            secrets.add_basic(user, password);
        }
        secrets.sort();
        secrets
    }

    pub(in crate::driver) fn hide_in_loss(&self, loss: Loss) -> Loss {
        match loss {
            Loss::Protocol(code, words) => Loss::Protocol(code, self.hide(&words)),
            other => other,
        }
    }

    /// In these fields of an answer.
    pub(in crate::driver) fn hide_in_headers(&self, headers: &mut HeaderMap, names: &[HeaderName]) {
        for name in names {
            let Some(value) = headers.get_mut(name) else { continue };
            let words = String::from_utf8_lossy(value.as_bytes());
            let hidden = self.hide(&words);
            if hidden != words
                && let Ok(hidden) = HeaderValue::from_maybe_shared(Bytes::from(hidden))
            {
                *value = hidden;
            }
        }
    }

    fn add_header(&mut self, name: &HeaderName, value: &str) {
        self.add(value);
        if name.as_str().contains("cookie") {
            for cookie in value.split(';') {
                self.add(cookie);
                self.add(cookie.split_once('=').map_or(cookie, |(_, value)| value).trim_matches('"'));
            }
        } else if let Some((scheme, credentials)) = value.split_once(' ') {
            self.add(credentials);
            let user_info = STANDARD.decode(credentials.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(user_info) = user_info.filter(|_| scheme.eq_ignore_ascii_case("basic")) {
                self.add(&user_info);
                user_info.split(':').for_each(|part| self.add(part));
            }
        }
    }

    /// RFC 7617.
    fn add_basic(&mut self, user: &str, password: &str) {
        let user_info = format!("{user}:{password}");
        self.add(&STANDARD.encode(&user_info));
        self.add(&user_info);
    }
}

fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || CREDENTIALS.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use everwire_ws::{CloseCode, CloseFrame, Message};
    use http::header::{AUTHORIZATION, COOKIE, SERVER};

    use super::*;

    fn secrets(url: &str, headers: &[(HeaderName, &'static str)]) -> Secrets {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Secrets::of_request(&url.parse().expect("a URL"), &headers, &[])
    }

    #[test]
    fn what_repeats_the_query_or_a_part_of_it_repeats_no_secret() {
        let secrets = secrets("ws://host/feed?token=tok%2Fen%3D1&y=1", &[]);
        for (said, shown) in [
            (
                r#"{"message":"Route GET:/feed?token=tok%2Fen%3D1&y=1 not found"}"#,
                r#"{"message":"Route GET:/feed?… not found"}"#,
            ),
            ("bad token tok%2Fen%3D1", "bad token …"),
            ("bad token tok/en=1", "bad token …"),
            (r#"{"token":"tok\/en=1"}"#, r#"{"token":"…"}"#),
            ("/feed?y=1&amp;token=tok%2Fen%3D1", "/feed?…&amp;…"),
            ("1 of 10", "1 of 10"),
        ] {
            assert_eq!(secrets.hide(said), shown);
        }
    }

    #[test]
    fn user_password_and_credentials_in_headers_are_hidden_in_each_form() {
        let url = secrets("ws://ana:p%40ss@host/", &[]);
        for said in ["Basic YW5hOnBAc3M=", "ana:p%40ss@", "(ana)", "p@ss", "p%40ss"] {
            let shown = url.hide(said);
            assert!(!["ana", "p@ss", "p%40ss", "YW5h"].iter().any(|secret| shown.contains(secret)), "{shown}");
        }
        assert_eq!(url.hide("banana"), "banana", "a short one is hidden as a whole word");
        let headers = secrets(
            "ws://host/",
            &[
                (AUTHORIZATION, "Bearer abcdef"),
                (COOKIE, "session=\"c00kie\"; theme=dark"),
                (HeaderName::from_static("x-api-key"), "apikey9"),
                (HeaderName::from_static("origin"), "https://here.example"),
            ],
        );
        let said = "abcdef c00kie apikey9 https://here.example";
        assert_eq!(headers.hide(said), "… … … https://here.example");
        let basic = secrets("ws://host/", &[(AUTHORIZATION, "Basic YW5hOnBAc3M=")]);
        assert_eq!(basic.hide("no user ana with p@ss"), "no user … with …");
    }

    #[test]
    fn a_close_reason_and_a_field_are_without_secrets_and_debug_shows_none() {
        let secrets = secrets("ws://host/?token=tok3nsecret", &[]);
        let frame = CloseFrame { code: CloseCode(4401), reason: "no tok3nsecret".into() };
        assert_eq!(secrets.hide_in_close(frame).reason, "no …");
        let mut headers = HeaderMap::from_iter([(SERVER, HeaderValue::from_static("x/?token=tok3nsecret"))]);
        secrets.hide_in_headers(&mut headers, &[SERVER]);
        assert_eq!(headers[SERVER].as_bytes(), "x/?…".as_bytes());
        assert!(!format!("{secrets:?}").contains("tok3n"));
    }

    #[test]
    fn a_long_subprotocol_is_a_token_and_a_short_one_a_name() {
        let names = ["graphql-transport-ws".into(), "bearer.eyJhbGciOiJIUzI1NiJ9.abc".into()];
        let url = "ws://host/".parse().expect("a URL");
        let secrets = Secrets::of_request(&url, &HeaderMap::new(), &names);
        let said = "no graphql-transport-ws with bearer.eyJhbGciOiJIUzI1NiJ9.abc, but eyJhbGciOiJIUzI1NiJ9";
        assert_eq!(secrets.hide(said), "no graphql-transport-ws with …, but …");
    }

    #[test]
    fn the_reason_of_a_bye_is_without_secrets_and_other_messages_are_as_they_were() {
        let secrets = secrets("ws://host/?token=tok3nsecret", &[]);
        let bye = Message::text(r#"b{"processed":3,"reason":"no tok3nsecret"}"#);
        assert_eq!(secrets.hide_in_bye(bye), Message::text(r#"b{"processed":3,"reason":"no …"}"#));
        for other in ["m1:tok3nsecret", "b{tok3nsecret", r#"b{"processed":3}"#] {
            assert_eq!(secrets.hide_in_bye(Message::text(other)), Message::text(other));
        }
    }
}
