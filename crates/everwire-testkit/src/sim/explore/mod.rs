//! Every course of events in a small world: each interleaving of sending, delivering, processing, cuts, moves, crashes and
//! resumptions, over the machines that ship.
//!
//! States are told apart by all that the machines hold; a state that was seen before is not gone into again. Time stands
//! still but for the client's pause before it tries again, so timers other than that play no part here: they do in the
//! [random](super::Scenario::random) worlds.
//!
//! ```
//! use everwire_testkit::sim::explore::{Bounds, explore};
//!
//! let explored = explore(&Bounds { up: 1, down: 1, cuts: 1, ..Bounds::default() });
//! assert_eq!(explored.violation, None);
//! assert!(explored.states > 100);
//! ```

mod act;
mod world;

use std::collections::{HashSet, VecDeque};

pub use act::Act;
use world::World;

/// The bounds of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Messages that the client sends.
    pub up: u8,
    /// Messages that the server sends.
    pub down: u8,
    /// Connections that are cut.
    pub cuts: u8,
    /// Moves of the client to a new connection.
    pub moves: u8,
    /// Crashes of the server, whose application keeps its effects and watermarks.
    pub crashes: u8,
    /// States after which to stop; 0: when all are seen.
    pub states: usize,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// States that differ.
    pub states: usize,
    /// Steps from one to another.
    pub steps: usize,
    /// The longest course that led to a new state.
    pub depth: usize,
    /// `true` if all states within the bounds were seen.
    pub complete: bool,
    /// A course of events after which a promise is not kept, and which; one of the shortest.
    pub violation: Option<(Vec<Act>, String)>,
}

/// Goes through all states within these bounds, the nearest first.
///
/// In each it is checked that nothing is processed twice or out of order and that every outcome is true and told once;
/// and that from each, once nothing more goes wrong, everything comes to its end.
pub fn explore(bounds: &Bounds) -> Explored {
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([Vec::new()]);
    let mut explored = Explored { states: 0, steps: 0, depth: 0, complete: true, violation: None };
    while let Some(path) = open.pop_front() {
        for act in World::after(bounds, &path).acts() {
            explored.steps += 1;
            let path = [path.as_slice(), &[act]].concat();
            let mut world = World::after(bounds, &path);
            if !seen.insert(world.digest()) {
                continue;
            }
            explored.states += 1;
            explored.depth = explored.depth.max(path.len());
            world.settle();
            if let Some(what) = world.wrong() {
                explored.violation = Some((path, what));
                return explored;
            }
            if bounds.states > 0 && explored.states >= bounds.states {
                explored.complete = false;
                return explored;
            }
            open.push_back(path);
        }
    }
    explored
}
