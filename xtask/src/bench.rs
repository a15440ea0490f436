//! `cargo xtask bench`: measures Everwire and its peers in one run.

use std::path::PathBuf;

use crate::shell::{self, Failed};
use crate::{counts, js, kotlin, page, python, setup};

pub(crate) fn bench(args: &[String]) -> Result<(), Failed> {
    match args.split_first().map_or(("client", args), |(which, rest)| (which.as_str(), rest)) {
        (which @ ("client" | "idle" | "chat" | "chat-memory" | "chat-return"), []) => clients(which),
        (which @ ("session" | "recovery"), []) => {
            node_peers()?;
            clients(which)
        }
        ("scale", []) => scale(&["docs/scale.svg"]),
        ("scale", [size]) if size == "--large" => scale(&["docs/scale.svg", "--large"]),
        ("scale", [size]) if size == "--quick" => scale(&["-", "--quick"]),
        ("--check", rest) => counts::check(rest),
        ("ws", rest) => apart("benches/ws", rest),
        ("openings", rest) => apart("benches/openings", rest),
        ("calls", rest) => {
            node_peers()?;
            apart("benches/calls", rest)
        }
        ("kotlin", rest) => kotlin(rest),
        ("js", rest) => package(rest),
        ("cluster", []) => cluster(),
        ("herd", []) => herd(),
        ("page", []) => in_chromium(),
        (
            which @ ("client" | "session" | "idle" | "recovery" | "chat" | "chat-memory" | "chat-return" | "cluster"
            | "herd" | "page"),
            _,
        ) => Err(Failed(format!("the bench '{which}' takes no arguments"))),
        (other, _) => Err(Failed(format!(
            "there is no bench '{other}'; choose one of: client, session, calls, idle, recovery, chat, chat-memory, chat-return, cluster, page, js, kotlin, ws, openings, scale, herd, --check"
        ))),
    }
}

/// Measures whole clients, in processes of their own.
fn clients(which: &str) -> Result<(), Failed> {
    shell::run(shell::cargo(&["run", "--release", "--package", "everwire-benches", "--", which]))
}

/// Measures how the cost of one operation grows; the first option is the file for the plot, or `-` for none.
fn scale(options: &[&str]) -> Result<(), Failed> {
    let mut cargo = shell::cargo(&["run", "--release", "--package", "everwire-benches", "--", "scale"]);
    cargo.args(options);
    shell::run(cargo)
}

/// Runs thousands of clients for many minutes; fails if memory, descriptors or tasks grow.
pub(crate) fn soak(minutes: &str) -> Result<(), Failed> {
    shell::run(shell::cargo(&["run", "--release", "--package", "everwire-benches", "--", "soak", minutes]))
}

/// The version of Centrifugo that is compared with.
const CENTRIFUGO: &str = "github.com/centrifugal/centrifugo/v6@v6.9.1";

/// Measures a cluster, a single server, and Centrifugo if Go is installed to build it.
fn cluster() -> Result<(), Failed> {
    let nats_server = python::nats_server()?;
    let everwire = shell::built(&["--release", "--package", "everwire-cli"])?;
    let mut bench = shell::cargo(&["run", "--release", "--package", "everwire-benches", "--", "cluster"]);
    bench.arg(everwire).arg(nats_server);
    match centrifugo() {
        Ok(program) => drop(bench.arg(program)),
        Err(Failed(why)) => eprintln!("without Centrifugo: {why}"),
    }
    shell::run(bench)
}

/// Builds Centrifugo once, from Go's module proxy.
fn centrifugo() -> Result<PathBuf, Failed> {
    let folder = shell::root().join("target/go");
    let program = folder.join("centrifugo");
    if !program.exists() {
        let mut go = shell::command("go", &["install", CENTRIFUGO]);
        go.env("GOBIN", &folder).env("GOFLAGS", "-mod=mod");
        shell::run(go)?;
    }
    Ok(program)
}

/// Measures the chat's page in Chromium.
fn in_chromium() -> Result<(), Failed> {
    setup::setup()?;
    page::page()?;
    let everwire = shell::built(&["--release", "--package", "everwire-cli"])?;
    let mut node = shell::command("node", &["tests/page/bench.mjs"]);
    node.env("EVERWIRE_BINARY", everwire);
    shell::run(node)
}

/// Measures the Kotlin library in a JVM, with the release build of the binary as the server; `args` name the parts to run.
///
/// `--quick` builds without optimisation and runs each part for a moment, so its figures say nothing.
fn kotlin(args: &[String]) -> Result<(), Failed> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let build = if quick { kotlin::Build::Dev } else { kotlin::Build::Release };
    kotlin::kotlin(build, &["-DskipTests".to_owned()])?;
    let mut classpath = shell::command("mvn", &["--batch-mode", "--quiet", "dependency:build-classpath"]);
    classpath.current_dir(kotlin::folder()).args(["-Dmdep.outputFile=target/classpath", "-DincludeScope=test"]);
    shell::run(classpath)?;
    let libraries = shell::read(&kotlin::folder().join("target/classpath"))?;
    let everwire =
        if quick { shell::tested("everwire")? } else { shell::built(&["--release", "--package", "everwire-cli"])? };
    let path = format!("target/test-classes:target/classes:{}", libraries.trim());
    let mut java = shell::command("java", &["-cp", &path]);
    java.current_dir(kotlin::folder()).arg(format!("-Deverwire.binary={}", everwire.display()));
    for (name, little) in [("messages", "5000"), ("trips", "200"), ("rounds", "1")] {
        let given = std::env::var(format!("EVERWIRE_BENCH_{}", name.to_uppercase()));
        if let Some(value) = given.ok().or_else(|| quick.then(|| little.to_owned())) {
            java.arg(format!("-Dbench.{name}={value}"));
        }
    }
    java.arg("bench.BenchKt").args(args.iter().filter(|arg| *arg != "--quick"));
    shell::run(java)
}

/// Installs the peers for Node.js, at the versions of the lock file.
fn node_peers() -> Result<(), Failed> {
    shell::npm_ci("benches/peers")
}

/// Measures the npm package. `--quick` runs everything for a moment; its figures mean nothing.
fn package(args: &[String]) -> Result<(), Failed> {
    node_peers()?;
    shell::npm_ci("tests/page")?;
    js::build()?;
    let mut node = shell::command("node", &["bench/bench.mjs"]);
    let sessions = shell::built(&["--release", "--package", "everwire-tests", "--bin", "session-echo"])?;
    node.args(args).current_dir(shell::root().join("bindings/js")).env("EVERWIRE_SESSION_ECHO", sessions);
    shell::run(node)
}

/// Runs ten thousand clients in virtual time; fails if they reconnect less evenly than they should.
fn herd() -> Result<(), Failed> {
    let mut cargo = shell::cargo(&["run", "--quiet", "--profile", "sim", "--package", "everwire-testkit"]);
    cargo.args(["--example", "herd", "--", "docs/herd.svg"]);
    shell::run(cargo)
}

/// Measures the protocol crates, openings, or calls, each in a workspace of its own, so that the peers' dependencies stay out of
/// the others.
///
/// `--quick` builds without optimisation and runs everything for a moment; its figures mean nothing.
fn apart(folder: &str, args: &[String]) -> Result<(), Failed> {
    let mut cargo = shell::cargo(&["run", "--manifest-path", &format!("{folder}/Cargo.toml")]);
    if !args.iter().any(|arg| arg == "--quick") {
        cargo.arg("--release");
    }
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        cargo.args(["--target-dir", "target"]);
    }
    cargo.arg("--").args(args);
    shell::run(cargo)
}
