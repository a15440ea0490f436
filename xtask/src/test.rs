//! `cargo xtask test`: runs everything that CI runs, the quickest first.

use crate::aside::Aside;
use crate::autobahn::{self, Thoroughness};
use crate::setup::{self, WASM};
use crate::shell::{self, Failed, cargo, run};
use crate::{bindings, cluster, counts, cross, js, kotlin, page, sim, tidy};

/// Runs all checks and tests. With `args`, only the tests that they select for `cargo test`, and neither the simulator nor the
/// cluster, bindings and Autobahn tests.
pub(crate) fn test(args: &[String]) -> Result<(), Failed> {
    tidy::tidy()?;
    run(cargo(&["fmt", "--all", "--check"]))?;
    setup::setup()?;
    deny()?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--quiet", "--", "--deny", "warnings"]))?;
    run(cargo(&[
        "clippy",
        "--package",
        "everwire",
        "--package",
        "everwire-chat-core",
        "--package",
        "everwire-chat",
        "--package",
        "everwire-web",
        "--package",
        "everwire-tokens-page",
        "--features",
        "everwire/calls",
        "--target",
        WASM,
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ]))?;
    cross::check()?;
    page::page()?;
    page::suite()?;
    // In parallel with the tests, at a low priority: neither depends on how busy the machine is.
    let figures = args.is_empty().then(|| Aside::start_behind(&["figures"])).transpose()?;
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--all-features", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "--deny warnings");
    run(docs)?;
    let mut tests = cargo(&["test", "--workspace", "--all-features"]);
    tests.args(args).env("INSTA_UPDATE", "no");
    run(tests)?;
    let Some(figures) = figures else { return Ok(()) };
    figures.finish()?;
    // Not in parallel with others: it has bounds in seconds.
    cluster::check()?;
    // In parallel with the rest: they build in a target folder of their own, and mostly wait for Maven, npm and browsers.
    let bindings = Aside::start(&["bindings", "all"])?;
    autobahn::run(Thoroughness::Quick)?;
    bindings.finish()
}

/// Compares the instructions of hot paths with the accepted counts, and runs the simulator.
pub(crate) fn figures() -> Result<(), Failed> {
    counts::check(&[])?;
    sim::check()
}

/// All tests of the bindings: the workspace, the npm package, and the jar.
pub(crate) fn bindings() -> Result<(), Failed> {
    bindings::check()?;
    js::js(&[])?;
    kotlin::kotlin(kotlin::Build::Dev, &[])
}

/// Runs the test of killed processes, with more kills than among the other tests.
pub(crate) fn kills(times: &str) -> Result<(), Failed> {
    let mut kills = cargo(&["test", "--package", "everwire-tests", "--test", "kills", "--", "--nocapture"]);
    kills.env("EVERWIRE_KILLS", times);
    run(kills)
}

/// Writes the screens of a test to `docs/terminal.md`.
pub(crate) fn terminal() -> Result<(), Failed> {
    let mut story = cargo(&["test", "--package", "everwire-cli", "--test", "terminal", "two_users"]);
    story.env("EVERWIRE_RECORD", shell::root().join("docs/terminal.md"));
    run(story)
}

/// Writes screenshots of the page for the documents.
pub(crate) fn screenshots() -> Result<(), Failed> {
    setup::setup()?;
    page::page()?;
    let everwire = shell::built(&["--package", "everwire-cli"])?;
    let mut node = shell::command("node", &["tests/page/screenshots.mjs", "docs/page"]);
    node.env("EVERWIRE_BINARY", everwire);
    run(node)
}

/// Checks licences, sources and bans of the dependencies on every platform.
pub(crate) fn deny() -> Result<(), Failed> {
    run(cargo(&["fetch", "--locked", "--quiet"]))?;
    run(cargo(&["deny", "--log-level", "error", "--offline", "check", "bans", "licenses", "sources"]))
}

/// Checks advisories. It fetches the RustSec database, so it is not part of the tests.
pub(crate) fn audit() -> Result<(), Failed> {
    run(shell::cargo(&["deny", "--log-level", "error", "check", "advisories"]))
}
