//! Who may come in, and as whom.
//!
//! - `accounts`: users, bans and closed rooms, as `everwire user` and `everwire room` change them
//! - `gate`: from a request to a user, or to a refusal
//! - `sign_in`: a password for a token, and a token for the next
//! - `live`: who is in, and who has to leave when that changes
//! - `database`: the tables of accounts, bans and closed rooms; `refreshes`: that of refresh tokens
//! - `jwt`, `jwks`, `password`: tokens, an issuer's keys, and passwords (pure)
//! - `time`: by which clock sign-ins end
//! - `buckets`: rates; `attempts`: how many wrong passwords may be tried

mod accounts;
mod attempts;
mod buckets;
mod database;
mod gate;
mod jwks;
mod jwt;
mod live;
mod password;
mod refreshes;
mod sign_in;
mod time;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

pub use accounts::{Account, AccountError, Accounts, ClosedRoom};
pub(crate) use buckets::Buckets;
pub use buckets::Rate;
pub(crate) use database::Tables;
pub(crate) use gate::{Admitted, Refusal};
pub use jwks::KeysError;
pub(crate) use live::Pass;
pub(crate) use sign_in::{json, routes};

use crate::error::OpenError;
use gate::Gate;
use live::Live;
use sign_in::Desk;
use time::Time;

/// How users say who they are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// They just say it: whoever reaches the server is a guest.
    #[default]
    Guests,
    /// By accounts in the data folder: a password gives a token for 15 minutes, and a second one that gives the next.
    Accounts,
    /// By a JSON web token that somebody else has issued.
    Issuer(Issuer),
}

/// Whose tokens are good.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its keys as a JWKS file (RFC 7517), Ed25519 or RSA; read again when it changes.
    pub keys: PathBuf,
    /// What the claim `iss` has to be.
    pub name: String,
    /// What the claim `aud` has to hold.
    pub audience: String,
}

/// Who is let in. One for the server.
#[derive(Debug)]
pub(crate) struct Access {
    gate: Gate,
    desk: Desk,
    live: Live,
    store: Store,
    time: Time,
}

/// The tables, off the threads that must not wait for a disk.
#[derive(Clone, Debug)]
struct Store {
    /// Who comes in does not wait for those who wait to write.
    reader: Arc<Mutex<Tables>>,
    writer: Arc<Mutex<Tables>>,
}

/// How many passwords are looked at together: each takes 19 MiB and a core.
const HASHING: usize = 2;

impl Access {
    /// # Errors
    /// If the data folder or the issuer's keys can't be used.
    pub(crate) fn open(auth: &Auth, folder: Option<&std::path::Path>) -> Result<Option<Self>, OpenError> {
        let tables = match auth {
            Auth::Guests => return Ok(None),
            Auth::Accounts | Auth::Issuer(_) => Tables::open(folder)?,
        };
        let reader = folder.map(|folder| Tables::open(Some(folder))).transpose()?;
        let failed = |source| OpenError::File { file: PathBuf::from("accounts"), source };
        let key = tables.key().map_err(failed)?;
        let time = match auth {
            Auth::Issuer(_) => Time::Wall,
            Auth::Accounts | Auth::Guests => Time::resume(&tables).map_err(failed)?,
        };
        let revision = tables.revision().unwrap_or_default();
        let gate = Gate::new(auth, &key).map_err(OpenError::Keys)?;
        let writer = Arc::new(Mutex::new(tables));
        // In memory there is one alone.
        let reader = reader.map_or_else(|| Arc::clone(&writer), |reader| Arc::new(Mutex::new(reader)));
        let store = Store { reader, writer };
        Ok(Some(Self { gate, desk: Desk::new(&key, Semaphore::new(HASHING)), live: Live::new(revision), store, time }))
    }

    /// Whether there are accounts to sign in to.
    pub(crate) fn has_accounts(&self) -> bool {
        self.gate.has_accounts()
    }
}

impl Store {
    /// What the tables say; waits for the disk elsewhere. `None`: the server ends.
    async fn look<T: Send + 'static>(&self, look: impl FnOnce(&Tables) -> T + Send + 'static) -> Option<T> {
        let tables = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || look(&lock(&tables))).await.ok()
    }

    /// The same for what writes, which waits for its turn for some seconds.
    async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&mut Tables) -> T + Send + 'static) -> Option<T> {
        let tables = Arc::clone(&self.writer);
        tokio::task::spawn_blocking(move || ask(&mut lock(&tables))).await.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why somebody is sent away whose token has expired; with a fresh one it may come back at once.
pub(crate) const EXPIRED: &str = "the token has expired: come back with a fresh one";

/// How often it is looked whether somebody has to leave.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
