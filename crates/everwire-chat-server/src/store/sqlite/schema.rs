//! The tables, and how older ones become them.

use rusqlite::{Transaction, ffi};

use crate::clock::unix_ms;

/// The layout of this version.
pub(super) const VERSION: i64 = 6;

/// An empty history.
pub(super) const NEW: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    -- Rooms that were ever written to. `last`: where the room ended when messages were last removed from it, since
    -- positions are never given out twice.
    CREATE TABLE rooms (room TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE messages (
        room TEXT NOT NULL,
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        user_name TEXT NOT NULL,
        text TEXT NOT NULL,
        timestamp INTEGER NOT NULL, -- by the sender's clock
        stored INTEGER NOT NULL,    -- by ours
        -- With row ids, unlike in histories of before: a message of 1 to 4 KiB would else have a page of 4 KiB for its rest.
        PRIMARY KEY (room, position)
    );
    CREATE UNIQUE INDEX messages_by_id ON messages (room, id);
";

/// Since version 3: how far messages have come, and who may come in. It stands behind [`NEW`] in a new history, and is what
/// version 2 lacks of version 3.
pub(super) const SINCE_3: &str = "
    -- The furthest mark of a room, whose it is, and the furthest of anybody else.
    CREATE TABLE marks (
        room TEXT PRIMARY KEY,
        delivered INTEGER NOT NULL,
        delivered_to TEXT NOT NULL,
        delivered_to_others INTEGER NOT NULL,
        read INTEGER NOT NULL,
        read_by TEXT NOT NULL,
        read_by_others INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- `generation` is counted up when what was signed before is to be worth nothing.
    CREATE TABLE accounts (
        user_id TEXT PRIMARY KEY,
        user_name TEXT NOT NULL,
        password TEXT NOT NULL, -- argon2id, as a PHC string
        generation INTEGER NOT NULL,
        created INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE bans (user_id TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
    -- `hash`: SHA-256 of the token. All that came of one sign-in are a family.
    CREATE TABLE refreshes (
        hash BLOB PRIMARY KEY,
        family TEXT NOT NULL,
        user_id TEXT NOT NULL,
        expires INTEGER NOT NULL,
        used INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX refreshes_by_family ON refreshes (family);
    CREATE INDEX refreshes_by_user ON refreshes (user_id);
    CREATE TABLE closed_rooms (room TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE room_members (room TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (room, user_id)) WITHOUT ROWID;
    INSERT INTO meta VALUES ('access_revision', '0'), ('token_key', hex(randomblob(32)));
";

/// Since version 4: of which account refresh tokens are, and which gave which. It stands behind [`SINCE_3`] in a new
/// history, and is what version 3 lacks of version 4.
pub(super) const SINCE_4: &str = "
    -- `generation`: of the account when the sign-in began. `parent`: the token that this one was given for. `void`: 1, the
    -- one that it gave was used; 2, its parent gave another. Whoever sends such a one has a copy.
    ALTER TABLE refreshes ADD COLUMN generation INTEGER NOT NULL DEFAULT -1;
    ALTER TABLE refreshes ADD COLUMN parent BLOB;
    ALTER TABLE refreshes ADD COLUMN void INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX refreshes_by_parent ON refreshes (parent);
    UPDATE refreshes SET void = used > 0, generation =
        coalesce((SELECT generation FROM accounts WHERE accounts.user_id = refreshes.user_id), -1);
";

/// Since version 5: how old messages are. It stands behind [`SINCE_4`] in a new history, and is what version 4 lacks of version 5.
pub(super) const SINCE_5: &str = "
    -- When it was stored by the history's own clock, which never jumps; where that is not known, as `stored` says.
    ALTER TABLE messages ADD COLUMN aged INTEGER;
";

/// Since version 6: how far users have read, and which rooms can be found. It stands behind [`SINCE_5`] in a new history, and is
/// all that version 5 lacks.
pub(super) const SINCE_6: &str = "
    -- `touched`: when it was last written, by the history's own clock.
    CREATE TABLE read_positions (
        room TEXT NOT NULL,
        user_id TEXT NOT NULL,
        read INTEGER NOT NULL,
        touched INTEGER NOT NULL,
        PRIMARY KEY (room, user_id)
    ) WITHOUT ROWID;
    CREATE INDEX read_positions_by_age ON read_positions (touched);
    CREATE INDEX read_positions_by_user ON read_positions (user_id);
    CREATE TABLE published_rooms (room TEXT PRIMARY KEY) WITHOUT ROWID;
";

/// From version 1. When its messages were stored is not known; counted from now, none is removed too early.
pub(super) fn migrate_v1(now: i64) -> String {
    format!(
        "CREATE TABLE rooms (room TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
         INSERT INTO rooms SELECT room, max(position) FROM messages GROUP BY room;
         ALTER TABLE messages ADD COLUMN stored INTEGER NOT NULL DEFAULT {now};"
    )
}

/// Makes the tables, or makes older ones into this version's; the version that was there.
pub(super) fn bring_up_to_date(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            refuse_foreign(transaction)?;
            transaction.execute_batch(NEW)?;
            let epoch = uuid::Uuid::now_v7().to_string();
            transaction.execute("INSERT INTO meta VALUES ('epoch', ?1)", [epoch])?;
        }
        1 => transaction.execute_batch(&migrate_v1(unix_ms()))?,
        2..VERSION => {}
        _ => return Ok(version),
    }
    if version < 3 {
        transaction.execute_batch(SINCE_3)?;
    }
    if version < 4 {
        transaction.execute_batch(SINCE_4)?;
    }
    if version < 5 {
        transaction.execute_batch(SINCE_5)?;
    }
    transaction.execute_batch(SINCE_6)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(version)
}

/// A database with tables and no version is another program's.
fn refuse_foreign(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let is_foreign: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    if is_foreign {
        let words = "its tables are another program's".to_owned();
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(words)));
    }
    Ok(())
}

/// Version 1, as it was.
#[cfg(test)]
pub(super) const VERSION_1: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE messages (
        room TEXT NOT NULL,
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        user_name TEXT NOT NULL,
        text TEXT NOT NULL,
        timestamp INTEGER NOT NULL,
        PRIMARY KEY (room, position)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_by_id ON messages (room, id);
    PRAGMA user_version = 1;
    INSERT INTO meta VALUES ('epoch', 'of version 1');
    INSERT INTO messages VALUES ('a', 1, 'x', 'u', 'U', 'first', 5), ('a', 2, 'y', 'u', 'U', 'second', 6);
";

/// Version 2 as it was, but for what is like version 1.
#[cfg(test)]
pub(super) const VERSION_2: &str = "
    CREATE TABLE rooms (room TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO rooms VALUES ('a', 0);
    ALTER TABLE messages ADD COLUMN stored INTEGER NOT NULL DEFAULT 7;
    UPDATE meta SET value = 'of version 2' WHERE key = 'epoch';
    PRAGMA user_version = 2;
";

/// What version 3 had that version 4 changes.
#[cfg(test)]
pub(super) const IN_VERSION_3: &str = "
    INSERT INTO accounts VALUES ('ana', 'Ana', 'hash', 7, 7);
    INSERT INTO refreshes VALUES (x'01', 'f', 'ana', 9000000000000000000, 5), (x'02', 'f', 'ana', 9000000000000000000, 0);
    UPDATE meta SET value = 'of version 3' WHERE key = 'epoch';
    PRAGMA user_version = 3;
";

/// Makes a history of this version one of version 5.
#[cfg(test)]
pub(super) const BACK_TO_5: &str = "
    DROP TABLE read_positions;
    DROP TABLE published_rooms;
    PRAGMA user_version = 5;
";
