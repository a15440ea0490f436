//! A scenario as data: settings, steps, and the network's faults. The same scenario always takes the same course.
//!
//! - [`Scenario`]: all of it, and its text form
//! - [`ClientSetup`], [`ServerSetup`]: the settings of both ends
//! - [`Step`], [`Action`]: what users, operators and accidents do
//! - `random`: one drawn from a seed

mod actions;
mod random;
mod setup;
mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use actions::{Action, Prompt, Step};
pub use random::Kind;
pub use setup::{ClientSetup, Commit, GuaranteeChoice, OverflowChoice, ServerSetup};
pub use text::ScenarioError;

use super::mutant::Mutant;
use super::server::PlainScript;
use crate::faults::{Fault, Schedule};

/// A delay that nobody minds.
const GENTLE: Duration = Duration::from_millis(300);

/// All that decides what happens in a world.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scenario {
    /// A description in a line. Default: empty.
    pub name: String,
    /// The seed of all randomness. Default: 0.
    pub seed: u64,
    /// `true` if both ends speak `everwire.v1`. Default: they do not.
    pub session: bool,
    /// The number of clients; each is a principal of its own. Default: 0, which counts as 1.
    pub clients: u32,
    /// The clients' settings.
    pub client: ClientSetup,
    /// The server's settings.
    pub server: ServerSetup,
    /// The way a plain server behaves.
    pub script: PlainScript,
    /// The network's faults. None begins once the scenario is calm.
    pub network: Schedule,
    /// An action and its time.
    pub steps: Vec<Step>,
    /// From this time on everything is well again: then all that is open has to come to its end. In milliseconds;
    /// default: 0, which counts as the time of the last step.
    pub calm_at: u64,
    /// The rule that is broken.
    pub mutant: Option<Mutant>,
}

impl Scenario {
    /// A scenario of this kind, the same for the same seed.
    pub fn random(seed: u64, kind: Kind) -> Self {
        random::draw(seed, kind)
    }

    /// Leaves out what no application can answer for: crashes of the client, users who leave, messages that may be
    /// dropped, expire or be lost, sessions that end, and peers that lie. What is left: cuts, stalls, moves, crashes of the
    /// server, and everything that is slow.
    pub fn keep_honest(&mut self) {
        self.steps.retain(|step| {
            matches!(
                step.action,
                Action::Work { .. }
                    | Action::ServerWork { .. }
                    | Action::Connect
                    | Action::Migrate
                    | Action::Hint { .. }
                    | Action::CrashServer { .. }
                    | Action::StallClient { .. }
                    | Action::StallServer { .. }
                    | Action::Sleep { .. }
                    | Action::Drain { .. }
                    | Action::Cut
            )
        });
        let client = &mut self.client;
        client.overflow = OverflowChoice::Reject;
        (client.ttl, client.levels, client.volatile_every, client.unsealed) = (0, false, 0, false);
        (self.server.resume_within, self.server.message_bytes) = (0, 0);
        (self.server.max_sessions, self.server.max_detached_bytes) = (0, 0);
        self.script.abuse = None;
    }

    /// Whether nothing in it should cost a connection: delays only, and moves that are told in time.
    pub(crate) fn is_gentle(&self) -> bool {
        let rules = &self.network.rules;
        self.session
            && rules.iter().all(|rule| matches!(rule.fault, Fault::Delay { by, jitter } if by.saturating_add(jitter) < GENTLE))
            && self.steps.iter().all(|step| match step.action {
                Action::Work { .. } | Action::ServerWork { .. } | Action::Migrate => true,
                // It tells those who are connected.
                Action::Drain { within } => step.at >= 3_000 && within >= 5_000,
                _ => false,
            })
            && self.script == PlainScript::default()
            && self.server.max_sessions == 0
            && self.server.max_detached_bytes == 0
            && self.client.socket_buffer == 0
            // Who reads too slowly hears too late that the server goes.
            && self.longest_reading() < 4_000
            // Who gives its peer less time than the way takes has lost the connection by its own hand.
            && [self.client.heartbeat_timeout, self.client.open_timeout].iter().all(|time| *time == 0 || *time > 1_200)
    }

    /// For how long a client's handler may have work with what the server says, in milliseconds.
    fn longest_reading(&self) -> u64 {
        let messages = self.steps.iter().map(|step| match step.action {
            Action::ServerWork { count } => count,
            Action::Work { count } if self.server.echo => count,
            _ => 0,
        });
        messages.map(u64::from).sum::<u64>().saturating_mul(self.client.work)
    }

    /// From when on everything is well.
    pub fn calm(&self) -> Duration {
        let last = self.steps.iter().map(Step::over_at).max().unwrap_or(0);
        Duration::from_millis(self.calm_at.max(last))
    }
}

/// The parts of a scenario's text that have no form of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    seed: u64,
    session: bool,
    #[serde(skip_serializing_if = "is_default")]
    clients: u32,
    #[serde(skip_serializing_if = "is_default")]
    calm_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutant: Option<Mutant>,
    /// The network's schedule, in its own text form.
    #[serde(skip_serializing_if = "String::is_empty")]
    network: String,
    #[serde(skip_serializing_if = "is_default")]
    client: ClientSetup,
    #[serde(skip_serializing_if = "is_default")]
    server: ServerSetup,
    #[serde(skip_serializing_if = "is_default")]
    script: PlainScript,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    step: Vec<Step>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
