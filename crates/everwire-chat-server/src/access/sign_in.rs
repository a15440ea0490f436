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
use everwire_chat::limits::check_id;
use everwire_server::PeerAddress;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::database::{Login, Refreshed};
use super::jwt::{self, Audience, Claims};
use super::{Access, Buckets, Rate, lock, password, seconds};
use crate::server::{Shared, now};

/// What our own tokens are from, and for.
pub(super) const ISSUER: &str = "everwire";

/// How long a token is good for.
const TOKEN: Duration = Duration::from_secs(15 * 60);

/// How long a sign-in lasts if nobody comes back.
const REFRESH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Passwords that may be tried for one user, and from one address.
const FOR_USER: Rate = Rate::new(10.0, 0.1);
const FROM_ADDRESS: Rate = Rate::new(20.0, 0.5);

/// Refresh tokens that are taken from one address: enough for thousands behind one proxy.
const REFRESHES: Rate = Rate::new(500.0, 20.0);

/// Where passwords and refresh tokens are taken.
#[derive(Debug)]
pub(super) struct Desk {
    key: hmac::Key,
    hashing: Semaphore,
    users: Mutex<Buckets<String>>,
    addresses: Mutex<Buckets<IpAddr>>,
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
    NoAccounts,
    Unavailable,
}

/// What is answered about signing in.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/info", get(info))
        .route("/api/sign-in", post(sign_in))
        .route("/api/refresh", post(refresh))
        .route("/api/sign-out", post(sign_out))
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
    let signed_in = async {
        take(&access.desk.addresses, &extensions)?;
        access.sign_in(credentials).await
    };
    match signed_in.await {
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
        Ok(signed_in) => json(&signed_in),
        Err(denied) => denied.into_response(),
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
        Some(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        _ => Denied::Unavailable.into_response(),
    }
}

/// One of what an address has.
fn take(addresses: &Mutex<Buckets<IpAddr>>, extensions: &Extensions) -> Result<(), Denied> {
    let Some(PeerAddress(from)) = extensions.get() else { return Ok(()) };
    lock(addresses).take(network(from.ip()), Instant::now()).map_err(Denied::TooMany)
}

fn accounts(shared: &Shared) -> Option<&Arc<Access>> {
    shared.access.as_ref().filter(|access| access.has_accounts())
}

impl Desk {
    pub(super) fn new(key: &str, hashing: Semaphore) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            hashing,
            users: Mutex::new(Buckets::new(FOR_USER)),
            addresses: Mutex::new(Buckets::new(FROM_ADDRESS)),
            refreshes: Mutex::new(Buckets::new(REFRESHES)),
        }
    }

    fn token(&self, user: &str, name: &str, generation: i64) -> String {
        let claims = Claims {
            iss: Some(ISSUER.to_owned()),
            sub: user.to_owned(),
            name: Some(name.to_owned()),
            aud: Some(Audience::One(ISSUER.to_owned())),
            exp: seconds().saturating_add_unsigned(TOKEN.as_secs()),
            nbf: None,
            generation: Some(generation),
        };
        jwt::sign(&claims, &self.key)
    }
}

impl Access {
    async fn sign_in(&self, credentials: Credentials) -> Result<SignedIn, Denied> {
        let Credentials { user, password } = credentials;
        let login = match check_id(&user) {
            Ok(()) => {
                // For names that nobody has too: a limit must not tell which those are.
                lock(&self.desk.users).take(user.clone(), Instant::now()).map_err(Denied::TooMany)?;
                let known = user.clone();
                let login = self.store.ask(move |tables| tables.login(&known)).await;
                login.and_then(Result::ok).ok_or(Denied::Unavailable)?
            }
            // Nobody can have it: nothing of it is kept.
            Err(_) => None,
        };
        if !self.is_right(password, login.as_ref()).await? {
            return Err(Denied::Wrong);
        }
        let login = login.ok_or(Denied::Wrong)?;
        if login.banned {
            return Err(Denied::Banned);
        }
        let (refresh, hash) = fresh()?;
        let (family, _) = fresh()?;
        let (owner, expires) = (user.clone(), expires());
        let begun = self.store.ask(move |tables| tables.begin(&owner, &hash, &family, expires, now())).await;
        begun.and_then(Result::ok).ok_or(Denied::Unavailable)?;
        Ok(self.signed_in(user, &login, refresh))
    }

    /// A password for a user that there is not takes as long.
    async fn is_right(&self, password: String, login: Option<&Login>) -> Result<bool, Denied> {
        let stored = login.map(|login| login.password.clone());
        let _place = self.desk.hashing.acquire().await.map_err(|_| Denied::Unavailable)?;
        let verified = tokio::task::spawn_blocking(move || {
            password.len() <= password::LONGEST && password::verify(&password, stored.as_deref())
        });
        verified.await.map_err(|_| Denied::Unavailable)
    }

    async fn refresh(&self, old: &str) -> Result<SignedIn, Denied> {
        let (refresh, new) = fresh()?;
        let (old, expires) = (hash(old), expires());
        let refreshed = self.store.ask(move |tables| {
            let refreshed = tables.refresh(&old, &new, expires, now())?;
            let login = match &refreshed {
                Refreshed::For(user) => tables.login(user)?,
                Refreshed::Unknown | Refreshed::Stolen(_) => None,
            };
            Ok::<_, crate::history::HistoryError>((refreshed, login))
        });
        match refreshed.await.and_then(Result::ok).ok_or(Denied::Unavailable)? {
            (Refreshed::For(_), Some(login)) if login.banned => Err(Denied::Banned),
            (Refreshed::For(user), Some(login)) => Ok(self.signed_in(user, &login, refresh)),
            (Refreshed::Stolen(user), _) => {
                tracing::warn!(user, "a refresh token came a second time: its sign-in is void");
                Err(Denied::Again)
            }
            _ => Err(Denied::Again),
        }
    }

    fn signed_in(&self, user: String, login: &Login, refresh: String) -> SignedIn {
        let token = self.desk.token(&user, &login.user_name, login.generation);
        SignedIn { token, expires_in: TOKEN.as_secs(), refresh, user }
    }
}

/// What one user has: of IPv6 a /64 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn expires() -> i64 {
    now().saturating_add_unsigned(u64::try_from(REFRESH.as_millis()).unwrap_or(u64::MAX))
}

/// A secret of 256 bits, and what is stored of it.
fn fresh() -> Result<(String, Vec<u8>), Denied> {
    use base64::Engine;
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Denied::Unavailable)?;
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&secret);
    Ok((secret, hash))
}

fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn json(value: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    match serde_json::to_vec(value) {
        Ok(body) => (headers, body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "this is not the JSON that is expected here"),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "the user or the password is wrong"),
            Self::Again => (StatusCode::UNAUTHORIZED, "the sign-in has ended: sign in again"),
            Self::Banned => (StatusCode::FORBIDDEN, "this user is banned"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too many attempts: wait a little"),
            Self::NoAccounts => (StatusCode::NOT_FOUND, "there are no accounts on this server"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "the accounts can't be read now: try again"),
        };
        let mut response = (status, json(&serde_json::json!({ "error": error }))).into_response();
        if let Self::TooMany(wait) = self {
            response.headers_mut().insert(RETRY_AFTER, wait.as_secs().saturating_add(1).into());
        }
        response
    }
}
