//! `cargo xtask kotlin`: the binding for the JVM. The native library, the Kotlin that speaks to it (generated), and the jar with
//! the tests (Maven).

use std::path::{Path, PathBuf};

use crate::bindings::cargo;
use crate::setup;
use crate::shell::{self, Failed, run};

/// Where JNA looks for the native library in a jar.
const PLATFORMS: &[(&str, &str, &str)] = &[
    ("linux-x86-64", "x86_64-unknown-linux-gnu", "libeverwire_kotlin.so"),
    ("linux-aarch64", "aarch64-unknown-linux-gnu", "libeverwire_kotlin.so"),
    ("darwin-aarch64", "aarch64-apple-darwin", "libeverwire_kotlin.dylib"),
    ("win32-x86-64", "x86_64-pc-windows-msvc", "everwire_kotlin.dll"),
];

/// How the native library is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// As it is shipped.
    Release,
    /// With what other checks have built already.
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

/// The native library, and the Kotlin that speaks to it, where Maven looks for them.
pub(crate) fn prepare(build: Build) -> Result<(), Failed> {
    let (platform, _, file) = here()?;
    // UniFFI reads the symbols of a library, which a release has no more.
    run(cargo(&["build", "--quiet", "--package", "everwire-kotlin"]))?;
    let target = shell::root().join("bindings/target");
    generate(&target.join("debug").join(file))?;
    if build == Build::Release {
        run(cargo(&["build", "--quiet", "--package", "everwire-kotlin", "--release"]))?;
    }
    let built = target.join(if build == Build::Release { "release" } else { "debug" }).join(file);
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

/// Has UniFFI write the Kotlin that speaks to the library, and makes all of it internal.
fn generate(library: &Path) -> Result<(), Failed> {
    let out = folder().join("target/bindgen");
    shell::empty_folder(&out)?;
    let (library, out_dir) = (library.to_string_lossy(), out.to_string_lossy());
    run(cargo(&[
        "run",
        "--quiet",
        "--package",
        "everwire-kotlin",
        "--features",
        "bindgen",
        "--bin",
        "everwire-bindgen",
        "--",
        "generate",
        &library,
        "--language",
        "kotlin",
        "--no-format",
        "--config",
        "kotlin/uniffi.toml",
        "--out-dir",
        &out_dir,
    ]))?;
    let file = out.join("everwire/internal/everwire.kt");
    shell::write(&file, &internal(&shell::read(&file)?))
}

/// The same Kotlin with every top-level declaration internal: what is generated is nobody's API.
fn internal(kotlin: &str) -> String {
    let mut text = String::with_capacity(kotlin.len() + 1024);
    for line in kotlin.lines() {
        let (before, declaration) = match line.find("*/ fun ") {
            // A function behind its comment.
            Some(at) => line.split_at(at + "*/ ".len()),
            None if line.starts_with("    ") => (line, ""),
            None => line.split_at(line.len() - line.trim_start().len()),
        };
        text += before;
        let declaration = declaration.strip_prefix("public ").unwrap_or(declaration);
        if declares(declaration) {
            text += "internal ";
        }
        text += declaration;
        text.push('\n');
    }
    text
}

/// Whether a line declares something that would be public.
fn declares(line: &str) -> bool {
    const MODIFIERS: &[&str] = &["open", "data", "sealed", "enum", "inline", "abstract", "suspend"];
    let mut words = line.split_whitespace().skip_while(|word| MODIFIERS.contains(word));
    let word = words.next().unwrap_or_default();
    ["class", "interface", "object", "val"].contains(&word) || word == "fun" || word.starts_with("fun<")
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

#[cfg(test)]
mod tests {
    use super::internal;

    #[test]
    fn everything_generated_becomes_internal_and_members_stay_as_they_are() {
        let kotlin = "\
package everwire.internal
public object A {
    public fun member() {}
}
open class B
@Synchronized
private fun c() {}
 fun `d`() {}
         */ fun `e`(): F {
inline fun <T> g() {}
internal interface H
";
        let expected = "\
package everwire.internal
internal object A {
    public fun member() {}
}
internal open class B
@Synchronized
private fun c() {}
 internal fun `d`() {}
         */ internal fun `e`(): F {
internal inline fun <T> g() {}
internal interface H
";
        assert_eq!(internal(kotlin), expected);
    }
}
