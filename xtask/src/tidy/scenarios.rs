//! Every test that `docs/scenarios.md` names exists.

use std::collections::BTreeSet;

/// `page` is the document; `sources` are the workspace's files with Rust code, and `kept` the names of kept scenarios.
pub(super) fn check<'a>(page: &str, sources: impl Iterator<Item = &'a str>, kept: &BTreeSet<String>) -> Vec<String> {
    let functions: BTreeSet<&str> = sources.flat_map(functions).collect();
    named(page)
        .filter(|name| !functions.contains(name) && !kept.contains(*name) && !is_mutant(page, name))
        .map(|name| format!("docs/scenarios.md: no test and no kept scenario is called {name}"))
        .collect()
}

/// The names in backticks in the tables' last column.
fn named(page: &str) -> impl Iterator<Item = &str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    rows.flat_map(|(_, cell)| cell.split('`').skip(1).step_by(2))
}

/// Whether a name is a mutant's; the simulator checks these: `cargo xtask sim --mutant all`.
fn is_mutant(page: &str, name: &str) -> bool {
    let quoted = format!("`{name}`");
    page.lines()
        .filter(|line| line.contains(&quoted))
        .all(|line| line.split_once("mutant").is_some_and(|(_, mutants)| mutants.contains(&quoted)))
}

fn functions(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let rest = line.trim_start();
        let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
        rest.split_once('(').map(|(name, _)| name)
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_named_test_that_does_not_exist_is_found() {
        let page =
            "| what | played by |\n|---|---|\n| a | `one_thing`, kept `two-things`, mutant `three` |\n| b | `four` |\n";
        let sources = ["#[test]\nfn one_thing() {}\n"];
        let kept = ["two-things".to_owned()].into();
        assert_eq!(check(page, sources.into_iter(), &kept).len(), 1);
    }
}
