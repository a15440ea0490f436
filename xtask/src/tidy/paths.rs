//! Each file of the repository that a document or a comment names exists.

use std::path::Path;

/// The beginnings of such paths.
const FOLDERS: &[&str] = &["apps/", "bindings/", "benches/", "crates/", "docs/", "examples/", "tests/", "xtask/"];

/// The endings of such paths.
const ENDINGS: &[&str] = &[".html", ".js", ".json", ".kt", ".md", ".mjs", ".py", ".rs", ".svg", ".toml", ".ts"];

/// The paths in a file that do not exist, neither relative to the root nor to any folder above the file.
pub(super) fn check(root: &Path, path: &str, text: &str) -> Vec<String> {
    let is_source = path.ends_with(".rs");
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if is_source && !line.trim_start().starts_with("//") {
            continue;
        }
        for named in paths(line).filter(|named| !exists(root, path, named)) {
            findings.push(format!("{path}:{}: there is no {named}", number + 1));
        }
    }
    findings
}

/// The words of a line that look like paths of kept files: not of generated ones (`dist`, `target`), and not patterns.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && !"/._-*".contains(letter));
    let words = words.map(|word| word.trim_end_matches('.').trim_start_matches("./").trim_start_matches("../"));
    words.filter(|word| {
        let is_file = FOLDERS.iter().any(|folder| word.starts_with(folder))
            && ENDINGS.iter().any(|ending| word.ends_with(ending));
        is_file && !word.contains('*') && !word.contains("/dist/") && !word.contains("/target/")
    })
}

fn exists(root: &Path, file: &str, named: &str) -> bool {
    Path::new(file).ancestors().any(|folder| root.join(folder).join(named).exists())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::shell;

    #[test]
    fn a_named_file_that_does_not_exist_is_found() {
        let root = shell::root();
        let of = |path: &str, text: &str| check(&root, path, text);
        assert!(
            of("docs/a.md", "see `docs/serve.md`, crates/everwire/src/lib.rs and apps/everwire-web/dist/a.js")
                .is_empty()
        );
        assert_eq!(of("docs/a.md", "one\nsee docs/gone.md."), ["docs/a.md:2: there is no docs/gone.md"]);
        assert_eq!(of("crates/everwire/src/a.rs", "// as tests/gone.rs does").len(), 1);
        assert!(of("crates/everwire/src/a.rs", "// as tests/tls.rs does").is_empty(), "of the crate");
        assert!(of("crates/everwire/src/a.rs", "let path = \"tests/gone.rs\";").is_empty(), "no comment");
    }
}
