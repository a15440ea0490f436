//! What a client keeps so that its outbox outlives its process.
//!
//! The machine decides what is kept, and a store keeps it: [`Output::Persist`](crate::Output::Persist) hands over a
//! batch of steps, to be performed all or none, and [`Input::Persisted`](crate::Input::Persisted) says that they are
//! durable. One batch is under way at a time; what happens meanwhile is the next one, so that many messages share one
//! commit. A machine made by [`Machine::restore`](crate::Machine::restore) goes on where the store says the last one
//! was.
//!
//! Some things wait until they are durable:
//!
//! - in a session, a message goes out only when it is durable, with its sequence number and the credentials of the
//!   session; without a session, as soon as there is a connection;
//! - the peer is told that a message of its own was processed only when that is durable;
//! - that a message was dropped, expired, rejected or cancelled is reported only when it is durably removed, since the
//!   next process would send it otherwise;
//! - the bye that ends a session is sent when nothing of the session is left in the store.
//!
//! - [`op`](StoreOp): the steps, and what they make of what is [`Saved`]
//! - `journal`: what has changed since the last batch

mod journal;
mod op;
mod ranges;

pub use op::{Saved, SavedSession, StoreOp, StoredMessage};

pub(crate) use journal::{Contents, Durable, Journal, OutcomeReport, Staged};

/// Number of a batch, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);
