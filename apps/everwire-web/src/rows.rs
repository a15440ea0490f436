//! What stands in the list of messages, row by row.

use everwire_chat::{Entry, Missing, Status};

/// Messages of one sender that follow each other within this time stand under one name.
const GROUP_MS: i64 = 5 * 60 * 1000;

/// A day of the calendar, in the reader's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: i32,
    /// From 1.
    pub(crate) month: u8,
    /// From 1.
    pub(crate) day: u8,
    /// From Monday, 1.
    pub(crate) weekday: u8,
}

/// A line about the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Unlike any other's.
    pub(crate) number: u64,
    /// Stands below this message; none: above all.
    pub(crate) below: Option<String>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row<'a> {
    /// Above the first message, and what of the room is before it.
    Start(Start),
    /// Above a message before which others are missing; whether they can still be had.
    Gap {
        above: &'a str,
        gone: bool,
    },
    /// Above the message with this id, the first of its day.
    Day(Day, &'a str),
    /// Above the first message that was not seen, and how many there are.
    Unread(usize),
    Notice(&'a Notice),
    Message {
        entry: &'a Entry,
        /// The first of its sender's, so that the name stands above it.
        first: bool,
    },
}

/// What is before the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing.
    Beginning,
    /// Messages that the server still has.
    Earlier,
    /// Messages that it has removed.
    Gone,
}

/// The same for as long as the row looks the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    kind: Kind,
    /// Of the message that the row is, or stands above.
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Start(Start),
    Gap(bool),
    Day(Day),
    Unread(usize),
    Notice(u64),
    Message { status: u8, first: bool },
}

impl<'a> Row<'a> {
    pub(crate) fn key(&self) -> Key {
        let (kind, id) = self.parts();
        Key { kind, id: id.to_owned() }
    }

    /// Whether this is its key.
    pub(crate) fn has(&self, key: &Key) -> bool {
        let (kind, id) = self.parts();
        kind == key.kind && id == key.id
    }

    fn parts(&self) -> (Kind, &'a str) {
        match *self {
            Self::Start(start) => (Kind::Start(start), ""),
            Self::Gap { above, gone } => (Kind::Gap(gone), above),
            Self::Day(day, above) => (Kind::Day(day), above),
            Self::Unread(count) => (Kind::Unread(count), ""),
            Self::Notice(notice) => (Kind::Notice(notice.number), ""),
            Self::Message { entry, first } => {
                let status = match entry.status {
                    Status::Sending => 0,
                    Status::Sent => 1,
                    Status::Delivered => 2,
                    Status::Read => 3,
                    Status::Failed(_) => 4,
                };
                (Kind::Message { status, first }, &entry.id)
            }
        }
    }
}

/// The rows of the messages `from..to`. `unread`: the first message that was not seen, and how many there are.
pub(crate) fn rows<'a>(
    entries: &'a [Entry],
    (from, to): (usize, usize),
    notices: &'a [Notice],
    unread: Option<(usize, usize)>,
    day_of: impl Fn(i64) -> Day,
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    if from == 0 {
        rows.extend(entries.first().and_then(start).map(Row::Start));
        rows.extend(below(notices, None));
    }
    let to = to.min(entries.len());
    let mut above = from.checked_sub(1).and_then(|at| entries.get(at));
    for (at, entry) in entries[from.min(to)..to].iter().enumerate() {
        let day = day_of(entry.timestamp);
        let new_day = above.is_none_or(|above| day_of(above.timestamp) != day);
        if new_day || at == 0 {
            rows.push(Row::Day(day, &entry.id));
        }
        if let Some(missing) = entry.missing.filter(|_| above.is_some()) {
            rows.push(Row::Gap { above: &entry.id, gone: matches!(missing, Missing::Gone { .. }) });
        }
        let unread = unread.filter(|(first, _)| *first == from + at);
        rows.extend(unread.map(|(_, count)| Row::Unread(count)));
        let interrupted =
            matches!(rows.last(), Some(Row::Notice(_) | Row::Unread(_) | Row::Day(..) | Row::Gap { .. }) | None);
        let first = interrupted || !above.is_some_and(|above| follows(above, entry));
        rows.push(Row::Message { entry, first });
        rows.extend(below(notices, Some(&entry.id)));
        above = Some(entry);
    }
    rows
}

