//! What can be wrong with a schedule.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// The reason why a rule is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// A list of connections that is empty or holds 0.
    Numbers,
    /// Every 0th connection.
    Every,
    /// A probability below 0 or above 1.
    Chance,
    /// A range that ends before it begins.
    EmptyRange,
    /// Nothing has passed yet when a connection opens.
    WhenAtOpening {
        /// The fault's name.
        fault: &'static str,
    },
    /// An opening has no direction.
    DirectionAtOpening {
        /// The fault's name.
        fault: &'static str,
    },
    /// It is said what to count, but the beginning is no count.
    NothingCounted,
    /// A stall without an end.
    StallForEver,
    /// A length for something that happens once or never ends.
    Lasts {
        /// The fault's name.
        fault: &'static str,
    },
    /// A length of zero.
    LastsNoTime {
        /// The fault's name.
        fault: &'static str,
    },
    /// A bandwidth of 0.
    NoRate,
    /// Pieces of 0 bytes.
    NoSize,
    /// A byte "changed" by 0.
    ChangesNothing,
    /// A status that no final response has.
    Status(u16),
    /// A header that can't be sent, or that the answer sets itself.
    Header(String),
}

/// The reason why there is no schedule. One line; where it stands comes first.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The file can't be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is no schedule.
    Text {
        /// The file, if it was one.
        path: Option<PathBuf>,
        /// Counts from 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A rule of a schedule that was made in code.
    Rule {
        /// Counts from 1.
        number: usize,
        /// What is wrong with it.
        source: RuleError,
    },
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers => f.write_str("connections are numbered from 1, and a list names at least one"),
            Self::Every => f.write_str("`every` is at least 1"),
            Self::Chance => f.write_str("a probability is a number from 0 to 1"),
            Self::EmptyRange => f.write_str("the range ends before it begins; write the smaller end first"),
            Self::WhenAtOpening { fault } => write!(
                f,
                "\"{fault}\" decides how a connection opens, when nothing has passed yet; of the beginnings only `at` makes \
                 sense"
            ),
            Self::DirectionAtOpening { fault } => {
                write!(f, "\"{fault}\" decides how a connection opens, which has no direction; leave `direction` out")
            }
            Self::NothingCounted => f.write_str("`counted` needs `after-bytes` or `after-messages`"),
            Self::StallForEver => {
                f.write_str("a stall needs `for`, how long it lasts; without an end it is a \"black-hole\"")
            }
            Self::Lasts { fault } => {
                write!(f, "\"{fault}\" can't have `for`: it happens once or has no end")
            }
            Self::LastsNoTime { fault } => write!(f, "\"{fault}\" for no time at all does nothing"),
            Self::NoRate => f.write_str("`rate` is at least 1 byte a second; nothing at all is a \"black-hole\""),
            Self::NoSize => f.write_str("`size` is at least 1 byte"),
            Self::ChangesNothing => f.write_str("`xor` with 0 changes nothing; it is 1 to 255"),
            Self::Status(status) => write!(f, "{status} is no status of a final response; it is 200 to 599"),
            Self::Header(name) => write!(f, "the header {name:?} can't be sent, or is set by the answer itself"),
        }
    }
}

impl Error for RuleError {}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, .. } => write!(f, "{} can't be read", path.display()),
            Self::Text { path: Some(path), line, column, problem } => {
                write!(f, "{}:{line}:{column}: {problem}", path.display())
            }
            Self::Text { path: None, line, column, problem } => write!(f, "line {line}, column {column}: {problem}"),
            Self::Rule { number, .. } => write!(f, "rule {number} of the schedule is not valid"),
        }
    }
}

impl Error for ScheduleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Text { .. } => None,
            Self::Rule { source, .. } => Some(source),
        }
    }
}
