//! Each setting's documentation says what goes wrong at the extremes.

use std::path::Path;

use crate::shell::Failed;

/// The files with users' settings.
const FILES: &[&str] = &[
    "crates/everwire/src/builder/liveness.rs",
    "crates/everwire/src/builder/network.rs",
    "crates/everwire/src/builder/queues.rs",
    "crates/everwire/src/builder/retrying.rs",
    "crates/everwire-calls/src/config.rs",
    "crates/everwire-chat-server/src/config.rs",
    "crates/everwire-core/src/outbox/config.rs",
    "crates/everwire-core/src/retry/config.rs",
    "crates/everwire-core/src/session/config.rs",
    "crates/everwire-core/src/session/registry.rs",
    "crates/everwire-server/src/server/mod.rs",
    "crates/everwire-server/src/session/config.rs",
    "crates/everwire-ws/src/limits.rs",
];

/// Types with a low and a high end.
const QUANTITIES: &[&str] = &["Duration", "f64", "u32", "u64", "u8", "usize"];

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failed> {
    let mut findings = Vec::new();
    for path in FILES {
        let text = std::fs::read_to_string(root.join(path)).map_err(|error| Failed(format!("{path}: {error}")))?;
        findings.extend(without_extremes(path, &text));
    }
    Ok(findings)
}

fn without_extremes(path: &str, text: &str) -> Vec<String> {
    let (mut findings, mut documentation, mut is_report) = (Vec::new(), String::new(), false);
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(words) => documentation += &words.to_lowercase(),
            None if line.starts_with("#[") => {}
            None => {
                let told = std::mem::take(&mut documentation);
                if line.starts_with("pub struct ") {
                    is_report = line.contains("Report");
                }
                if let Some(name) = quantity(line).filter(|_| !is_report)
                    && told.matches("too ").count() < 2
                {
                    findings
                        .push(format!("{path}: {name}: say what goes wrong if it is too low and if it is too high"));
                }
            }
        }
    }
    findings
}

/// The name of a setting that is a number or a time: a public field, or a method with it as parameter that returns `Self`.
fn quantity(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let (name, of_type) = match rest.strip_prefix("fn ") {
        Some(method) => {
            let (name, rest) = method.split_once("(mut self, ")?;
            (name, rest.split_once(") -> Self")?.0.split_once(": ")?.1)
        }
        None => rest.strip_suffix(',')?.split_once(": ")?,
    };
    let of_type = of_type.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(of_type);
    QUANTITIES.contains(&of_type).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::without_extremes;

    #[test]
    fn a_number_or_a_time_without_its_extremes_is_found() {
        let text = "
            /// Bytes. Default: 1.
            pub bytes: usize,
            /// The pause.
            ///
            /// Too short: busy. Too long: late.
            pub fn pause(mut self, pause: Option<Duration>) -> Self {
            /// A name.
            pub name: String,
        ";
        let found = without_extremes("a.rs", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("a.rs: bytes"), "{found:?}");
    }
}
