//! The tables, and how older ones become them.

/// The layout of this version.
pub(super) const VERSION: i64 = 2;

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
        PRIMARY KEY (room, position)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_by_id ON messages (room, id);
";

/// From version 1. When its messages were stored is not known; counted from now, none is removed too early.
pub(super) fn from_1(now: i64) -> String {
    format!(
        "CREATE TABLE rooms (room TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
         INSERT INTO rooms SELECT room, max(position) FROM messages GROUP BY room;
         ALTER TABLE messages ADD COLUMN stored INTEGER NOT NULL DEFAULT {now};"
    )
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
