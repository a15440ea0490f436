//! Who may come in, and as whom. Knows no HTTP and no database.
//!
//! - `admin`: users, bans and closed rooms, as `everwire user` and `everwire room` change them
//! - `authenticate`: from a token to what it claims
//! - `admit`: from a token to a user who may come in, or to a `refusal`; `admission`: what a connection was admitted by
//! - `sign_in`: a password for a token, and a token for the next; `sign_in_clock`: by which clock sign-ins end
//! - `revoke`: who has to leave when something was changed, of all `admissions`
//! - `directory`: which rooms can be found
//! - `account_stores`: the accounts, off the threads that must not wait for a disk
//! - `jwt`, `jwks`, `password`: tokens, an issuer's keys, and passwords
//! - `rate_limit`: rates; `attempts`: how many wrong passwords may be tried

mod account_stores;
mod admin;
mod admission;
mod admissions;
mod admit;
mod attempts;
mod auth;
mod authenticate;
mod directory;
mod jwks;
mod jwt;
mod password;
mod rate_limit;
mod refusal;
mod revoke;
mod sign_in;
mod sign_in_clock;
mod sign_in_service;

use std::time::Duration;

pub(crate) use account_stores::AccountStores;
pub use admin::{AccountError, Accounts};
pub(crate) use admission::Admission;
pub(crate) use admit::Admitted;
pub use auth::{Auth, Issuer};
pub(crate) use directory::{DEFAULT_ROOM, RoomDirectory};
pub use jwks::KeysError;
pub use rate_limit::Rate;
pub(crate) use rate_limit::RateLimiter;
pub(crate) use refusal::Refusal;
pub(crate) use sign_in::{Denied, Ended};

use crate::store::StoreError;
use admissions::Admissions;
use authenticate::Authenticator;
use sign_in_clock::SignInClock;
use sign_in_service::{REFRESH, SignInService};

/// Who is let in. One for the server.
#[derive(Debug)]
pub(crate) struct Access {
    authenticator: Authenticator,
    sign_ins: SignInService,
    admissions: Admissions,
    accounts: AccountStores,
    clock: SignInClock,
}

/// Why nobody can be let in.
#[derive(Debug)]
pub(crate) enum AccessError {
    Accounts(StoreError),
    Keys(KeysError),
}

impl Access {
    /// # Errors
    /// If the accounts can't be read, or the issuer's keys can't be used.
    pub(crate) fn new(auth: &Auth, accounts: AccountStores) -> Result<Self, AccessError> {
        let key = accounts.read_blocking(|accounts| accounts.key()).map_err(AccessError::Accounts)?;
        let clock = match auth {
            Auth::Issuer(_) => SignInClock::Wall,
            Auth::Accounts | Auth::Guests => accounts
                .read_blocking(|accounts| SignInClock::resume(accounts, REFRESH))
                .map_err(AccessError::Accounts)?,
        };
        let revision = accounts.read_blocking(|accounts| accounts.revision()).unwrap_or_default();
        let authenticator = Authenticator::new(auth, &key).map_err(AccessError::Keys)?;
        let (sign_ins, admissions) = (SignInService::new(&key), Admissions::new(revision));
        Ok(Self { authenticator, sign_ins, admissions, accounts, clock })
    }

    /// Whether there are accounts to sign in to.
    pub(crate) fn has_accounts(&self) -> bool {
        self.authenticator.has_accounts()
    }
}

/// Why a user is sent away when the token has expired; with a fresh token the client may come back at once.
pub(crate) const EXPIRED: &str = "the token has expired: come back with a fresh one";

/// How often the server checks whether a user has to leave.
pub(crate) const REVOCATION_PERIOD: Duration = Duration::from_secs(1);
