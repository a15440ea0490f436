//! Applications that check delivery itself: each message has a key, and a journal of both ends knows what became of it.
//!
//! - [`run`]: a scenario with the probe at both ends
//! - `journal`: what is known, and what may be said
//! - `client`, `server`: the two ends

mod client;
mod journal;
mod server;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

pub use client::ClientProbe;
pub use server::ServerProbe;

use super::counts::Counts;
use super::scenario::Scenario;
use super::stage::Violation;
use super::world;
use journal::Journal;

/// The result of a scenario with the probe at both ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The promise that was not kept, if one was not.
    pub violation: Option<Violation>,
    /// The counts of what was exercised.
    pub counts: Counts,
    /// A line for each thing that happened; empty unless it was asked for.
    pub trace: Vec<String>,
}

/// Runs a scenario with the probe at both ends. Beyond what [`run`](super::run()) checks: nothing is processed twice, left
/// out or out of order where that is promised, and every outcome is true.
pub fn run(scenario: &Scenario) -> Report {
    observe(scenario, false)
}

/// [`run`], with a line for each thing that happens.
pub fn run_traced(scenario: &Scenario) -> Report {
    observe(scenario, true)
}

fn observe(scenario: &Scenario, traced: bool) -> Report {
    let journal = Rc::new(RefCell::new(Journal::new(scenario)));
    let client = |_| ClientProbe::new(scenario, Rc::clone(&journal));
    let server = ServerProbe::new(scenario, Rc::clone(&journal));
    let live =
        || if traced { world::run_traced(scenario, client, server) } else { world::run(scenario, client, server) };
    // Machines never panic: one that does breaks a promise like any other.
    let run = match panic::catch_unwind(AssertUnwindSafe(live)) {
        Ok(run) => run,
        Err(payload) => {
            let words = payload.downcast_ref::<String>().map(String::as_str);
            let words = words.or(payload.downcast_ref::<&str>().copied()).unwrap_or_default();
            let violation =
                Violation { at: Duration::ZERO, place: "world".to_owned(), what: format!("a panic: {words}") };
            return Report { violation: Some(violation), counts: Counts::default(), trace: Vec::new() };
        }
    };
    if run.violation.is_none() {
        journal.borrow_mut().judge_stored();
    }
    let violation = run.violation.or_else(|| {
        let at = Duration::from_secs(run.counts.seconds);
        journal.borrow().last_words().map(|what| Violation { at, place: "probe".to_owned(), what })
    });
    Report { violation, counts: run.counts, trace: run.trace }
}
