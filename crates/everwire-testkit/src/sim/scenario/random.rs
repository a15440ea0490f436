//! Scenarios drawn from a seed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Action, ClientSetup, Commit, GuaranteeChoice, OverflowChoice, Prompt, Scenario, ServerSetup, Step};
use crate::faults::{Answer, Connections, Directions, Ending, Fault, Rule, Schedule, When};
use crate::sim::hostile::Abuse;
use crate::sim::intruder::Intrusion;
use crate::sim::server::PlainScript;
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

/// A server that drops who is silent for less than the heartbeat's interval, in a world in which nothing else goes wrong.
fn silence(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    let limit = random.pick(&[8_000, 12_000, 20_000]);
    scenario.network.rules.retain(|rule| matches!(rule.fault, Fault::Delay { .. }));
    scenario.steps.retain(|step| matches!(step.action, Action::Work { .. } | Action::ServerWork { .. }));
    scenario.client = ClientSetup { guarantee: scenario.client.guarantee, ..ClientSetup::default() };
    scenario.server = ServerSetup { echo: random.one_in(2), ..ServerSetup::default() };
    scenario.script = PlainScript { drops_silent: limit, ..PlainScript::default() };
    for at in (0..6 * u64::from(limit)).step_by(random.pick(&[1_000, 50_000])) {
        // A feed, or nearly nothing.
        scenario.steps.push(Step { at, client: 0, action: Action::ServerWork { count: 1 } });
    }
    scenario.calm_at = horizon + 6 * u64::from(limit);
}

/// A server that at some time begins to greet nobody as it should, and a client that is to move then.
fn bad_greeting(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    let begins = random.below(horizon);
    scenario.script.begins = begins as u32;
    if random.one_in(2) {
        scenario.script.withholds_welcome = true;
    } else {
        scenario.script.greets_wrongly = true;
    }
    let at = begins + random.below(horizon - begins);
    let action = if random.one_in(2) { Action::Migrate } else { Action::Drain { within: 20_000 } };
    scenario.steps.push(Step { at, client: 0, action });
}

/// A server that means harm to its clients, one of which may want to leave it.
fn hostile_server(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    let begins = random.below(horizon);
    scenario.script.begins = begins as u32;
    scenario.script.abuse = Some(random.pick(Abuse::ALL));
    // What is slow to handle shows what is held; each session that such a server begins leaves much of it behind.
    scenario.client.work = random.pick(&[2, 5]);
    scenario.client.window = random.pick(&[3, 10, 0]);
    let later = |random: &mut Random| begins + random.below(horizon - begins);
    let at = later(random);
    scenario.steps.push(Step { at, client: 0, action: if random.one_in(2) { Action::Cut } else { Action::Migrate } });
    if random.one_in(2) {
        let action =
            if random.one_in(4) { Action::Disconnect } else { Action::Close { within: random.pick(&[0, 50, 1_000]) } };
        scenario.steps.push(Step { at: at + random.below(1_000), client: 0, action });
        scenario.calm_at = scenario.calm_at.max(at + 3_000);
    }
}

/// A client that stands still while the answer to its ping arrives, longer than it may take.
fn late(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    (scenario.client.heartbeat, scenario.client.heartbeat_timeout) = (500, 1_000);
    let (by, jitter) = (Duration::from_millis(120), Duration::ZERO);
    scenario.network = scenario.network.clone().rule(Rule::new(Fault::Delay { by, jitter }));
    for _ in 0..random.pick(&[2, 5]) {
        let action = Action::StallClient { time: random.pick(&[1_100, 2_000]) };
        scenario.steps.push(Step { at: random.below(horizon), client: 0, action });
    }
}

/// Clients that mean harm, beside those that do not.
fn abuse(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    // What is slow to process shows what is held.
    scenario.server.work = random.pick(&[20, 150]);
    scenario.server.window = random.pick(&[3, 10, 0]);
    scenario.server.window_bytes = random.pick(&[500, 5_000]);
    if scenario.client.socket_buffer == 0 {
        scenario.client.socket_buffer = 8_000;
    }
    let begins = random.below(horizon);
    for _ in 0..random.pick(&[1, 2]) {
        let at = begins + random.below(horizon - begins);
        scenario.steps.push(Step { at, client: 0, action: Action::Abuse { by: random.pick(Abuse::ALL) } });
    }
    if random.one_in(2) {
        let at = horizon - random.below((horizon - begins).max(1));
        let action = if random.one_in(2) {
            // It has to be seen to end while the hostile client is still there.
            scenario.server.resume_within = 1_500;
            Action::FinishSessions
        } else {
            Action::EndSessions { retry_after: random.pick(&[0, 500]) }
        };
        scenario.steps.push(Step { at, client: 0, action });
        scenario.calm_at += 4_000;
    }
}

