//! Kinds of random schedules.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dice::{Dice, key};
use super::{Answer, Connections, Directions, Ending, Fault, Rule, Schedule, When};

/// The kind of network that a random schedule makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// Nothing goes wrong.
    Calm,
    /// Connections are cut, at any byte, message or time.
    Cuts,
    /// Connections go silent, one way or both, for ever or for a while.
    Silence,
    /// Delay, jitter, little bandwidth and small pieces.
    Slow,
    /// Connections are refused, not answered, answered with errors, or come late.
    Doorstep,
    /// A phone on the move: delays and stalls, now and then a cut or a black hole, and no network for a while.
    Mobile,
    /// All of the above. Bytes arrive as they were sent or not at all.
    Mixed,
    /// As mixed, and bytes are changed as well.
    Hostile,
}

const ALL: [(Profile, &str); 8] = [
    (Profile::Calm, "calm"),
    (Profile::Cuts, "cuts"),
    (Profile::Silence, "silence"),
    (Profile::Slow, "slow"),
    (Profile::Doorstep, "doorstep"),
    (Profile::Mobile, "mobile"),
    (Profile::Mixed, "mixed"),
    (Profile::Hostile, "hostile"),
];

/// One kind of random rule.
type Draw = fn(&mut Dice) -> Rule;

const CUTS: &[Draw] = &[cut_by_bytes, cut_by_bytes, cut_by_messages, cut_by_time, cut_unseen];
const SILENCE: &[Draw] = &[black_hole, half_open, stall];
const SLOW: &[Draw] = &[delay, bandwidth, split];
const DOORSTEP: &[Draw] = &[refuse, outage, mute, answer, late];
const MOBILE: &[Draw] = &[delay, delay, stall, stall, cut_by_time, black_hole, outage];
const CORRUPT: &[Draw] = &[corrupt];

impl Profile {
    /// All profiles, from harmless to hostile.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter().map(|(profile, _)| profile)
    }

    /// Its name in options and logs.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(profile, _)| *profile == self).map_or("", |(_, name)| name)
    }

    fn draws(self) -> &'static [&'static [Draw]] {
        match self {
            Self::Calm => &[],
            Self::Cuts => &[CUTS],
            Self::Silence => &[SILENCE],
            Self::Slow => &[SLOW],
            Self::Doorstep => &[DOORSTEP],
            Self::Mobile => &[MOBILE],
            Self::Mixed => &[CUTS, CUTS, SILENCE, SLOW, DOORSTEP],
            Self::Hostile => &[CUTS, CUTS, SILENCE, SLOW, DOORSTEP, CORRUPT],
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = ALL.iter().find(|(_, name)| *name == text).map(|(profile, _)| *profile);
        found.ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|(_, name)| *name).collect();
            format!("{text:?} is no profile; there are {}", names.join(", "))
        })
    }
}

impl Schedule {
    /// A random schedule of the profile's kind, the same for the same seed.
    pub fn random(seed: u64, profile: Profile) -> Self {
        draw(seed, profile)
    }
}

/// One to six rules, each of a group of the profile's.
fn draw(seed: u64, profile: Profile) -> Schedule {
    let groups = profile.draws();
    let mut dice = Dice::new(seed, &[key(profile.name())]);
    let mut schedule = Schedule::new(seed);
    let count = if groups.is_empty() { 0 } else { dice.number(&(1..=6)) };
    for number in 1..=count {
        let draw = dice.pick(groups).and_then(|group| dice.pick(group));
        if let Some(draw) = draw {
            let rule = draw(&mut dice);
            // By their names the rules keep their dice when others are taken away.
            let name = format!("{}-{number}", rule.fault.name());
            schedule = schedule.rule(rule.named(name));
        }
    }
    schedule
}

/// Never all connections of a fault that ends them: some get through, or nothing could be learned.
fn some(dice: &mut Dice) -> Connections {
    match dice.number(&(0..=2)) {
        0 => Connections::Only(numbers(dice)),
        1 => Connections::Every(dice.number(&(2..=4))),
        _ => Connections::Chance(dice.number(&(1..=6)) as f64 / 10.0),
    }
}

