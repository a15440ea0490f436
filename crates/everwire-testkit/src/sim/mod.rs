//! A whole world in virtual time: clients, a server and a network between them that goes wrong as a [`Scenario`] says.
//!
//! What runs in it is what ships: [`Machine`](everwire_core::Machine),
//! [`ServerSession`](everwire_core::session::ServerSession) and [`Registry`](everwire_core::session::Registry), and
//! between them the bytes of [`everwire_ws::Connection`]. One thread, no clock, no socket: the same scenario always takes
//! the same course, a thousand of them a second.
//!
//! | what | where |
//! |---|---|
//! | an application of one's own at either end | [`ClientApp`], [`ServerApp`], [`run`] |
//! | what goes wrong | [`Scenario`], drawn from a seed by [`Scenario::random`] or written as text |
//! | applications that check delivery itself | [`probe`] |
//! | many seeds, and the smallest scenario that still fails | [`sweep`], [`shrink`] |
//! | rules broken on purpose, to test the tests | [`Mutant`] |
//! | every course of events in a small world | [`explore`] |
//! | calls and streams in a session | [`calls`] |
//!
//! ```
//! use everwire_testkit::sim::{Scenario, probe};
//!
//! let scenario = Scenario::parse(
//!     r#"
//!     session = true
//!     calm-at = 1000
//!     network = '''
//!     [[rule]]
//!     connection = 1
//!     fault = "cut"
//!     after-messages = 7
//!     '''
//!     [[step]]
//!     at = 10
//!     do = "work"
//!     count = 20
//!     "#,
//! )?;
//! let report = probe::run(&scenario);
//! assert_eq!(report.violation, None);
//! assert_eq!(report.counts.acknowledged, 20);
//! assert_eq!(report.counts.resumes, 1);
//! # Ok::<(), everwire_testkit::sim::ScenarioError>(())
//! ```

mod agenda;
pub mod calls;
mod client;
mod counts;
pub mod explore;
mod frames;
mod head;
mod hostile;
mod intruder;
mod monitor;
mod mutant;
mod network;
pub mod probe;
mod scenario;
mod server;
mod shrink;
mod socket;
mod stage;
mod sweep;
mod world;

pub use client::{ClientApp, ClientIo, Handled};
pub use counts::Counts;
pub use hostile::Abuse;
pub use intruder::Intrusion;
pub use mutant::Mutant;
pub use scenario::{
    Action, ClientSetup, Commit, GuaranteeChoice, Kind, OverflowChoice, Prompt, Scenario, ScenarioError, ServerSetup,
    Step,
};
pub use server::{PeerId, PlainScript, ServerApp, ServerIo};
pub use shrink::shrink;
pub use stage::Violation;
pub use sweep::{Failure, Sweep, sweep};
pub use world::{Run, run, run_traced};