/// A user who awaits an outcome before taking the next message, while the server says more than the inbox holds.
fn awaiting(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    let client = &mut scenario.client;
    client.awaits = true;
    client.inbox = random.pick(&[1, 2, 4]);
    client.inbox_hard = random.pick(&[0, 0, 6, 12]);
    if client.inbox_hard > 0 {
        // At that limit each message that is taken costs a connection, or two.
        (client.heartbeat, client.heartbeat_timeout) = (500, 1_000);
        client.guarantee = random.pick(&[GuaranteeChoice::AtMostOnce, GuaranteeChoice::AtLeastOnce]);
        (client.initial_delay, client.max_delay) = (100, 1_000);
    }
    scenario.server.echo = false;
    for _ in 0..random.pick(&[1, 2, 4]) {
        let action = Action::ServerWork { count: random.pick(&[3, 10, 30]) };
        scenario.steps.push(Step { at: random.below(horizon), client: 0, action });
    }
    scenario.steps.sort_by_key(|step| step.at);
}

/// A client with a store, which crashes.
fn durable(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    let client = &mut scenario.client;
    client.durable = true;
    client.commit = random.pick(&[0, 5, 50, 400]);
    client.disk_fails = random.one_in(4);
    client.volatile_every = 0;
    for _ in 0..random.pick(&[1, 1, 3]) {
        let action = Action::CrashClient { down: random.pick(&[1, 100, 1_500]) };
        scenario.steps.push(Step { at: random.below(horizon), client: 0, action });
    }
    scenario.steps.sort_by_key(|step| step.at);
}

/// A world in which nothing should cost a connection: moves, and a server that leaves in good time.
fn gentle(random: &mut Random, scenario: &mut Scenario) {
    scenario.network.rules.retain(|rule| matches!(rule.fault, Fault::Delay { .. }));
    scenario
        .steps
        .retain(|step| matches!(step.action, Action::Work { .. } | Action::ServerWork { .. } | Action::Migrate));
    scenario.server.max_sessions = 0;
    scenario.client.socket_buffer = 0;
    (scenario.client.heartbeat_timeout, scenario.client.open_timeout) = (0, 0);
    let (at, within) = (random.between(3_000, 6_000), 5_000);
    scenario.steps.push(Step { at, client: 0, action: Action::Drain { within } });
}

fn client(random: &mut Random, session: bool) -> ClientSetup {
    let mut setup = ClientSetup {
        guarantee: random.pick(&[
            GuaranteeChoice::AtMostOnce,
            GuaranteeChoice::AtMostOnce,
            GuaranteeChoice::AtLeastOnce,
            GuaranteeChoice::Unproven,
        ]),
        heartbeat: random.pick(&[0, 500, 3_000, 10_000]),
        heartbeat_timeout: random.pick(&[0, 300, 1_000, 5_000]),
        initial_delay: random.pick(&[0, 100, 500]),
        max_delay: random.pick(&[0, 1_000, 10_000]),
        no_jitter: random.one_in(8),
        open_timeout: random.pick(&[0, 0, 1_000]),
        payload: random.pick(&[0, 60, 300, 300, 3_000]),
        ..ClientSetup::default()
    };
    if session && setup.guarantee == GuaranteeChoice::Unproven {
        setup.guarantee = GuaranteeChoice::AtMostOnce;
    }
    if random.one_in(3) {
        setup.overflow = random.pick(&[OverflowChoice::Reject, OverflowChoice::DropOldest, OverflowChoice::DropNewest]);
        setup.max_messages = random.pick(&[0, 1, 2, 5, 20]);
        setup.max_bytes = random.pick(&[0, 0, 4_000, 8_000]);
    }
    if !session && random.one_in(3) {
        setup.batching = random.pick(&[1, 20, 100]);
    }
    if random.one_in(6) {
        setup.ttl = random.pick(&[1, 100, 1_500]);
    }
    if random.one_in(6) {
        setup.levels = true;
        if setup.max_messages > 0 {
            setup.overflow = random.pick(&[setup.overflow, OverflowChoice::DropLowestPriority]);
        }
    }
    if session {
        setup.window = random.pick(&[0, 0, 1, 3, 10]);
        setup.ack_delay = random.pick(&[0, 1, 200]);
        setup.ack_every = random.pick(&[0, 1, 4]);
    }
    if random.one_in(3) {
        setup.work = random.pick(&[1, 10, 100]);
        setup.inbox = random.pick(&[1, 4, 0]);
    }
    if random.one_in(3) {
        setup.write_buffer = random.pick(&[1, 200, 4_000]);
        // A big message through a tiny buffer takes thousands of turns and shows nothing new.
        let least = setup.payload / 4;
        setup.socket_buffer = random.pick(&[17, 200, 1_000, 8_000]).max(least as usize);
    }
    if random.one_in(4) {
        setup.budget = random.pick(&[1, 2, 20]);
    }
    setup
}

