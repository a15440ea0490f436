//! House rules that no compiler checks. Each rule gives its findings as lines; any finding fails the chore.

mod dependencies;
mod layering;
mod scenarios;
mod sources;

use crate::shell::{self, Failed};

pub(crate) fn tidy() -> Result<(), Failed> {
    let root = shell::root();
    let metadata = shell::output(shell::cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata =
        serde_json::from_str(&metadata).map_err(|error| Failed(format!("cargo metadata gave no JSON: {error}")))?;
    let documented = std::fs::read_to_string(root.join("docs/dependencies.md"))
        .map_err(|error| Failed(format!("docs/dependencies.md: {error}")))?;

    let mut findings = layering::check(&metadata);
    findings.extend(dependencies::check(&metadata, &documented));
    findings.extend(sources::check(&root)?);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    Err(Failed(format!("{} finding(s)", findings.len())))
}
