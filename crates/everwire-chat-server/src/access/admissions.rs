use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicI64;

use super::admission::Admission;
use crate::domain::ConnectionId;
use crate::store::Producer;

/// The admission of a connection that is open.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) admission: Admission,
    /// When a fresh token was asked for.
    pub(super) asked: Option<i64>,
    /// The connection, as the store knows it.
    pub(super) producer: Producer,
}

/// The admissions of all open connections.
#[derive(Debug)]
pub(super) struct Admissions {
    pub(super) held: Mutex<HashMap<ConnectionId, Held>>,
    /// Everybody was looked at since this change.
    pub(super) revision: AtomicI64,
}

impl Admissions {
    pub(super) fn new(revision: i64) -> Self {
        Self { held: Mutex::default(), revision: AtomicI64::new(revision) }
    }
}
