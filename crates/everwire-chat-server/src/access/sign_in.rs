use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everwire_chat_core::limits::check_id;
use everwire_server::PeerAddress;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::attempts::Wrong;
use super::database::Login;
use super::jwt::{self, Audience, Claims};
use super::refreshes::{Begun, Refreshed, SignIn};
use super::{Access, Buckets, Pass, Rate, Refusal, lock, password};
use crate::base_path::BasePath;
use crate::server::Shared;

/// What our own tokens are from, and for.
pub(super) const ISSUER: &str = "everwire";

/// How long a token is good for.
const TOKEN: Duration = Duration::from_secs(15 * 60);

/// How long a sign-in lasts if nobody comes back.
pub(super) const REFRESH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Passwords that may wait to be looked at; who comes on top is asked to come again.
const MOST_WAITING: usize = 64;

/// Refresh tokens that are taken from one address: enough for thousands behind one proxy.
const REFRESHES: Rate = Rate::new(500.0, 20.0);

/// Where passwords and refresh tokens are taken.
#[derive(Debug)]
pub(super) struct Desk {
    key: hmac::Key,
    hashing: Semaphore,
    /// Places to wait for one of those.
    waiting: Semaphore,
    wrong: Mutex<Wrong>,
    refreshes: Mutex<Buckets<IpAddr>>,
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

#[derive(Deserialize)]
struct Refresh {
    refresh: String,
}

#[derive(Serialize)]
struct SignedIn {
    token: String,
    expires_in: u64,
    refresh: String,
    user: String,
}

/// Why nobody is signed in.
enum Denied {
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
struct Ended {
    denied: Denied,
    family: Option<String>,
}

/// What is answered about signing in.
pub(crate) fn routes(base: &BasePath) -> Router<Arc<Shared>> {
    Router::new()
        .route(&base.join("/api/info"), get(info))
        .route(&base.join("/api/sign-in"), post(sign_in))
        .route(&base.join("/api/refresh"), post(refresh))
        .route(&base.join("/api/sign-out"), post(sign_out))
}

async fn info(State(shared): State<Arc<Shared>>) -> Response {
    let auth = match &shared.access {
        None => "none",
        Some(access) if access.has_accounts() => "accounts",
        Some(_) => "tokens",
    };
    let guests = shared.access.is_none();
    json(&serde_json::json!({ "auth": auth, "guests": guests, "version": env!("CARGO_PKG_VERSION") }))
}

async fn sign_in(State(shared): State<Arc<Shared>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&shared) else { return Denied::NoAccounts.into_response() };
    let Ok(credentials) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    match access.sign_in(credentials, address(&extensions)).await {
        Ok(signed_in) => json(&signed_in),
        Err(denied) => denied.into_response(),
    }
}

async fn refresh(State(shared): State<Arc<Shared>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&shared) else { return Denied::NoAccounts.into_response() };
    let Ok(Refresh { refresh }) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    let refreshed = async {
        take(&access.desk.refreshes, &extensions)?;
        access.refresh(&refresh).await
    };
    match refreshed.await {
        Ok((signed_in, family, replaced)) => {
            if !replaced.is_empty() {
                send_away(&shared, access, &family, |pass| pass.is_among(&replaced));
            }
            json(&signed_in)
        }
        Err(Ended { denied, family }) => {
            if let Some(family) = family {
                send_away(&shared, access, &family, |_| true);
            }
            denied.into_response()
        }
    }
}

