//! Colours of text, and whether they are used.

use std::env;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::ColorArg;

/// The meaning of a piece of text, which its colour repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Waiting,
    Bad,
    Faint,
}

/// The style of text for a stream: with or without colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) colours: bool,
}

impl Look {
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colours: false };

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let style = style(tone);
        format!("{style}{text}{style:#}")
    }
}

/// The style of text for `stream`.
pub(crate) fn look(arg: ColorArg, stream: &impl IsTerminal) -> Look {
    let colours = decide(arg, stream.is_terminal(), env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref());
    if colours {
        // Consoles of Windows have to be told to interpret colours; elsewhere this does nothing.
        let _ = anstyle_query::windows::enable_ansi_colors();
    }
    Look { colours }
}

/// Prints a line to stderr. An error is ignored: it is no failure if nobody reads stderr.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "everwire: {line}");
}

fn decide(arg: ColorArg, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match arg {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => terminal && no_color.is_none_or(OsStr::is_empty) && term != Some(OsStr::new("dumb")),
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Waiting => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Faint => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{ColorArg, Look, Tone, decide};

    #[test]
    fn colours_are_used_on_terminals_unless_the_user_disables_them() {
        let xterm = Some(OsStr::new("xterm"));
        assert!(decide(ColorArg::Auto, true, None, xterm));
        assert!(decide(ColorArg::Auto, true, Some(OsStr::new("")), xterm), "an empty NO_COLOR is none");
        assert!(!decide(ColorArg::Auto, false, None, xterm));
        assert!(!decide(ColorArg::Auto, true, Some(OsStr::new("1")), xterm));
        assert!(!decide(ColorArg::Auto, true, None, Some(OsStr::new("dumb"))));
        assert!(!decide(ColorArg::Never, true, None, xterm));
        assert!(decide(ColorArg::Always, false, Some(OsStr::new("1")), None));
    }

    #[test]
    fn painted_text_ends_its_colour() {
        assert_eq!(Look { colours: true }.paint(Tone::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Look::PLAIN.paint(Tone::Good, "ok"), "ok");
    }
}
