//! The programs that run the cases: `autobahntestsuite` itself, for CPython 2.7, and `kosoku`, which drives the same case
//! files with Python 3.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::Thoroughness;
use super::shards::Shard;
use crate::children::{Running, wait_until};
use crate::shell::{self, Failed};

/// The longest time for a shard, more than any takes on a slow machine.
const MOST: Duration = Duration::from_secs(20 * 60);

/// The suites that are installed here.
pub(super) struct Suites {
    bulk: Suite,
    rest: Suite,
}

impl Suites {
    pub(super) fn install(thoroughness: Thoroughness) -> Result<Self, Failed> {
        let original = || {
            let bin = crate::python::environment_2_7("autobahn", "tests/autobahn/original.txt")?;
            Ok::<_, Failed>(bin.map(|bin| Suite::Original { wstest: bin.join("wstest") }))
        };
        let kosoku = || {
            let bin = crate::python::environment("kosoku", "tests/autobahn/kosoku.txt")?;
            Ok::<_, Failed>(Suite::Kosoku { python: bin.join("python") })
        };
        let original = if thoroughness == Thoroughness::WithoutOriginal { None } else { original()? };
        Ok(match (original, thoroughness) {
            (Some(original), Thoroughness::Original) => Self { bulk: original.clone(), rest: original },
            (Some(original), _) => Self { bulk: kosoku()?, rest: original },
            (None, _) => Self { bulk: kosoku()?, rest: kosoku()? },
        })
    }

    pub(super) fn of(&self, shard: &Shard) -> &Suite {
        if shard.is_bulk() { &self.bulk } else { &self.rest }
    }
}

/// A program that runs cases. Its report counts, not its exit code.
#[derive(Clone, Debug)]
pub(super) enum Suite {
    Original { wstest: PathBuf },
    Kosoku { python: PathBuf },
}

impl Suite {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Original { .. } => "autobahntestsuite",
            Self::Kosoku { .. } => "kosoku",
        }
    }

    /// Tests the server; the suite is the client.
    pub(super) fn test_server(&self, shard: &Shard, testee: &Path, folder: &Path) -> Result<(), Failed> {
        let cases = shard.cases;
        let mut server = Running::start(Command::new(testee).arg("server").args(shard.testee).stdout(Stdio::piped()))?;
        let address = server.first_line()?;
        let suite = match self {
            Self::Original { wstest } => {
                let servers = json!([{ "agent": "everwire", "url": format!("ws://{address}") }]);
                let spec = spec(folder, cases, json!({ "servers": servers }))?;
                command(wstest, &["-m", "fuzzingclient", "-s", &spec])
            }
            Self::Kosoku { python } => kosoku(python, "fuzzingclient", cases, folder, &address),
        };
        logged(suite, folder)?.wait(MOST).map(drop)
    }

    /// Tests the client; the suite is the server.
    pub(super) fn test_client(&self, shard: &Shard, testee: &Path, folder: &Path) -> Result<(), Failed> {
        let cases = shard.cases;
        let address = format!("127.0.0.1:{}", free_port()?);
        let suite = match self {
            Self::Original { wstest } => {
                let spec = spec(folder, cases, json!({ "url": format!("ws://{address}") }))?;
                // The port for the pages of the reports is 8080 by default; with 0 none is opened.
                command(wstest, &["-m", "fuzzingserver", "-s", &spec, "-u", "0"])
            }
            Self::Kosoku { python } => kosoku(python, "fuzzingserver", cases, folder, &address),
        };
        let mut suite = logged(suite, folder)?;
        let listens = || suite.has_ended() || TcpStream::connect(&address).is_ok();
        if !wait_until(Duration::from_secs(60), listens) || suite.has_ended() {
            return Err(Failed(format!("the suite does not listen on {address}: {}", log(folder).display())));
        }
        let mut client = Command::new(testee);
        let status =
            Running::start(client.args(["client", &address]).args(shard.testee).stdout(Stdio::null()))?.wait(MOST)?;
        if !status.success() {
            return Err(Failed(format!("the testee, as a client, failed ({status}): {}", log(folder).display())));
        }
        // The report is written after the testee's last connection.
        wait_until(Duration::from_secs(60), || super::verdict::read(folder).is_ok());
        Ok(())
    }
}

/// Writes the original's settings to a file, and returns its path.
fn spec(folder: &Path, cases: &[&str], role: serde_json::Value) -> Result<String, Failed> {
    let mut spec = json!({ "outdir": folder, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} });
    if let (Some(spec), serde_json::Value::Object(role)) = (spec.as_object_mut(), role) {
        spec.extend(role);
    }
    let path = folder.join("spec.json");
    shell::write(&path, &spec.to_string())?;
    Ok(path.to_string_lossy().into_owned())
}

fn kosoku(python: &Path, mode: &str, cases: &[&str], folder: &Path, address: &str) -> Command {
    let mut command = command(python, &["tests/autobahn/kosoku_repaired.py", "--mode", mode, "--outdir"]);
    command.arg(folder);
    for case in cases {
        command.args(["--include", case]);
    }
    command.arg(address);
    command
}

fn command(program: &Path, args: &[&str]) -> Command {
    shell::command(program, args)
}

fn log(folder: &Path) -> PathBuf {
    folder.join("suite.log")
}

fn logged(mut suite: Command, folder: &Path) -> Result<Running, Failed> {
    let failed = |error| Failed(format!("{}: {error}", log(folder).display()));
    let out = File::create(log(folder)).map_err(failed)?;
    let err = out.try_clone().map_err(failed)?;
    Running::start(suite.stdin(Stdio::null()).stdout(out).stderr(err))
}

fn free_port() -> Result<u16, Failed> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| Failed(format!("no port on loopback: {error}")))
}
