//! Secrets of a request, which a server or a proxy may repeat in its answer.

use std::fmt;

#[cfg(feature = "session")]
use everwire_core::session::Frame;
use everwire_core::{OpenFailure, OpenFailureKind};
use everwire_ws::{CloseFrame, Message};
use http::Uri;
use percent_encoding::percent_decode_str;

#[cfg(not(target_arch = "wasm32"))]
mod native;

/// What one attempt has sent that must not show in errors, states and logs: the query of its URL, user and password, long
/// subprotocols, which carry tokens, and the values of headers that carry credentials. Whatever words come from outside pass
/// through [`hide`](Self::hide) first.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// The longest first, so that none is hidden in part.
    secrets: Vec<String>,
}

/// What stands for a secret.
const HIDDEN: &str = "…";
/// Values of the query below this length are no secrets by themselves (`v=2`), and shorter secrets are hidden only as whole
/// words: a password of two letters is part of too many words.
const LONG: usize = 6;
/// Subprotocols from this length on carry tokens, …
const LONG_SUBPROTOCOL: usize = 24;
/// … and so do their parts between dots from this length on.
const LONG_PART: usize = 16;

impl Secrets {
    /// All that a page can send.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn of_page(url: &Uri, subprotocols: &[String]) -> Self {
        let mut secrets = Self::default();
        secrets.add_query(url);
        secrets.add_subprotocols(subprotocols);
        secrets.sort();
        secrets
    }

    /// The words without the secrets.
    pub(super) fn hide(&self, words: &str) -> String {
        let mut hidden = words.to_owned();
        for secret in &self.secrets {
            if hidden.contains(secret.as_str()) {
                hidden = replace(&hidden, secret);
            }
        }
        hidden
    }

    pub(super) fn hide_in_close(&self, frame: CloseFrame) -> CloseFrame {
        CloseFrame { reason: self.hide(&frame.reason).into(), ..frame }
    }

    /// In a message of a session, if it is the one that ends it.
    #[cfg(feature = "session")]
    pub(super) fn hide_in_bye(&self, message: Message) -> Message {
        if message.payload().first() != Some(&b'b') {
            return message;
        }
        match Frame::parse(message.clone()) {
            Ok(Frame::Bye(mut bye)) if bye.reason.is_some() => {
                bye.reason = bye.reason.map(|reason| self.hide(&reason));
                Frame::Bye(bye).to_message()
            }
            _ => message,
        }
    }

    /// There are no sessions.
    #[cfg(not(feature = "session"))]
    #[allow(clippy::unused_self, reason = "as with sessions")]
    pub(super) fn hide_in_bye(&self, message: Message) -> Message {
        message
    }

    pub(super) fn hide_in_failure(&self, failure: OpenFailure) -> OpenFailure {
        let OpenFailure { phase, kind, detail } = failure;
        let kind = match kind {
            OpenFailureKind::Closed(frame) => {
                OpenFailureKind::Closed(frame.map(|frame| Box::new(self.hide_in_close(*frame))))
            }
            other => other,
        };
        OpenFailure { phase, kind, detail: self.hide(&detail) }
    }

    fn add_query(&mut self, url: &Uri) {
        let Some(query) = url.query() else { return };
        self.add_encoded(query);
        for pair in query.split('&') {
            self.add_encoded(pair);
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            if value.len() >= LONG {
                self.add_encoded(value);
            }
        }
    }

    fn add_subprotocols(&mut self, names: &[String]) {
        for name in names.iter().filter(|name| name.len() >= LONG_SUBPROTOCOL) {
            self.add(name);
            name.split('.').filter(|part| part.len() >= LONG_PART).for_each(|part| self.add(part));
        }
    }

    /// As it stands in a URL, and what it means.
    fn add_encoded(&mut self, text: &str) {
        self.add(text);
        self.add(&decoded(text));
        self.add(&decoded(&text.replace('+', " ")));
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        // Some writers of JSON put a backslash before a slash.
        for secret in [secret.to_owned(), secret.replace('/', "\\/")] {
            if secret.chars().any(char::is_alphanumeric) && !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
    }

    fn sort(&mut self) {
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn replace(words: &str, secret: &str) -> String {
    let mut hidden = String::with_capacity(words.len());
    let mut done = 0;
    for (at, _) in words.match_indices(secret) {
        let end = at + secret.len();
        let touches = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let in_a_word = touches(words[..at].chars().next_back()) || touches(words[end..].chars().next());
        if secret.len() >= LONG || !in_a_word {
            hidden += &words[done..at];
            hidden += HIDDEN;
            done = end;
        }
    }
    hidden + &words[done..]
}
