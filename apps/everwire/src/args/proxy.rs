//! Options of `everwire proxy`.

use std::path::PathBuf;

use clap::Args;
use everwire_testkit::faults::Profile;

/// Put a faulty network between any client and any server.
///
/// It listens, passes everything on to a server, and does to the connections what a schedule says: it cuts, stalls, delays,
/// splits, corrupts, refuses and more. Without a schedule nothing goes wrong until the control address is told so.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  Pass on to a server, by a schedule, until Ctrl-C:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8080 --schedule faults.toml
  A random network, the same each time for the same seed; and its schedule as a file:
    everwire proxy --to 127.0.0.1:8080 --profile mobile --seed 7
    everwire proxy --print --profile mobile --seed 7 > faults.toml
  Faults by hand, over HTTP:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8080 --control 127.0.0.1:9001
    curl -X POST http://127.0.0.1:9001/cut
    curl -X POST 'http://127.0.0.1:9001/blackhole?on=true'
  Is the file right?
    everwire proxy --check faults.toml

A schedule is TOML (or JSON), for instance:
    [[rule]]
    fault = \"cut\"              # also: black-hole stall delay bandwidth split corrupt refuse mute answer late
    every = 2                  # or: connection = 1, connections = [1, 4], probability = 0.2
    after-bytes = \"100..500\"   # or: after = \"3s\", after-messages = 5, at = \"1m\"

Exit codes:
    0  ended by Ctrl-C or a termination signal; with --check, the file is right
    1  could not start: a port in use, a file that is missing or wrong
    2  the command line makes no sense
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct ProxyArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(short, long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,

    /// The server to pass on to
    #[arg(short, long, value_name = "HOST:PORT", required_unless_present_any = ["check", "print"])]
    pub(crate) to: Option<String>,

    /// A schedule of faults, TOML or JSON
    #[arg(short, long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) schedule: Option<PathBuf>,

    /// A random schedule of this kind
    #[arg(short, long, value_name = "NAME", value_parser = profile_parser())]
    pub(crate) profile: Option<Profile>,

    /// Where chance comes from, instead of the file's seed; with a profile that has none, one is drawn and told
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Address and port for control over HTTP: GET /status, POST /cut, POST /blackhole?on=, POST /refuse?on=, GET and PUT
    /// /schedule, GET /log
    #[arg(short, long, value_name = "ADDRESS:PORT")]
    pub(crate) control: Option<String>,

    /// Say whether a schedule is right, and what it does, and end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "schedule", "profile", "control", "print"])]
    pub(crate) check: Option<PathBuf>,

    /// Print the schedule as TOML instead of starting
    #[arg(long)]
    pub(crate) print: bool,

    /// One JSON object per line for what happens, instead of words
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn profile_parser() -> impl clap::builder::TypedValueParser<Value = Profile> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(Profile::all().map(Profile::name)).try_map(|name| name.parse::<Profile>())
}
