//! One rule: to whom, when, how long, what.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::{Answer, Directions, Fault, RuleError};

/// One rule of a schedule.
///
/// ```
/// use std::time::Duration;
///
/// use everwire_testkit::faults::{Connections, Directions, Ending, Fault, Rule, When};
///
/// // Every second connection goes silent towards the client after 1 to 5 s.
/// let silent = Rule::new(Fault::BlackHole)
///     .on(Connections::Every(2))
///     .direction(Directions::ToClient)
///     .when(When::After(Duration::from_secs(1)..=Duration::from_secs(5)));
/// assert!(silent.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// The name in the log, and what its dice are keyed by (else by its place in the schedule). Default: none.
    pub name: Option<String>,
    /// The connections that it is for. Default: all.
    pub connections: Connections,
    /// The direction in which it acts. Default: both. Of no meaning for faults of the opening.
    pub direction: Directions,
    /// The time when it begins. Default: at once.
    pub when: When,
    /// The direction in which bytes or messages are counted. Default: the way it acts; with both, the sum.
    pub counted: Option<Directions>,
    /// The duration, where that makes sense. Default: for ever.
    pub lasting: Option<Duration>,
    /// The fault.
    pub fault: Fault,
}

/// The connections that a rule is for. They are numbered from 1 in the order in which they come.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Connections {
    /// All.
    #[default]
    All,
    /// Those with these numbers.
    Only(Vec<u64>),
    /// Each so-many-th: `Every(3)` is the third, the sixth, and so on. At least 1.
    Every(u64),
    /// Each with this probability, 0.0 to 1.0, by the seed.
    Chance(f64),
}

/// The moment when a rule begins. From a range, the seed draws a value for each connection.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum When {
    /// As soon as the connection opens.
    #[default]
    Opening,
    /// Once this many bytes have passed, the HTTP request and response included.
    Bytes(RangeInclusive<u64>),
    /// At the end of the so-many-th WebSocket message. It takes unencrypted connections to see messages.
    Messages(RangeInclusive<u64>),
    /// This long after the connection opened.
    After(RangeInclusive<Duration>),
    /// At this time since the network's start, in all connections alike. What lasts also holds for connections that open
    /// later; what happens once does not.
    At(Duration),
}

impl Rule {
    /// A rule for all connections, both ways, at once, for ever.
    pub fn new(fault: Fault) -> Self {
        Self {
            name: None,
            connections: Connections::All,
            direction: Directions::Both,
            when: When::Opening,
            counted: None,
            lasting: None,
            fault,
        }
    }

    /// Sets its name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets which connections it is for.
    #[must_use]
    pub fn on(mut self, connections: Connections) -> Self {
        self.connections = connections;
        self
    }

    /// Sets which way it acts.
    #[must_use]
    pub fn direction(mut self, direction: Directions) -> Self {
        self.direction = direction;
        self
    }

    /// Sets when it begins.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Sets which way bytes or messages are counted.
    #[must_use]
    pub fn counting(mut self, counted: Directions) -> Self {
        self.counted = Some(counted);
        self
    }

    /// Sets how long it lasts.
    #[must_use]
    pub fn lasting(mut self, lasting: Duration) -> Self {
        self.lasting = Some(lasting);
        self
    }

    /// Checks that the rule makes sense.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), RuleError> {
        self.check_connections()?;
        self.check_when()?;
        self.check_lasting()?;
        check_fault(&self.fault)
    }

    fn check_connections(&self) -> Result<(), RuleError> {
        match &self.connections {
            Connections::Only(numbers) if numbers.is_empty() || numbers.contains(&0) => Err(RuleError::Numbers),
            Connections::Every(0) => Err(RuleError::Every),
            Connections::Chance(chance) if !(0.0..=1.0).contains(chance) => Err(RuleError::Chance),
            _ => Ok(()),
        }
    }

    fn check_when(&self) -> Result<(), RuleError> {
        let fault = self.fault.name();
        let opening = self.fault.is_at_opening();
        let empty = match &self.when {
            When::Bytes(range) | When::Messages(range) => range.is_empty(),
            When::After(range) => range.is_empty(),
            When::Opening | When::At(_) => false,
        };
        if empty {
            return Err(RuleError::EmptyRange);
        }
        if opening && !matches!(self.when, When::Opening | When::At(_)) {
            return Err(RuleError::WhenAtOpening { fault });
        }
        if opening && self.direction != Directions::Both {
            return Err(RuleError::DirectionAtOpening { fault });
        }
        if self.counted.is_some() && !matches!(self.when, When::Bytes(_) | When::Messages(_)) {
            return Err(RuleError::NothingCounted);
        }
        Ok(())
    }

    fn check_lasting(&self) -> Result<(), RuleError> {
        let fault = self.fault.name();
        match (&self.fault, self.lasting) {
            (Fault::Stall, None) => Err(RuleError::StallForEver),
            (Fault::Cut(_) | Fault::Corrupt(_) | Fault::BlackHole, Some(_)) => Err(RuleError::Lasts { fault }),
            (_, Some(Duration::ZERO)) => Err(RuleError::LastsNoTime { fault }),
            _ => Ok(()),
        }
    }
}

fn check_fault(fault: &Fault) -> Result<(), RuleError> {
    match fault {
        Fault::Bandwidth(0) => Err(RuleError::NoRate),
        Fault::Split { size: 0, .. } => Err(RuleError::NoSize),
        Fault::Corrupt(0) => Err(RuleError::ChangesNothing),
        Fault::Answer(answer) => check_answer(answer),
        _ => Ok(()),
    }
}

fn check_answer(answer: &Answer) -> Result<(), RuleError> {
    if !(200..=599).contains(&answer.status) || StatusCode::from_u16(answer.status).is_err() {
        return Err(RuleError::Status(answer.status));
    }
    for (name, value) in &answer.headers {
        let own = ["content-length", "connection", "transfer-encoding"];
        let right = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| !own.contains(&name.as_str()));
        if !right || HeaderValue::from_str(value).is_err() {
            return Err(RuleError::Header(name.clone()));
        }
    }
    Ok(())
}
