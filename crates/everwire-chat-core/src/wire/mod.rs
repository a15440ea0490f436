//! The JSON that chat clients and servers exchange (see `docs/chat-format.md`).
//!
//! One WebSocket text message is one JSON object with a `type`, an array of such objects, or the bare text `ping` or
//! `pong`. Unknown fields and unknown types are ignored.

pub mod code;
mod event;
mod lone;
mod parse;
mod plain;

pub use event::{
    Earlier, Event, History, MOST_UNREAD, Notice, Position, Presence, Problem, ReadMark, Receipt, Rejected, StatusOf,
    Stored, Sync, TextMessage, Token, TokenDue, Typing, User, WireStatus,
};
pub use parse::{Parsed, Unrecognized, parse, receipt, text_message};
pub use plain::{ParsedPlain, Speaker, parse_plain};
