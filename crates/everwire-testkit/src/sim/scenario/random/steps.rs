//! What users, operators and accidents do.

use crate::sim::intruder::Intrusion;
use crate::sim::scenario::{Action, Prompt, Step};
use crate::sim::stage::Random;

pub(super) fn steps(random: &mut Random, session: bool, horizon: u64, clients: u32) -> Vec<Step> {
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
