//! Rules on the sources' text.

use std::collections::BTreeMap;
use std::path::Path;

use crate::shell::{self, Failed};

/// A foreign crate's name may stand in only one file of each module folder in `crates/`, so that it can be replaced there;
/// or in the files of a folder that is named for it, and of the folders in that.
const ONE_FILE_ONLY: &[(&str, &str)] = &[("tokio_rustls", "tls"), ("rusqlite", "sqlite"), ("async_nats", "cluster")];

/// Words that mark unfinished work. Concatenated so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ig", "nore"),
];

/// An address that belongs to nobody: a stranger could register it and pretend to be this project.
const NOBODYS: &str = concat!("github.com/", "everwire");

/// File names that do not say what a file holds, or say it in a private metaphor.
const FILE_NAMES: &[&str] = &[
    "common.rs",
    "gate.rs",
    "helpers.rs",
    "hole.rs",
    "live.rs",
    "misc.rs",
    "obey.rs",
    "party.rs",
    "talk.rs",
    "todo.rs",
    "util.rs",
    "utils.rs",
    "whole.rs",
    "words.rs",
];

/// Phrases that are not plain, with the plain ones (docs/glossary.md). Concatenated so that this file does not contain them.
const PHRASES: &[(&str, &str)] = &[
    (concat!("keeps a herd", " apart"), "prevents a thundering herd"),
    (concat!("takes the", " feature"), "requires the feature"),
    (concat!("what is no", " chat"), "an invalid message"),
    (concat!("that is no", " chat"), "invalid messages"),
    (concat!("lost", " sight of"), "may have been sent before the connection was lost"),
    (concat!("honest", " word"), "delivery outcome"),
    (concat!("there is such an", " account"), "account already exists"),
    (concat!("database can't", " do it"), "database error"),
];

/// Words that a comment may not have, with plain ones. The first letter may be a capital.
const COMMENT_WORDS: &[(&str, &str)] = &[
    ("whoever", "the one who, or each user who"),
    ("somebody", "a user"),
    ("anew", "again"),
    ("so many", "the number of"),
    ("befall", "happen to"),
];

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failed> {
    let listing =
        shell::output(shell::command("git", &["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"]))?;
    let mut files = Vec::new();
    for path in listing.lines() {
        // A file that was removed but not yet committed is still listed.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push((path.to_owned(), text));
        }
    }
    let mut findings = unfinished(&files);
    findings.extend(plain_words(&files));
    findings.extend(plain_comments(&files));
    findings.extend(one_file_only(&files));
    findings.extend(scenarios(root, &files)?);
    findings.extend(nobodys(root)?);
    Ok(findings)
}

/// The documents and sources of the repository, by their paths.
pub(super) fn texts(root: &Path) -> Result<Vec<(String, String)>, Failed> {
    let listing = shell::output(shell::command("git", &["ls-files", "*.md", "*.rs"]))?;
    let read = |path: &str| Some((path.to_owned(), std::fs::read_to_string(root.join(path)).ok()?));
    Ok(listing.lines().filter_map(read).collect())
}

fn nobodys(root: &Path) -> Result<Vec<String>, Failed> {
    let listing = shell::output(shell::command("git", &["ls-files", "*.md", "*.toml", "*.rs", "*.json", "*.html"]))?;
    let texts = listing.lines().filter_map(|path| Some((path, std::fs::read_to_string(root.join(path)).ok()?)));
    let finding = |path| format!("{path}: {NOBODYS} belongs to nobody; name the folder that was cloned");
    Ok(texts.filter(|(_, text)| text.contains(NOBODYS)).map(|(path, _)| finding(path)).collect())
}

fn scenarios(root: &Path, files: &[(String, String)]) -> Result<Vec<String>, Failed> {
    let page = "docs/scenarios.md";
    let page = std::fs::read_to_string(root.join(page)).map_err(|error| Failed(format!("{page}: {error}")))?;
    let kept = shell::output(shell::command("git", &["ls-files", "--cached", "--others", "*.toml"]))?;
    let stems = kept.lines().filter_map(|path| Path::new(path).file_stem()?.to_str().map(str::to_owned));
    Ok(super::scenarios::check(&page, files.iter().map(|(_, text)| text.as_str()), &stems.collect()))
}

