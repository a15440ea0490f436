//! Outcomes on their way to JavaScript: many in one call.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use everwire::{Delivery, DropPolicy, MessageId, Outcome, Rejection, Stage};
use wasm_bindgen_futures::spawn_local;

use crate::hooks::Hooks;

/// Those that are not told yet.
pub(crate) struct Outcomes {
    hooks: Rc<Hooks>,
    /// Number of the message, outcome, detail.
    known: RefCell<Vec<f64>>,
    telling: Cell<bool>,
}

impl Outcomes {
    pub(crate) fn new(hooks: Rc<Hooks>) -> Rc<Self> {
        Rc::new(Self { hooks, known: RefCell::default(), telling: Cell::new(false) })
    }

    /// Tells the outcome when it is known.
    pub(crate) fn follow(self: &Rc<Self>, delivery: Delivery) {
        let outcomes = Rc::clone(self);
        spawn_local(async move {
            let id = delivery.id();
            let outcome = delivery.await;
            outcomes.push(id, outcome);
        });
    }

    fn push(self: &Rc<Self>, MessageId(id): MessageId, outcome: Outcome) {
        let (code, detail) = encode(outcome);
        self.known.borrow_mut().extend([id as f64, code, detail]);
        if !self.telling.replace(true) {
            let outcomes = Rc::clone(self);
            // Behind all that are told in the same turn.
            spawn_local(async move {
                outcomes.telling.set(false);
                let known = outcomes.known.take();
                outcomes.hooks.outcomes(&known);
            });
        }
    }
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
