//! A rule as it is written, and what it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{Counts, Size, Time, Times};
use crate::faults::{Answer, Connections, Directions, Ending, Fault, Rule, When};

/// One rule, flat, each key once.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Name>,

    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,

    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Directions>,

    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_bytes: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_messages: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<Directions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#for: Option<Time>,

    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<Ending>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xor: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    // A table within a table: TOML wants it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Cut,
    BlackHole,
    Stall,
    Delay,
    Bandwidth,
    Split,
    Corrupt,
    Refuse,
    Mute,
    Answer,
    Late,
}

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, String> {
        let name = raw.fault.ok_or("the rule has no `fault`; write for instance fault = \"cut\"")?;
        raw.refuse_foreign_keys(name)?;
        let rule = Self {
            connections: raw.connections()?,
            when: raw.when()?,
            fault: raw.fault(name)?,
            name: raw.name,
            direction: raw.direction.unwrap_or_default(),
            counted: raw.counted,
            lasting: raw.r#for.map(|time| time.0),
        };
        rule.check().map_err(|error| error.to_string())?;
        Ok(rule)
    }
}

impl RawRule {
    fn connections(&self) -> Result<Connections, String> {
        let chosen = [
            self.connection.map(|number| Connections::Only(vec![number])),
            self.connections.clone().map(Connections::Only),
            self.every.map(Connections::Every),
            self.probability.map(Connections::Chance),
        ];
        Ok(at_most_one(chosen, "connection, connections, every, probability")?.unwrap_or_default())
    }

    fn when(&self) -> Result<When, String> {
        let chosen = [
            self.after.clone().map(|times| When::After(times.0)),
            self.after_bytes.clone().map(|counts| When::Bytes(counts.0)),
            self.after_messages.clone().map(|counts| When::Messages(counts.0)),
            self.at.clone().map(|time| When::At(time.0)),
        ];
        Ok(at_most_one(chosen, "after, after-bytes, after-messages, at")?.unwrap_or_default())
    }

    fn fault(&self, name: Name) -> Result<Fault, String> {
        let time = |time: &Option<Time>| time.as_ref().map_or(std::time::Duration::ZERO, |time| time.0);
        Ok(match name {
            Name::Cut => Fault::Cut(self.with.unwrap_or_default()),
            Name::BlackHole => Fault::BlackHole,
            Name::Stall => Fault::Stall,
            Name::Delay => {
                if self.by.is_none() && self.jitter.is_none() {
                    return Err("\"delay\" needs `by`, `jitter`, or both, like by = \"50ms\"".to_owned());
                }
                Fault::Delay { by: time(&self.by), jitter: time(&self.jitter) }
            }
            Name::Bandwidth => Fault::Bandwidth(needed(self.rate, "bandwidth", "rate", "rate = \"64KiB\"")?.0),
            Name::Split => {
                let size = needed(self.size, "split", "size", "size = 1")?.0;
                Fault::Split { size: usize::try_from(size).unwrap_or(usize::MAX), gap: time(&self.gap) }
            }
            Name::Corrupt => Fault::Corrupt(self.xor.unwrap_or(0xff)),
            Name::Refuse => Fault::Refuse,
            Name::Mute => Fault::Mute,
            Name::Answer => Fault::Answer(Answer {
                status: needed(self.status, "answer", "status", "status = 503")?,
                headers: self.headers.clone().unwrap_or_default(),
                body: self.body.clone().unwrap_or_default(),
            }),
            Name::Late => Fault::Late(needed(self.by.as_ref(), "late", "by", "by = \"10s\"")?.0),
        })
    }

