//! Outcomes on their way to JavaScript: many in one call, neighbours with the same one together.

use std::rc::Rc;

use everwire::{Client, DropPolicy, Outcome, Rejection, Stage};
use wasm_bindgen_futures::spawn_local;

use crate::hooks::Hooks;

/// Ranges that one call tells at most.
const MOST: usize = 1024;

/// Tells all outcomes from now on: for each range its first and last number, the outcome, and its detail.
pub(crate) fn start(client: &Client, hooks: Rc<Hooks>) {
    let mut outcomes = client.outcomes();
    spawn_local(async move {
        while let Some(ranges) = outcomes.next(MOST).await {
            let told = ranges.iter().flat_map(|range| {
                let (code, detail) = encode(range.outcome);
                [range.first.0 as f64, range.last.0 as f64, code, detail]
            });
            hooks.outcomes(&told.collect::<Vec<f64>>());
        }
    });
}

/// `OUTCOMES` of `bindings/js/src/engine.js` has the same order.
fn encode(outcome: Outcome) -> (f64, f64) {
    let code = match outcome {
        Outcome::Acknowledged => 0,
        Outcome::Received => 1,
        Outcome::Expired => 2,
        Outcome::Dropped(DropPolicy::Oldest) => 3,
        Outcome::Dropped(DropPolicy::Newest) => 4,
        Outcome::Dropped(DropPolicy::LowestPriority) => 5,
        Outcome::Dropped(DropPolicy::Conflated) => 6,
        Outcome::Dropped(_) => 7,
        Outcome::Rejected(Rejection::PeerRefuses(code)) => return (8.0, f64::from(code)),
        Outcome::Rejected(Rejection::TooLargeForPeer { limit }) => return (9.0, limit as f64),
        Outcome::Cancelled => 10,
        Outcome::Unknown(Stage::Queued) => 11,
        Outcome::Stored => 13,
        _ => 12,
    };
    (f64::from(code), 0.0)
}
