//! Network faults on purpose, to test that a program survives them.
//!
//! | module | what |
//! |---|---|
//! | [`faults`] | a schedule of faults as data, and the machine that decides what they do to a connection; no clock, no socket |
//! | [`proxy`] | a TCP proxy that applies a schedule to real connections |
//! | [`unresponsive`] | an address of this machine that answers no connection |
//! | [`sim`] | a simulator in virtual time: the real client and server machines over a virtual network with the same faults, crashes and stalls, and a checker of every promise |
//!
//! # Which one
//!
//! - To see how a program of any kind copes, without touching it: the command `everwire proxy`, whose guide is
//!   `docs/proxy.md`, or [`proxy::Proxy`] in a test. Real sockets, real time.
//! - To put faults under code that takes its bytes and its time as arguments: [`faults::Link`]. No sockets, no waiting.
//! - One schedule serves all of them, because all ask the same machine; a schedule that found a bug here is a file that
//!   shows it there.
//!
//! ```
//! use everwire_testkit::faults::{FaultPlan, Profile, Schedule};
//!
//! // By hand …
//! let schedule = Schedule::parse("[[rule]]\nfault = \"cut\"\nevery = 2\nafter-bytes = \"1..2000\"")?;
//! // … or by chance: the same seed gives the same network.
//! let random = Schedule::random(7, Profile::Mobile);
//! assert_eq!(random, Schedule::random(7, Profile::Mobile));
//! assert_eq!(Schedule::parse(&random.to_toml())?, random);
//! # let _ = FaultPlan::new(schedule)?;
//! # Ok::<(), everwire_testkit::faults::ScheduleError>(())
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod faults;
pub mod proxy;
pub mod sim;
pub mod unresponsive;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
