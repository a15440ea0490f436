use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;

/// The files that each file uses, with the names that it uses of them. Uses of a module by the files below it do not count: a
/// module and the files of its folder are one unit.
#[derive(Debug, Default)]
pub(super) struct Graph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

pub(super) fn of(tree: &Tree) -> Graph {
    let mut graph = Graph::default();
    for (id, module) in tree.modules.iter().enumerate() {
        for names in &module.uses {
            let Some(target) = tree.resolve(id, names) else { continue };
            let file = &tree.modules[target].file;
            if *file != module.file && !tree.is_below(id, target) {
                let used = graph.0.entry(module.file.clone()).or_default().entry(file.clone()).or_default();
                used.extend(names.last().cloned());
            }
        }
    }
    graph
}

impl Graph {
    /// All pairs of a file and a file that it uses, with the names.
    pub(super) fn edges(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<String>)> {
        self.0.iter().flat_map(|(from, to)| to.iter().map(move |(to, names)| (from.as_str(), to.as_str(), names)))
    }

    /// One finding for each set of files that use each other: a shortest loop.
    pub(super) fn loops(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for file in self.0.keys() {
            if seen.contains(file.as_str()) {
                continue;
            }
            if let Some(way) = self.way_back(file) {
                findings.push(format!("import loop: {}", self.described(&way)));
                seen.extend(way);
            }
        }
        findings
    }

    /// The shortest loop through a file.
    fn way_back<'a>(&'a self, file: &'a str) -> Option<Vec<&'a str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = vec![file];
        while !next.is_empty() {
            let mut further = Vec::new();
            for from in next {
                for to in self.0.get(from).into_iter().flat_map(BTreeMap::keys) {
                    if to == file {
                        let mut way = vec![from];
                        while let Some(earlier) = before.get(way[way.len() - 1]) {
                            way.push(earlier);
                        }
                        way.reverse();
                        return Some(way);
                    }
                    if !before.contains_key(to.as_str()) {
                        before.insert(to, from);
                        further.push(to.as_str());
                    }
                }
            }
            next = further;
        }
        None
    }

    fn described(&self, way: &[&str]) -> String {
        let mut text = String::new();
        for (from, to) in way.iter().zip(way.iter().cycle().skip(1)) {
            let names: Vec<&str> = self.0[*from][*to].iter().map(String::as_str).collect();
            text.push_str(&format!("{from} uses {} of ", names.join(", ")));
        }
        text + way[0]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::of;

    fn loops(files: &[(&str, &str)]) -> Vec<String> {
        of(&tree::of("src/lib.rs", files)).loops()
    }

    #[test]
    fn files_that_use_each_other_are_found_through_re_exports_too() {
        let found = loops(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::Thing; pub struct A(Thing);"),
            ("src/b/mod.rs", "mod thing; pub use thing::Thing;"),
            ("src/b/thing.rs", "pub struct Thing; fn f() { crate::a::A::new(); }"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("src/a.rs uses Thing of src/b/thing.rs"), "{found:?}");
    }

    #[test]
    fn a_module_and_its_own_parts_may_use_each_other_and_tests_do_not_count() {
        let found = loops(&[
            ("src/lib.rs", "mod a; pub use a::A; pub struct Root;"),
            ("src/a.rs", "use crate::Root; pub struct A(Root); #[cfg(test)] mod tests { use crate::b::B; }"),
        ]);
        assert!(found.is_empty(), "{found:?}");
        let found = loops(&[
            ("src/lib.rs", "mod a; use a::A; pub struct Root(A);"),
            ("src/a.rs", "use super::Root; pub struct A(Box<Root>);"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn names_that_come_through_a_module_or_a_glob_are_followed() {
        let found = loops(&[
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "use crate::b; pub fn a() { b::go() }"),
            ("src/b.rs", "use crate::c::*; pub fn go() { far() }"),
            ("src/c.rs", "pub fn far() { crate::a::a() }"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
