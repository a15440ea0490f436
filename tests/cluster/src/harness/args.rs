//! The command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Done;
use super::network::Network;

pub(crate) const HELP: &str = "\
cargo xtask cluster [OPTIONS]

Three brokers (nats-server with JetStream), three nodes (`everwire serve --cluster`) and their members, under faults that
a seed decides; then a checker over everything that the members have seen.

  --seed N        the first schedule's seed; the others' follow [default: of the clock]
  --seconds N     how long faults go on in each schedule [default: 30]
  --schedules N   how many schedules [default: 1]
  --local         one node with SQLite and no broker
  --unprivileged  without network namespaces and file systems of our own: no partitions, no stalled watch, no full disk
  --without PART  leave out what a part of the system promises: access (tokens and bans) or presence; may be repeated
  --binary FILE   the program to be tested [default: `everwire`, built as the tests build it]
  --keep DIR      where folders and logs of the processes are kept [default: a temporary folder, kept if a rule is broken]";

/// What to run.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) schedules: u64,
    pub(crate) local: bool,
    unprivileged: bool,
    /// Whether members have tokens, and one is banned; else they are guests.
    pub(crate) has_access: bool,
    /// Whether presence is checked.
    pub(crate) has_presence: bool,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) keep: Option<PathBuf>,
}

impl Args {
    /// `None` if only help is wanted.
    pub(crate) fn parse(args: &[String]) -> Done<Option<Self>> {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut parsed = Self {
            seed,
            seconds: 30,
            schedules: 1,
            local: false,
            unprivileged: false,
            has_access: true,
            has_presence: true,
            binary: None,
            keep: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} wants a value"));
            let number =
                |text: &String| text.parse().map_err(|_| format!("{arg} wants a number, and '{text}' is none"));
            match arg.as_str() {
                "--seed" => parsed.seed = number(value()?)?,
                "--seconds" => parsed.seconds = number(value()?)?,
                "--schedules" => parsed.schedules = number(value()?)?,
                "--local" => parsed.local = true,
                "--unprivileged" => parsed.unprivileged = true,
                "--without" => match value()?.as_str() {
                    "access" => parsed.has_access = false,
                    "presence" => parsed.has_presence = false,
                    other => return Err(format!("no part is called '{other}'; there are access and presence")),
                },
                "--binary" => parsed.binary = Some(value()?.into()),
                "--keep" => parsed.keep = Some(value()?.into()),
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("no option is called '{other}'; --help lists them")),
            }
        }
        Ok(Some(parsed))
    }

    pub(crate) fn machines(&self) -> usize {
        if self.local { 1 } else { 3 }
    }

    /// Namespaces, if they are wanted and can be made.
    pub(crate) fn network(&self) -> Done<Network> {
        if self.unprivileged {
            return Ok(Network::loopback(self.machines()));
        }
        Network::namespaces(self.machines()).map_err(|why| {
            format!(
                "this machine allows no network namespaces ({why}); as root it does. --unprivileged leaves partitions, \
                 stalled watches and full disks out"
            )
        })
    }
}
