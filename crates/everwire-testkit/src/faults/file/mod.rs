//! Schedules as text, TOML or JSON.
//!
//! - `raw`: a rule as it is written, and what it means
//! - `values`: durations, sizes and ranges as they are written

mod raw;
#[cfg(test)]
mod tests;
mod values;

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toml::Spanned;

use self::raw::RawRule;
use super::{Rule, Schedule, ScheduleError};

/// A longer file is no schedule.
const MAX_FILE: u64 = 1 << 20;

/// The whole text. `R` is a rule, with its place.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<R> {
    #[serde(default)]
    seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "values::optional_time")]
    until: Option<Duration>,
    #[serde(default = "Vec::new", alias = "rules")]
    rule: Vec<R>,
}

impl Schedule {
    /// Reads a schedule from TOML, or from JSON if the text begins with `{`. The guide, `docs/proxy.md`, describes the
    /// keys.
    ///
    /// # Errors
    /// [`ScheduleError::Text`] with the line of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        parse(text, None)
    }

    /// Reads a schedule from a file of TOML or JSON, at most 1 MiB.
    ///
    /// # Errors
    /// If the file can't be read, or what is wrong in it and in which line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ScheduleError> {
        load(path.as_ref())
    }

    /// The schedule as [`parse`](Self::parse) reads it, in TOML.
    pub fn to_toml(&self) -> String {
        to_toml(self)
    }

    /// The schedule as [`parse`](Self::parse) reads it, in JSON.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

fn load(path: &Path) -> Result<Schedule, ScheduleError> {
    let text = read(path).map_err(|source| ScheduleError::Read { path: path.to_owned(), source })?;
    parse(&text, Some(path))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(text)
}

fn parse(text: &str, path: Option<&Path>) -> Result<Schedule, ScheduleError> {
    let parsed = if text.trim_start().starts_with('{') { parse_json(text) } else { parse_toml(text) };
    parsed.map_err(|Problem { line, column, problem }| {
        // Some parsers' words come in several lines.
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        ScheduleError::Text { path: path.map(Path::to_owned), line, column, problem }
    })
}

struct Problem {
    line: usize,
    column: usize,
    problem: String,
}

fn parse_toml(text: &str) -> Result<Schedule, Problem> {
    let raw: Raw<Spanned<RawRule>> = toml::from_str(text)
        .map_err(|error| problem_at(text, error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let rules = raw.rule.into_iter().map(|rule| {
        let start = rule.span().start;
        Rule::try_from(rule.into_inner()).map_err(|problem| problem_at(text, start, problem))
    });
    Ok(Schedule { seed: raw.seed, until: raw.until, rules: rules.collect::<Result<_, _>>()? })
}

fn parse_json(text: &str) -> Result<Schedule, Problem> {
    let raw: Raw<&RawValue> = serde_json::from_str(text).map_err(|error| json_problem(&error, 1, 1))?;
    let rules = raw.rule.into_iter().map(|rule| {
        // The rule is a part of the text, as it stands there.
        let start = rule.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let Problem { line, column, .. } = problem_at(text, start, String::new());
        let rule: RawRule = serde_json::from_str(rule.get()).map_err(|error| json_problem(&error, line, column))?;
        Rule::try_from(rule).map_err(|problem| Problem { line, column, problem })
    });
    Ok(Schedule { seed: raw.seed, until: raw.until, rules: rules.collect::<Result<_, _>>()? })
}

fn problem_at(text: &str, offset: usize, problem: String) -> Problem {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    Problem { line, column, problem }
}

/// What a parser says of a text that begins at this place.
fn json_problem(error: &serde_json::Error, line: usize, column: usize) -> Problem {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let problem = whole.strip_suffix(&place).unwrap_or(&whole).to_owned();
    match error.line() {
        0 | 1 => Problem { line, column: column + error.column().saturating_sub(1), problem },
        later => Problem { line: line + later - 1, column: error.column(), problem },
    }
}

fn to_toml(schedule: &Schedule) -> String {
    // The forms are numbers and strings: nothing that TOML lacks. Seeds beyond its numbers are the exception.
    toml::to_string(&raw(schedule)).unwrap_or_else(|_| to_json(schedule))
}

fn to_json(schedule: &Schedule) -> String {
    serde_json::to_string_pretty(&raw(schedule)).unwrap_or_default()
}

fn raw(schedule: &Schedule) -> Raw<RawRule> {
    Raw { seed: schedule.seed, until: schedule.until, rule: schedule.rules.iter().map(RawRule::from).collect() }
}
