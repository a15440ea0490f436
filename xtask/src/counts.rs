//! `cargo xtask bench --check`: counts the instructions of hot paths with callgrind, and compares them with the accepted counts.
//!
//! The counts do not depend on how busy a machine is. They depend on the compiler, so another compiler is an error; on the C
//! library and valgrind, whose versions are reported where a count differs; and on the processor only as far as valgrind emulates
//! it, with AVX2 if the machine has it and never with AVX-512.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::setup;
use crate::shell::{self, Failed};

/// The largest accepted difference of a count, in percent.
const TOLERANCE: f64 = 3.0;

/// The function whose instructions count, with all that it calls.
const MEASURED: &str = "*everwire_counts::measure::measured*";

/// Counts all paths, or those that are named, and compares the counts with the accepted ones; with `--accept`, accepts them.
pub(crate) fn check(args: &[String]) -> Result<(), Failed> {
    let accept = args.iter().any(|arg| arg == "--accept");
    let named: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "--accept").collect();
    setup::valgrind()?;
    let tools = Tools::here()?;
    let file = shell::root().join(format!("benches/counts/{}.txt", tools.target));
    let accepted = if file.exists() { Some(Counts::parse(&shell::read(&file)?)?) } else { None };
    if !accept {
        agree_on_compiler(accepted.as_ref(), &tools)?;
    }
    let program = shell::built(&["--profile", "counts", "--package", "everwire-counts"])?;
    let paths = shell::output(shell::command(&program, &[]))?;
    if let Some(unknown) = named.iter().find(|name| !paths.lines().any(|path| path == **name)) {
        return Err(Failed(format!("there is no path '{unknown}'; choose of: {}", paths.replace('\n', " ").trim())));
    }
    let mut counted = BTreeMap::new();
    for path in paths.lines().filter(|path| named.is_empty() || named.contains(path)) {
        counted.insert(path.to_owned(), count(&program, path)?);
    }
    let before = accepted.as_ref().map(|accepted| &accepted.paths);
    print!("{}", table(before, &counted));
    if accept {
        let mut paths = before.filter(|_| !named.is_empty()).cloned().unwrap_or_default();
        paths.extend(counted);
        return shell::write(&file, &Counts { tools, paths }.to_text());
    }
    let accepted = accepted.ok_or_else(|| Failed("there are no counts to compare with".to_owned()))?;
    let mut differences = differences(&accepted.paths, &counted);
    if named.is_empty() {
        differences.extend(gone(&accepted.paths, &counted));
    }
    if differences.is_empty() { Ok(()) } else { Err(report(&differences, &accepted.tools, &tools)) }
}

/// What the counts depend on besides the code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tools {
    target: String,
    rustc: String,
    valgrind: String,
    libc: String,
}

impl Tools {
    fn here() -> Result<Self, Failed> {
        let rustc = shell::output(shell::command(std::env::var_os("RUSTC").unwrap_or("rustc".into()), &["-vV"]))?;
        let target = rustc.lines().find_map(|line| line.strip_prefix("host: "));
        let first = |output: Result<String, Failed>| {
            output
                .ok()
                .and_then(|output| Some(output.lines().next()?.trim().to_owned()))
                .unwrap_or("unknown".to_owned())
        };
        Ok(Self {
            target: target.ok_or_else(|| Failed("rustc names no host".to_owned()))?.to_owned(),
            rustc: first(Ok(rustc.clone())),
            valgrind: first(shell::output(shell::command("valgrind", &["--version"]))),
            libc: first(shell::output(shell::command("getconf", &["GNU_LIBC_VERSION"]))),
        })
    }
}

/// Checks that there are accepted counts for this target, made with this compiler; otherwise nothing could be compared.
fn agree_on_compiler(accepted: Option<&Counts>, here: &Tools) -> Result<(), Failed> {
    let how = "make them with `cargo xtask bench --check --accept`, on a commit whose speed is right";
    match accepted {
        None => Err(Failed(format!("there are no accepted counts for {}: {how}", here.target))),
        Some(accepted) if accepted.tools.rustc != here.rustc => Err(Failed(format!(
            "the accepted counts are by {}, and this is {}: they can't be compared; {how}",
            accepted.tools.rustc, here.rustc
        ))),
        Some(_) => Ok(()),
    }
}

