//! Read positions: how far each user has read each room.

#[cfg(feature = "cluster")]
use std::time::Duration;
use std::time::Instant;

use everwire_chat_core::wire::MOST_UNREAD;
use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, write};
#[cfg(feature = "cluster")]
use crate::clock::millis;
use crate::domain::ReadPosition;
use crate::store::error::StoreError;
use crate::store::messages::{ReadQuery, ReadState};
#[cfg(feature = "cluster")]
use crate::store::replica::{PositionPlace, PositionsPage};

/// Positions that are kept; beyond them, those go that were not touched for the longest.
const MOST_POSITIONS: u64 = 250_000;

/// The number of positions that are written between two counts of all positions.
const COUNT_EVERY: usize = 5_000;

/// Messages that are looked at to count those that are unread: a user's own are not among these.
const MOST_LOOKED_AT: u64 = 10_000;

impl Database {
    pub(super) fn read_state(&self, query: &ReadQuery) -> Result<ReadState, StoreError> {
        let ReadQuery { room, user, known, end } = query;
        let mut select =
            self.connection.prepare_cached("SELECT read FROM read_positions WHERE room = ?1 AND user_id = ?2")?;
        let stored: Option<u64> = select.query_row([room, user], |row| row.get(0)).optional()?;
        // Of a room that was cut by hand nobody has read what it will hold.
        let read = stored.map(|stored| stored.min(*end)).max(*known);
        let unread = read.map_or(Ok(0), |read| unread(&self.connection, room, user, read, *end))?;
        Ok(ReadState { read, unread })
    }

    /// Stores positions; they only rise.
    pub(super) fn save_read_positions(&mut self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        let touched = self.clock.now(Instant::now());
        self.positions_written = self.positions_written.saturating_add(positions.len());
        let is_count_due = self.positions_written >= COUNT_EVERY;
        let transaction = write(&mut self.connection)?;
        for ReadPosition { room, user, offset } in positions {
            transaction
                .prepare_cached(
                    "INSERT INTO read_positions VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET read = max(read, excluded.read), touched = excluded.touched
                         WHERE excluded.read > read",
                )?
                .execute(params![room, user, offset, touched])?;
        }
        if is_count_due {
            prune(&transaction, MOST_POSITIONS)?;
        }
        transaction.commit()?;
        if is_count_due {
            self.positions_written = 0;
        }
        Ok(())
    }
}

#[cfg(feature = "cluster")]
impl Database {
    /// Up to `most` positions that have risen within a time, in the order in which they have; behind the place that an earlier page has
    /// told, if there is one.
    pub(super) fn read_positions(
        &self,
        within: Option<Duration>,
        after: Option<PositionPlace>,
        most: usize,
    ) -> Result<PositionsPage, StoreError> {
        let since = within.map_or(i64::MIN, |within| self.clock.now(Instant::now()).saturating_sub(millis(within)));
        let PositionPlace { touched, room, user } = after.unwrap_or_default();
        let mut select = self.connection.prepare_cached(
            "SELECT room, user_id, read, touched FROM read_positions
             WHERE touched >= ?1 AND (touched, room, user_id) > (?2, ?3, ?4) ORDER BY touched, room, user_id LIMIT ?5",
        )?;
        let rows = select.query_map(params![since, touched, room, user, most], |row| {
            let position = ReadPosition { room: row.get(0)?, user: row.get(1)?, offset: row.get(2)? };
            Ok((position, row.get(3)?))
        })?;
        let rows = rows.collect::<rusqlite::Result<Vec<(ReadPosition, i64)>>>()?;
        let next = rows.last().filter(|_| rows.len() == most).map(|(last, touched)| PositionPlace {
            touched: *touched,
            room: last.room.clone(),
            user: last.user.clone(),
        });
        Ok(PositionsPage { positions: rows.into_iter().map(|(position, _)| position).collect(), next })
    }
}

