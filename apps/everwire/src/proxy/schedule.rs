//! Where the schedule comes from.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;

use everwire_testkit::faults::Schedule;

use crate::args::ProxyArgs;
use crate::exit::{Exit, Failure};

/// The schedule that the options ask for, and where it is from.
///
/// # Errors
/// If the file is missing or wrong.
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

/// Small enough to be read out and typed again.
fn any_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}