/// Runs a path under callgrind; returns its instructions per operation.
fn count(program: &Path, path: &str) -> Result<f64, Failed> {
    let profile = profile_of(path);
    let mut valgrind = shell::command("valgrind", &["--tool=callgrind", "--collect-atstart=no"]);
    valgrind.arg(format!("--toggle-collect={MEASURED}"));
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    // Settings of the shell must not change the counts.
    valgrind.env_remove("GLIBC_TUNABLES").env_remove("MALLOC_ARENA_MAX").env("RUST_BACKTRACE", "0");
    valgrind.arg(program).arg(path).stderr(std::process::Stdio::null());
    let operations = shell::output(valgrind)?;
    let text = shell::read(&profile)?;
    let instructions =
        text.lines().find_map(|line| line.strip_prefix("summary: ")).and_then(|sum| sum.trim().parse().ok());
    per_operation(instructions, operations.trim().parse().ok())
        .ok_or_else(|| Failed(format!("{path}: callgrind has counted nothing (operations: {})", operations.trim())))
}

/// The file of a path's latest profile, for `callgrind_annotate`.
fn profile_of(path: &str) -> PathBuf {
    shell::target().join(format!("counts-{path}.out"))
}

/// The instructions per operation; `None` if nothing was measured, because a path that does no work must not pass.
fn per_operation(instructions: Option<u64>, operations: Option<u64>) -> Option<f64> {
    let (instructions, operations) = (instructions.filter(|it| *it > 0)?, operations.filter(|it| *it > 0)?);
    Some((instructions as f64 / operations as f64 * 10.0).round() / 10.0)
}

/// Accepted counts.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    tools: Tools,
    /// Instructions for each operation.
    paths: BTreeMap<String, f64>,
}

const HEAD: &str = "\
# Instructions for each operation of hot paths (benches/counts), as callgrind counts them.
# Checked by `cargo xtask bench --check`, written by `cargo xtask bench --check --accept`.
";

impl Counts {
    fn parse(text: &str) -> Result<Self, Failed> {
        let mut words = BTreeMap::new();
        let mut paths = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            match line.split_once(": ") {
                Some((name, value)) => drop(words.insert(name, value.to_owned())),
                None => {
                    let count = line.split_once(' ').and_then(|(name, count)| Some((name, count.trim().parse().ok()?)));
                    let (name, count) = count.ok_or_else(|| Failed(format!("accepted counts: no count: '{line}'")))?;
                    paths.insert(name.to_owned(), count);
                }
            }
        }
        let mut word = |name| words.remove(name).ok_or_else(|| Failed(format!("accepted counts: no '{name}'")));
        let tools =
            Tools { target: word("target")?, rustc: word("rustc")?, valgrind: word("valgrind")?, libc: word("libc")? };
        Ok(Self { tools, paths })
    }

    fn to_text(&self) -> String {
        let Tools { target, rustc, valgrind, libc } = &self.tools;
        let mut text = format!("{HEAD}target: {target}\nrustc: {rustc}\nvalgrind: {valgrind}\nlibc: {libc}\n\n");
        for (name, count) in &self.paths {
            text.push_str(&format!("{name:<24} {count:>12.1}\n"));
        }
        text
    }
}

/// A path whose count is not the accepted one.
#[derive(Clone, Debug, PartialEq)]
struct Difference {
    path: String,
    accepted: Option<f64>,
    counted: Option<f64>,
}

/// The counted paths whose counts differ from the accepted ones by more than the tolerance, and new paths.
fn differences(accepted: &BTreeMap<String, f64>, counted: &BTreeMap<String, f64>) -> Vec<Difference> {
    let differs = |before: Option<&f64>, now: f64| before.is_none_or(|before| change(*before, now).abs() > TOLERANCE);
    counted
        .iter()
        .filter(|(path, now)| differs(accepted.get(*path), **now))
        .map(|(path, now)| Difference {
            path: path.clone(),
            accepted: accepted.get(path).copied(),
            counted: Some(*now),
        })
        .collect()
}

/// The accepted paths that do not exist any more.
fn gone(accepted: &BTreeMap<String, f64>, counted: &BTreeMap<String, f64>) -> Vec<Difference> {
    let gone = accepted.iter().filter(|(path, _)| !counted.contains_key(*path));
    gone.map(|(path, before)| Difference { path: path.clone(), accepted: Some(*before), counted: None }).collect()
}

/// The change of a count, in percent.
fn change(before: f64, now: f64) -> f64 {
    (now / before - 1.0) * 100.0
}

fn table(accepted: Option<&BTreeMap<String, f64>>, counted: &BTreeMap<String, f64>) -> String {
    let mut text = format!("{:<24} {:>12} {:>12} {:>8}\n", "instructions for each", "accepted", "now", "");
    for (path, now) in counted {
        let before = accepted.and_then(|accepted| accepted.get(path));
        let accepted = before.map_or("-".to_owned(), |before| format!("{before:.1}"));
        let percent = before.map_or(String::new(), |before| format!("{:+.1} %", change(*before, *now)));
        text.push_str(&format!("{path:<24} {accepted:>12} {now:>12.1} {percent:>8}\n"));
    }
    text
}

