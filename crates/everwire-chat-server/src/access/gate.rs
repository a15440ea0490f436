use std::fmt;
use std::sync::Mutex;

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use everwire_chat::limits::{check_id, check_name};
use everwire_chat::wire::User;
use everwire_server::CloseCode;
use ring::hmac;

use super::database::Standing;
use super::jwks::{KeyFile, KeysError};
use super::jwt::{self, Claims, Key, LEEWAY, NamedKey, Refused};
use super::live::Pass;
use super::sign_in::ISSUER;
use super::{Access, Auth, lock, seconds};

/// Judges tokens.
#[derive(Debug)]
pub(super) enum Gate {
    Accounts(NamedKey),
    Issuer { keys: Mutex<KeyFile>, name: String, audience: String },
}

/// Somebody who may come in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) user: User,
    pub(crate) pass: Pass,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoToken,
    Token(Refused),
    Banned,
    ShutOut,
    /// Nobody can say.
    Unavailable,
}

impl Access {
    /// Whose token a request carries: in its header `Authorization`, or in its address, for pages and plain clients that
    /// can't set one.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        parameter: Option<&str>,
        room: &str,
        claimed_name: Option<&str>,
    ) -> Result<Admitted, Refusal> {
        let token = bearer(headers).or(parameter).ok_or(Refusal::NoToken)?;
        let Claims { sub, name, generation, .. } = self.gate.judge(token, seconds()).map_err(Refusal::Token)?;
        let named = |name: &&str| check_name(name).is_ok();
        let user_name = name.as_deref().filter(named).or(claimed_name.filter(named)).unwrap_or(&sub).to_owned();
        let user = User::new(sub, user_name);
        let pass = Pass { user_id: user.user_id.clone(), room: room.to_owned(), generation };
        self.judge(&pass).await?;
        Ok(Admitted { user, pass })
    }

    /// Whether who came in may stay.
    pub(crate) async fn judge(&self, pass: &Pass) -> Result<(), Refusal> {
        let Pass { user_id, room, .. } = pass.clone();
        let standing = self.store.ask(move |tables| tables.standing(&user_id, &room)).await;
        match standing {
            Some(Ok(Standing { banned: true, .. })) => Err(Refusal::Banned),
            Some(Ok(Standing { generation, .. })) if self.has_accounts() && generation != pass.generation => {
                Err(Refusal::Token(Refused::User))
            }
            Some(Ok(Standing { shut_out: true, .. })) => Err(Refusal::ShutOut),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(%error, "nobody can be let in: the accounts can't be read");
                Err(Refusal::Unavailable)
            }
            None => Err(Refusal::Unavailable),
        }
    }

    /// Reads the issuer's keys again if their file has changed. Blocks on the disk.
    pub(super) fn renew_keys(&self) {
        let Gate::Issuer { keys, .. } = &self.gate else { return };
        let read = lock(keys).reread();
        match read {
            None => {}
            Some(Ok(new)) => {
                tracing::info!(keys = new.keys.len(), "the issuer's keys were read again");
                *lock(keys) = new;
            }
            Some(Err(error)) => tracing::error!(%error, "the issuer's keys stay as they were"),
        }
    }
}

impl Gate {
    pub(super) fn new(auth: &Auth, key: &str) -> Result<Self, KeysError> {
        Ok(match auth {
            Auth::Issuer(issuer) => Self::Issuer {
                keys: Mutex::new(KeyFile::read(&issuer.keys)?),
                name: issuer.name.clone(),
                audience: issuer.audience.clone(),
            },
            Auth::Accounts | Auth::Guests => {
                Self::Accounts(NamedKey { id: None, key: Key::Own(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())) })
            }
        })
    }

    pub(super) fn has_accounts(&self) -> bool {
        matches!(self, Self::Accounts(_))
    }

    fn judge(&self, token: &str, now: i64) -> Result<Claims, Refused> {
        let claims = match self {
            Self::Accounts(key) => {
                jwt::verify(token, std::slice::from_ref(key), now, 0).and_then(|claims| claims.of(ISSUER, ISSUER))?
            }
            Self::Issuer { keys, name, audience } => {
                let claims = jwt::verify(token, &lock(keys).keys, now, LEEWAY)?;
                Claims { generation: None, ..claims.of(name, audience)? }
            }
        };
        check_id(&claims.sub).map_err(|_| Refused::User)?;
        Ok(claims)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Refusal {
    /// For a closing handshake.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::ShutOut => "the room is for its members only",
            Self::NoToken | Self::Token(_) => "sign in again",
            Self::Unavailable => "the accounts can't be read now: try again",
        }
    }

    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Unavailable => CloseCode::TRY_AGAIN_LATER,
            Self::NoToken | Self::Token(_) | Self::Banned | Self::ShutOut => CloseCode::POLICY_VIOLATION,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => {
                f.write_str("sign in first: a token is expected, as bearer token or in the parameter `token`")
            }
            Self::Token(refused) => refused.fmt(f),
            Self::Banned => f.write_str("this user is banned"),
            Self::ShutOut => f.write_str("the room is for its members only"),
            Self::Unavailable => f.write_str("the accounts can't be read now: try again"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let words = format!("{self}\n");
        match self {
            // RFC 6750 section 3.
            Self::NoToken => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], words).into_response(),
            Self::Token(_) => {
                let challenge = [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
                (StatusCode::UNAUTHORIZED, challenge, words).into_response()
            }
            Self::Banned | Self::ShutOut => (StatusCode::FORBIDDEN, words).into_response(),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], words).into_response(),
        }
    }
}
