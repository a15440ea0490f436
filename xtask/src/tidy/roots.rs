//! The root file of each crate has the lint on times.

use std::path::Path;

use serde_json::Value;

use crate::shell::{self, Failed};

/// "Never" (`Duration::MAX`) is a legal duration, so times are added by methods that saturate.
const TIMES_SATURATE: &str = "#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]";

/// `metadata` is what `cargo metadata --no-deps` prints.
pub(super) fn check(metadata: &Value) -> Result<Vec<String>, Failed> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shipped = packages.iter().filter(|package| !is_of_tests(package));
    let targets = shipped.flat_map(|package| package["targets"].as_array()).flatten();
    let mut findings = Vec::new();
    for target in targets.filter(|target| is_shipped(target)) {
        let path = target["src_path"].as_str().unwrap_or_default();
        findings.extend(check_root(path, &shell::read(path.as_ref())?));
    }
    Ok(findings)
}

/// Whether a package is started by tests only, which choose the times themselves.
fn is_of_tests(package: &Value) -> bool {
    let folder = shell::root().join("tests");
    package["manifest_path"].as_str().is_some_and(|manifest| Path::new(manifest).starts_with(folder))
}

/// Whether a target is a library or a program; not a test, an example or a build script.
fn is_shipped(target: &Value) -> bool {
    let kinds = target["kind"].as_array().map(Vec::as_slice).unwrap_or_default();
    kinds.iter().any(|kind| ["lib", "bin", "cdylib"].iter().any(|shipped| kind == shipped))
}

fn check_root(path: &str, text: &str) -> Option<String> {
    let has_it = text.lines().any(|line| line == TIMES_SATURATE);
    (!has_it).then(|| format!("{path}: `{TIMES_SATURATE}` is missing"))
}

#[cfg(test)]
mod tests {
    use super::{TIMES_SATURATE, check_root};

    #[test]
    fn a_root_without_the_lint_on_times_is_found() {
        assert!(check_root("main.rs", "//! A program.\n").is_some());
        assert!(check_root("main.rs", &format!("//! A program.\n\n{TIMES_SATURATE}\n")).is_none());
    }
}