fn server(random: &mut Random, session: bool) -> ServerSetup {
    let mut setup = ServerSetup::default();
    if random.one_in(3) {
        setup.work = random.pick(&[1, 20, 150]);
        setup.inbox = random.pick(&[1, 4, 0]);
    }
    setup.echo = random.one_in(4);
    if random.one_in(4) {
        setup.write_buffer = random.pick(&[1, 200, 4_000]);
    }
    if session {
        setup.resume_within = random.pick(&[0, 0, 1_000, 10_000]);
        setup.window = random.pick(&[0, 0, 1, 3, 10]);
        setup.window_bytes = random.pick(&[0, 0, 0, 500]);
        setup.message_bytes = random.pick(&[0, 0, 0, 200]);
        setup.outbox = random.pick(&[0, 0, 4]);
        setup.ack_delay = random.pick(&[0, 1, 200]);
        setup.ack_every = random.pick(&[0, 1, 4]);
        setup.heartbeat = random.pick(&[0, 1_000, 5_000]);
        setup.max_sessions = random.pick(&[0, 0, 0, 0, 2]);
        setup.commit = if random.one_in(2) { Commit::Together(random.pick(&[1, 10, 100])) } else { Commit::Each };
        setup.finishes = random.one_in(3);
    }
    setup
}

fn script(random: &mut Random) -> PlainScript {
    let mut script = PlainScript::default();
    match random.below(12) {
        0 => script.ignores_pings = true,
        1 => {
            script.closes_with = Some(random.pick(&[1000, 1001, 1008, 1011, 1012, 1013, 4000, 4401]));
            script.closes_after = random.pick(&[0, 10, 500, 3_000]);
        }
        2 => {
            script.closes_with = Some(random.pick(&[1001, 1011, 1012, 4000]));
            script.closes_after_messages = random.pick(&[1, 3, 8]);
        }
        3 => {
            script.refuses_with = Some(random.pick(&[302, 400, 401, 403, 429, 500, 503]));
            script.retry_after = random.pick(&[None, Some(1), Some(4)]);
        }
        4 => script.answers_nonsense = true,
        5 => script.reads_after = random.pick(&[100, 2_000]) as u32,
        6 => script.idle_pongs = true,
        7 => script.poison = Some(random.pick(&[1003, 1007, 1009])),
        _ => {}
    }
    script
}

fn network(random: &mut Random, seed: u64, horizon: u64, payload: u64) -> Schedule {
    let mut schedule = Schedule::new(seed);
    if !random.one_in(4) {
        let by = Duration::from_millis(random.pick(&[1, 20, 120]));
        let jitter = random.pick(&[Duration::ZERO, by]);
        schedule = schedule.rule(Rule::new(Fault::Delay { by, jitter }));
    }
    let rules = random.pick(&[0, 1, 1, 2, 3, 5]);
    for _ in 0..rules {
        let rule = rule(random, horizon, payload);
        schedule = schedule.rule(rule);
    }
    schedule
}

