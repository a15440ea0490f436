//! The rows of the list of messages.

use everwire_chat::{Entry, Missing, Status};

use crate::unread::Count;

/// Messages of one sender within this time, in milliseconds, are shown under one name.
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

/// How a day is named; it changes at midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    Today,
    Yesterday,
    /// By its date.
    Date,
}

impl Day {
    fn called_on(self, today: Self) -> Called {
        if self == today {
            Called::Today
        } else if self.is_before(today) {
            Called::Yesterday
        } else {
            Called::Date
        }
    }

    /// Whether `next` is the following day. Without the length of months: after the 28th, the first of the next month is the
    /// following day if the weekdays follow each other.
    fn is_before(self, next: Self) -> bool {
        let months = |day: Self| day.year * 12 + i32::from(day.month);
        self.weekday % 7 + 1 == next.weekday
            && match months(next) - months(self) {
                0 => self.day + 1 == next.day,
                1 => self.day >= 28 && next.day == 1,
                _ => false,
            }
    }
}

/// A line about the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Unique among the notices of a room.
    pub(crate) number: u64,
    /// The message above this line; `None`: it is above all messages.
    pub(crate) below: Option<String>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row<'a> {
    /// Above the first message: what is before it.
    Start(Start),
    /// Above the message with this id, before which others are missing; `gone`: they can't be loaded.
    Gap {
        above: &'a str,
        gone: bool,
    },
    /// Above the first message of a day.
    Day(Day, Called),
    /// Above the first message that was not seen: the number of unread messages.
    Unread(Count),
    Notice(&'a Notice),
    Message {
        entry: &'a Entry,
        /// The first of its sender in a row, so that the name is above it.
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

/// The identity of a row, which does not change with its look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Start,
    /// The gap above the message with this id.
    Gap(String),
    Day(Day),
    Unread,
    Notice(u64),
    Message(String),
}

/// The part of a row that may change while it is in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Start(Start),
    Gap { gone: bool },
    Day(Called),
    Unread(Count),
    Notice,
    Message { status: Status, first: bool },
}

impl Row<'_> {
    pub(crate) fn key(&self) -> Key {
        match *self {
            Self::Start(_) => Key::Start,
            Self::Gap { above, .. } => Key::Gap(above.to_owned()),
            Self::Day(day, _) => Key::Day(day),
            Self::Unread(_) => Key::Unread,
            Self::Notice(notice) => Key::Notice(notice.number),
            Self::Message { entry, .. } => Key::Message(entry.id.clone()),
        }
    }

    /// Whether this is the row's key.
    pub(crate) fn has(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Start(_), Key::Start) | (Self::Unread(_), Key::Unread) => true,
            (Self::Gap { above, .. }, Key::Gap(id)) => above == id,
            (Self::Day(day, _), Key::Day(shown)) => day == shown,
            (Self::Notice(notice), Key::Notice(number)) => notice.number == *number,
            (Self::Message { entry, .. }, Key::Message(id)) => entry.id == *id,
            _ => false,
        }
    }

    /// Whether this is the row's look.
    pub(crate) fn looks(&self, look: &Look) -> bool {
        match (self, look) {
            // Compared without a copy of the status, whose reason may be long.
            (Self::Message { entry, first }, Look::Message { status, first: was_first }) => {
                entry.status == *status && first == was_first
            }
            _ => self.look() == *look,
        }
    }

    pub(crate) fn look(&self) -> Look {
        match *self {
            Self::Start(start) => Look::Start(start),
            Self::Gap { gone, .. } => Look::Gap { gone },
            Self::Day(_, called) => Look::Day(called),
            Self::Unread(count) => Look::Unread(count),
            Self::Notice(_) => Look::Notice,
            Self::Message { entry, first } => Look::Message { status: entry.status.clone(), first },
        }
    }
}