fn unfinished(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
                findings.push(format!("{path}:{}: {word}", number + 1));
            }
        }
    }
    findings
}

fn plain_words(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.starts_with("bindings/")) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if FILE_NAMES.contains(&name) {
            findings.push(format!("{path}: name the file for what it holds (CONTRIBUTING.md, names and words)"));
        }
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            if let Some((phrase, plain)) = PHRASES.iter().find(|(phrase, _)| line.contains(phrase)) {
                findings.push(format!("{path}:{}: \"{phrase}\": say \"{plain}\"", number + 1));
            }
        }
    }
    findings
}

fn plain_comments(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//")) {
            let line = line.to_lowercase();
            let is_in = |word: &str| {
                line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric()))
            };
            if let Some((word, plain)) = COMMENT_WORDS.iter().find(|(word, _)| is_in(word)) {
                findings.push(format!("{path}:{}: \"{word}\": say \"{plain}\"", number + 1));
            }
        }
    }
    findings
}

fn one_file_only(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, own_folder) in ONE_FILE_ONLY {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, text) in files {
            if let Some((folder, _)) = path.rsplit_once('/')
                && folder.starts_with("crates/")
                && folder.contains("/src")
                && !format!("{folder}/").contains(&format!("/{own_folder}/"))
                && names(text, name)
            {
                users.entry(folder).or_default().push(path);
            }
        }
        for (folder, users) in users.into_iter().filter(|(_, users)| users.len() > 1) {
            findings.push(format!("{name} may be named in one file of {folder} only, not in {}", users.join(", ")));
        }
    }
    findings
}

fn names(text: &str, name: &str) -> bool {
    text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(name))
}

#[cfg(test)]
mod tests {
    use super::{one_file_only, plain_comments, plain_words, unfinished};

    fn file(path: &str, text: &str) -> (String, String) {
        (path.to_owned(), text.to_owned())
    }

    #[test]
    fn unfinished_work_is_found_with_its_line() {
        let text = format!("fn a() {{}}\n// {}: later\n", concat!("TO", "DO"));
        assert_eq!(unfinished(&[file("crates/a/src/lib.rs", &text)]).len(), 1);
    }

    #[test]
    fn a_meaningless_file_name_and_a_phrase_that_is_not_plain_are_found() {
        let phrase = format!("// Jitter that {}\n", concat!("keeps a herd", " apart"));
        let found = plain_words(&[file("crates/a/src/utils.rs", ""), file("crates/a/src/jitter.rs", &phrase)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_word_that_is_not_plain_is_found_in_comments_only() {
        let text = "/// Asks anew.\n/// So many rooms.\n// A janewa.\nlet word = \"whoever\";\n";
        let found = plain_comments(&[file("crates/a/src/ask.rs", text)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_second_file_that_names_a_confined_crate_is_found() {
        let one = file("crates/a/src/one.rs", "use tokio_rustls::TlsConnector;");
        let two = file("crates/a/src/two.rs", "use tokio_rustls::TlsAcceptor;");
        let comment = file("crates/a/src/three.rs", "// tokio_rustls is named in one.rs");
        let another = file("crates/b/src/one.rs", "use tokio_rustls::TlsAcceptor;");
        assert!(one_file_only(&[one.clone(), comment, another]).is_empty());
        assert_eq!(one_file_only(&[one, two]).len(), 1);
        let file_of_its_folder =
            |name: &str| file(&format!("crates/a/src/sqlite/{name}.rs"), "use rusqlite::Connection;");
        let names = ["rows", "reader", "database/opening", "database/removing"];
        assert!(one_file_only(&names.map(file_of_its_folder)).is_empty());
    }
}
