//! The documentation of a public item begins with a noun phrase or a verb (CONTRIBUTING.md, names and words).

use std::path::Path;

use crate::shell::{self, Failed};

/// First words of clauses, which do not say what the item is.
const CLAUSES: &[&str] = &["What", "Whether", "How", "Who", "Whose", "Where", "When", "Why", "Which"];

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failed> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard", "crates/*/src/*.rs"];
    let listing = shell::output(shell::command("git", &listing))?;
    let mut findings = Vec::new();
    for path in listing.lines() {
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            findings.extend(clauses(path, &text));
        }
    }
    Ok(findings)
}

fn clauses(path: &str, text: &str) -> Vec<String> {
    let (mut findings, mut first) = (Vec::new(), None);
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if let Some(words) = line.strip_prefix("///") {
            first.get_or_insert((number + 1, words.trim()));
        } else if !line.starts_with("#[")
            && let Some((number, words)) = first.take()
            && line.starts_with("pub ")
            && let Some(clause) = words.split(' ').next().filter(|word| CLAUSES.contains(word))
        {
            findings.push(format!("{path}:{number}: begin with a noun phrase or a verb, not with \"{clause} …\""));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::clauses;

    #[test]
    fn a_public_item_whose_documentation_begins_with_a_clause_is_found() {
        let text = "/// What it holds.\n#[derive(Debug)]\npub struct A;\n/// Whether it is.\nfn private() {}\n/// The size.\npub fn size() {}";
        let found = clauses("a.rs", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a.rs:1:"), "{found:?}");
    }
}
