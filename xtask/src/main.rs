//! Every chore of the project, as `cargo xtask CHORE`. It requires only the Rust toolchain to start; `setup` installs what chores
//! require beyond that.

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
  test      set up, then run everything that CI runs; with ARGS, only the tests that they select for `cargo test`
  setup     install what the tests need: foreign WebSocket peers, proxies, a browser, cross compilers, cargo-deny
  autobahn  run the Autobahn test suite, all cases in both roles; ARGS: quick or kosoku, to run less or nothing of it
            by the original suite
  sim       run random scenarios over the shipped machines, in virtual time; `cargo xtask sim --help` lists ARGS
  cluster   run brokers, nodes and members under random faults, and check them; `cargo xtask cluster --help` lists ARGS
  bindings  check the bindings to other languages: formatting, lints, documents, licences, tests; ARGS: all, for
            the npm package and the jar too
  figures   compare the instructions of hot paths with the accepted counts, and run the simulator, as `test` does
  js        build, test and pack the npm package; ARGS: build, to build only
  kotlin    build the jar for Kotlin and Java and run its tests; ARGS go to Maven (-DskipTests, -Dtest=…)
  cross     check that it compiles for Windows and for 32 bits, as `test` does
  tidy      check the layering and the house rules that no compiler checks
  deny      check licences, sources and duplicate versions of every dependency
  audit     check dependencies for known vulnerabilities (fetches the advisory database)
  kills     kill a client with a durable outbox and its server 500 times under traffic; ARGS: another number of times
  soak      run 2,000 clients and sessions through cuts, floods and idle times for 30 minutes; ARGS: other minutes
  terminal  run a chat on real terminals, and write its screens to docs/terminal.md
  servers   observe what real WebSocket servers do, and write it to docs/servers.md
  screenshots  write screenshots of the chat's page to docs/page
  suite     build the tests of the client in a browser, for tests/page
  tokens    build the example of a token stream in a page, and serve it; ARGS: an address instead of 127.0.0.1:8080
  bench     measure Everwire and its peers in one run; ARGS: client, session, calls, idle, recovery, chat, cluster, page, js, kotlin, ws
            herd or scale (how the cost of one operation grows; --large, --quick);
            --check: compare the instructions of hot paths, all or those that are named, with the accepted counts, as
            `test` does (--accept: accept them)
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
        "figures" => test::figures(),
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
        other => Err(Failed(format!("there is no chore '{other}'; `cargo xtask help` lists them"))),
    }
}
