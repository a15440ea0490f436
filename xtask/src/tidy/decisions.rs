//! The index of decisions lists each page with its title, in the order of their numbers. The changelog has only the usual
//! sections, and each change once.

use std::collections::BTreeSet;
use std::path::Path;

use crate::shell::Failed;

const FOLDER: &str = "docs/decisions";
const CHANGELOG: &str = "CHANGELOG.md";

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failed> {
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|error| Failed(format!("{}: {error}", path.display())));
    let folder = root.join(FOLDER);
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| Failed(format!("{FOLDER}: {error}")))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            pages.push((name, read(&entry.path())?));
        }
    }
    pages.sort();
    let mut findings = index(&read(&folder.join("README.md"))?, &pages);
    findings.extend(changelog(&read(&root.join(CHANGELOG))?));
    Ok(findings)
}

fn index(index: &str, pages: &[(String, String)]) -> Vec<String> {
    let (mut findings, mut wanted) = (Vec::new(), Vec::new());
    for (name, text) in pages {
        let number = name.get(..4).unwrap_or_default();
        match text.lines().next().and_then(|line| line.strip_prefix(&format!("# {number}: "))) {
            Some(title) => wanted.push(format!("| [{number}]({name}) | {title} |")),
            None => findings.push(format!("{FOLDER}/{name}: the first line has to be `# {number}: ` and the title")),
        }
    }
    let listed: Vec<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
    if let Some(row) = wanted.iter().find(|row| !listed.contains(&row.as_str())) {
        findings.push(format!("{FOLDER}/README.md: this row is missing or its title differs: {row}"));
    }
    if !listed.is_sorted() {
        findings.push(format!("{FOLDER}/README.md: the rows have to be in the order of their numbers"));
    }
    findings
}

fn changelog(text: &str) -> Vec<String> {
    let known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    let other = text.lines().filter_map(|line| line.strip_prefix("### ")).find(|section| !known.contains(section));
    let finding = |section| format!("{CHANGELOG}: the section {section:?} is none of {}", known.join(", "));
    let mut findings: Vec<String> = other.map(finding).into_iter().collect();
    // A merge may keep a change where it was and where it was moved to.
    let mut seen = BTreeSet::new();
    let repeats = text.lines().filter(|line| line.starts_with("- ") && !seen.insert(*line));
    findings.extend(repeats.map(|line| format!("{CHANGELOG}: twice: {line}")));
    findings
}

#[cfg(test)]
mod tests {
    use super::{changelog, index};

    fn page(name: &str, first_line: &str) -> (String, String) {
        (name.to_owned(), format!("{first_line}\n\ntext\n"))
    }

    #[test]
    fn a_page_that_is_not_listed_by_its_title_is_found_and_so_is_a_wrong_order() {
        let pages = [page("0001-a.md", "# 0001: One"), page("0002-b.md", "# 0002: Two")];
        assert!(index("| [0001](0001-a.md) | One |\n| [0002](0002-b.md) | Two |\n", &pages).is_empty());
        assert_eq!(index("| [0001](0001-a.md) | One |\n| [0002](0002-b.md) | Other |\n", &pages).len(), 1);
        assert_eq!(index("| [0002](0002-b.md) | Two |\n| [0001](0001-a.md) | One |\n", &pages).len(), 1);
        assert_eq!(index("", &[page("0003-c.md", "# Three")]).len(), 1);
    }

    #[test]
    fn a_section_of_another_name_is_found() {
        assert!(changelog("## [Unreleased]\n### Added\n#### a\n### Fixed\n").is_empty());
        assert_eq!(changelog("### News\n").len(), 1);
    }

    #[test]
    fn a_change_that_is_listed_twice_is_found() {
        assert!(changelog("- one\n- two\n").is_empty());
        assert_eq!(changelog("- one\n- two\n- one\n"), ["CHANGELOG.md: twice: - one"]);
    }
}
