//! `cargo xtask autobahn`: the Autobahn test suite against our client and our server, all cases in both roles.
//!
//! - `suite`: the two programs that run its cases, and how each is started
//! - `shards`: the cases in parts that run in parallel
//! - `verdict`: what counts as passed

mod shards;
mod suite;
mod verdict;

use std::path::{Path, PathBuf};

use crate::shell::{self, Failed};
use shards::{Role, Shard};
use suite::Suites;

/// Which program runs the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thoroughness {
    /// The original, if it can run here.
    Original,
    /// The original, but the driver for Python 3 for compression (groups 12 and 13), for which the original needs 15 minutes.
    Quick,
    /// Only the driver for Python 3, as on machines where the original can't run.
    WithoutOriginal,
}

/// `cargo xtask autobahn`.
pub(crate) fn autobahn(args: &[String]) -> Result<(), Failed> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(Thoroughness::Original),
        ["quick"] => run(Thoroughness::Quick),
        ["kosoku"] => run(Thoroughness::WithoutOriginal),
        _ => Err(Failed("usage: cargo xtask autobahn [quick | kosoku]".into())),
    }
}

/// Runs all cases in both roles; fails unless each passes.
pub(crate) fn run(thoroughness: Thoroughness) -> Result<(), Failed> {
    let suites = Suites::install(thoroughness)?;
    let testee = shell::built(&["--release", "--package", "everwire-tests", "--bin", "autobahn-testee"])?;
    let reports = shell::root().join("target/autobahn");
    let started = std::time::Instant::now();
    let shards = shards::all();
    eprintln!("→ autobahn, {} shards, reports in {}", shards.len(), reports.display());
    let done = shards::in_parallel(shards, |shard| one(shard, &suites, &testee, &reports));
    eprintln!("  {:.0} s", started.elapsed().as_secs_f64());
    let done: Vec<_> = done.into_iter().collect::<Result<_, _>>()?;
    let mut failures = Vec::new();
    for role in [Role::Server, Role::Client] {
        let cases = done.iter().filter(|(shard, _)| shard.role == role).flat_map(|(_, cases)| cases.clone());
        failures.extend(verdict::judge(role.name(), cases));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failed(failures.join("\n"))) }
}

type Done = (Shard, Vec<verdict::Case>);

fn one(shard: Shard, suites: &Suites, testee: &Path, reports: &Path) -> Result<Done, Failed> {
    let folder: PathBuf = reports.join(shard.role.name()).join(shard.name);
    shell::empty_folder(&folder)?;
    let suite = suites.of(&shard);
    match shard.role {
        Role::Server => suite.test_server(&shard, testee, &folder)?,
        Role::Client => suite.test_client(&shard, testee, &folder)?,
    }
    let cases = verdict::read(&folder)?;
    eprintln!("  {} {}: {} cases ({})", shard.role.name(), shard.name, cases.len(), suite.name());
    Ok((shard, cases))
}
