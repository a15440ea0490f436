//! The cases in parts. A testee and a suite take turns, so as many parts run in parallel as there are cores.

use std::sync::Mutex;
use std::thread;

/// Which end of Everwire is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Some cases for one role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shard {
    pub(super) role: Role,
    pub(super) name: &'static str,
    /// Patterns of cases, which both suites understand.
    pub(super) cases: &'static [&'static str],
    /// Further arguments for the testee.
    pub(super) testee: &'static [&'static str],
}

impl Shard {
    /// Whether its cases are thousands of large compressed messages.
    pub(super) fn is_bulk(&self) -> bool {
        self.name.starts_with("12.") || self.name.starts_with("13.")
    }
}

/// All cases in parts, the longest part first.
const PARTS: &[(&str, &[&str])] = &[
    ("12.3", &["12.3.*"]),
    ("12.2", &["12.2.*"]),
    ("12.5", &["12.5.*"]),
    ("1-10", &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]),
    ("13.7", &["13.7.*"]),
    ("13.3", &["13.3.*"]),
    ("13.5", &["13.5.*"]),
    ("12.4", &["12.4.*"]),
    ("12.1", &["12.1.*"]),
    ("13.1", &["13.1.*"]),
    ("13.2", &["13.2.*"]),
    ("13.4", &["13.4.*"]),
    ("13.6", &["13.6.*"]),
];

pub(super) fn all() -> Vec<Shard> {
    // Group 13 tests the parameters of compression, so group 12 can be run with another setting of the testee.
    let testee = |name: &str| if name.starts_with("12.") { &["contexts"][..] } else { &[] };
    let both = |&(name, cases): &(&'static str, _)| {
        [Role::Client, Role::Server].map(|role| Shard { role, name, cases, testee: testee(name) })
    };
    PARTS.iter().flat_map(both).collect()
}

/// Calls `work` with each shard, in parallel. After the first failure no further shard is begun.
pub(super) fn in_parallel<T: Send, E: Send>(
    shards: Vec<Shard>,
    work: impl Fn(Shard) -> Result<T, E> + Sync,
) -> Vec<Result<T, E>> {
    let waiting = Mutex::new(shards.into_iter());
    let done = Mutex::new(Vec::new());
    let next = || waiting.lock().ok()?.next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(shard) = next() {
                    let result = work(shard);
                    if let (true, Ok(mut waiting)) = (result.is_err(), waiting.lock()) {
                        waiting.by_ref().for_each(drop);
                    }
                    if let Ok(mut done) = done.lock() {
                        done.push(result);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_default()
}
