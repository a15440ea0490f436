//! Colours, and whether there are any.

use std::env;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::ColorArg;

/// What a piece of text means; a colour only repeats what its words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Waiting,
    Bad,
    Faint,
}

/// Whether colours go to a stream.
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

/// How text to `stream` is to look.
pub(crate) fn look(arg: ColorArg, stream: &impl IsTerminal) -> Look {
    let colours = decide(arg, stream.is_terminal(), env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref());
    if colours {
        // Consoles of Windows have to be asked to obey; elsewhere this does nothing.
        let _ = anstyle_query::windows::enable_ansi_colors();
    }
    Look { colours }
}

/// One line to stderr. That nobody listens there any more is no reason to fail.
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
    fn colours_are_for_terminals_whose_user_wants_them() {
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
