//! A schedule at work on one network.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::rule_dice::{Purpose, RuleId, dice, rule_id};
use super::{Answer, Connections, Fault, LinkFaults, Profile, Rule, Schedule, ScheduleError, When};

/// A schedule at work on one network. Counts its connections.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    schedule: Arc<Schedule>,
    /// The same, with times since the network's start.
    effective: Arc<Schedule>,
    connections: u64,
    /// When the schedule's time began.
    origin: Duration,
}

/// A connection that a client has asked for.
#[derive(Debug)]
pub struct Connection {
    /// Counts from 1.
    pub number: u64,
    /// The rule that decided how it opens, if one did.
    pub rule: Option<RuleId>,
    /// The way in which it opens.
    pub opening: Opening,
}

/// The way a connection opens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Opening {
    /// Not at all: it is refused.
    Refuse,
    /// It opens, for the client; nobody else learns of it and nothing is said.
    Mute,
    /// The client's HTTP request is answered with this.
    Answer(Answer),
    /// It is open for the client at once, and the server sees it at the time `at`.
    Forward {
        /// When the server sees it; now, unless it is late.
        at: Duration,
        /// What happens within it.
        faults: LinkFaults,
    },
}

impl FaultPlan {
    /// Puts a schedule to work.
    ///
    /// # Errors
    /// [`ScheduleError::Rule`] if a rule is not valid.
    pub fn new(schedule: Schedule) -> Result<Self, ScheduleError> {
        schedule.check()?;
        Ok(Self::checked(schedule))
    }

    /// Puts [`Schedule::random`] to work.
    pub fn random(seed: u64, profile: Profile) -> Self {
        Self::checked(Schedule::random(seed, profile))
    }

    fn checked(schedule: Schedule) -> Self {
        let schedule = Arc::new(schedule);
        Self { effective: Arc::clone(&schedule), schedule, connections: 0, origin: Duration::ZERO }
    }

    /// The schedule's time begins now, if it takes the place of another one in a network that runs.
    #[must_use]
    pub fn starting(self, now: Duration) -> Self {
        let mut shifted = Schedule::clone(&self.schedule);
        shifted.until = shifted.until.map(|until| until.saturating_add(now));
        for rule in &mut shifted.rules {
            if let When::At(at) = &mut rule.when {
                *at = at.saturating_add(now);
            }
        }
        Self { effective: Arc::new(shifted), origin: now, ..self }
    }

    /// The schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The number of connections.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The next connection is asked for.
    pub fn connect(&mut self, now: Duration) -> Connection {
        self.connections += 1;
        let number = self.connections;
        let chosen = self.chosen(number, now);
        let decided = chosen.iter().find(|(_, rule)| rule.fault.is_at_opening() && self.dials(rule, now));
        let rule = decided.map(|(index, rule)| rule_id(*index, rule));
        let opening = match decided.map(|(_, rule)| &rule.fault) {
            Some(Fault::Refuse) => Opening::Refuse,
            Some(Fault::Mute) => Opening::Mute,
            Some(Fault::Answer(answer)) => Opening::Answer(answer.clone()),
            Some(Fault::Late(by)) => self.forward(number, &chosen, now, now.saturating_add(*by)),
            _ => self.forward(number, &chosen, now, now),
        };
        Connection { number, rule, opening }
    }

    /// A connection that is already open comes under this plan: it counts as one that opens now, but no rule on openings
    /// is asked.
    pub fn adopt(&mut self, now: Duration) -> (u64, LinkFaults) {
        self.connections += 1;
        let number = self.connections;
        let chosen = self.chosen(number, now);
        (number, LinkFaults::new(&self.effective, number, &chosen, now, now))
    }

    /// Returns `true` if nobody listens: a rule refuses every connection that is asked for now. It takes no number.
    pub fn is_closed(&self, now: Duration) -> bool {
        self.closing_rules().any(|rule| self.begins_in_time(now) && self.dials(rule, now))
    }

    /// The time when [`is_closed`](Self::is_closed) may change next.
    pub fn next_change(&self, now: Duration) -> Option<Duration> {
        let edges = self.closing_rules().flat_map(|rule| {
            let (start, end) = self.window(rule);
            [Some(start), end]
        });
        edges.flatten().chain(self.effective.until).filter(|at| *at > now).min()
    }

    /// The rules on all connections that refuse.
    fn closing_rules(&self) -> impl Iterator<Item = &Rule> {
        self.effective.rules.iter().filter(|rule| rule.fault == Fault::Refuse && rule.connections == Connections::All)
    }

    fn begins_in_time(&self, now: Duration) -> bool {
        self.effective.until.is_none_or(|until| now < until)
    }

    /// Whether a rule on openings holds for a connection that is asked for now.
    fn dials(&self, rule: &Rule, now: Duration) -> bool {
        let (start, end) = self.window(rule);
        start <= now && end.is_none_or(|end| now < end)
    }

    fn window(&self, rule: &Rule) -> (Duration, Option<Duration>) {
        let start = if let When::At(at) = rule.when { at } else { self.origin };
        (start, rule.lasting.map(|lasting| start.saturating_add(lasting)))
    }

    fn forward(&self, number: u64, chosen: &[(usize, &Rule)], now: Duration, at: Duration) -> Opening {
        Opening::Forward { at, faults: LinkFaults::new(&self.effective, number, chosen, now, at) }
    }

    /// The rules that are for this connection, with their places.
    fn chosen(&self, number: u64, now: Duration) -> Vec<(usize, &Rule)> {
        if !self.begins_in_time(now) {
            return Vec::new();
        }
        let rules = self.effective.rules.iter().enumerate();
        rules.filter(|(index, rule)| self.is_for(number, *index, rule)).collect()
    }

    fn is_for(&self, number: u64, index: usize, rule: &Rule) -> bool {
        match &rule.connections {
            Connections::All => true,
            Connections::Only(numbers) => numbers.contains(&number),
            Connections::Every(nth) => number.is_multiple_of(*nth),
            Connections::Chance(chance) => {
                dice(self.effective.seed, number, index, rule, Purpose::Choice).chance(*chance)
            }
        }
    }
}
