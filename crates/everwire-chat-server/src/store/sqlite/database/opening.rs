//! How the file of the messages is opened, checked and brought up to date.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::{Database, write};
use crate::clock::{Clock, unix_ms};
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::messages::StoreOptions;
use crate::store::sqlite::backup::{check, leave_log_alone, take_log_in};
use crate::store::sqlite::folder::{FILE, Folder, has_log, is_log_foreign};
use crate::store::sqlite::rows::{is_there, new_epoch, saved_clock};
use crate::store::sqlite::schema::{VERSION, bring_up_to_date};

/// Bytes of the log beyond which it is shortened once it has been brought into the file.
const LONGEST_LOG: i64 = 16 << 20;

impl Database {
    pub(in crate::store::sqlite) fn open(folder: Option<&Path>) -> Result<Self, StoreOpenError> {
        let Some(folder) = folder else {
            let file = PathBuf::from(":memory:");
            return Self::prepare(Connection::open_in_memory(), None, false, file);
        };
        let folder = Folder::hold(folder)?;
        let file = folder.database();
        let has_log = has_log(&file);
        if has_log && is_log_foreign(&file, folder.mark()) {
            return Err(StoreOpenError::ForeignLog { file });
        }
        folder.make_database()?;
        folder.warn_of_readers();
        Self::prepare(Connection::open(&file), Some(folder), has_log, file)
    }

    /// `is_suspect`: it was not closed in order.
    fn prepare(
        opened: rusqlite::Result<Connection>,
        folder: Option<Folder>,
        is_suspect: bool,
        file: PathBuf,
    ) -> Result<Self, StoreOpenError> {
        let mut version = 0;
        let prepared = opened.map_err(StoreError::from).and_then(|mut connection| {
            connection.busy_timeout(Duration::from_secs(1))?;
            if is_suspect {
                // A log that does not belong to the file is not brought into it by being looked at.
                leave_log_alone(&connection)?;
                check(&connection)?;
                take_log_in(&connection)?;
            }
            // What is removed gives its space back, and can't be read any more. The former has to be said before there is a
            // table.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            overwrite_removed(&connection)?;
            // Committed means on the disk.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            sync_fully(&connection)?;
            connection.pragma_update(None, "journal_size_limit", LONGEST_LOG)?;
            let transaction = write(&mut connection)?;
            version = bring_up_to_date(&transaction)?;
            if version > VERSION {
                return Ok(None);
            }
            if let Some(last) = folder.as_ref().and_then(|folder| folder.mark().last.as_ref())
                && !is_there(&transaction, last)?
            {
                tracing::warn!(
                    "the history is older than what this server has stored: it was restored from a copy; clients load it anew"
                );
                new_epoch(&transaction)?;
            }
            let epoch = transaction.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
            transaction.commit()?;
            let (clock, _) = Clock::resume(None, unix_ms(), None, Instant::now());
            let ends = HashMap::new();
            Ok(Some(Self {
                connection,
                epoch,
                ends,
                clock,
                // The first time they are counted at once.
                positions_written: usize::MAX,
                log_holds_removed: false,
                folder,
                is_over: None,
            }))
        });
        match prepared {
            Ok(Some(mut database)) => {
                if (1..VERSION).contains(&version) {
                    tracing::info!(file = %file.display(), version, "a history of an earlier version was brought up to date");
                }
                database.remember_start();
                Ok(database)
            }
            Ok(None) => Err(StoreOpenError::TooNew { file }),
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(StoreOpenError::File { file, source: error.into() })
            }
            Err(error) if error.is_damage() => Err(StoreOpenError::Damaged { file }),
            // Some other program writes to it.
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                Err(StoreOpenError::InUse { file })
            }
            Err(source) => Err(StoreOpenError::File { file, source }),
        }
    }

    /// The next start knows these files; and what was stored last, if it is there.
    fn remember_start(&mut self) {
        let Some(folder) = &mut self.folder else { return };
        folder.remember_files();
        let last = folder.mark().last.clone();
        folder.remember_last(last.filter(|last| is_there(&self.connection, last).unwrap_or(false)));
    }

    /// What a server does before its first post: its clock goes on, and it says who may come in.
    pub(in crate::store::sqlite) fn begin(&mut self, options: &StoreOptions) -> Result<(), StoreError> {
        let (clock, left_out) =
            Clock::resume(saved_clock(&self.connection)?, unix_ms(), options.kept_for, Instant::now());
        if let Some(days) = left_out {
            tracing::warn!(
                days,
                "the clock is far ahead of when this server ran last: that time is not counted as messages' age, and they are \
                 kept as much longer"
            );
        }
        self.clock = clock;
        if options.is_replica {
            self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        // A disk that is full keeps nobody from reading.
        let said = self.save_clock().and_then(|()| self.save_auth(options.auth));
        if let Err(error) = said {
            tracing::warn!(%error, "the history can be read, but nothing can be stored now");
        }
        let vacuums: i64 = self.connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
        if vacuums == 0 && self.folder.is_some() {
            // Once: an earlier version has made it.
            if let Err(error) = self.connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM") {
                tracing::warn!(%error, "the history's file will not shrink: it can't be written anew");
            }
        }
        Ok(())
    }

    fn save_auth(&self, auth: Option<&str>) -> Result<(), StoreError> {
        if let Some(auth) = auth {
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('auth', ?1)", [auth])?;
        }
        Ok(())
    }
}

/// A connection of its own to the same file, for what is no message; made or brought up to date unless a server, which has
/// done that, uses it. Without a folder: a file of its own in memory.
pub(in crate::store::sqlite) fn open_shared(folder: Option<&Path>) -> Result<Connection, StoreOpenError> {
    let Some(folder) = folder else {
        return Database::open(None).map(|database| database.connection);
    };
    let file = folder.join(FILE);
    match Database::open(Some(folder)) {
        Ok(_) | Err(StoreOpenError::InUse { .. }) => {}
        Err(error) => return Err(error),
    }
    let opened = Connection::open(&file).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(5))?;
        overwrite_removed(&connection)?;
        sync_fully(&connection)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((connection, version))
    });
    match opened {
        Ok((connection, VERSION)) => Ok(connection),
        Ok((_, version)) if version > VERSION => Err(StoreOpenError::TooNew { file }),
        Ok(_) => Err(StoreOpenError::TooOld { file }),
        Err(source) => Err(StoreOpenError::File { file, source: source.into() }),
    }
}

/// On Apple's systems a plain sync leaves data in the drive's cache. Others do not know the difference.
fn sync_fully(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

/// What this connection removes can't be read in the file any more.
fn overwrite_removed(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", "ON")
}
