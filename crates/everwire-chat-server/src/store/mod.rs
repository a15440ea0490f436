//! What is durable, as traits: a second store can be put here without touching the rest.
//!
//! | module | what |
//! |---|---|
//! | `messages` | [`MessageStore`]: rooms' messages, how far they were delivered and read |
//! | `accounts` | [`AccountStore`]: accounts, bans, closed and published rooms, sign-ins |
//! | `commits` | what a store has committed, in order |
//! | `error` | why a store can't be opened or can't do what it was asked for |
//! | `sqlite` | both in one SQLite file |
//! | `replica`, `access_state`, `cluster` | the same on several nodes: what they agree on, and the log of NATS JetStream that they share |
//! | `memory` | both in memory, for tests |
//! | `conformance` | what every implementation has to do, as one suite |

#[cfg(feature = "cluster")]
mod access_state;
mod accounts;
#[cfg(feature = "cluster")]
pub(crate) mod cluster;
mod commits;
#[cfg(test)]
mod conformance;
mod error;
#[cfg(test)]
mod memory;
mod messages;
#[cfg(feature = "cluster")]
mod replica;
pub(crate) mod sqlite;

pub use accounts::{Account, ClosedRoom};
pub(crate) use accounts::{
    AccountAdded, AccountStore, Listed, Login, NewSignIn, RefreshOutcome, RefreshToken, SignIn, SignInOutcome,
    Standing, UserSignIn,
};
pub(crate) use commits::{Commit, Commits};
pub use error::{BackupError, ExportError, RestoreError, StoreError, StoreOpenError};
pub use messages::Retention;
pub(crate) use messages::{
    Append, MessageStore, Page, PageRequest, Producer, ReadQuery, ReadState, StoreNumber, StoreNumbers, StoreOptions,
};
