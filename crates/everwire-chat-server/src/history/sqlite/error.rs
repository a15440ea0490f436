//! Why the history can not do what it was asked for.

use std::fmt;

use rusqlite::ErrorCode;

/// What SQLite says.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database can't do it.
    Database(rusqlite::Error),
    /// The history has been closed.
    Closed,
    /// Pages of the database make no sense.
    Damaged,
    /// Its files were moved away or exchanged while they were open: what is stored would be lost with the next start.
    Moved,
}

impl HistoryError {
    /// Whether the database's pages make no sense.
    pub(in crate::history) fn is_damage(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
            Self::Damaged => true,
            Self::Closed | Self::Moved => false,
        }
    }

    /// Whether another program holds the database: a later attempt may do.
    pub(in crate::history) fn is_busy(&self) -> bool {
        match self {
            Self::Database(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
            Self::Closed | Self::Damaged | Self::Moved => false,
        }
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Closed => f.write_str("the history is closed"),
            Self::Damaged => f.write_str("the history is damaged: stop the server and restore a backup"),
            Self::Moved => {
                f.write_str("the history's files were moved or exchanged while the server runs: start it again")
            }
        }
    }
}

impl std::error::Error for HistoryError {}