fn rule(random: &mut Random, horizon: u64, payload: u64) -> Rule {
    let ending = random.pick(&[Ending::Reset, Ending::Reset, Ending::Close]);
    let some = random.pick(&[20, 150, 600, 3_000]);
    let time = Duration::from_millis(random.pick(&[50, 500, 4_000, 12_000]));
    let soon = Duration::from_millis(random.below(horizon.min(5_000)) + 1);
    let either = random.pick(&[Directions::Both, Directions::ToServer, Directions::ToClient]);
    let which = match random.below(4) {
        0 => Connections::All,
        1 => Connections::Chance(0.5),
        2 => Connections::Only(vec![1 + random.below(3)]),
        _ => Connections::Every(2),
    };
    let rule = match random.below(13) {
        0 | 1 => Rule::new(Fault::Cut(ending)).when(When::Bytes(0..=some)).counting(either),
        2 => Rule::new(Fault::Cut(ending)).when(When::Messages(1..=some / 20)).counting(either),
        3 => Rule::new(Fault::Cut(ending)).when(When::After(Duration::ZERO..=soon)),
        4 => {
            let seen = random.pick(&[Directions::ToClient, Directions::ToServer]);
            Rule::new(Fault::Cut(ending)).when(When::After(Duration::ZERO..=soon)).direction(seen)
        }
        5 => Rule::new(Fault::BlackHole).when(When::After(Duration::ZERO..=soon)).direction(either),
        6 => Rule::new(Fault::BlackHole).when(When::Bytes(0..=some)).counting(either).direction(either),
        7 => Rule::new(Fault::Stall).when(When::After(Duration::ZERO..=soon)).lasting(time).direction(either),
        8 => Rule::new(Fault::Stall).when(When::Bytes(0..=some)).counting(either).lasting(time).direction(either),
        9 => {
            let size = random.between(1, 40).max(payload / 20) as usize;
            let gap = Duration::from_micros(random.pick(&[0, 100, 3_000]));
            Rule::new(Fault::Split { size, gap }).direction(either)
        }
        10 => Rule::new(Fault::Bandwidth(random.pick(&[300, 3_000, 30_000]))).lasting(Duration::from_secs(10)),
        11 => opening(random, horizon),
        _ => Rule::new(Fault::Corrupt(1 << random.below(8)))
            .when(When::Bytes(0..=some))
            .direction(random.pick(&[Directions::ToServer, Directions::ToClient])),
    };
    rule.on(which)
}

fn opening(random: &mut Random, horizon: u64) -> Rule {
    let fault = match random.below(5) {
        0 => Fault::Refuse,
        1 => Fault::Mute,
        2 => Fault::Answer(Answer::new(random.pick(&[429, 500, 503]))),
        3 => Fault::Late(Duration::from_millis(random.pick(&[50, 1_500, 11_000]))),
        _ => {
            let outage = Duration::from_millis(random.pick(&[500, 5_000, 15_000]));
            let at = Duration::from_millis(random.below(horizon));
            return Rule::new(Fault::Refuse).when(When::At(at)).lasting(outage);
        }
    };
    Rule::new(fault)
}

fn steps(random: &mut Random, session: bool, horizon: u64, clients: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |random: &mut Random, action| {
        steps.push(Step { at: random.below(horizon), client: random.below(u64::from(clients)) as u32, action });
    };
    for _ in 0..random.pick(&[1, 3, 6]) {
        let count = random.pick(&[1, 2, 5, 20]);
        step(random, Action::Work { count });
    }
    for _ in 0..random.pick(&[0, 1, 3]) {
        let count = random.pick(&[1, 2, 10]);
        step(random, Action::ServerWork { count });
    }
    for _ in 0..random.pick(&[0, 0, 1, 2, 4]) {
        let action = accident(random, session);
        step(random, action);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn accident(random: &mut Random, session: bool) -> Action {
    let short = random.pick(&[1, 100, 1_500]);
    let long = random.pick(&[50, 900, 4_000, 15_000]);
    match random.below(if session { 22 } else { 14 }) {
        0 => Action::Connect,
        1 => Action::Disconnect,
        2 => Action::Close { within: random.pick(&[0, 50, 3_000]) },
        3 => Action::Migrate,
        4 | 5 => {
            let hint =
                random.pick(&[Prompt::Online, Prompt::Offline, Prompt::NetworkChanged, Prompt::Woke, Prompt::RetryNow]);
            Action::Hint { hint }
        }
        6 => Action::CrashClient { down: short },
        7 | 8 => Action::CrashServer { down: short },
        9 => Action::StallClient { time: long },
        10 => Action::StallServer { time: long },
        11 => Action::Sleep { time: long },
        12 | 13 => Action::Cut,
        14 | 15 => Action::Drain { within: random.pick(&[0, 300, 5_000]) },
        16 => Action::EndSessions { retry_after: random.pick(&[0, 500]) },
        17 => Action::LoseNext,
        18 if random.one_in(2) => {
            let frame = random.pick(&["a9", "a1", "a999999", "m3:x", "m01:", "q", "x", "w{}"]).to_owned();
            Action::Forge { frame }
        }
        18 => Action::LoseNext,
        19 => Action::Intrude { by: Intrusion::WithoutToken },
        20 => Action::Intrude { by: Intrusion::WithStolenToken },
        _ => Action::Intrude { by: Intrusion::Replay },
    }
}
