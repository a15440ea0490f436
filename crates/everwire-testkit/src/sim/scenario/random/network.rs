//! The faults of the network.

use std::time::Duration;

use crate::faults::{Answer, Connections, Directions, Ending, Fault, Rule, Schedule, When};
use crate::sim::stage::Random;

pub(super) fn network(random: &mut Random, seed: u64, horizon: u64, payload: u64) -> Schedule {
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
