//! Scenarios drawn from a seed.
//!
//! - [`ends`]: the settings of both ends
//! - [`network`]: the network's faults
//! - [`steps`]: what users, operators and accidents do
//! - [`twists`]: what makes a scenario a special one

mod ends;
mod network;
mod steps;
mod twists;

use std::fmt;
use std::str::FromStr;

use self::ends::{client, script, server};
use self::network::network;
use self::steps::steps;
use self::twists::{abuse, awaiting, bad_greeting, durable, gentle, hostile_server, late, silence};
use super::{Action, Commit, Scenario, Step};
use crate::faults::Fault;
use crate::sim::hostile::Abuse;
use crate::sim::stage::Random;

/// The kind of scenario that is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A plain server, well-behaved or not.
    Plain,
    /// Both ends speak `everwire.v1`.
    Session,
    /// One or the other.
    #[default]
    All,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "plain" => Ok(Self::Plain),
            "session" => Ok(Self::Session),
            "all" => Ok(Self::All),
            other => Err(format!("no kind of scenario is called `{other}`: plain, session, all")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Session => "session",
            Self::All => "all",
        })
    }
}

pub(super) fn draw(seed: u64, kind: Kind) -> Scenario {
    let mut random = Random::new(seed ^ 0x5ce_a10);
    let session = match kind {
        Kind::Plain => false,
        Kind::Session => true,
        Kind::All => random.one_in(2),
    };
    let random = &mut random;
    // A few things at a time: who breaks everything at once learns little.
    let horizon = random.pick(&[300, 2_000, 8_000, 20_000]);
    let client = client(random, session);
    let network = network(random, seed, horizon, client.payload);
    let mut scenario = Scenario {
        seed,
        session,
        clients: if random.one_in(6) { 2 } else { 1 },
        client,
        server: server(random, session),
        network,
        calm_at: horizon + random.below(3_000),
        ..Scenario::default()
    };
    if !session {
        scenario.script = script(random);
        if scenario.server.work > 0 {
            // A plain server that is slow to read is slow to answer pings: who does not wait for it never gets through.
            (scenario.client.heartbeat, scenario.client.heartbeat_timeout) = (0, 0);
        }
    }
    if scenario.server.commit == Commit::Each && random.one_in(8) {
        scenario.client.volatile_every = random.pick(&[1, 2, 5]);
    }
    scenario.steps = steps(random, session, horizon, scenario.clients);
    if session && random.one_in(5) {
        durable(random, &mut scenario, horizon);
    } else if session && random.one_in(10) {
        gentle(random, &mut scenario);
    }
    scenario.client.unsealed = random.one_in(40);
    if session && random.one_in(8) {
        scenario.server.max_age = random.pick(&[1, 100, 1_500]);
    }
    if random.one_in(8) {
        scenario.client.send_rate = random.pick(&[20, 200, 3_000]);
        scenario.client.send_burst = random.pick(&[0, 3, 40]);
    }
    // Dice of their own: what was there before keeps its course.
    let random = &mut Random::new(seed ^ 0xa3_a175);
    if random.one_in(12) {
        awaiting(random, &mut scenario, horizon);
    }
    if session && random.one_in(12) {
        abuse(random, &mut scenario, horizon);
    }
    if session && random.one_in(12) {
        scenario.server.max_detached_bytes = random.pick(&[50, 300, 1_000]);
        let (action, at) = (Action::ServerWork { count: random.pick(&[5, 20]) }, random.below(horizon));
        scenario.steps.push(Step { at, client: 0, action });
    }
    if session && random.one_in(12) {
        bad_greeting(random, &mut scenario, horizon);
    }
    let slow = scenario.network.rules.iter().any(|rule| matches!(rule.fault, Fault::Split { .. }));
    if session && random.one_in(24) && !slow {
        // Through a tiny buffer, or byte by byte, a flood takes longer than anybody waits for the end.
        let room = &mut scenario.client.socket_buffer;
        *room = if *room == 0 { 0 } else { (*room).max(8_000) };
        let (at, time) = (random.below(horizon), random.pick(&[500, 3_000]));
        let action = Action::Flood { by: random.pick(Abuse::IDLE_TALK), time };
        scenario.steps.push(Step { at, client: 0, action });
    }
    if session && random.one_in(12) && !slow {
        hostile_server(random, &mut scenario, horizon);
    }
    if random.one_in(12) {
        late(random, &mut scenario, horizon);
    }
    if scenario.client.durable && random.one_in(4) {
        scenario.client.disk_vanishes = 1 + random.below(horizon);
    }
    let random = &mut Random::new(seed ^ 0x1d1e_7135);
    if !session && random.one_in(24) {
        silence(random, &mut scenario, horizon);
    }
    scenario.steps.sort_by_key(|step| step.at);
    scenario
}
