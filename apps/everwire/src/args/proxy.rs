//! Options of `everwire proxy`.

use std::path::PathBuf;

use clap::Args;
use everwire_testkit::faults::Profile;

use super::numbers;

/// Put a faulty network between a client and a server.
///
/// It listens, forwards each connection to a server, and applies the faults of a schedule: it cuts, stalls, delays,
/// splits, corrupts, refuses and more. Without a schedule it only forwards, until a request to --control asks for a
/// fault.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  Forward to a server, with the faults of a schedule, until Ctrl-C:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8080 --schedule faults.toml
  Random faults, the same each time for the same seed; and their schedule as a file:
    everwire proxy --to 127.0.0.1:8080 --profile mobile --seed 7
    everwire proxy --print --profile mobile --seed 7 > faults.toml
  Faults by hand, over HTTP:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8080 --control 127.0.0.1:9001
    curl -X POST http://127.0.0.1:9001/cut
    curl -X POST 'http://127.0.0.1:9001/blackhole?on=true'
  Check a schedule:
    everwire proxy --check faults.toml

A schedule is TOML (or JSON), for instance:
    [[rule]]
    fault = \"cut\"              # or: black-hole stall delay bandwidth split corrupt refuse
                               #     mute answer late
    every = 2                  # or: connection = 1, connections = [1, 4], probability = 0.2
    after-bytes = \"100..500\"   # or: after = \"3s\", after-messages = 5, at = \"1m\"

Exit codes:
    0  ended by Ctrl-C or a termination signal; with --check, the file is valid
    1  could not start: a port in use, a file that is missing or not valid
    2  the command line is not valid
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct ProxyArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(short, long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,

    /// Server to forward to
    #[arg(short, long, value_name = "HOST:PORT", required_unless_present_any = ["check", "print"])]
    pub(crate) to: Option<String>,

    /// Schedule of faults, in TOML or JSON [default: no faults]
    #[arg(short, long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) schedule: Option<PathBuf>,

    /// Use a random schedule of this kind
    #[arg(short, long, value_name = "NAME", value_parser = profile_parser())]
    pub(crate) profile: Option<Profile>,

    /// Seed of the random choices, in place of the schedule's; without one, --profile chooses one and prints it
    #[arg(long, value_name = "N", value_parser = numbers::at_least(0_u64))]
    pub(crate) seed: Option<u64>,

    /// Address and port for control over HTTP: GET /status, POST /cut, POST /blackhole?on=, POST /refuse?on=, GET and
    /// PUT /schedule, GET /log [default: none]
    #[arg(short, long, value_name = "ADDRESS:PORT")]
    pub(crate) control: Option<String>,

    /// Check a schedule, print what it does, and exit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "schedule", "profile", "control", "print"])]
    pub(crate) check: Option<PathBuf>,

    /// Print the schedule as TOML, and exit
    #[arg(long)]
    pub(crate) print: bool,

    /// Print events as JSON, one object per line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn profile_parser() -> impl clap::builder::TypedValueParser<Value = Profile> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(Profile::all().map(Profile::name)).try_map(|name| name.parse::<Profile>())
}
