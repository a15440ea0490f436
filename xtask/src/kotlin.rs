//! `cargo xtask kotlin`: builds the binding for the JVM: the native library with cargo, and the jar with Maven, which runs the tests.

use std::path::{Path, PathBuf};

use crate::bindings::cargo;
use crate::setup;
use crate::shell::{self, Failed, run};

/// The folder of the native library in the jar, below `native`, by target; `Library.kt` looks there.
const PLATFORMS: &[(&str, &str, &str)] = &[
    ("linux-x86-64", "x86_64-unknown-linux-gnu", "libeverwire_kotlin.so"),
    ("linux-aarch64", "aarch64-unknown-linux-gnu", "libeverwire_kotlin.so"),
    ("darwin-aarch64", "aarch64-apple-darwin", "libeverwire_kotlin.dylib"),
    ("win32-x86-64", "x86_64-pc-windows-msvc", "everwire_kotlin.dll"),
];

/// How the native library is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// The profile that is shipped.
    Release,
    /// The profile in which other checks have built the dependencies already.
    Dev,
}

/// Builds the jar with everything in it and runs its tests; `args` go to Maven.
pub(crate) fn kotlin(build: Build, args: &[String]) -> Result<(), Failed> {
    setup::java()?;
    prepare(build)?;
    let mut maven = shell::command("mvn", &["--batch-mode", "--quiet", "verify"]);
    maven.current_dir(folder()).args(args);
    maven.arg(format!("-Deverwire.binary={}", shell::tested("everwire")?.display()));
    run(maven)
}

/// Builds the native library, and copies it to where Maven looks for it.
pub(crate) fn prepare(build: Build) -> Result<(), Failed> {
    let (platform, _, file) = here()?;
    let mut cargo = cargo(&["build", "--quiet", "--package", "everwire-kotlin"]);
    if build == Build::Release {
        cargo.arg("--release");
    }
    run(cargo)?;
    let profile = if build == Build::Release { "release" } else { "debug" };
    let built = shell::root().join("bindings/target").join(profile).join(file);
    let native = folder().join("target/native");
    shell::empty_folder(&native)?;
    shell::empty_folder(&native.join(platform))?;
    let copied = native.join(platform).join(file);
    copy(&built, &copied)?;
    if build == Build::Dev && cfg!(target_os = "linux") {
        run(shell::command("strip", &["--strip-debug", &copied.to_string_lossy()]))?;
    }
    Ok(())
}

fn here() -> Result<(&'static str, &'static str, &'static str), Failed> {
    let rustc = shell::output(shell::command("rustc", &["--version", "--verbose"]))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let found = PLATFORMS.iter().find(|(_, target, _)| *target == host).copied();
    found.ok_or_else(|| {
        Failed(format!("the jar has no place for a native library of {host}: name one in xtask/src/kotlin.rs"))
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::copy(from, to).map(drop).map_err(|error| Failed(format!("{}: {error}", from.display())))
}

pub(crate) fn folder() -> PathBuf {
    shell::root().join("bindings/kotlin")
}
