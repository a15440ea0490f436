//! Dependencies between the project's crates point one way only.

use serde_json::Value;

/// Each crate, and the project's crates that it may use outside its tests. Every crate must be listed.
const LAYERS: &[(&str, &[&str])] = &[
    ("everwire-ws", &[]),
    ("everwire-core", &["everwire-ws"]),
    ("everwire-calls", &["everwire-core", "everwire-ws"]),
    ("everwire-tokio", &["everwire-ws"]),
    ("everwire-peer", &["everwire-calls", "everwire-core", "everwire-ws"]),
    ("everwire", &["everwire-calls", "everwire-core", "everwire-peer", "everwire-tokio", "everwire-ws"]),
    ("everwire-server", &["everwire-calls", "everwire-core", "everwire-peer", "everwire-tokio", "everwire-ws"]),
    ("everwire-testkit", &["everwire-calls", "everwire-core", "everwire-ws"]),
    ("everwire-chat-core", &["everwire-core"]),
    ("everwire-chat", &["everwire", "everwire-chat-core"]),
    ("everwire-chat-server", &["everwire-chat-core", "everwire-server", "everwire-ws"]),
    ("everwire-i18n", &[]),
    (
        "everwire-cli",
        &["everwire", "everwire-chat", "everwire-chat-server", "everwire-server", "everwire-testkit", "everwire-i18n"],
    ),
    ("everwire-tests", &["everwire", "everwire-chat", "everwire-server", "everwire-testkit"]),
    ("everwire-cluster", &["everwire", "everwire-chat", "everwire-tests"]),
    ("everwire-bench-process", &[]),
    (
        "everwire-benches",
        &[
            "everwire",
            "everwire-bench-process",
            "everwire-chat",
            "everwire-chat-core",
            "everwire-chat-server",
            "everwire-core",
            "everwire-server",
            "everwire-tokio",
            "everwire-ws",
            "everwire-testkit",
        ],
    ),
    (
        "everwire-counts",
        &["everwire", "everwire-calls", "everwire-chat-core", "everwire-core", "everwire-tokio", "everwire-ws"],
    ),
    ("everwire-web", &["everwire", "everwire-chat", "everwire-i18n"]),
    ("everwire-page", &[]),
    ("everwire-browser-tests", &["everwire"]),
    ("everwire-tokens-page", &["everwire"]),
    ("everwire-bind", &["everwire"]),
    ("everwire-js", &["everwire"]),
    ("everwire-js-chat", &["everwire", "everwire-chat"]),
    ("everwire-kotlin", &["everwire-bind"]),
    ("xtask", &[]),
];

/// `metadata` is what `cargo metadata --no-deps` prints.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
        return vec![format!("{name}: has no place in the layers (xtask/src/tidy/layering.rs)")];
    };
    ours(package)
        .filter(|dependency| !allowed.contains(dependency))
        .map(|dependency| format!("{name} may not depend on {dependency}"))
        .collect()
}

fn ours(package: &Value) -> impl Iterator<Item = &str> {
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|name| LAYERS.iter().any(|(layer, _)| layer == name))
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::json;

    fn package(name: &str, dependency: &str, kind: Option<&str>) -> serde_json::Value {
        json!({"packages": [{"name": name, "dependencies": [{"name": dependency, "kind": kind}]}]})
    }

    #[test]
    fn a_dependency_that_points_up_is_found() {
        assert_eq!(check(&package("everwire-ws", "everwire-core", None)).len(), 1);
    }

    #[test]
    fn a_dependency_that_points_down_and_one_for_tests_are_fine() {
        assert!(check(&package("everwire-core", "everwire-ws", None)).is_empty());
        assert!(check(&package("everwire-core", "everwire", Some("dev"))).is_empty());
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(check(&package("everwire-new", "everwire-ws", None)).len(), 1);
    }
}
