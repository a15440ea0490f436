//! Long-form guides, by subject. Each example is compiled, and run where it needs no external server.
//!
//! | guide | questions that it answers |
//! |---|---|
//! | [`reconnecting`] | When does the client try again, and when does it give up? How do I log in on each connection, show the state, spread the load? |
//! | [`delivery`] | What do I know of a message that I have sent? What happens to it when the connection is lost, the outbox is full, the program ends? |
//! | [`sessions`] | How do I get exactly-once delivery in both directions, and what does the server need for it? |
//! | [`browser`] | What differs in a page? |
//! | [`testing`] | How do I test my program against a bad network? |
//!
//! For a first program see [`Client`](crate::Client); for each setting, with its unit, default and what goes wrong at the extremes,
//! [`Builder`](crate::Builder).

#[doc = include_str!("browser.md")]
pub mod browser {}

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[doc = include_str!("reconnecting.md")]
pub mod reconnecting {}

#[doc = include_str!("sessions.md")]
pub mod sessions {}

#[doc = include_str!("testing.md")]
pub mod testing {}