    /// A key that another fault has is a misunderstanding, not something to pass over.
    fn refuse_foreign_keys(&self, name: Name) -> Result<(), String> {
        let keys: [(&str, bool, &[Name]); 9] = [
            ("with", self.with.is_some(), &[Name::Cut]),
            ("by", self.by.is_some(), &[Name::Delay, Name::Late]),
            ("jitter", self.jitter.is_some(), &[Name::Delay]),
            ("rate", self.rate.is_some(), &[Name::Bandwidth]),
            ("size", self.size.is_some(), &[Name::Split]),
            ("gap", self.gap.is_some(), &[Name::Split]),
            ("xor", self.xor.is_some(), &[Name::Corrupt]),
            ("status", self.status.is_some(), &[Name::Answer]),
            ("headers", self.headers.is_some() || self.body.is_some(), &[Name::Answer]),
        ];
        let foreign = keys.iter().find(|(_, present, owners)| *present && !owners.contains(&name));
        match foreign {
            Some((key, _, owners)) => {
                let owners: Vec<String> = owners.iter().map(|owner| format!("\"{}\"", owner.text())).collect();
                Err(format!("`{key}` belongs to {}, not to \"{}\"", owners.join(" and "), name.text()))
            }
            None => Ok(()),
        }
    }
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::BlackHole => "black-hole",
            Self::Stall => "stall",
            Self::Delay => "delay",
            Self::Bandwidth => "bandwidth",
            Self::Split => "split",
            Self::Corrupt => "corrupt",
            Self::Refuse => "refuse",
            Self::Mute => "mute",
            Self::Answer => "answer",
            Self::Late => "late",
        }
    }
}

impl From<&Rule> for RawRule {
    fn from(rule: &Rule) -> Self {
        let mut raw = Self {
            name: rule.name.clone(),
            direction: (rule.direction != Directions::Both).then_some(rule.direction),
            counted: rule.counted,
            r#for: rule.lasting.map(Time),
            ..Self::default()
        };
        match &rule.connections {
            Connections::All => {}
            Connections::Only(numbers) => match numbers[..] {
                [number] => raw.connection = Some(number),
                _ => raw.connections = Some(numbers.clone()),
            },
            Connections::Every(nth) => raw.every = Some(*nth),
            Connections::Chance(chance) => raw.probability = Some(*chance),
        }
        match &rule.when {
            When::Opening => {}
            When::Bytes(range) => raw.after_bytes = Some(Counts(range.clone())),
            When::Messages(range) => raw.after_messages = Some(Counts(range.clone())),
            When::After(range) => raw.after = Some(Times(range.clone())),
            When::At(at) => raw.at = Some(Time(*at)),
        }
        raw.set_fault(&rule.fault);
        raw
    }
}

impl RawRule {
    fn set_fault(&mut self, fault: &Fault) {
        let name = match fault {
            Fault::Cut(ending) => {
                self.with = (*ending != Ending::default()).then_some(*ending);
                Name::Cut
            }
            Fault::BlackHole => Name::BlackHole,
            Fault::Stall => Name::Stall,
            Fault::Delay { by, jitter } => {
                self.by = Some(Time(*by));
                self.jitter = (!jitter.is_zero()).then_some(Time(*jitter));
                Name::Delay
            }
            Fault::Bandwidth(rate) => {
                self.rate = Some(Size(*rate));
                Name::Bandwidth
            }
            Fault::Split { size, gap } => {
                self.size = Some(Size(*size as u64));
                self.gap = (!gap.is_zero()).then_some(Time(*gap));
                Name::Split
            }
            Fault::Corrupt(xor) => {
                self.xor = Some(*xor);
                Name::Corrupt
            }
            Fault::Refuse => Name::Refuse,
            Fault::Mute => Name::Mute,
            Fault::Answer(answer) => {
                self.status = Some(answer.status);
                self.headers = (!answer.headers.is_empty()).then(|| answer.headers.clone());
                self.body = (!answer.body.is_empty()).then(|| answer.body.clone());
                Name::Answer
            }
            Fault::Late(by) => {
                self.by = Some(Time(*by));
                Name::Late
            }
        };
        self.fault = Some(name);
    }
}

fn at_most_one<T, const N: usize>(chosen: [Option<T>; N], keys: &str) -> Result<Option<T>, String> {
    let mut chosen = chosen.into_iter().flatten();
    let first = chosen.next();
    if chosen.next().is_some() {
        return Err(format!("only one of {keys} can be said in a rule; write two rules"));
    }
    Ok(first)
}

fn needed<T>(value: Option<T>, fault: &str, key: &str, example: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("\"{fault}\" needs `{key}`, like {example}"))
}
