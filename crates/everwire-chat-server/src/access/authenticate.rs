//! From a token to what it claims.

use std::sync::Mutex;

use everwire_chat_core::limits::check_id;
use ring::hmac;

use super::auth::{Auth, ISSUER};
use super::jwks::{KeyFile, KeysError};
use super::jwt::{self, Claims, Key, LEEWAY, NamedKey, Refused};
use crate::sync::lock;

/// Checks tokens: our own, or an issuer's.
#[derive(Debug)]
pub(super) enum Authenticator {
    Accounts(NamedKey),
    Issuer { keys: Mutex<KeyFile>, name: String, audience: String },
}

impl Authenticator {
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
    pub(super) fn leeway(&self) -> i64 {
        match self {
            Self::Accounts(_) => 0,
            Self::Issuer { .. } => LEEWAY,
        }
    }

    pub(super) fn check(&self, token: &str, now: i64) -> Result<Claims, Refused> {
        let claims = match self {
            Self::Accounts(key) => jwt::verify(token, std::slice::from_ref(key), now, self.leeway())
                .and_then(|claims| claims.of(ISSUER, ISSUER))?,
            Self::Issuer { keys, name, audience } => {
                let claims = jwt::verify(token, &lock(keys).keys, now, self.leeway())?;
                Claims { generation: None, sid: None, grant: None, as_of: None, ..claims.of(name, audience)? }
            }
        };
        check_id(&claims.sub).map_err(|_| Refused::User)?;
        Ok(claims)
    }

    /// Reads the issuer's keys again if their file has changed. Blocks on the disk.
    pub(super) fn renew_keys(&self) {
        let Self::Issuer { keys, .. } = self else { return };
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
