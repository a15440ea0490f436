//! The JSON that chat clients and servers exchange (see `docs/chat-format.md`).
//!
//! One WebSocket text message is one JSON object with a `type`, an array of such objects, or the bare text `ping` or
//! `pong`. Unknown fields and unknown types are ignored.

pub mod code;
mod event;
mod parse;
mod plain;

pub use event::{
    Earlier, Event, History, MOST_UNREAD, Notice, Position, Presence, Problem, ReadMark, Receipt, Rejected, StatusOf,
    Stored, Sync, TextMessage, Token, TokenDue, Typing, User, WireStatus,
};
pub use parse::{Junk, Parsed, parse};
pub(crate) use parse::{receipt, text_message};
pub use plain::{Heard, Speaker, parse_plain};

/// A new message id: a UUIDv7, so that ids neither collide nor need a server to give them out.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::new_id;

    #[test]
    fn t22_ids_made_in_the_same_millisecond_differ() {
        let mut ids: Vec<String> = (0..10_000).map(|_| new_id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10_000);
    }
}
