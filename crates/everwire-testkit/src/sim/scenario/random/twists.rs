//! What makes a scenario a special one: changes to one that was drawn.

use std::time::Duration;

use crate::faults::{Fault, Rule};
use crate::sim::hostile::Abuse;
use crate::sim::scenario::{Action, ClientSetup, GuaranteeChoice, Scenario, ServerSetup, Step};
use crate::sim::server::PlainScript;
use crate::sim::stage::Random;

/// A server that drops who is silent for less than the heartbeat's interval, in a world in which nothing else goes wrong.
pub(super) fn silence(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn bad_greeting(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn hostile_server(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn late(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
    (scenario.client.heartbeat, scenario.client.heartbeat_timeout) = (500, 1_000);
    let (by, jitter) = (Duration::from_millis(120), Duration::ZERO);
    scenario.network = scenario.network.clone().rule(Rule::new(Fault::Delay { by, jitter }));
    for _ in 0..random.pick(&[2, 5]) {
        let action = Action::StallClient { time: random.pick(&[1_100, 2_000]) };
        scenario.steps.push(Step { at: random.below(horizon), client: 0, action });
    }
}

/// Clients that mean harm, beside those that do not.
pub(super) fn abuse(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn awaiting(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn durable(random: &mut Random, scenario: &mut Scenario, horizon: u64) {
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
pub(super) fn gentle(random: &mut Random, scenario: &mut Scenario) {
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
