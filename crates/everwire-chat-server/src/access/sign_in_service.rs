use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use tokio::sync::Semaphore;

use super::attempts::FailedPasswords;
use super::auth::ISSUER;
use super::jwt::{self, Audience, Claims};
use super::rate_limit::{Rate, RateLimiter};
use crate::store::SignIn;

/// How long a token is good for.
pub(super) const TOKEN: Duration = Duration::from_secs(15 * 60);

/// How long a sign-in lasts if nobody comes back.
pub(super) const REFRESH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Passwords that may wait to be looked at; who comes on top is asked to come again.
const MOST_WAITING: usize = 64;

/// Refresh tokens that are taken from one address: enough for thousands behind one proxy.
const REFRESHES: Rate = Rate::new(500.0, 20.0);

/// How many passwords are looked at together: each takes 19 MiB and a core.
const HASHING: usize = 2;

/// A refresh token that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented<'a> {
    /// The part of which the hash is stored.
    pub(super) stored: &'a str,
    /// Its sign-in, and how much was known when it was given.
    pub(super) family: Option<(&'a str, u64)>,
}

/// Where passwords and refresh tokens are taken.
#[derive(Debug)]
pub(super) struct SignInService {
    key: hmac::Key,
    pub(super) hashing: Semaphore,
    /// Places to wait for one of those.
    pub(super) waiting: Semaphore,
    pub(super) wrong: Mutex<FailedPasswords>,
    pub(super) refreshes: Mutex<RateLimiter<IpAddr>>,
}

impl SignInService {
    pub(super) fn new(key: &str) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            hashing: Semaphore::new(HASHING),
            waiting: Semaphore::new(MOST_WAITING),
            wrong: Mutex::new(FailedPasswords::new()),
            refreshes: Mutex::new(RateLimiter::new(REFRESHES)),
        }
    }

    /// A refresh token that says which sign-in it was given for, and how much was known then: so it is known for a copy even when nothing else
    /// is known of it any more. `secret` is [what is stored](Presented::stored) of it, before it is hashed.
    pub(super) fn refresh_token(&self, secret: &str, as_of: u64) -> String {
        let said = format!("{secret}.{as_of}");
        let tag = hmac::sign(&self.key, of_refresh(&said).as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// A refresh token that was sent; one that does not say surely what it is of is a secret as a whole.
    pub(super) fn presented<'a>(&self, token: &'a str) -> Presented<'a> {
        self.signed(token).unwrap_or(Presented { stored: token, family: None })
    }

    fn signed<'a>(&self, token: &'a str) -> Option<Presented<'a>> {
        let (said, tag) = token.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, of_refresh(said).as_bytes(), &tag).ok()?;
        let (stored, as_of) = said.rsplit_once('.')?;
        let (_, family) = stored.split_once('.')?;
        Some(Presented { stored, family: Some((family, as_of.parse().ok()?)) })
    }

    pub(super) fn token(&self, sign_in: &SignIn, as_of: Option<u64>, now: i64) -> String {
        let SignIn { family, grant, user, user_name, generation } = sign_in.clone();
        let claims = Claims {
            iss: Some(ISSUER.to_owned()),
            sub: user,
            name: Some(user_name),
            aud: Some(Audience::One(ISSUER.to_owned())),
            exp: now.saturating_add_unsigned(TOKEN.as_secs()),
            nbf: None,
            generation: Some(generation),
            sid: Some(family),
            grant: Some(URL_SAFE_NO_PAD.encode(grant)),
            as_of,
        };
        jwt::sign(&claims, &self.key)
    }
}

/// What is signed of a refresh token: nothing that could be a token of another kind.
fn of_refresh(said: &str) -> String {
    format!("refresh:{said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_names_its_sign_in_and_nobody_else_can_make_one() {
        let (ours, theirs) = (SignInService::new("a key"), SignInService::new("another key"));
        let token = ours.refresh_token("secret.family", 57);
        assert_eq!(ours.presented(&token), Presented { stored: "secret.family", family: Some(("family", 57)) });
        let changed = [("family", "another"), ("secret", "guess"), (".57.", ".5.")];
        let made_up = changed.map(|(from, to)| token.replace(from, to));
        for made_up in made_up.iter().map(String::as_str).chain(["of an older version", "..", ""]) {
            assert_eq!(ours.presented(made_up), Presented { stored: made_up, family: None });
        }
        assert_eq!(theirs.presented(&token).family, None);
    }
}