fn report(differences: &[Difference], accepted: &Tools, here: &Tools) -> Failed {
    let mut lines = vec![format!("{} of the hot paths have changed:", differences.len())];
    for Difference { path, accepted, counted } in differences {
        lines.push(match (accepted, counted) {
            (Some(accepted), Some(counted)) => {
                let change = change(*accepted, *counted);
                let word = if change > 0.0 { "slower" } else { "faster" };
                format!("  {path}: {accepted:.1} instructions were accepted, now there are {counted:.1} ({change:+.1} %: {word})")
            }
            (None, Some(counted)) => format!("  {path}: new, {counted:.1} instructions"),
            (_, None) => format!("  {path}: gone"),
        });
    }
    if (&accepted.valgrind, &accepted.libc) != (&here.valgrind, &here.libc) {
        lines.push(format!(
            "  the accepted counts are by {} and {}; here are {} and {}, which may be the reason",
            accepted.valgrind, accepted.libc, here.valgrind, here.libc
        ));
    }
    lines.push("  `callgrind_annotate target/counts-PATH.out` shows where they are.".to_owned());
    lines.push(
        "  If this is meant: `cargo xtask bench --check --accept`, and commit the file with the change.".to_owned(),
    );
    Failed(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Tools {
        let word = str::to_owned;
        Tools { target: word("t"), rustc: word("rustc 1"), valgrind: word("valgrind 3"), libc: word("glibc 2") }
    }

    fn paths(counts: &[(&str, f64)]) -> BTreeMap<String, f64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn counts_come_back_as_they_were_written() {
        let counts = Counts { tools: tools(), paths: paths(&[("a", 1.5), ("a-longer-name-than-the-column", 1e6)]) };
        assert_eq!(Counts::parse(&counts.to_text()).map_err(|Failed(why)| why), Ok(counts));
    }

    #[test]
    fn more_and_less_than_three_percent_are_differences_and_so_are_new_and_gone_paths() {
        let accepted = paths(&[("more", 100.0), ("same", 100.0), ("less", 100.0), ("gone", 1.0)]);
        let counted = paths(&[("more", 103.1), ("same", 102.9), ("less", 96.9), ("new", 1.0)]);
        let names: Vec<_> = differences(&accepted, &counted).into_iter().map(|difference| difference.path).collect();
        assert_eq!(names, ["less", "more", "new"]);
        assert_eq!(gone(&accepted, &counted)[0].path, "gone");
    }

    #[test]
    fn a_difference_is_reported_with_both_counts_and_how_to_accept_it() {
        let counted = paths(&[("a", 110.0)]);
        let Failed(why) = report(&differences(&paths(&[("a", 100.0)]), &counted), &tools(), &tools());
        for part in ["a: 100.0", "110.0", "+10.0 %", "slower", "--accept"] {
            assert!(why.contains(part), "{part} in {why}");
        }
        assert!(!why.contains("valgrind 3"), "the tools are the same: {why}");
        let other = Tools { valgrind: "valgrind 4".to_owned(), ..tools() };
        let Failed(why) = report(&differences(&paths(&[("a", 100.0)]), &counted), &tools(), &other);
        assert!(why.contains("valgrind 3") && why.contains("valgrind 4"), "{why}");
    }

    #[test]
    fn counts_by_another_compiler_and_a_target_without_counts_are_errors() {
        let accepted = Counts { tools: tools(), paths: paths(&[]) };
        assert!(agree_on_compiler(Some(&accepted), &tools()).is_ok());
        let Err(Failed(why)) = agree_on_compiler(Some(&accepted), &Tools { rustc: "rustc 2".to_owned(), ..tools() })
        else {
            panic!("another compiler is accepted")
        };
        assert!(why.contains("rustc 1") && why.contains("rustc 2") && why.contains("--accept"), "{why}");
        assert!(agree_on_compiler(None, &tools()).is_err());
    }

    #[test]
    fn a_path_that_does_nothing_has_no_count() {
        assert_eq!(per_operation(Some(1000), Some(40)), Some(25.0));
        assert_eq!(per_operation(Some(0), Some(40)), None);
        assert_eq!(per_operation(Some(1000), Some(0)), None);
        assert_eq!(per_operation(Some(1000), None), None);
    }
}
