//! The result of a step, in words and as JSON.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::term::{Look, Tone, printable_line, short};

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Address,
    Proxy,
    Name,
    Tcp,
    /// The request that is to be sent; shown only if it can't be made, for instance because the token's command fails.
    Request,
    Tls,
    Upgrade,
    RoundTrip,
    Idle,
    Addresses,
    Session,
    Compression,
    /// A NATS server of several nodes.
    Broker,
    Clock,
    Streams,
    Sync,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conclusion {
    Good,
    /// It works, and could be better.
    Odd,
    Bad,
    /// A step before it has failed, or it does not apply.
    Skipped,
}

/// The result of one step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    step: Step,
    verdict: Conclusion,
    words: String,
    advice: Option<String>,
    data: Map<String, Value>,
}

/// Prints the findings one by one.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    look: Look,
    /// The last line, in place of the one for the exit code.
    verdict: Option<String>,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Proxy => "proxy",
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Request => "request",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Session => "session",
            Self::Compression => "compression",
            Self::RoundTrip => "round trip",
            Self::Idle => "idle",
            Self::Addresses => "addresses",
            Self::Broker => "broker",
            Self::Clock => "clock",
            Self::Streams => "streams",
            Self::Sync => "sync",
        }
    }
}

impl Finding {
    pub(super) fn good(step: Step, words: String) -> Self {
        Self::new(step, Conclusion::Good, words)
    }

    pub(super) fn odd(step: Step, words: String) -> Self {
        Self::new(step, Conclusion::Odd, words)
    }

    pub(super) fn bad(step: Step, words: String) -> Self {
        Self::new(step, Conclusion::Bad, words)
    }

    pub(super) fn skipped(step: Step, words: &str) -> Self {
        Self::new(step, Conclusion::Skipped, words.to_owned())
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn before(mut self, words: &str) -> Self {
        self.words.insert_str(0, words);
        self
    }

    /// Adds a value for scripts, which only the JSON has.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn is_bad(&self) -> bool {
        self.verdict == Conclusion::Bad
    }

    pub(super) fn is_of(&self, step: Step) -> bool {
        self.step == step
    }

    fn new(step: Step, verdict: Conclusion, words: String) -> Self {
        Self { step, verdict, words, advice: None, data: Map::new() }
    }

    fn line(&self, look: Look) -> String {
        let (tone, mark) = match self.verdict {
            Conclusion::Good => (Tone::Good, "ok  "),
            Conclusion::Odd => (Tone::Waiting, "note"),
            Conclusion::Bad => (Tone::Bad, "FAIL"),
            Conclusion::Skipped => (Tone::Faint, "-   "),
        };
        let mut line = format!("{}  {:<11}  {}", look.paint(tone, mark), self.step.name(), printable_line(&self.words));
        if let Some(advice) = &self.advice {
            line += &format!("\n      {:<11}  → {}", "", printable_line(advice));
        }
        line
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("step".into(), self.step.name().into());
        let verdict = match self.verdict {
            Conclusion::Good => "good",
            Conclusion::Odd => "odd",
            Conclusion::Bad => "bad",
            Conclusion::Skipped => "skipped",
        };
        object.insert("verdict".into(), verdict.into());
        object.insert("words".into(), self.words.clone().into());
        if let Some(advice) = &self.advice {
            object.insert("advice".into(), advice.clone().into());
        }
        object.extend(self.data.clone());
        Value::Object(object)
    }
}

impl Report {
    pub(super) fn new(json: bool, look: Look) -> Self {
        Self { json, look, verdict: None }
    }

    /// Prints the URL that is examined.
    ///
    /// # Errors
    /// If stdout can't be written to; the other methods have the same error.
    pub(super) fn begin(&mut self, url: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { say(&printable_line(url)) }
    }

    pub(super) fn add(&mut self, finding: &Finding) -> Result<(), Failure> {
        say(&if self.json { finding.json().to_string() } else { finding.line(self.look) })
    }

    /// Prints the steps that were not reached.
    pub(super) fn skip(&mut self, steps: &[Step]) -> Result<(), Failure> {
        if self.json {
            return steps.iter().try_for_each(|step| self.add(&Finding::skipped(*step, "not come to")));
        }
        let names: Vec<_> = steps.iter().map(|step| step.name()).collect();
        say(&self.look.paint(Tone::Faint, &format!("-     not come to: {}", names.join(", "))))
    }

    /// Makes the last line name the addresses that work and those that do not.
    pub(super) fn works_partly(&mut self, working: &[String], failing: &[String]) {
        self.verdict = Some(format!("It works at {}, not at {}.", working.join(", "), failing.join(", ")));
    }

    /// Makes the last line say that a change is needed: the address, the certificate or the server is wrong.
    pub(super) fn needs_a_change(&mut self) {
        self.verdict = Some("It does not work, and won't without a change.".to_owned());
    }

    pub(super) fn end(&mut self, exit: Exit, took: Duration) -> Result<(), Failure> {
        if self.json {
            let ok = exit == Exit::Done;
            return say(&serde_json::json!({ "ok": ok, "exit": exit.code(), "ms": millis(took) }).to_string());
        }
        let (tone, words) = match exit {
            Exit::Done => (Tone::Good, "It works."),
            Exit::Refused => (Tone::Bad, "It does not work, and trying again won't help."),
            _ => (Tone::Bad, "It does not work now."),
        };
        let words = self.verdict.as_deref().unwrap_or(words);
        say(&format!("{} ({})", self.look.paint(tone, words), short(took)))
    }
}

/// Milliseconds with three decimals, for JSON.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn say(line: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_with_advice_below_and_without_control_characters() {
        let finding = Finding::bad(Step::Name, "no \u{1b}[31maddress".into()).advise("look at the name");
        let expected = "FAIL  name         no ␛[31maddress\n                   → look at the name";
        assert_eq!(finding.line(Look::PLAIN), expected);
        assert_eq!(Finding::good(Step::RoundTrip, "fast".into()).line(Look::PLAIN), "ok    round trip   fast");
    }

    #[test]
    fn the_json_of_a_finding_has_its_data() {
        let finding = Finding::good(Step::Tcp, "there".into()).with("ms", 1.5);
        let expected = serde_json::json!({"step": "tcp", "verdict": "good", "words": "there", "ms": 1.5});
        assert_eq!(finding.json(), expected);
    }
}
