//! A schedule of network faults, and what it does to each connection: decided without a clock and without a socket.
//!
//! The same [`Schedule`] serves a virtual network and real TCP, because both ask the same machines:
//!
//! - a [`Schedule`] is data: a list of [`Rule`]s, written in Rust, in a TOML or JSON file, or drawn from a seed by
//!   [`Schedule::random`];
//! - a [`FaultPlan`] is a schedule at work on one network: it counts the connections and says of each how it
//!   [opens](Opening);
//! - [`LinkFaults`] decides for one connection what happens to each run of bytes: delivered when, changed how, or never;
//! - a [`Link`] is `LinkFaults` with the bytes that are under way: what goes in comes out as the schedule says.
//!
//! Time is always the [`Duration`](std::time::Duration) since the network's start, told by the caller, and never runs
//! backwards. Chance comes from the schedule's seed, the connection's number and the rule alone: the same connection meets
//! the same fate in every run, whatever the others do.
//!
//! ```
//! use std::time::Duration;
//!
//! use everwire_testkit::faults::{Direction, FaultPlan, Link, Opening, Output, Schedule};
//!
//! let schedule = Schedule::parse(
//!     r#"
//!     [[rule]]
//!     connection = 1
//!     fault = "cut"
//!     after-bytes = 4
//!     "#,
//! )?;
//! let mut plan = FaultPlan::new(schedule)?;
//! let now = Duration::ZERO;
//! let Opening::Forward { faults, .. } = plan.connect(now).opening else { panic!("no rule refuses it") };
//! let mut link = Link::new(faults);
//! link.push(now, Direction::ToServer, "hello");
//! assert_eq!(link.pop(now, Direction::ToServer), Some(Output::Bytes("hell".into())));
//! assert!(matches!(link.pop(now, Direction::ToServer), Some(Output::End(_))));
//! assert!(matches!(link.pop(now, Direction::ToClient), Some(Output::End(_))));
//! # Ok::<(), everwire_testkit::faults::ScheduleError>(())
//! ```
//!
//! # What a rule says
//!
//! Which connections ([`Connections`]), which direction ([`Directions`]), when ([`When`]), for how long
//! ([`Rule::lasting`]) and what ([`Fault`]). Rules are independent of each other and each begins at most once in a
//! connection; where several act at once, delays add up, the slowest rate and the smallest pieces hold, and of the
//! rules on how a connection opens the first one in the schedule wins.

mod decide;
mod dice;
mod direction;
mod error;
mod fault;
mod file;
mod frames;
mod link;
mod plan;
mod profile;
mod rule;
mod rule_dice;
mod schedule;

pub use self::decide::{Chunk, Decision, Fate, LinkEvent, LinkFaults};
pub use self::direction::{Direction, Directions};
pub use self::error::{RuleError, ScheduleError};
pub use self::fault::{Answer, Ending, Fault};
pub use self::frames::MessageScanner;
pub use self::link::{Link, Output};
pub use self::plan::{Connection, FaultPlan, Opening};
pub use self::profile::Profile;
pub use self::rule::{Connections, Rule, When};
pub use self::rule_dice::RuleId;
pub use self::schedule::Schedule;
