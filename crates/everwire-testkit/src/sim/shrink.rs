//! The smallest scenario that still fails.

use super::probe;
use super::scenario::{Action, Scenario};
use super::{ClientSetup, PlainScript, ServerSetup};

/// Most runs that shrinking may take.
const RUNS: usize = 3_000;

/// Leaves out of a failing scenario what it does not take to fail: steps, rules, settings, messages. What fails in the
/// end need not fail with the same words. Gives back a scenario that does not fail as it is.
pub fn shrink(scenario: &Scenario) -> Scenario {
    let mut smallest = scenario.clone();
    let mut runs = 0;
    let fails = |scenario: &Scenario| probe::run(scenario).violation.is_some();
    if !fails(scenario) {
        return smallest;
    }
    loop {
        let better = candidates(&smallest).into_iter().find(|candidate| {
            runs += 1;
            runs <= RUNS && *candidate != smallest && fails(candidate)
        });
        match better {
            Some(better) => smallest = better,
            None => return smallest,
        }
    }
}

/// Simpler scenarios, the boldest first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut with = |change: Change<'_>| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        all.push(candidate);
    };
    let steps = scenario.steps.len();
    if steps > 3 {
        with(&|candidate| drop(candidate.steps.drain(steps / 2..)));
        with(&|candidate| drop(candidate.steps.drain(..steps / 2)));
    }
    for index in 0..steps {
        with(&|candidate| drop(candidate.steps.remove(index)));
    }
    for index in 0..scenario.network.rules.len() {
        with(&|candidate| drop(candidate.network.rules.remove(index)));
    }
    with(&|candidate| candidate.clients = 1);
    with(&|candidate| candidate.script = PlainScript::default());
    with(&|candidate| {
        candidate.client = ClientSetup { guarantee: candidate.client.guarantee, ..ClientSetup::default() }
    });
    with(&|candidate| candidate.server = ServerSetup { commit: candidate.server.commit, ..ServerSetup::default() });
    settings(&mut with);
    for index in 0..steps {
        with(&|candidate| halve(&mut candidate.steps[index].action));
        with(&|candidate| candidate.steps[index].at /= 2);
        with(&|candidate| candidate.steps[index].at = candidate.steps[index].at / 100 * 100);
    }
    with(&|candidate| candidate.calm_at /= 2);
    with(&|candidate| candidate.calm_at = 0);
    all
}

/// One way to make a scenario simpler.
type Change<'a> = &'a dyn Fn(&mut Scenario);

fn settings(with: &mut dyn FnMut(Change<'_>)) {
    macro_rules! reset {
        ($part:ident: $($field:ident),+ $(,)?) => {
            $(with(&|candidate| candidate.$part.$field = Default::default());)+
        };
    }
    reset!(client: guarantee, overflow, max_messages, max_bytes, batching, send_rate, send_burst, heartbeat, heartbeat_timeout, initial_delay,
        max_delay, no_jitter, budget, open_timeout, window, ack_delay, ack_every, work, inbox, write_buffer, socket_buffer,
        payload, poison_every, durable, commit, disk_fails, ttl, levels, volatile_every, unsealed);
    reset!(server: resume_within, window, window_bytes, message_bytes, outbox, ack_delay, ack_every, heartbeat,
        max_sessions, work, inbox, write_buffer, commit, finishes, echo);
}

fn halve(action: &mut Action) {
    match action {
        Action::Work { count } | Action::ServerWork { count } => *count = (*count / 2).max(1),
        Action::CrashClient { down: time }
        | Action::CrashServer { down: time }
        | Action::StallClient { time }
        | Action::StallServer { time }
        | Action::Sleep { time }
        | Action::Drain { within: time }
        | Action::Close { within: time } => *time /= 2,
        _ => {}
    }
}