fn start(first: &Entry) -> Option<Start> {
    match (first.missing, first.offset) {
        (Some(Missing::Unloaded { .. }), _) => Some(Start::Earlier),
        (Some(Missing::Gone { .. }), _) => Some(Start::Gone),
        (None, Some(1)) => Some(Start::Beginning),
        (None, _) => None,
    }
}

fn below<'a>(notices: &'a [Notice], id: Option<&'a str>) -> impl Iterator<Item = Row<'a>> + 'a {
    notices.iter().filter(move |notice| notice.below.as_deref() == id).map(Row::Notice)
}

fn follows(above: &Entry, entry: &Entry) -> bool {
    above.user_id == entry.user_id && (0..=GROUP_MS).contains(&(entry.timestamp - above.timestamp))
}

#[cfg(test)]
mod tests {
    use everwire_chat::{Change, TextMessage, Timeline};

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn day_of(at: i64) -> Day {
        Day { year: 2026, month: 11, day: u8::try_from(at / DAY_MS).unwrap_or(0), weekday: 1 }
    }

    fn entries(messages: &[(&str, i64)]) -> Vec<Entry> {
        let (mut timeline, mut copy) = (Timeline::new(100), Vec::new());
        for (at, (user, timestamp)) in messages.iter().enumerate() {
            let json = format!(
                r#"{{"id":"m{at}","userId":"{user}","userName":"{user}","text":"t","timestamp":{timestamp},"offset":{}}}"#,
                at + 1
            );
            let message: TextMessage = message(&json);
            timeline.on_text(message, false).into_iter().for_each(|change: Change| change.apply(&mut copy));
        }
        copy
    }

    fn message(json: &str) -> TextMessage {
        let json = json.replacen('{', r#"{"type":"text","#, 1);
        match everwire_chat::wire::parse(&json).events.pop() {
            Some(everwire_chat::Event::Text(message)) => message,
            other => panic!("{other:?} from {json}"),
        }
    }

    fn shape(rows: &[Row<'_>]) -> String {
        rows.iter()
            .map(|row| match row {
                Row::Start(_) => 'S',
                Row::Gap { .. } => 'G',
                Row::Day(..) => 'D',
                Row::Unread(_) => 'U',
                Row::Notice(_) => 'N',
                Row::Message { first: true, .. } => 'M',
                Row::Message { first: false, .. } => 'm',
            })
            .collect()
    }

    #[test]
    fn messages_of_one_sender_stand_together_until_time_or_somebody_else_parts_them() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ben", 3), ("ben", 3 + GROUP_MS + 1), ("ben", DAY_MS)]);
        assert_eq!(shape(&rows(&entries, (0, 9), &[], None, day_of)), "SDMmMMDM");
    }

    #[test]
    fn what_is_new_and_who_came_parts_them_too() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        let notice =
            |below: Option<&str>| Notice { number: 1, below: below.map(str::to_owned), text: "Ben joined".into() };
        assert_eq!(shape(&rows(&entries, (0, 9), &[], Some((1, 2)), day_of)), "SDMUMm");
        assert_eq!(shape(&rows(&entries, (0, 9), &[notice(Some("m1"))], None, day_of)), "SDMmNM");
        assert_eq!(shape(&rows(&entries, (0, 9), &[notice(None)], None, day_of)), "SNDMmm");
    }

    #[test]
    fn what_is_missing_has_a_row_of_its_own() {
        let mut entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        entries[0].missing = Some(Missing::Unloaded { count: 4 });
        entries[2].missing = Some(Missing::Gone { count: 4 });
        let rows = rows(&entries, (0, 9), &[], None, day_of);
        assert_eq!(shape(&rows), "SDMmGM");
        assert_eq!(rows[0], Row::Start(Start::Earlier));
        assert_eq!(rows[4], Row::Gap { above: "m2", gone: true });
    }

    #[test]
    fn a_part_of_the_list_begins_with_its_day() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        assert_eq!(shape(&rows(&entries, (1, 9), &[], None, day_of)), "DMm");
        assert_eq!(shape(&rows(&entries, (7, 9), &[], None, day_of)), "");
    }
}
