//! One message as lines of the screen, with those above it: the day, the line of the unread, the sender's name.

use everwire_chat::{Entry, Failure, Missing, Rejection, Status};
use everwire_i18n::{Text, Words};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::chat::short_name;
use crate::term::{printable, printable_line};

/// Messages of one sender within this time, in milliseconds, are shown under one name.
const GROUP_MS: i64 = 5 * 60 * 1000;
/// The widest bubble, in columns of text.
const WIDEST: usize = 76;

/// Renders messages as lines.
pub(super) struct Renderer<'a> {
    pub(super) words: &'a Words,
    pub(super) theme: Theme,
    pub(super) zone: &'a TimeZone,
    /// Columns of the list.
    pub(super) width: usize,
    pub(super) today: Date,
}

/// What the look of one message depends on, besides the message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    /// The message above.
    pub(super) above: Option<&'a Entry>,
    /// If it is the first unseen message: the number of unseen messages from it on.
    pub(super) unread: u64,
    /// Messages are missing above.
    pub(super) gap: Option<Missing>,
    /// Whether it is chosen.
    pub(super) chosen: bool,
    /// Whether it mentions the user.
    pub(super) mentions_me: bool,
}

impl Renderer<'_> {
    /// The message's lines.
    pub(super) fn message(&self, entry: &Entry, place: Context<'_>) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let day = self.date(entry.timestamp);
        let new_day = place.above.is_none_or(|above| self.date(above.timestamp) != day);
        match place.gap {
            None => {}
            Some(Missing::Unloaded { .. }) => {
                lines.push(self.centred(&self.words.say(&Text::Gap), self.theme.waiting()));
            }
            Some(Missing::Gone { .. }) => lines.push(self.centred(&self.words.say(&Text::Gone), self.theme.faint())),
        }
        if new_day {
            lines.push(self.ruled(&self.day(day), self.theme.faint()));
        }
        if place.unread > 0 {
            lines.push(self.ruled(&self.words.say(&Text::UnreadLine { count: place.unread }), self.theme.unread()));
        }
        let grouped = !new_day
            && place.unread == 0
            && place.gap.is_none()
            && place.above.is_some_and(|above| follows(above, entry));
        if !grouped {
            if lines.is_empty() && place.above.is_some() {
                lines.push(Line::default());
            }
            if !entry.own {
                let name = Span::styled(short_name(&entry.user_name), self.theme.name(&entry.user_id));
                lines.push(Line::from(vec![Span::raw(" "), name]));
            }
        }
        self.bubble(entry, place, &mut lines);
        self.below(entry, place.chosen, &mut lines);
        lines
    }

    /// A line about the room.
    pub(super) fn notice(&self, text: &str) -> Line<'static> {
        self.centred(&printable_line(text), self.theme.faint())
    }

    fn bubble(&self, entry: &Entry, place: Context<'_>, lines: &mut Vec<Line<'static>>) {
        let widest = (self.width * 3 / 4).clamp(12, WIDEST).min(self.width.saturating_sub(4).max(1));
        let mut rows = wrapped(&entry.text, widest);
        let (time, mark) = (self.time(entry.timestamp), mark(entry));
        let meta_width = time.width() + if mark.is_empty() { 0 } else { 1 + mark.width() };
        let last = rows.last().map_or(0, |row| row.width());
        if last + 2 + meta_width > widest {
            rows.push(String::new());
        }
        let last = rows.last().map_or(0, |row| row.width());
        let gap = if last == 0 { 0 } else { 2 };
        let width = rows.iter().map(|row| row.width()).max().unwrap_or(0).max(last + gap + meta_width);

        let style = self.theme.bubble(entry.own);
        let left = if entry.own { self.width.saturating_sub(width + 3) } else { 1 };
        let count = rows.len();
        for (at, row) in rows.into_iter().enumerate() {
            let used = row.width();
            let margin = match place {
                Context { chosen: true, .. } if entry.own => {
                    Span::raw(format!("{}▶", " ".repeat(left.saturating_sub(1))))
                }
                Context { mentions_me: true, .. } if at == 0 => Span::styled("@", self.theme.unread()),
                _ => Span::raw(" ".repeat(left)),
            };
            let mut spans = vec![margin, Span::styled(format!(" {row}"), style)];
            if at + 1 == count {
                let fill = " ".repeat(width.saturating_sub(used + meta_width));
                spans.push(Span::styled(fill, style));
                spans.push(Span::styled(time.clone(), self.theme.meta(entry.own)));
                if !mark.is_empty() {
                    spans.push(Span::styled(format!(" {mark}"), self.mark_style(entry)));
                }
                spans.push(Span::styled(" ", style));
            } else {
                spans.push(Span::styled(" ".repeat(width.saturating_sub(used) + 1), style));
            }
            lines.push(Line::from(spans));
        }
    }

    /// The lines below a message: why it failed, and what can be done with a chosen one.
    fn below(&self, entry: &Entry, chosen: bool, lines: &mut Vec<Line<'static>>) {
        let failure = match &entry.status {
            Status::Failed(failure) => Some(failure),
            _ => None,
        };
        if let Some(failure) = failure {
            let reason = self.failure(failure);
            let text = printable_line(&self.words.say(&Text::StatusFailed { reason: &reason }));
            for row in wrapped(&text, self.width.saturating_sub(4).max(1)) {
                lines.push(self.right(&row, self.theme.bad()));
            }
        }
        if !chosen || !entry.own {
            return;
        }
        let retry = || format!("r {}", self.words.say(&Text::Retry));
        let hint = match (&entry.status, failure) {
            (_, Some(failure)) if failure.is_retryable() => {
                Some(format!("{} · x {}", retry(), self.words.say(&Text::Delete)))
            }
            (_, Some(_)) => Some(format!("x {}", self.words.say(&Text::Delete))),
            (Status::Sending, _) => Some(format!("x {}", self.words.say(&Text::Cancel))),
            _ => None,
        };
        if let Some(hint) = hint {
            lines.push(self.right(&hint, self.theme.faint()));
        }
    }

    fn failure(&self, failure: &Failure) -> String {
        match failure {
            Failure::Rejected(Rejection { code, reason, .. }) => {
                let reason = self.words.reason_by(code.as_deref(), reason);
                self.words.say(&Text::FailureRejected { reason: &reason })
            }
            Failure::Dropped => self.words.say(&Text::FailureDropped),
            Failure::Cancelled => self.words.say(&Text::FailureCancelled),
            Failure::Unknown => self.words.say(&Text::FailureUnknown),
            other => other.to_string(),
        }
    }

    fn mark_style(&self, entry: &Entry) -> Style {
        match entry.status {
            Status::Read => self.theme.read(),
            Status::Failed(_) => self.theme.bubble(true).patch(self.theme.bad()),
            _ => self.theme.meta(true),
        }
    }

    /// The name of a day: today, yesterday, or its date.
    pub(super) fn day(&self, day: Date) -> String {
        if day == self.today {
            return self.words.say(&Text::Today);
        }
        if day.tomorrow().is_ok_and(|next| next == self.today) {
            return self.words.say(&Text::Yesterday);
        }
        let number = |n: i8| u8::try_from(n).unwrap_or_default();
        let year = day.year().to_string();
        self.words.say(&Text::Day {
            weekday: number(day.weekday().to_monday_one_offset()),
            day: number(day.day()),
            month: number(day.month()),
            year: &year,
        })
    }

    fn date(&self, at: i64) -> Date {
        let at = Timestamp::from_millisecond(at).unwrap_or_default();
        at.to_zoned(self.zone.clone()).date()
    }

    fn time(&self, at: i64) -> String {
        match Timestamp::from_millisecond(at) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string(),
            Err(_) => "--:--".to_owned(),
        }
    }

    fn centred(&self, text: &str, style: Style) -> Line<'static> {
        let pad = self.width.saturating_sub(text.width()) / 2;
        Line::from(vec![Span::raw(" ".repeat(pad)), Span::styled(text.to_owned(), style)])
    }

    /// Text within a rule as wide as the screen.
    fn ruled(&self, text: &str, style: Style) -> Line<'static> {
        let room = self.width.saturating_sub(text.width() + 4);
        let (left, right) = (room / 2, room - room / 2);
        Line::styled(format!(" {} {text} {} ", "─".repeat(left), "─".repeat(right)), style)
    }

    fn right(&self, text: &str, style: Style) -> Line<'static> {
        let pad = self.width.saturating_sub(text.width() + 1);
        Line::from(vec![Span::raw(" ".repeat(pad)), Span::styled(text.to_owned(), style)])
    }
}

/// Whether `entry` needs no name of its own after `above`.
fn follows(above: &Entry, entry: &Entry) -> bool {
    above.user_id == entry.user_id
        && above.own == entry.own
        && entry.timestamp.saturating_sub(above.timestamp) < GROUP_MS
}

/// The mark that stands for the status of an own message.
fn mark(entry: &Entry) -> &'static str {
    match (entry.own, &entry.status) {
        (false, _) => "",
        (true, Status::Sending) => "◷",
        (true, Status::Sent) => "✓",
        (true, Status::Delivered) => "✓✓",
        (true, Status::Read) => "✔✔",
        (true, Status::Failed(_)) => "✗",
    }
}

/// Text in rows of at most `width` columns, without control characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = printable(text).replace('\t', "    ");
    text.split('\n').flat_map(|line| textwrap::wrap(line, width)).map(|row| row.into_owned()).collect()
}
