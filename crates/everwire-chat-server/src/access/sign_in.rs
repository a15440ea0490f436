//! A password for a token, and a refresh token for the next.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everwire_chat_core::limits::check_id;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::sign_in_service::{REFRESH, TOKEN};
use super::{Access, password};
use crate::store::{Login, NewSignIn, RefreshOutcome, RefreshToken, SignIn, SignInOutcome, StoreError};
use crate::sync::lock;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

#[derive(Serialize)]
pub(crate) struct SignedIn {
    token: String,
    expires_in: u64,
    refresh: String,
    user: String,
}

/// Why nobody is signed in.
#[derive(Debug)]
pub(crate) enum Denied {
    Malformed,
    Wrong,
    Banned,
    Again,
    TooMany(Duration),
    /// Too many passwords wait already.
    Busy,
    NoAccounts,
    Unavailable,
}

/// Why there is no next token, and the sign-in that has ended by that.
pub(crate) struct Ended {
    pub(crate) denied: Denied,
    pub(crate) family: Option<String>,
}

impl Access {
    pub(crate) async fn sign_in(&self, credentials: Credentials, from: Option<IpAddr>) -> Result<SignedIn, Denied> {
        let Credentials { user, password } = credentials;
        // Nobody can have it: nothing of it is kept.
        let possible = check_id(&user).is_ok().then_some(user.as_str());
        // For names that nobody has too: a limit must not tell which those are.
        lock(&self.sign_ins.wrong).count(possible, from, Instant::now()).map_err(Denied::TooMany)?;
        let login = self.login(possible, password).await;
        if !matches!(login, Err(Denied::Wrong)) {
            lock(&self.sign_ins.wrong).take_back(possible, from, Instant::now());
        }
        let login = login?;
        let family = random()?;
        let secret = format!("{}.{family}", random()?);
        let (hash, now) = (hash(&secret), self.clock.millis());
        let begun = self.accounts.write(move |accounts| {
            let (user, hash, family) = (user.as_str(), hash.as_slice(), family.as_str());
            let sign_in = NewSignIn { user, generation: login.generation, hash, family, expires: expires(now), now };
            let begun = accounts.begin(&sign_in)?;
            Ok::<_, StoreError>((begun, accounts.known_up_to()?))
        });
        let (begun, as_of) = begun.await.and_then(Result::ok).ok_or(Denied::Unavailable)?;
        match begun {
            SignInOutcome::SignedIn(sign_in) => Ok(self.signed_in(sign_in, &secret, as_of)),
            // The password was right when it was read, and may not be any more.
            SignInOutcome::Changed => Err(Denied::Wrong),
            SignInOutcome::Banned => Err(Denied::Banned),
        }
    }

    /// The account whose password this is. For a user that there is not it takes as long.
    async fn login(&self, user: Option<&str>, password: String) -> Result<Login, Denied> {
        let _waiting = self.sign_ins.waiting.try_acquire().map_err(|_| Denied::Busy)?;
        let login = match user.map(str::to_owned) {
            Some(user) => {
                let login = self.accounts.read(move |accounts| accounts.login(&user)).await;
                login.and_then(Result::ok).ok_or(Denied::Unavailable)?
            }
            None => None,
        };
        let _place = self.sign_ins.hashing.acquire().await.map_err(|_| Denied::Unavailable)?;
        let verified = tokio::task::spawn_blocking(move || {
            let stored = login.as_ref().map(|login| login.password.as_str());
            let is_right = password.len() <= password::LONGEST && password::verify(&password, stored);
            login.filter(|_| is_right)
        });
        verified.await.map_err(|_| Denied::Unavailable)?.ok_or(Denied::Wrong)
    }

    /// Also the sign-in, and what is void by that.
    pub(crate) async fn refresh(&self, old: &str) -> Result<(SignedIn, String, Vec<Vec<u8>>), Ended> {
        let presented = self.sign_ins.presented(old);
        let family = presented.family.map(|(family, as_of)| (family.to_owned(), as_of));
        // One that does not say what it is of was given by an older version.
        let secret = match &family {
            Some((family, _)) => format!("{}.{family}", random()?),
            None => random()?,
        };
        let (old, new, now) = (hash(presented.stored), hash(&secret), self.clock.millis());
        let refreshed = self.accounts.write(move |accounts| {
            let family = family.as_ref().map(|(family, as_of)| (family.as_str(), *as_of));
            let refreshed = accounts.refresh(RefreshToken { hash: &old, family }, &new, expires(now), now)?;
            Ok::<_, StoreError>((refreshed, accounts.known_up_to()?))
        });
        let (refreshed, as_of) = refreshed.await.and_then(Result::ok).ok_or(Denied::Unavailable)?;
        match refreshed {
            RefreshOutcome::For(sign_in, replaced) => {
                let family = sign_in.family.clone();
                Ok((self.signed_in(sign_in, &secret, as_of), family, replaced))
            }
            RefreshOutcome::Over => Err(Denied::Again.into()),
            RefreshOutcome::Stolen { family, user } => {
                tracing::warn!(user, "a refresh token came a second time: its sign-in is void");
                Err(Ended { denied: Denied::Again, family: Some(family) })
            }
        }
    }

    /// Ends the sign-in of a refresh token; returns its family.
    pub(crate) async fn sign_out(&self, refresh: &str) -> Result<Option<String>, Denied> {
        let hash = hash(self.sign_ins.presented(refresh).stored);
        let ended = self.accounts.write(move |accounts| accounts.end(&hash)).await;
        ended.and_then(Result::ok).ok_or(Denied::Unavailable)
    }

    /// Counts a refresh token against what comes from one address.
    pub(crate) fn count_refresh(&self, from: Option<IpAddr>) -> Result<(), Denied> {
        let Some(from) = from else { return Ok(()) };
        lock(&self.sign_ins.refreshes).take(network(from), Instant::now()).map_err(Denied::TooMany)
    }

    fn signed_in(&self, sign_in: SignIn, secret: &str, as_of: Option<u64>) -> SignedIn {
        let token = self.sign_ins.token(&sign_in, as_of, self.clock.seconds());
        // One of an older version goes on as it was.
        let is_of_family = secret.split_once('.').is_some();
        let refresh =
            if is_of_family { self.sign_ins.refresh_token(secret, as_of.unwrap_or(0)) } else { secret.to_owned() };
        SignedIn { token, expires_in: TOKEN.as_secs(), refresh, user: sign_in.user }
    }
}

impl From<Denied> for Ended {
    fn from(denied: Denied) -> Self {
        Self { denied, family: None }
    }
}

/// What one user has: of IPv6 a /64 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn expires(now: i64) -> i64 {
    now.saturating_add_unsigned(u64::try_from(REFRESH.as_millis()).unwrap_or(u64::MAX))
}

/// 256 bits.
fn random() -> Result<String, Denied> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Denied::Unavailable)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret.
fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}
