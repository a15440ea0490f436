//! The promises.
//!
//! | module | rules |
//! |---|---|
//! | `histories` | one place has one text, on all nodes, as it was sent |
//! | `told` | what was acknowledged is kept, and in its sender's order |
//! | `heard` | each client hears everything, once and in order |
//! | `access` | a banned user stays out, and a user who has signed in stays signed in |
//! | `presence` | a user without a connection is not shown as here, and one with a connection is |
//! | `receipts` | marks only rise |

mod access;
mod heard;
mod histories;
mod presence;
mod receipts;
#[cfg(test)]
mod tests;
mod told;

use std::fmt;

use crate::record::Record;

pub use access::BAN_BOUND;
pub use presence::PRESENCE_BOUND;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// All who know of a place in a room's history know the same text there, and of a text the same place.
    OnePlace,
    /// A history's offsets are dense: from 1 on, without a gap.
    Dense,
    /// All nodes answer the same history at the end.
    SameHistory,
    /// Another history takes a room's place only on the operator's word.
    SameEpoch,
    /// A text is what its sender has sent, under its sender's name.
    Faithful,
    /// An acknowledged text is in all nodes' histories.
    Kept,
    /// The texts of a client stand in the order in which it has sent them.
    SenderOrder,
    /// When all is healed, each client's texts are stored, and none was refused.
    Settled,
    /// No client hears a text twice.
    Once,
    /// On one connection the places of texts only rise.
    InOrder,
    /// A client misses nothing between the first and the last that it has heard, nor anything that came after.
    Complete,
    /// A banned user writes and hears nothing any more, [`BAN_BOUND`] after the ban.
    Banned,
    /// A sign-in goes on until its user is banned, on whichever node it is asked for.
    SignedIn,
    /// A user without a connection is here no more, [`PRESENCE_BOUND`] after the last one has ended.
    Gone,
    /// A user with a connection for longer than [`PRESENCE_BOUND`] is here for those who come.
    Here,
    /// Receipts only rise, and never exceed the number of texts.
    Receipts,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The broken rule.
    pub rule: Rule,
    /// Where it is and what is wrong, in one line.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Every promise that a record shows to be broken.
#[must_use]
pub fn violations(record: &Record) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    histories::check(record, &mut found);
    told::check(record, &mut found);
    heard::check(record, &mut found);
    access::check(record, &mut found);
    presence::check(record, &mut found);
    receipts::check(record, &mut found);
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, what: String) {
        self.0.push(Violation { rule, what });
    }
}
