//! Every direct dependency has its line in `docs/dependencies.md`, and every line there its dependency.

use std::collections::BTreeSet;

use serde_json::Value;

/// `documented` is the page's text: a table whose first column names the crate as `` `name` ``.
pub(super) fn check(metadata: &Value, documented: &str) -> Vec<String> {
    let used = used(metadata);
    let listed: BTreeSet<&str> = documented.lines().filter_map(first_column).collect();
    let missing = used.difference(&listed).map(|name| format!("docs/dependencies.md: no line for {name}"));
    let unused = listed.difference(&used).map(|name| format!("docs/dependencies.md: {name} is not used"));
    missing.chain(unused).collect()
}

fn used(metadata: &Value) -> BTreeSet<&str> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    packages
        .iter()
        .flat_map(|package| package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default())
        .filter(|dependency| dependency["path"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect()
}

fn first_column(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::json;

    #[test]
    fn what_is_used_and_what_is_documented_must_agree() {
        let metadata = json!({"packages": [{"name": "a", "dependencies": [
            {"name": "bytes", "path": null}, {"name": "http", "path": null}, {"name": "ours", "path": "crates/ours"}
        ]}]});
        let page = "| crate | why |\n| `bytes` | buffers |\n| `rand` | dice |\n";
        let findings = check(&metadata, page);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("http") && findings[1].contains("rand"));
    }
}
