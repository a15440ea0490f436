use super::graph::Graph;
use super::tree::Tree;

/// A crate whose modules stand in an order, lowest first: each uses only those before it.
const ORDERED: &[(&str, &[&str])] = &[(
    "crates/everwire-chat-server/src/",
    &[
        "clock",
        "sync",
        "id",
        "stamp",
        "base_path",
        "hosts",
        "domain",
        "store",
        "access",
        "budget",
        "page_file",
        "tls",
        "config",
        "metrics",
        "drain",
        "error",
        "state",
        "dispatch",
        "connection",
        "http",
        "server",
    ],
)];

/// Files below a folder, the files that they may not use, and why.
const APART: &[(&str, &str, &str)] = &[
    (
        "crates/everwire-chat-server/src/access/",
        "crates/everwire-chat-server/src/store/sqlite/",
        "access knows stores by their traits",
    ),
    (
        "crates/everwire-chat-server/src/connection/",
        "crates/everwire-chat-server/src/store/sqlite/",
        "connections know stores by their traits",
    ),
    (
        "crates/everwire-chat-server/src/http/",
        "crates/everwire-chat-server/src/store/sqlite/",
        "handlers know stores by their traits",
    ),
];

/// Files below a folder that are pure, and the beginnings of paths that they may not use.
const PURE: &[(&str, &[&str])] = &[(
    "crates/everwire-chat-server/src/domain/",
    &[
        "tokio",
        "axum",
        "rusqlite",
        "uuid",
        "ring",
        "everwire_server",
        "std::time",
        "std::fs",
        "std::net",
        "std::thread",
    ],
)];

pub(super) fn check(tree: &Tree, graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for (from, to, names) in graph.edges() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let used = format!("{from} uses {} of {to}", names.join(", "));
        for (folder, order) in ORDERED {
            let rank = |file: &str| {
                let module = file.strip_prefix(folder)?.split(['/', '.']).next()?;
                order.iter().position(|known| *known == module)
            };
            if let (Some(lower), Some(upper)) = (rank(from), rank(to))
                && upper > lower
            {
                findings.push(format!("{used}, which stands above it (xtask/src/tidy/imports/rules.rs)"));
            }
        }
        for (folder, other, why) in APART {
            if from.starts_with(folder) && to.starts_with(other) {
                findings.push(format!("{used}: {why}"));
            }
        }
    }
    for module in &tree.modules {
        findings.extend(without_place(tree, &module.file));
        for (_, outside) in PURE.iter().filter(|(folder, _)| module.file.starts_with(folder)) {
            for names in &module.uses {
                let path = names.join("::");
                let is_refused = |refused: &&str| path == **refused || path.starts_with(&format!("{refused}::"));
                if outside.iter().any(is_refused) {
                    findings.push(format!("{} is pure and may not use {path}", module.file));
                }
            }
        }
    }
    findings.dedup();
    findings
}

/// A module of an ordered crate that has no place in the order.
fn without_place(tree: &Tree, file: &str) -> Option<String> {
    let (folder, order) = ORDERED.iter().find(|(folder, _)| file.starts_with(folder))?;
    let root = &tree.modules[0].file;
    let is_top = file != root && tree.modules.iter().any(|module| module.file == file && module.parent == Some(0));
    let module = file.strip_prefix(folder)?.split(['/', '.']).next()?;
    let is_known = order.contains(&module);
    (is_top && !is_known)
        .then(|| format!("{file} has no place in the order of modules (xtask/src/tidy/imports/rules.rs)"))
}

#[cfg(test)]
mod tests {
    use super::super::{graph, tree};
    use super::check;

    const ROOT: &str = "crates/everwire-chat-server/src/lib.rs";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> =
            files.iter().map(|(path, text)| (format!("crates/everwire-chat-server/{path}"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let tree = tree::of(ROOT, &files);
        check(&tree, &graph::of(&tree))
    }

    #[test]
    fn an_import_upward_is_refused_and_one_downward_is_not() {
        let root = ("src/lib.rs", "mod clock; mod store; mod http;");
        let clock = ("src/clock.rs", "pub fn now() {}");
        let store = ("src/store.rs", "use crate::clock::now; pub struct Store;");
        assert!(findings(&[root, clock, store, ("src/http.rs", "use crate::store::Store;")]).is_empty());
        let up = ("src/clock.rs", "use crate::store::Store;");
        let found = findings(&[root, up, ("src/store.rs", "pub struct Store;"), ("src/http.rs", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn the_domain_names_no_clock_and_no_runtime() {
        for refused in ["use std::time::Instant;", "fn f() { tokio::spawn(async {}); }", "use uuid::Uuid;"] {
            let found = findings(&[("src/lib.rs", "mod domain;"), ("src/domain/mod.rs", refused)]);
            assert_eq!(found.len(), 1, "{refused}: {found:?}");
        }
        assert!(findings(&[("src/lib.rs", "mod domain;"), ("src/domain/mod.rs", "use std::fmt;")]).is_empty());
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        let found = findings(&[("src/lib.rs", "mod new;"), ("src/new.rs", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
