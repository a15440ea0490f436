//! Every chore of the project, as `cargo xtask CHORE`. Needs nothing but the Rust toolchain to start; what a chore needs
//! beyond that, `setup` installs.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod aside;
mod autobahn;
mod bench;
mod bindings;
mod children;
mod cluster;
mod counts;
mod cross;
mod js;
mod kotlin;
mod page;
mod python;
mod run;
mod servers;
mod setup;
mod shell;
mod sim;
mod test;
mod tidy;

use std::process::ExitCode;

use shell::Failed;

const HELP: &str = "\
cargo xtask CHORE [-- ARGS]

  run       build the page and the chat server, and start it; ARGS go to `everwire serve`
  page      build the chat's page; the next build of the binary has it
  test      set up, then everything that CI runs; with ARGS, only the tests that they select for `cargo test`
  setup     install what the tests need: foreign WebSocket peers, proxies, a browser, cross compilers, cargo-deny
  autobahn  the Autobahn test suite, all cases in both roles; ARGS: quick or kosoku, for less by the original suite
  sim       random scenarios over the machines that ship, in virtual time; `cargo xtask sim --help` tells ARGS
  cluster   brokers, nodes and members under random faults, and a checker; `cargo xtask cluster --help` tells ARGS
  bindings  check the bindings to other languages: formatting, lints, documents, licences, tests; ARGS: all, for
            the npm package and the jar too
  js        build, test and pack the npm package; ARGS: build, for the first alone
  kotlin    build the jar for Kotlin and Java and run its tests; ARGS go to Maven (-DskipTests, -Dtest=…)
  cross     check that it compiles for Windows and for 32 bits, as `test` does
  tidy      check the layering and the house rules that no compiler checks
  deny      licences, sources and duplicate versions of every dependency
  audit     known vulnerabilities in dependencies (fetches the advisory database)
  kills     kill a client with a durable outbox and its server 500 times under traffic; ARGS: how often instead
  soak      2,000 clients and sessions through cuts, floods and idle times; ARGS: minutes instead of 30
  terminal  play the terminal's story on real terminals and write its screens to docs/terminal.md
  servers   look what real WebSocket servers do, and write it to docs/servers.md
  screenshots  the chat's page as it looks, written to docs/page
  suite     build the tests of the client in a browser, for tests/page
  tokens    build the example of a token stream in a page, and serve it; ARGS: an address instead of 127.0.0.1:8080
  bench     measure against peers, side by side; ARGS: client, session, calls, idle, recovery, chat, cluster, page, js, kotlin, ws
            herd or scale (how the cost of one operation grows; --large, --quick); after kotlin, names of its parts, or --quick;
            --check: count the instructions of hot paths against those that were accepted, as `test` does (--accept: accept
            them), all or those that are named
  help      this text";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next().unwrap_or_else(|| "help".to_owned());
    let mut rest: Vec<String> = args.collect();
    if rest.first().is_some_and(|first| first == "--") {
        rest.remove(0);
    }
    match dispatch(&chore, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(why)) => {
            eprintln!("xtask {chore}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(chore: &str, rest: &[String]) -> Result<(), Failed> {
    match chore {
        "run" => run::run(rest),
        "page" => page::page(),
        "test" => test::test(rest),
        "setup" => setup::setup(),
        "tidy" => tidy::tidy(),
        "bindings" if rest == ["all"] => test::bindings(),
        "bindings" => bindings::check(),
        "js" => js::js(rest),
        "kotlin" => kotlin::kotlin(kotlin::Build::Release, rest),
        "cross" => cross::check(),
        "deny" => test::deny(),
        "audit" => test::audit(),
        "autobahn" => autobahn::autobahn(rest),
        "kills" => test::kills(rest.first().map_or("500", String::as_str)),
        "soak" => bench::soak(rest.first().map_or("30", String::as_str)),
        "terminal" => test::terminal(),
        "screenshots" => test::screenshots(),
        "suite" => page::suite(),
        "tokens" => page::tokens(rest.first().map(String::as_str)),
        "bench" => bench::bench(rest),
        "sim" => sim::sim(rest),
        "cluster" => cluster::cluster(rest),
        "servers" => servers::servers(),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Failed(format!("no chore is called '{other}'; `cargo xtask help` lists them"))),
    }
}
