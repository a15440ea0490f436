//! `cargo xtask bindings`: the checks of the workspace in `bindings/`.

use std::process::Command;

use crate::setup::WASM;
use crate::shell::{self, Failed, run};

/// Checks formatting, lints (of the part for browsers also for WebAssembly), documents, licences and tests.
pub(crate) fn check() -> Result<(), Failed> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    deny()?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--quiet", "--", "--deny", "warnings"]))?;
    let on_pages =
        ["--package", "everwire-bind", "--package", "everwire-js", "--package", "everwire-js-chat", "--target", WASM];
    run(cargo(&[&["clippy"], &on_pages[..], &["--quiet", "--", "--deny", "warnings"]].concat()))?;
    let mut docs = cargo(&["doc", "--workspace", "--exclude", "everwire-js", "--no-deps", "--all-features", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "--deny warnings");
    run(docs)?;
    let mut tests = cargo(&["test", "--workspace", "--quiet"]);
    tests.env("EVERWIRE_BINARY", shell::tested("everwire")?);
    run(tests)
}

/// Checks licences and sources of the bindings' dependencies.
pub(crate) fn deny() -> Result<(), Failed> {
    run(cargo(&["fetch", "--locked", "--quiet"]))?;
    run(cargo(&["deny", "--log-level", "error", "--offline", "check", "bans", "licenses", "sources"]))
}

/// `cargo` in the workspace of the bindings, which has a target folder of its own.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = shell::cargo(args);
    cargo.current_dir(shell::root().join("bindings")).env_remove("CARGO_TARGET_DIR");
    cargo
}
