//! What clients of this process have learned of their paths, by host.

use std::sync::Mutex;
use std::time::Duration;

use everwire_core::LearnedInterval;

use crate::clock::Instant;
use crate::sync::lock;

/// Of more hosts, what was learned first is forgotten.
const HOSTS: usize = 1024;

/// What was learned last is at the end.
type Learned = Vec<(String, LearnedInterval, Instant)>;

static LEARNED: Mutex<Learned> = Mutex::new(Learned::new());

/// One client has learned something.
pub(crate) fn tell(host: &str, learned: LearnedInterval) {
    note(&mut lock(&LEARNED), host, learned, Instant::now());
}

/// What is known of the path to a host, and how long ago it was learned.
pub(crate) fn of(host: &str) -> Option<(LearnedInterval, Duration)> {
    lock(&LEARNED).iter().find(|(known, ..)| known == host).map(|(_, learned, at)| (*learned, at.elapsed()))
}

fn note(all: &mut Learned, host: &str, learned: LearnedInterval, now: Instant) {
    all.retain(|(known, ..)| known != host);
    if all.len() >= HOSTS {
        all.remove(0);
    }
    all.push((host.to_owned(), learned, now));
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use everwire_core::Silence;

    use super::*;

    const fn learned(seconds: u64) -> LearnedInterval {
        LearnedInterval {
            silence: Silence::BothWays,
            idle: Duration::from_secs(2 * seconds),
            interval: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn what_is_learned_of_a_host_is_known_for_that_host_only() {
        tell("one.invalid", learned(7));
        tell("one.invalid", learned(8));
        assert_eq!(of("one.invalid").map(|(learned, _)| learned), Some(learned(8)));
        assert_eq!(of("other.invalid"), None);
    }

    #[test]
    fn of_too_many_hosts_the_oldest_is_forgotten() {
        let mut all = Learned::new();
        let start = Instant::now();
        for n in 0..HOSTS as u64 + 5 {
            note(&mut all, &format!("{n}.invalid"), learned(n), start + Duration::from_secs(n));
        }
        assert_eq!(all.len(), HOSTS);
        assert_eq!(all.first().map(|(host, ..)| host.as_str()), Some("5.invalid"));
    }
}
