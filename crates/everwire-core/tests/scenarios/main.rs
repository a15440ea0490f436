//! The machine in a scripted world with a virtual clock.
//!
//! One file per subject; `tN_` in a test's name is the trap that it guards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod backlog;
mod batching;
mod budget;
mod cancelling;
mod closing;
mod conflation;
mod delivery;
mod descriptions;
mod evidence;
mod heartbeat;
mod herd;
mod hints;
mod late_answers;
mod learning;
mod lifecycle;
mod overflow;
mod poison;
mod post_mortem;
mod priority;
mod properties;
mod retry;
mod send_rate;
mod settings;
mod stored;
mod support;
mod table;
mod time_to_live;
