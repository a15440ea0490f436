use std::fmt;
use std::sync::Mutex;

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everwire_chat_core::limits::{NAME_CHARS, check_id, check_name, shows};
use everwire_chat_core::wire::User;
use everwire_server::CloseCode;
use ring::hmac;

use super::database::Standing;
use super::jwks::{KeyFile, KeysError};
use super::jwt::{self, Claims, Key, LEEWAY, NamedKey, Refused};
use super::live::Pass;
use super::sign_in::{ISSUER, json};
use super::{Access, Auth, lock};

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
    /// The token is not that of the user whom the address names.
    OtherUser,
    /// Nobody can say.
    Unavailable,
}

impl Access {
    /// Whose token a request carries: in its header `Authorization`, or in its address, for pages and plain clients that
    /// can't set one. A client that takes itself for another user than the token's is not let in: it would show and store
    /// things as somebody else's.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        parameter: Option<&str>,
        room: &str,
        claimed: Option<&User>,
    ) -> Result<Admitted, Refusal> {
        let token = bearer(headers).or(parameter).ok_or(Refusal::NoToken)?;
        let (name, pass) = self.pass(token, room)?;
        if claimed.is_some_and(|claimed| claimed.user_id != pass.user_id) {
            return Err(Refusal::OtherUser);
        }
        let user = User::new(pass.user_id.clone(), name);
        self.judge(&pass).await?;
        Ok(Admitted { user, pass })
    }

    /// Whose token a request carries, if it is a good one, whether or not that user may come in. Asks no disk.
    pub(crate) fn named(&self, headers: &HeaderMap) -> Option<String> {
        let (_, pass) = self.pass(bearer(headers)?, "").ok()?;
        Some(pass.user_id)
    }

    /// Who a request is from, whatever the room.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        // No room has this name, so that none is closed.
        let admitted = self.admit(headers, None, "", None).await?;
        Ok(admitted.user.user_id)
    }

    /// What a good token says: the name, and what it lets its user into this room by, if that is still so. Whoever vouches for the
    /// user names it: without a name it is called by its id, whatever it claims.
    pub(super) fn pass(&self, token: &str, room: &str) -> Result<(String, Pass), Refusal> {
        let claims = self.gate.judge(token, self.time.seconds()).map_err(Refusal::Token)?;
        let Claims { sub, name, generation, sid, grant, exp, .. } = claims;
        let until = exp.saturating_add(self.gate.leeway());
        let grant = grant.and_then(|grant| URL_SAFE_NO_PAD.decode(grant).ok());
        let name = name.filter(|name| check_name(name).is_ok()).unwrap_or_else(|| name_of(&sub));
        Ok((name, Pass { user_id: sub, room: room.to_owned(), generation, sign_in: sid.zip(grant), until }))
    }

    /// Whether who came in may stay.
    pub(crate) async fn judge(&self, pass: &Pass) -> Result<(), Refusal> {
        let Pass { user_id, room, sign_in, .. } = pass.clone();
        let now = self.time.millis();
        let standing = self
            .store
            .look(move |tables| {
                let sign_in = sign_in.as_ref().map(|(family, grant)| (family.as_str(), grant.as_slice()));
                tables.standing(&user_id, &room, sign_in, now)
            })
            .await;
        match standing {
            Some(Ok(Standing { banned: true, .. })) => Err(Refusal::Banned),
            Some(Ok(Standing { generation, .. })) if self.has_accounts() && generation != pass.generation => {
                Err(Refusal::Token(Refused::User))
            }
            Some(Ok(Standing { signed_in: false, .. })) if self.has_accounts() => {
                Err(Refusal::Token(Refused::SignedOut))
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
            Some(Err(error)) => {
                tracing::error!(%error, "the issuer's keys stay as they were");
                lock(keys).note_failure();
            }
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

    /// How long after its end a token is still taken, in seconds.
    fn leeway(&self) -> i64 {
        match self {
            Self::Accounts(_) => 0,
            Self::Issuer { .. } => LEEWAY,
        }
    }

    fn judge(&self, token: &str, now: i64) -> Result<Claims, Refused> {
        let claims = match self {
            Self::Accounts(key) => jwt::verify(token, std::slice::from_ref(key), now, self.leeway())
                .and_then(|claims| claims.of(ISSUER, ISSUER))?,
            Self::Issuer { keys, name, audience } => {
                let claims = jwt::verify(token, &lock(keys).keys, now, self.leeway())?;
                Claims { generation: None, sid: None, grant: None, ..claims.of(name, audience)? }
            }
        };
        check_id(&claims.sub).map_err(|_| Refused::User)?;
        Ok(claims)
    }
}

/// An id as a name: what no name may have in it is replaced, so that nobody takes it for another's.
fn name_of(id: &str) -> String {
    const REPLACEMENT: char = '\u{fffd}';
    if check_name(id).is_ok() {
        return id.to_owned();
    }
    let name: String =
        id.chars().map(|c| if c == ' ' || shows(c) { c } else { REPLACEMENT }).take(NAME_CHARS).collect();
    if check_name(&name).is_ok() { name } else { REPLACEMENT.to_string() }
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
            Self::OtherUser => "the token is another user's",
            Self::NoToken | Self::Token(_) => "sign in again",
            Self::Unavailable => "the accounts can't be read now: try again",
        }
    }

    /// For programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NoToken | Self::Token(_) => "signed_out",
            Self::Banned => "banned",
            Self::ShutOut => "members_only",
            Self::OtherUser => "other_user",
            Self::Unavailable => "unavailable",
        }
    }

    /// For those who have asked by `/api`.
    pub(crate) fn into_json(self) -> Response {
        let body = json(&serde_json::json!({ "error": self.to_string(), "code": self.code() }));
        let mut response = self.into_response();
        let (parts, body) = body.into_parts();
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
        response
    }

    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Unavailable => CloseCode::TRY_AGAIN_LATER,
            Self::NoToken | Self::Token(_) | Self::Banned | Self::ShutOut | Self::OtherUser => {
                CloseCode::POLICY_VIOLATION
            }
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
            Self::OtherUser => f.write_str(
                "the token is not that of the user named by `userId`: connect as the token's user, or sign in again",
            ),
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
            Self::Banned | Self::ShutOut | Self::OtherUser => (StatusCode::FORBIDDEN, words).into_response(),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], words).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire_chat_core::limits::check_name;

    use super::name_of;

    #[test]
    fn an_id_that_is_no_name_is_shown_without_what_would_make_it_look_like_another_s() {
        let long = "x".repeat(128);
        for (id, name) in [
            ("eve-77", "eve-77"),
            ("\u{202e}nimda", "\u{fffd}nimda"),
            ("b\u{200b}en real", "b\u{fffd}en real"),
            ("\u{3164}", "\u{fffd}"),
            ("  ", "\u{fffd}"),
            (long.as_str(), &long[..64]),
        ] {
            assert_eq!(name_of(id), name, "{}", id.escape_unicode());
            assert!(check_name(&name_of(id)).is_ok());
        }
    }
}
