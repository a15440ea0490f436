//! Exit codes and failures of commands.

use std::fmt;
use std::process::ExitCode;

/// The exit codes; the macro `exit_codes` in `args` explains them to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for was done, and every message is known to have arrived.
    Done = 0,
    /// A failure on this side: input, output, a file, a port.
    Failed = 1,
    /// The command line is not valid.
    Usage = 2,
    /// The limit on attempts or on elapsed time was reached, there never was a connection, the server does not speak WebSocket,
    /// or its certificate is not accepted.
    GaveUp = 3,
    /// The other side refused in a way that trying again can't change.
    Refused = 4,
    /// Some messages were left unsent, nothing proves that they arrived, or fewer came than were asked for.
    Undelivered = 5,
    /// Interrupted a second time.
    Interrupted = 130,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command could not do its work: one line that says what happened and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) line: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self { exit, line: line.into() }
    }

    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self::new(Exit::Usage, line)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}
