//! Loads or makes the schedule.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;

use everwire_testkit::faults::Schedule;

use crate::args::ProxyArgs;
use crate::exit::{Exit, Failure};

/// The schedule that the options ask for, and its origin in words.
///
/// # Errors
/// If the file is missing or not valid.
pub(super) fn chosen(args: &ProxyArgs) -> Result<(Schedule, String), Failure> {
    let (mut schedule, from) = match (&args.schedule, args.profile) {
        (Some(path), _) => (load(path)?, path.display().to_string()),
        (None, Some(profile)) => {
            let seed = args.seed.unwrap_or_else(any_seed);
            (Schedule::random(seed, profile), format!("profile {profile}, seed {seed}"))
        }
        (None, None) => (Schedule::default(), "none".to_owned()),
    };
    schedule.seed = args.seed.unwrap_or(schedule.seed);
    Ok((schedule, from))
}

pub(super) fn load(path: &Path) -> Result<Schedule, Failure> {
    Schedule::load(path).map_err(|error| Failure::new(Exit::Failed, super::line(&error)))
}

/// A random seed, of at most six digits so that it is easy to type again.
fn any_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}
