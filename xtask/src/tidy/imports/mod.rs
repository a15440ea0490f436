//! Rules on imports: no loops between files, and the order of the chat server's modules.
//!
//! - `tree`: the modules of a crate, with what each defines and imports
//! - `graph`: the files that each file uses, and loops among them
//! - `rules`: which files may not use which

mod graph;
mod rules;
mod tree;

use std::path::Path;

use crate::shell::{self, Failed};

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failed> {
    let listing = shell::output(shell::command(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", "*src/lib.rs", "*src/main.rs"],
    ))?;
    let mut findings = Vec::new();
    for path in listing.lines().filter(|path| root.join(path).exists()) {
        let tree = tree::read(root, path)?;
        let graph = graph::of(&tree);
        findings.extend(graph.loops());
        findings.extend(rules::check(&tree, &graph));
    }
    Ok(findings)
}