fn unread(connection: &Connection, room: &str, user: &str, read: u64, end: u64) -> rusqlite::Result<u64> {
    let limit = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let unread: u64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT user_id FROM messages WHERE room = ?1 AND position > ?2 AND position <= ?3
                                   ORDER BY position LIMIT ?5) WHERE user_id <> ?4",
        )?
        .query_row(params![room, limit(read), limit(end), user, limit(MOST_LOOKED_AT)], |row| row.get(0))?;
    Ok(unread.min(MOST_UNREAD))
}

fn prune(connection: &Connection, most: u64) -> rusqlite::Result<()> {
    let count: u64 = connection.query_row("SELECT count(*) FROM read_positions", [], |row| row.get(0))?;
    let surplus = count.saturating_sub(most);
    if surplus > 0 {
        connection.execute(
            "DELETE FROM read_positions WHERE (room, user_id) IN
                 (SELECT room, user_id FROM read_positions ORDER BY touched LIMIT ?1)",
            [surplus],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(room: &str, user: &str, offset: u64) -> ReadPosition {
        ReadPosition { room: room.into(), user: user.into(), offset }
    }

    fn asked(database: &Database, room: &str, user: &str) -> ReadState {
        let query = ReadQuery { room: room.into(), user: user.into(), known: None, end: u64::MAX };
        database.read_state(&query).unwrap()
    }

    #[test]
    fn a_position_only_rises_and_is_of_one_user_in_one_room() {
        let mut database = Database::open(None).unwrap();
        database.save_read_positions(&[position("a", "ana", 7), position("b", "ana", 1)]).unwrap();
        database.save_read_positions(&[position("a", "ana", 5)]).unwrap();
        assert_eq!(asked(&database, "a", "ana").read, Some(7));
        assert_eq!(asked(&database, "b", "ana").read, Some(1));
        assert_eq!(asked(&database, "a", "ben"), ReadState::default());
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn what_has_risen_within_a_time_is_told_page_by_page_and_what_has_not_risen_is_not() {
        let mut database = Database::open(None).unwrap();
        for (user, touched) in [("ana", 3), ("ben", 3), ("cat", 2)] {
            let insert = "INSERT INTO read_positions VALUES ('a', ?1, 9, ?2)";
            database.connection.execute(insert, params![user, touched]).unwrap();
        }
        let risen = [position("b", "ana", 4), position("a", "cat", 10)];
        database.save_read_positions(&risen).unwrap();
        database.save_read_positions(&[position("a", "ben", 9), position("a", "ana", 8)]).unwrap();
        let day = Duration::from_secs(86_400);
        let told = |within: Option<Duration>, most: usize| {
            let (mut told, mut after) = (Vec::new(), None);
            loop {
                let page = database.read_positions(within, after, most).unwrap();
                assert!(page.positions.len() <= most);
                told.extend(page.positions.into_iter().map(|one| format!("{} {} {}", one.room, one.user, one.offset)));
                after = page.next;
                if after.is_none() {
                    return told;
                }
            }
        };
        for most in [1, 2, 3, 100] {
            assert_eq!(told(None, most), ["a ana 9", "a ben 9", "a cat 10", "b ana 4"]);
            assert_eq!(told(Some(day), most), ["a cat 10", "b ana 4"]);
        }
    }

    #[test]
    fn beyond_the_bound_those_go_that_were_not_touched_for_the_longest() {
        let database = Database::open(None).unwrap();
        for (user, touched) in [("ana", 3), ("ben", 1), ("cat", 2)] {
            let insert = "INSERT INTO read_positions VALUES ('a', ?1, 9, ?2)";
            database.connection.execute(insert, params![user, touched]).unwrap();
        }
        prune(&database.connection, 2).unwrap();
        assert_eq!(asked(&database, "a", "ben").read, None);
        assert_eq!((asked(&database, "a", "ana").read, asked(&database, "a", "cat").read), (Some(9), Some(9)));
        prune(&database.connection, 2).unwrap();
        assert_eq!(asked(&database, "a", "cat").read, Some(9));
    }
}
