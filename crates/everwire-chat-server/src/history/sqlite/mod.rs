//! The messages in SQLite.
//!
//! - [`database`]: the connection that stores and removes, and how its file is opened
//! - [`rows`]: what is asked of the tables, within any transaction
//! - [`reading`]: how far users have read
//! - [`reader`]: a history that is only read, by a program that is not its server
//! - [`error`]: why something can't be done

mod database;
mod error;
mod reader;
mod reading;
mod rows;

pub(super) use database::Database;
#[cfg(test)]
pub(super) use database::tamper;
pub(crate) use database::{beside, write};
pub use error::HistoryError;
pub(crate) use reader::{Reader, exists};
pub(crate) use reading::{Reading, ReadingQuestion};
pub(super) use rows::new_epoch;
