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

    pub(super) fn token(&self, sign_in: &SignIn, now: i64) -> String {
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
        };
        jwt::sign(&claims, &self.key)
    }
}