fn numbers(dice: &mut Dice) -> Vec<u64> {
    let count = dice.number(&(1..=3));
    let mut numbers: Vec<u64> = (0..count).map(|_| dice.number(&(1..=8))).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn direction(dice: &mut Dice) -> Directions {
    [Directions::Both, Directions::ToServer, Directions::ToClient][dice.number(&(0..=2)) as usize]
}

fn one_way(dice: &mut Dice) -> Directions {
    [Directions::ToServer, Directions::ToClient][dice.number(&(0..=1)) as usize]
}

fn ending(dice: &mut Dice) -> Ending {
    if dice.chance(0.7) { Ending::Reset } else { Ending::Close }
}

/// Small numbers as often as large ones.
fn size(dice: &mut Dice, most: u32) -> u64 {
    let bits = dice.number(&(0..=u64::from(most)));
    dice.number(&(0..=(1 << bits)))
}

fn millis(dice: &mut Dice, most: u64) -> Duration {
    Duration::from_millis(dice.number(&(1..=most)))
}

fn bytes(dice: &mut Dice) -> When {
    let bytes = size(dice, 14);
    When::Bytes(bytes..=bytes)
}

fn after(dice: &mut Dice) -> When {
    let after = millis(dice, 20_000);
    When::After(after..=after)
}

fn whenever(dice: &mut Dice) -> When {
    match dice.number(&(0..=2)) {
        0 => bytes(dice),
        1 => after(dice),
        _ => When::At(millis(dice, 20_000)),
    }
}

fn cut_by_bytes(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Cut(ending(dice))).on(some(dice)).when(bytes(dice)).counting(one_way(dice))
}

fn cut_by_messages(dice: &mut Dice) -> Rule {
    let messages = size(dice, 6);
    Rule::new(Fault::Cut(ending(dice))).on(some(dice)).when(When::Messages(messages..=messages)).counting(one_way(dice))
}

fn cut_by_time(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Cut(ending(dice))).on(some(dice)).when(after(dice))
}

fn cut_unseen(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Cut(ending(dice))).on(some(dice)).when(whenever(dice)).direction(one_way(dice))
}

fn black_hole(dice: &mut Dice) -> Rule {
    let when = if dice.chance(0.5) { bytes(dice) } else { after(dice) };
    Rule::new(Fault::BlackHole).on(some(dice)).when(when)
}

fn half_open(dice: &mut Dice) -> Rule {
    black_hole(dice).direction(one_way(dice))
}

fn stall(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Stall).on(some(dice)).when(whenever(dice)).direction(direction(dice)).lasting(millis(dice, 15_000))
}

fn delay(dice: &mut Dice) -> Rule {
    let fault = Fault::Delay { by: millis(dice, 500), jitter: millis(dice, 500) };
    Rule::new(fault).on(some(dice)).direction(direction(dice))
}

fn bandwidth(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Bandwidth(512 << dice.number(&(0..=8)))).on(some(dice)).direction(direction(dice))
}

fn split(dice: &mut Dice) -> Rule {
    let size = 1 + size(dice, 8) as usize;
    let gap = Duration::from_micros(dice.number(&(0..=2_000)));
    Rule::new(Fault::Split { size, gap }).on(some(dice)).direction(direction(dice))
}

fn refuse(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Refuse).on(some(dice))
}

fn outage(dice: &mut Dice) -> Rule {
    let at = millis(dice, 20_000);
    Rule::new(Fault::Refuse).when(When::At(at)).lasting(millis(dice, 10_000))
}

fn mute(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Mute).on(some(dice))
}

fn answer(dice: &mut Dice) -> Rule {
    let status = [500, 502, 503, 429][dice.number(&(0..=3)) as usize];
    let answer = Answer::new(status);
    let paced = matches!(status, 429 | 503) && dice.chance(0.5);
    let answer = if paced { answer.header("retry-after", dice.number(&(1..=5)).to_string()) } else { answer };
    Rule::new(Fault::Answer(answer)).on(some(dice))
}

fn late(dice: &mut Dice) -> Rule {
    Rule::new(Fault::Late(millis(dice, 20_000))).on(some(dice))
}

fn corrupt(dice: &mut Dice) -> Rule {
    let xor = dice.number(&(1..=255)) as u8;
    Rule::new(Fault::Corrupt(xor)).on(some(dice)).when(bytes(dice)).direction(direction(dice))
}
