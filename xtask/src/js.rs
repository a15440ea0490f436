//! `cargo xtask js`: builds, tests and packs the npm package in `bindings/js`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed, run};
use crate::{page, setup};

const FOLDER: &str = "bindings/js";
const MANIFEST: &str = "bindings/Cargo.toml";

/// The largest WebAssembly when it is built with rustup's standard library, in bytes compressed by brotli.
const LIMIT_WITHOUT_SOURCE: &str = "170000";

pub(crate) fn js(args: &[String]) -> Result<(), Failed> {
    match args.first().map(String::as_str) {
        None => build().and_then(|()| test()),
        Some("build") => build(),
        Some(other) => {
            Err(Failed(format!("'{other}' is not known: use `cargo xtask js` to build, test and pack, or `js build`")))
        }
    }
}

/// Builds the package's `dist`.
pub(crate) fn build() -> Result<(), Failed> {
    setup::wasm_target()?;
    shell::npm_ci(FOLDER)?;
    let small = page::is_small();
    bound("everwire", "everwire-js", small)?;
    bound("chat", "everwire-js-chat", small)?;
    let mut build = npm(&["build.mjs"]);
    if !small {
        build.env("EVERWIRE_JS_WASM_LIMIT", LIMIT_WITHOUT_SOURCE);
    }
    run(build)
}

/// Makes a WebAssembly with its script, unless they are up to date.
fn bound(name: &str, package: &str, small: bool) -> Result<(), Failed> {
    let wasm = page::built(MANIFEST, package, small)?;
    let generated = shell::root().join(FOLDER).join("gen");
    let (stamp, made_of) = (generated.join(format!("{name}.stamp")), made_of(&wasm)?);
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_of) {
        return Ok(());
    }
    let mut bind = shell::cargo(&["run", "--quiet", "--package", "everwire-page", "--", "package", name]);
    bind.arg(&wasm).arg(shell::root().join(FOLDER).join("src")).arg(&generated);
    run(bind)?;
    shell::write(&stamp, &made_of)
}

fn test() -> Result<(), Failed> {
    let [sessions, tokens, everwire] = ["session-echo", "session-tokens", "everwire"].map(shell::tested);
    let tests = fs::read_dir(shell::root().join(FOLDER).join("tests"));
    let tests = tests.map_err(|error| Failed(format!("{FOLDER}/tests: {error}")))?;
    let mut files: Vec<String> = tests
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .map(|name| format!("tests/{name}"))
        .collect();
    files.sort();
    let mut node = npm(&["--test", "--test-concurrency=2", "--test-reporter=spec"]);
    node.args(files).env("EVERWIRE_SESSION_ECHO", sessions?).env("EVERWIRE_SESSION_TOKENS", tokens?);
    node.env("EVERWIRE_BINARY", everwire?);
    run(node)?;
    let mut pack = shell::command(shell::NPM, &["pack", "--loglevel=error", "--pack-destination"]);
    pack.arg(shell::target()).current_dir(shell::root().join(FOLDER));
    run(pack)
}

/// Node.js in the package's folder.
fn npm(args: &[&str]) -> Command {
    let mut node = shell::command("node", args);
    node.current_dir(shell::root().join(FOLDER)).env("NO_COLOR", "1");
    // If xtask itself runs under Node.js's test runner, these tests must not report to that one.
    node.env_remove("NODE_TEST_CONTEXT");
    node
}

fn made_of(wasm: &Path) -> Result<String, Failed> {
    let lock = shell::root().join(FOLDER).join("package-lock.json");
    let mut hasher = DefaultHasher::new();
    for file in [wasm, &lock] {
        fs::read(file).map_err(|error| Failed(format!("{}: {error}", file.display())))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}
