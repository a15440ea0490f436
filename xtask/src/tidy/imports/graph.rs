use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;

/// Files in loops that are still to be taken apart; none may come on top.
const KNOWN: &[&str] = &[
    "apps/everwire-web/src/left.rs",
    "apps/everwire-web/src/room/mod.rs",
    "apps/everwire-web/src/rooms.rs",
    "apps/everwire/src/chat/pipe/ending.rs",
    "apps/everwire/src/chat/pipe/session.rs",
    "apps/everwire/src/connect/ending.rs",
    "apps/everwire/src/connect/session.rs",
    "benches/calls/src/callers.rs",
    "benches/calls/src/process.rs",
    "benches/src/clients.rs",
    "benches/src/process.rs",
    "benches/src/report.rs",
    "crates/everwire-calls/src/callee.rs",
    "crates/everwire-calls/src/endpoint.rs",
    "crates/everwire-chat/src/client/builder.rs",
    "crates/everwire-chat/src/client/reading.rs",
    "crates/everwire-chat/src/client/room.rs",
    "crates/everwire-chat/src/client/task.rs",
    "crates/everwire-core/src/batching/config.rs",
    "crates/everwire-core/src/config/mod.rs",
    "crates/everwire-core/src/heartbeat.rs",
    "crates/everwire-core/src/lifecycle.rs",
    "crates/everwire-core/src/outbox/config.rs",
    "crates/everwire-core/src/retry/config.rs",
    "crates/everwire-core/src/send_rate.rs",
    "crates/everwire-core/src/session/config.rs",
    "crates/everwire-peer/src/metrics/handled.rs",
    "crates/everwire-peer/src/metrics/meter.rs",
    "crates/everwire-peer/src/setup.rs",
    "crates/everwire-peer/src/task/mod.rs",
    "crates/everwire-peer/src/task/workers.rs",
    "crates/everwire-server/src/metrics/session.rs",
    "crates/everwire-server/src/metrics/sessions.rs",
    "crates/everwire-server/src/server/connection.rs",
    "crates/everwire-server/src/server/stream.rs",
    "crates/everwire-server/src/session/admission.rs",
    "crates/everwire-server/src/session/driver.rs",
    "crates/everwire-server/src/session/handle.rs",
    "crates/everwire-server/src/session/inbox.rs",
    "crates/everwire-server/src/session/locked.rs",
    "crates/everwire-server/src/session/sessions.rs",
    "crates/everwire-server/src/session/slot.rs",
    "crates/everwire-testkit/src/faults/decide/act.rs",
    "crates/everwire-testkit/src/faults/decide/mod.rs",
    "crates/everwire-testkit/src/faults/file/mod.rs",
    "crates/everwire-testkit/src/faults/plan/mod.rs",
    "crates/everwire-testkit/src/faults/profile.rs",
    "crates/everwire-testkit/src/faults/schedule.rs",
    "crates/everwire-testkit/src/proxy/builder.rs",
    "crates/everwire-testkit/src/proxy/handle.rs",
    "crates/everwire-testkit/src/sim/monitor.rs",
    "crates/everwire-testkit/src/sim/server/hostile.rs",
    "crates/everwire-testkit/src/sim/server/line.rs",
    "crates/everwire-testkit/src/sim/server/node.rs",
    "crates/everwire-testkit/src/sim/stage.rs",
    "crates/everwire-ws/src/connection.rs",
    "crates/everwire-ws/src/deflate/prepared.rs",
    "crates/everwire/src/builder/build.rs",
    "crates/everwire/src/builder/mod.rs",
    "crates/everwire/src/builder/network.rs",
    "crates/everwire/src/calls.rs",
    "crates/everwire/src/client.rs",
    "crates/everwire/src/driver/browser/connection.rs",
    "crates/everwire/src/driver/browser/plan.rs",
    "crates/everwire/src/driver/browser/surroundings.rs",
    "crates/everwire/src/driver/connection.rs",
    "crates/everwire/src/driver/dial.rs",
    "crates/everwire/src/driver/failure.rs",
    "crates/everwire/src/driver/mod.rs",
    "crates/everwire/src/driver/stream.rs",
    "crates/everwire/src/driver/tls/connect.rs",
    "crates/everwire/src/driver/todo.rs",
    "crates/everwire/src/metrics/meter.rs",
    "crates/everwire/src/on_open.rs",
    "crates/everwire/src/outcomes.rs",
    "crates/everwire/src/shared.rs",
];

/// Which file uses which, with the names that it uses. What a file uses of the modules that it is part of does not count: a module
/// and the files of its folder are one thing, cut into files.
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
    /// From a file to a file, with the names.
    pub(super) fn edges(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<String>)> {
        self.0.iter().flat_map(|(from, to)| to.iter().map(move |(to, names)| (from.as_str(), to.as_str(), names)))
    }

    /// One finding for each set of files that use each other: a shortest way around. Also each of [`KNOWN`] that is none any more.
    pub(super) fn loops(&self, root: &str) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for file in self.0.keys() {
            if seen.contains(file.as_str()) {
                continue;
            }
            if let Some(way) = self.way_back(file) {
                if KNOWN.contains(&file.as_str()) {
                    continue;
                }
                findings.push(format!("import loop: {}", self.described(&way)));
                seen.extend(way);
            }
        }
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known = KNOWN.iter().filter(|known| known.starts_with(folder) && self.way_back(known).is_none());
        findings.extend(known.map(|known| format!("{known} is in no import loop any more: take it out of KNOWN")));
        findings
    }

    /// The shortest way from a file to itself.
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
        of(&tree::of("src/lib.rs", files)).loops("src/lib.rs")
    }

    #[test]
    fn files_that_use_each_other_are_found_also_through_what_others_hand_on() {
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
    fn names_that_come_by_a_module_or_by_a_star_are_followed() {
        let found = loops(&[
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "use crate::b; pub fn a() { b::go() }"),
            ("src/b.rs", "use crate::c::*; pub fn go() { far() }"),
            ("src/c.rs", "pub fn far() { crate::a::a() }"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
