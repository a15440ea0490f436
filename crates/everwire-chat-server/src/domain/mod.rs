//! The chat's decisions: who is in a room, and what each client is told. Pure: no clock, no randomness, no runtime, no disk; times
//! and ids are arguments. `cargo xtask tidy` refuses them here.
//!
//! | module | what |
//! |---|---|
//! | `rooms` | all rooms: joins, leaves, receipts, typing, and what a commit tells |
//! | `subscriber` | one connection in a room |
//! | `sink` | where a subscriber's deliveries go; a mailbox implements it |
//! | `commit` | what became of an appended message |
//! | `fan_out` | which deliveries a commit makes, each encoded once |
//! | `batch` | several events in one message |
//! | `presence` | which users are in a room, over all their connections |
//! | `names` | how users are shown apart whose names look alike |
//! | `confusable` | which names people can't tell apart |
//! | `receipts` | how far a room's messages were delivered and read |
//! | `read_positions` | how far each user has read |

pub(crate) mod batch;
mod commit;
mod confusable;
mod fan_out;
mod names;
mod presence;
mod read_positions;
mod receipts;
mod rooms;
mod sink;
mod subscriber;

pub(crate) use commit::Appended;
pub(crate) use confusable::are_confusable;
pub(crate) use fan_out::{CommitOutcome, FanOut};
#[cfg(feature = "cluster")]
pub(crate) use presence::Leaving;
pub(crate) use read_positions::ReadPosition;
pub(crate) use receipts::{Furthest, RECENT, StoredReceipts};
pub(crate) use rooms::{NewNotice, Rooms};
#[cfg(feature = "cluster")]
pub(crate) use rooms::{RoomHere, Signal, UserReceipt};
pub(crate) use sink::{Delivery, Sink};
pub(crate) use subscriber::{ClientMode, ConnectionId};
