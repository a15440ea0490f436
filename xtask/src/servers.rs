//! `cargo xtask servers`: observes what real WebSocket servers do and how the client reacts, and writes it to `docs/servers.md`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::shell::{self, Failed};
use crate::{python, setup};

const DOCUMENT: &str = "docs/servers.md";
/// The idle time, in seconds.
const IDLE: &str = "70";

const INTRODUCTION: &str = "\
# Real servers

What WebSocket servers that are in wide use do when they are stopped, when their handler returns, when nothing is said, and when
they are pinged, and what `everwire connect` makes of it. `cargo xtask servers` starts each of them on this machine, looks, and
writes this page; a test does the same for some of them and compares. Each runs the same small application
(`tests/servers`), mosquitto and nchan are what they are.

| column | what was done |
|---|---|
| SIGTERM | the server's process was told to stop while a connection was open; with a time if it took more than a second |
| handler returns | the application's handler for a connection ended without an error and without closing it; `close()` where it has no such end (tornado, `ws`, Bun, Deno, Jetty) |
| idle | nothing was said for 70 s, pings of the server's were answered |
| five pings | five pings in one write |
| ping at work | a ping while the handler worked for 2 s on a message (an asynchronous sleep where there is one) |
| our line | the outcome of a line that `everwire connect` sent |
| our client | what it did when the server was stopped and started again |

";

/// What follows the table.
const CONCLUSIONS: &str = "
What follows for a client, and what ours does:

- A server that stops says so in many ways, most often by nothing but the end of TCP; Close 1011, 1012 or a close without a
  code mean the same as 1001. All of them are retried.
- Close 1000 is what idle time-outs of Cowboy say, and what many servers send when a handler merely returns. A client that has
  pinged in time never meets the former; a ping goes out when either direction has been silent for `heartbeat_interval`, since
  Cowboy counts only what it receives.
- A pong may come late where the handler works (five of these servers), so a heartbeat's time-out must be longer than a handler
  takes; or never, where a handler only sends.
- Of several pings mosquitto answers the first alone. A ping that is sent when a pong has left others unanswered proves the rest.
- The connection of a stopped aiohttp stays open and deaf for twice its `shutdown_timeout` (2 s here, 60 s by default).
  The heartbeat finds it out.

Left out: what is particular to one version of one program, which is in [`findings`](../findings).
";

pub(crate) fn servers() -> Result<(), Failed> {
    setup::cowboy()?;
    shell::npm_ci("tests/servers")?;
    let python = python::environment("servers", "tests/servers/requirements.txt")?;
    let jars = jetty()?;
    let everwire = shell::built(&["--workspace", "--all-features", "--bin", "everwire"])?;
    let words = |path: &Path| path.to_string_lossy().into_owned();
    let mut survey = shell::command(python.join("python"), &["-B", "tests/servers/survey.py", "--idle", IDLE]);
    survey.args(["--at-once", "16", "--everwire", &words(&everwire), "--python", &words(&python)]);
    survey.args(["--node-modules", "tests/servers/node_modules", "--jars", &words(&jars)]);
    survey.args(["--cowboy", &words(&setup::cowboy_folder())]).stderr(Stdio::inherit());
    eprintln!("→ starting and observing the servers takes some two minutes");
    let rows = shell::output(survey)?;
    let head = "| server | SIGTERM | handler returns | idle | five pings | ping at work | our line | our client |\n|---|---|---|---|---|---|---|---|\n";
    shell::write(&shell::root().join(DOCUMENT), &format!("{INTRODUCTION}{head}{rows}{CONCLUSIONS}"))
}

/// Downloads Jetty and its dependencies, with Maven.
fn jetty() -> Result<PathBuf, Failed> {
    let jars = shell::target().join("servers/jars");
    if !shell::has("mvn") {
        eprintln!("  Maven is not installed, so Jetty is left out");
        return Ok(jars);
    }
    let output = format!("-DoutputDirectory={}", jars.to_string_lossy());
    let file = ["--quiet", "--batch-mode", "--file", "tests/servers/pom.xml"];
    shell::run(shell::command("mvn", &[&file[..], &["dependency:copy-dependencies", &output]].concat()))?;
    Ok(jars)
}
