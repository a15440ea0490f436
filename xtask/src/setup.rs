//! `cargo xtask setup`: what the tests need beyond the Rust toolchain, by its ordinary package manager.

use crate::shell::{self, Failed};

/// The version the project's `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

pub(crate) fn setup() -> Result<(), Failed> {
    node()?;
    peers()?;
    cargo_deny()
}

/// Node.js runs the test peers that are written in JavaScript.
fn node() -> Result<(), Failed> {
    if shell::has("node") && shell::has("npm") {
        return Ok(());
    }
    if !shell::has("apt-get") {
        return Err(Failed("the tests need Node.js 18 or newer with npm: please install it".into()));
    }
    let as_root: &[&str] = if shell::has("sudo") { &["sudo"] } else { &[] };
    for words in [&["apt-get", "update"][..], &["apt-get", "install", "--yes", "nodejs", "npm"][..]] {
        let words: Vec<&str> = as_root.iter().chain(words).copied().collect();
        shell::run(shell::command(words[0], &words[1..]))?;
    }
    Ok(())
}

/// The JavaScript peers, at the versions of the lock file.
fn peers() -> Result<(), Failed> {
    let mut npm = shell::command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.current_dir(shell::root().join("tests/peers"));
    shell::run(npm)
}

fn cargo_deny() -> Result<(), Failed> {
    let installed = shell::output(shell::cargo(&["deny", "--version"])).unwrap_or_default();
    if installed.trim().ends_with(CARGO_DENY) {
        return Ok(());
    }
    let version = format!("={CARGO_DENY}");
    shell::run(shell::cargo(&["install", "cargo-deny", "--locked", "--quiet", "--version", &version]))
}
