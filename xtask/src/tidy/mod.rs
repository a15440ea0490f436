//! House rules that no compiler checks. Each rule returns its findings as lines; any finding fails the chore.

mod decisions;
mod dependencies;
mod documentation;
mod imports;
mod layering;
mod paths;
mod roots;
mod scenarios;
mod settings;
mod sources;
mod tables;

use crate::shell::{self, Failed};

pub(crate) fn tidy() -> Result<(), Failed> {
    let root = shell::root();
    let metadata = metadata()?;
    let documented = std::fs::read_to_string(root.join("docs/dependencies.md"))
        .map_err(|error| Failed(format!("docs/dependencies.md: {error}")))?;

    let mut findings = layering::check(&metadata);
    findings.extend(roots::check(&metadata)?);
    findings.extend(dependencies::check(&metadata, &documented));
    findings.extend(sources::check(&root)?);
    findings.extend(imports::check(&root)?);
    for (path, text) in sources::texts(&root)? {
        findings.extend(paths::check(&root, &path, &text));
        if path.ends_with(".md") {
            findings.extend(tables::check(&path, &text));
        }
    }
    findings.extend(settings::check(&root)?);
    findings.extend(decisions::check(&root)?);
    findings.extend(documentation::check(&root)?);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    Err(Failed(format!("{} finding(s)", findings.len())))
}

/// The packages of both workspaces: the root's, and that of the bindings.
fn metadata() -> Result<serde_json::Value, Failed> {
    let mut packages = Vec::new();
    for manifest in ["Cargo.toml", "bindings/Cargo.toml"] {
        let command = ["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path", manifest];
        let metadata: serde_json::Value = serde_json::from_str(&shell::output(shell::cargo(&command))?)
            .map_err(|error| Failed(format!("cargo metadata of {manifest} gave no JSON: {error}")))?;
        packages.extend(metadata["packages"].as_array().cloned().unwrap_or_default());
    }
    Ok(serde_json::json!({ "packages": packages }))
}
