//! The text about the connection that goes to stderr. No I/O.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everwire::{Event, Message, Outcome, State, Stats};

use super::ledger::{Account, UndeliveredLines};
use crate::args::ConnectArgs;
use crate::describe;
use crate::term::{Look, Tone, printable_line, short};

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    Quiet,
    States,
    Everything,
}

/// Formats the lines, and decides which are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    volume: Volume,
    look: Look,
    /// What stdin is split into: `line` or `chunk`.
    unit: &'static str,
}

impl Report {
    pub(super) fn new(args: &ConnectArgs, look: Look) -> Self {
        let volume = match (args.report.quiet || args.report.json, args.report.verbose) {
            (true, _) => Volume::Quiet,
            (false, false) => Volume::States,
            (false, true) => Volume::Everything,
        };
        Self { volume, look, unit: if args.binary { "chunk" } else { "line" } }
    }

    /// The state on a line of its own.
    pub(super) fn state(&self, state: &State, now: Instant) -> Option<String> {
        let (tone, text) = describe::state(state, now);
        self.at(Volume::States).then(|| self.line(tone, &text))
    }

    /// The state as a row of the screen.
    pub(super) fn row(&self, state: &State, now: Instant) -> String {
        let (tone, text) = describe::state(state, now);
        self.look.paint(tone, &format!("● {text}"))
    }

    /// A note to the user.
    pub(super) fn note(&self, text: &str) -> Option<String> {
        self.at(Volume::States).then(|| self.line(Tone::Faint, text))
    }

    pub(super) fn event(&self, event: &Event) -> Option<String> {
        self.at(Volume::Everything).then(|| self.line(Tone::Faint, &describe::event(event)))
    }

    pub(super) fn missed(&self, events: u64) -> Option<String> {
        self.at(Volume::Everything).then(|| self.line(Tone::Faint, &format!("{events} events missed")))
    }

    pub(super) fn discarded(&self, messages: u64) -> Option<String> {
        self.at(Volume::States).then(|| self.line(Tone::Bad, &format!("{messages} received messages were discarded")))
    }

    pub(super) fn outcome(&self, first: u64, last: u64, outcome: Outcome) -> Option<String> {
        let line = || self.line(Tone::Faint, &format!("{}: {outcome}", self.which(first, last)));
        self.at(Volume::Everything).then(line)
    }

    /// A line that was typed, as it stays on a screen.
    pub(super) fn typed(&self, line: &str) -> String {
        self.look.paint(Tone::Faint, &format!("> {}", printable_line(line)))
    }

    /// A line that was typed but not accepted.
    pub(super) fn refused(&self, problem: &str) -> String {
        self.line(Tone::Bad, &format!("not sent: {problem}"))
    }

    pub(super) fn figures(&self, stats: &Stats, received: u64, account: &Account) -> Option<String> {
        let round_trip =
            stats.machine.smoothed_round_trip.map_or_else(String::new, |time| format!(", round trip {}", short(time)));
        let opening = stats.opening.as_ref().map_or_else(String::new, |opening| format!("; opened in {opening}"));
        let text = format!(
            "{} in, {} delivered, {} sent again; {} received; {} in {}{round_trip}{opening}",
            counted(account.read, self.unit),
            account.delivered,
            stats.machine.resent,
            counted(received, "message"),
            counted(stats.machine.connections, "connection"),
            counted(stats.machine.attempts, "attempt"),
        );
        self.at(Volume::Everything).then(|| self.line(Tone::Faint, &text))
    }

    /// The runs of undelivered lines, at most ten, and the number of the others. Empty if each outcome was printed when it
    /// became known, or nothing is printed.
    pub(super) fn undelivered_lines(&self, account: &Account) -> Vec<String> {
        const SHOWN: usize = 10;
        if self.volume != Volume::States {
            return Vec::new();
        }
        let mut lines: Vec<String> = account
            .undelivered_lines
            .iter()
            .take(SHOWN)
            .map(|undelivered_run| self.undelivered_run(undelivered_run))
            .collect();
        let shown: u64 = account
            .undelivered_lines
            .iter()
            .take(SHOWN)
            .map(|undelivered_run| undelivered_run.last - undelivered_run.first + 1)
            .sum();
        let more = account.undelivered() - shown;
        if more > 0 {
            lines.push(self.line(Tone::Bad, &format!("… and {more} more; --json tells of each")));
        }
        lines
    }

    fn undelivered_run(&self, UndeliveredLines { first, last, outcome }: &UndeliveredLines) -> String {
        let outcome = outcome.map_or_else(|| "never accepted".to_owned(), |outcome| outcome.to_string());
        self.line(Tone::Bad, &format!("{}: {outcome}", self.which(*first, *last)))
    }

    fn which(&self, first: u64, last: u64) -> String {
        if first == last { format!("{} {first}", self.unit) } else { format!("{}s {first}-{last}", self.unit) }
    }

    fn line(&self, tone: Tone, text: &str) -> String {
        format!("{} {}", self.look.paint(Tone::Faint, "everwire:"), self.look.paint(tone, text))
    }

    fn at(&self, volume: Volume) -> bool {
        self.volume as u8 >= volume as u8
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A received message as one line of text.
pub(super) fn content(message: &Message) -> String {
    match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(data) => format!("base64:{}", STANDARD.encode(data)),
    }
}

/// Why a typed line was not accepted.
pub(super) fn refusal(error: &everwire::SendError) -> String {
    printable_line(&match error {
        everwire::SendError::Full(_) => "too many lines wait already; wait for the connection".to_owned(),
        everwire::SendError::Closed(_, why) => describe::closed(why).1,
        everwire::SendError::TooLarge { limit, .. } => {
            format!("longer than {limit} bytes; --outbox-bytes sets the limit")
        }
        other => format!("{other:?}"),
    })
}