async fn sign_out(State(shared): State<Arc<Shared>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&shared) else { return Denied::NoAccounts.into_response() };
    let Ok(Refresh { refresh }) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    if let Err(denied) = take(&access.desk.refreshes, &extensions) {
        return denied.into_response();
    }
    let hash = hash(&refresh);
    match access.store.ask(move |tables| tables.end(&hash)).await {
        Some(Ok(ended)) => {
            if let Some(family) = ended {
                send_away(&shared, access, &family, |_| true);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        _ => Denied::Unavailable.into_response(),
    }
}

/// Ends those connections of a sign-in that have ended with it, or with a refresh token of it.
fn send_away(shared: &Shared, access: &Access, family: &str, has_ended: impl Fn(&Pass) -> bool) {
    let why = Refusal::Token(jwt::Refused::SignedOut);
    for (id, pass) in access.of_sign_in(family).into_iter().filter(|(_, pass)| has_ended(pass)) {
        tracing::info!(connection = id, room = pass.room(), %why, "sent away");
        shared.rooms().expel(pass.room(), id, why.close_code(), why.reason());
    }
}

/// One of what an address has.
fn take(addresses: &Mutex<Buckets<IpAddr>>, extensions: &Extensions) -> Result<(), Denied> {
    let Some(from) = address(extensions) else { return Ok(()) };
    lock(addresses).take(network(from), Instant::now()).map_err(Denied::TooMany)
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get().map(|PeerAddress(from)| from.ip())
}

fn accounts(shared: &Shared) -> Option<&Arc<Access>> {
    shared.access.as_ref().filter(|access| access.has_accounts())
}

impl Desk {
    pub(super) fn new(key: &str, hashing: Semaphore) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            hashing,
            waiting: Semaphore::new(MOST_WAITING),
            wrong: Mutex::new(Wrong::new()),
            refreshes: Mutex::new(Buckets::new(REFRESHES)),
        }
    }

    fn token(&self, sign_in: &SignIn, now: i64) -> String {
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

impl Access {
    async fn sign_in(&self, credentials: Credentials, from: Option<IpAddr>) -> Result<SignedIn, Denied> {
        let Credentials { user, password } = credentials;
        // Nobody can have it: nothing of it is kept.
        let possible = check_id(&user).is_ok().then_some(user.as_str());
        // For names that nobody has too: a limit must not tell which those are.
        lock(&self.desk.wrong).count(possible, from, Instant::now()).map_err(Denied::TooMany)?;
        let login = self.login(possible, password).await;
        if !matches!(login, Err(Denied::Wrong)) {
            lock(&self.desk.wrong).take_back(possible, from, Instant::now());
        }
        let login = login?;
        let (refresh, hash) = fresh()?;
        let (family, _) = fresh()?;
        let now = self.time.millis();
        let begun =
            self.store.ask(move |tables| tables.begin(&user, login.generation, &hash, &family, expires(now), now));
        match begun.await.and_then(Result::ok).ok_or(Denied::Unavailable)? {
            Begun::SignedIn(sign_in) => Ok(self.signed_in(sign_in, refresh)),
            // The password was right when it was read, and may not be any more.
            Begun::Changed => Err(Denied::Wrong),
            Begun::Banned => Err(Denied::Banned),
        }
    }

    /// The account whose password this is. For a user that there is not it takes as long.
    async fn login(&self, user: Option<&str>, password: String) -> Result<Login, Denied> {
        let _waiting = self.desk.waiting.try_acquire().map_err(|_| Denied::Busy)?;
        let login = match user.map(str::to_owned) {
            Some(user) => {
                let login = self.store.look(move |tables| tables.login(&user)).await;
                login.and_then(Result::ok).ok_or(Denied::Unavailable)?
            }
            None => None,
        };
        let _place = self.desk.hashing.acquire().await.map_err(|_| Denied::Unavailable)?;
        let verified = tokio::task::spawn_blocking(move || {
            let stored = login.as_ref().map(|login| login.password.as_str());
            let is_right = password.len() <= password::LONGEST && password::verify(&password, stored);
            login.filter(|_| is_right)
        });
        verified.await.map_err(|_| Denied::Unavailable)?.ok_or(Denied::Wrong)
    }

    /// Also the sign-in, and what is void by that.
    async fn refresh(&self, old: &str) -> Result<(SignedIn, String, Vec<Vec<u8>>), Ended> {
        let (refresh, new) = fresh()?;
        let (old, now) = (hash(old), self.time.millis());
        let refreshed = self.store.ask(move |tables| tables.refresh(&old, &new, expires(now), now));
        match refreshed.await.and_then(Result::ok).ok_or(Denied::Unavailable)? {
            Refreshed::For(sign_in, replaced) => {
                let family = sign_in.family.clone();
                Ok((self.signed_in(sign_in, refresh), family, replaced))
            }
            Refreshed::Over => Err(Denied::Again.into()),
            Refreshed::Stolen { family, user } => {
                tracing::warn!(user, "a refresh token came a second time: its sign-in is void");
                Err(Ended { denied: Denied::Again, family: Some(family) })
            }
        }
    }

    fn signed_in(&self, sign_in: SignIn, refresh: String) -> SignedIn {
        let token = self.desk.token(&sign_in, self.time.seconds());
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

/// A secret of 256 bits, and what is stored of it.
fn fresh() -> Result<(String, Vec<u8>), Denied> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Denied::Unavailable)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&secret);
    Ok((secret, hash))
}

fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// An answer in JSON that nobody keeps.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    match serde_json::to_vec(value) {
        Ok(body) => (headers, body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, code, error) = match &self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "this is not the JSON that is expected here"),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "wrong_credentials", "the user or the password is wrong"),
            Self::Again => (StatusCode::UNAUTHORIZED, "signed_out", "the sign-in has ended: sign in again"),
            Self::Banned => (StatusCode::FORBIDDEN, "banned", "this user is banned"),
            Self::TooMany(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "too many attempts: wait a little")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "too many sign in at this moment: try again"),
            Self::NoAccounts => (StatusCode::NOT_FOUND, "no_accounts", "there are no accounts on this server"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the accounts can't be read now: try again")
            }
        };
        let mut response = (status, json(&serde_json::json!({ "error": error, "code": code }))).into_response();
        let retry_after = match self {
            Self::TooMany(wait) => Some(wait.as_secs().saturating_add(1)),
            Self::Busy => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
