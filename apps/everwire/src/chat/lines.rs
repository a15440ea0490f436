//! What a chat shows, as text. No I/O.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthChar;

use crate::term::{Look, Tone, clock, printable, printable_line};

/// A name is shown with at most this many columns.
const MAX_NAME: usize = 32;

/// Where an own line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Sending,
    Sent,
    /// Why.
    Failed(String),
}

/// Makes lines. On a screen a text keeps its line breaks; in a pipe each event is one line.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) look: Look,
    pub(super) zone: TimeZone,
    pub(super) one_line: bool,
    /// How own lines are signed.
    pub(super) me: String,
}

impl Lines {
    /// `at`: milliseconds since the Unix epoch.
    pub(super) fn said(&self, at: i64, name: &str, text: &str) -> String {
        format!("{} {}: {}", self.time(at), self.look.paint(Tone::Strong, &short_name(name)), self.text(text))
    }

    pub(super) fn own(&self, at: i64, text: &str, mark: &Mark) -> String {
        let text = self.text(text);
        let me = short_name(&self.me);
        let line = match mark {
            Mark::Sending => return self.look.paint(Tone::Faint, &format!("{} {me}: {text} …", self.time_plain(at))),
            Mark::Sent => format!("{me}: {text} {}", self.look.paint(Tone::Good, "✓")),
            Mark::Failed(why) => {
                let why = format!("✗ {}", printable_line(why));
                format!("{me}: {text} {}", self.look.paint(Tone::Bad, &why))
            }
        };
        format!("{} {line}", self.time(at))
    }

    pub(super) fn joined(&self, at: i64, name: &str) -> String {
        self.notice(at, &format!("{} joined", short_name(name)))
    }

    pub(super) fn left(&self, at: i64, name: &str) -> String {
        self.notice(at, &format!("{} left", short_name(name)))
    }

    fn notice(&self, at: i64, text: &str) -> String {
        self.look.paint(Tone::Faint, &format!("{} * {text}", self.time_plain(at)))
    }

    fn time(&self, at: i64) -> String {
        self.look.paint(Tone::Faint, &self.time_plain(at))
    }

    fn time_plain(&self, at: i64) -> String {
        clock(at, &self.zone)
    }

    /// Lines after the first are set off, so that none can pass for a line of somebody else.
    fn text(&self, text: &str) -> String {
        if self.one_line {
            return printable_line(text);
        }
        printable(text).replace('\t', "    ").replace('\n', "\n         │ ")
    }
}

/// Who is typing, or nothing.
pub(super) fn typing(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| short_name(name)).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is typing…")),
        [one, two] => Some(format!("{one} and {two} are typing…")),
        [one, rest @ ..] => Some(format!("{one} and {} others are typing…", rest.len())),
    }
}

/// A name on one line and of bounded width, harmless.
pub(super) fn short_name(name: &str) -> String {
    let name = printable_line(name.trim());
    let mut width = 0;
    let mut short = String::new();
    for c in name.chars() {
        width += c.width().unwrap_or(0);
        if width > MAX_NAME {
            short.push('…');
            return short;
        }
        short.push(c);
    }
    if short.is_empty() { "?".to_owned() } else { short }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Lines, Mark, typing};
    use crate::term::Look;

    const AT: i64 = 1_700_000_000_000;

    fn lines(one_line: bool) -> Lines {
        Lines { look: Look::PLAIN, zone: TimeZone::UTC, one_line, me: "ana".into() }
    }

    #[test]
    fn each_event_is_one_line_in_a_pipe() {
        let lines = lines(true);
        assert_eq!(lines.said(AT, "ben", "hi\nthere"), "22:13:20 ben: hi␊there");
        assert_eq!(lines.joined(AT, "ben"), "22:13:20 * ben joined");
        assert_eq!(lines.left(AT, "ben"), "22:13:20 * ben left");
        assert_eq!(lines.own(AT, "hello", &Mark::Sent), "22:13:20 ana: hello ✓");
        assert_eq!(lines.own(AT, "hello", &Mark::Sending), "22:13:20 ana: hello …");
        let failed = Mark::Failed("refused".into());
        assert_eq!(lines.own(AT, "hello", &failed), "22:13:20 ana: hello ✗ refused");
    }

    #[test]
    fn nobody_can_pass_for_somebody_else_or_reach_the_terminal() {
        let said = lines(false).said(AT, "ben", "hi\n22:13:21 eve: fake \u{1b}[2J");
        assert_eq!(said, "22:13:20 ben: hi\n         │ 22:13:21 eve: fake ␛[2J");
        let said = lines(true).said(AT, "b\nen\u{1b}[31m", "x");
        assert_eq!(said, "22:13:20 b␊en␛[31m: x");
        let said = lines(true).said(AT, &"n".repeat(500), "x");
        assert!(said.len() < 60, "{said}");
        assert_eq!(lines(true).said(AT, "  ", "x"), "22:13:20 ?: x");
    }

    #[test]
    fn who_types_is_told_in_few_words() {
        let of = |names: &[&str]| typing(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["ben"]).unwrap(), "ben is typing…");
        assert_eq!(of(&["ben", "eve"]).unwrap(), "ben and eve are typing…");
        assert_eq!(of(&["ben", "eve", "joe"]).unwrap(), "ben and 2 others are typing…");
    }
}