/// The rows of the messages `from..to`. `unread`: the index of the first unseen message, and the number of unread messages.
pub(crate) fn rows<'a>(
    entries: &'a [Entry],
    (from, to): (usize, usize),
    notices: &'a [Notice],
    unread: Option<(usize, Count)>,
    today: Day,
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
            rows.push(Row::Day(day, day.called_on(today)));
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
    use everwire_chat::{Change, Failure, Rejection, TextMessage, Timeline};

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    const TODAY: Day = date(2026, 11, 29, 7);

    fn day_of(at: i64) -> Day {
        date(2026, 11, u8::try_from(at / DAY_MS).unwrap_or(0), 1)
    }

    const fn date(year: i32, month: u8, day: u8, weekday: u8) -> Day {
        Day { year, month, day, weekday }
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
    fn messages_of_one_sender_are_grouped_until_time_or_another_sender_parts_them() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ben", 3), ("ben", 3 + GROUP_MS + 1), ("ben", DAY_MS)]);
        assert_eq!(shape(&rows(&entries, (0, 9), &[], None, TODAY, day_of)), "SDMmMMDM");
    }

    #[test]
    fn the_line_of_the_unread_and_notices_part_them_too() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        let notice =
            |below: Option<&str>| Notice { number: 1, below: below.map(str::to_owned), text: "Ben joined".into() };
        assert_eq!(
            shape(&rows(&entries, (0, 9), &[], Some((1, Count { messages: 2, or_more: false })), TODAY, day_of)),
            "SDMUMm"
        );
        assert_eq!(shape(&rows(&entries, (0, 9), &[notice(Some("m1"))], None, TODAY, day_of)), "SDMmNM");
        assert_eq!(shape(&rows(&entries, (0, 9), &[notice(None)], None, TODAY, day_of)), "SNDMmm");
    }

    #[test]
    fn missing_messages_have_a_row_of_their_own() {
        let mut entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        entries[0].missing = Some(Missing::Unloaded { count: 4 });
        entries[2].missing = Some(Missing::Gone { count: 4 });
        let rows = rows(&entries, (0, 9), &[], None, TODAY, day_of);
        assert_eq!(shape(&rows), "SDMmGM");
        assert_eq!(rows[0], Row::Start(Start::Earlier));
        assert_eq!(rows[4], Row::Gap { above: "m2", gone: true });
    }

    #[test]
    fn a_day_is_named_today_yesterday_or_by_its_date() {
        let called = |day: Day, today: Day| day.called_on(today);
        assert_eq!(called(TODAY, TODAY), Called::Today);
        assert_eq!(called(date(2026, 11, 28, 6), TODAY), Called::Yesterday);
        assert_eq!(called(date(2026, 12, 31, 4), date(2027, 1, 1, 5)), Called::Yesterday);
        assert_eq!(called(date(2028, 2, 29, 2), date(2028, 3, 1, 3)), Called::Yesterday);
        assert_eq!(called(date(2028, 2, 28, 1), date(2028, 3, 1, 3)), Called::Date);
        assert_eq!(called(date(2026, 11, 27, 5), TODAY), Called::Date);
        assert_eq!(called(date(2026, 11, 21, 6), TODAY), Called::Date, "a week and a day before");
        assert_eq!(called(date(2026, 11, 30, 1), TODAY), Called::Date, "by a clock that is ahead");
    }

    #[test]
    fn a_message_keeps_its_key_and_changes_its_look_with_each_status() {
        let mut entries = entries(&[("ana", 1), ("ben", 2)]);
        let looks = |entries: &[Entry]| -> Vec<(Key, Look)> {
            rows(entries, (0, 9), &[], None, TODAY, day_of).iter().map(|row| (row.key(), row.look())).collect()
        };
        let before = looks(&entries);
        for status in
            [Failure::Unknown, Failure::Dropped, Failure::Rejected(Rejection::new(None, "no"))].map(Status::Failed)
        {
            entries[1].status = status;
            let now = looks(&entries);
            assert_eq!(now[..now.len() - 1], before[..before.len() - 1]);
            assert_eq!(now[now.len() - 1].0, before[before.len() - 1].0);
            assert_ne!(now[now.len() - 1].1, before[before.len() - 1].1);
        }
        let rows = rows(&entries, (0, 9), &[], None, TODAY, day_of);
        assert!(rows.iter().zip(&before).all(|(row, (key, _))| row.has(key)));
        assert!(rows.iter().zip(&before[1..]).all(|(row, (key, _))| !row.has(key)));
    }

    #[test]
    fn a_part_of_the_list_begins_with_its_day() {
        let entries = entries(&[("ana", 1), ("ana", 2), ("ana", 3)]);
        assert_eq!(shape(&rows(&entries, (1, 9), &[], None, TODAY, day_of)), "DMm");
        assert_eq!(shape(&rows(&entries, (7, 9), &[], None, TODAY, day_of)), "");
    }
}
