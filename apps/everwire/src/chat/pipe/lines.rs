//! What a chat prints in a pipe: one line per event, without control characters and colours. No I/O.

use jiff::tz::TimeZone;

use crate::chat::short_name;
use crate::term::{clock, printable_line};

/// The status of an own line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Sent,
    /// With the reason.
    Failed(String),
}

/// Formats the lines.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) zone: TimeZone,
    /// The name at the user's own lines.
    pub(super) me: String,
}

impl Lines {
    /// `at`: milliseconds since the Unix epoch.
    pub(super) fn said(&self, at: i64, name: &str, text: &str) -> String {
        format!("{} {}: {}", self.time(at), short_name(name), printable_line(text))
    }

    pub(super) fn own(&self, at: i64, text: &str, mark: &Mark) -> String {
        let mark = match mark {
            Mark::Sent => "✓".to_owned(),
            Mark::Failed(why) => format!("✗ {}", printable_line(why)),
        };
        format!("{} {mark}", self.said(at, &self.me, text))
    }

    pub(super) fn joined(&self, at: i64, name: &str) -> String {
        format!("{} * {} joined", self.time(at), short_name(name))
    }

    pub(super) fn left(&self, at: i64, name: &str) -> String {
        format!("{} * {} left", self.time(at), short_name(name))
    }

    fn time(&self, at: i64) -> String {
        clock(at, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Lines, Mark};

    const AT: i64 = 1_700_000_000_000;

    fn lines() -> Lines {
        Lines { zone: TimeZone::UTC, me: "ana".into() }
    }

    #[test]
    fn each_event_is_one_line() {
        let lines = lines();
        assert_eq!(lines.said(AT, "ben", "hi\nthere"), "22:13:20 ben: hi␊there");
        assert_eq!(lines.joined(AT, "ben"), "22:13:20 * ben joined");
        assert_eq!(lines.left(AT, "ben"), "22:13:20 * ben left");
        assert_eq!(lines.own(AT, "hello", &Mark::Sent), "22:13:20 ana: hello ✓");
        let failed = Mark::Failed("refused".into());
        assert_eq!(lines.own(AT, "hello", &failed), "22:13:20 ana: hello ✗ refused");
    }

    #[test]
    fn no_text_can_imitate_another_user_s_line_or_control_the_terminal() {
        let said = lines().said(AT, "b\nen\u{1b}[31m", "x\n22:13:21 eve: fake\u{1b}[2J");
        assert_eq!(said, "22:13:20 b␊en␛[31m: x␊22:13:21 eve: fake␛[2J");
        let said = lines().said(AT, &"n".repeat(500), "x");
        assert!(said.len() < 60, "{said}");
        assert_eq!(lines().said(AT, "  ", "x"), "22:13:20 ?: x");
    }
}
