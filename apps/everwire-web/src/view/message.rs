//! One row of the list.

use everwire_chat::{Entry, Failure, Status};
use everwire_words::{Text, Words};
use web_sys::Element;

use crate::browser;
use crate::dom;
use crate::links::{Piece, pieces};
use crate::rows::{Day, Row, Start};

pub(super) fn row(row: &Row<'_>, words: Words) -> Element {
    match *row {
        Row::Start(start) => {
            let text = match start {
                Start::Beginning => Text::EarlierNone,
                Start::Earlier => Text::EarlierLeftOut,
                Start::Gone => Text::EarlierGone,
            };
            line("notice start", &words.say(&text))
        }
        Row::Gap { gone, .. } => line("notice", &words.say(if gone { &Text::Gone } else { &Text::Gap })),
        Row::Day(day, _) => line("day", &day_words(words, day)),
        Row::Unread(count) => line("unread", &words.say(&Text::UnreadLine { count: count as u64 })),
        Row::Notice(notice) => {
            let line = line("notice", &notice.text);
            dom::set(&line, "dir", "auto");
            line
        }
        Row::Message { entry, first } => message(entry, first, words),
    }
}

fn line(class: &str, words: &str) -> Element {
    let line = dom::template("line");
    line.set_class_name(class);
    dom::find(&line, "span").set_text_content(Some(words));
    line
}

fn message(entry: &Entry, first: bool, words: Words) -> Element {
    let row = dom::template("message");
    row.set_class_name(&format!(
        "message {}{}{}",
        if entry.own { "own" } else { "theirs" },
        if first { " first" } else { "" },
        if matches!(entry.status, Status::Failed(_)) { " failed" } else { "" },
    ));
    dom::set(&row, "data-id", &entry.id);
    if first && !entry.own {
        let name = dom::new("p");
        name.set_class_name(&format!("name colour-{}", colour(&entry.user_id)));
        dom::set(&name, "dir", "auto");
        name.set_text_content(Some(&entry.user_name));
        let _ = row.prepend_with_node_1(&name);
    }
    write(&dom::find(&row, ".text"), &entry.text);
    dom::find(&row, "time").set_text_content(Some(&browser::time_of(entry.timestamp)));
    if entry.own {
        let status = dom::add(&dom::find(&row, ".meta"), "span");
        let said = status_words(words, &entry.status);
        status.set_class_name(if entry.status == Status::Read { "status read" } else { "status" });
        dom::set(&status, "role", "img");
        dom::set(&status, "title", &said);
        dom::set(&status, "aria-label", &said);
        status.set_text_content(Some(mark(&entry.status)));
        add_actions(&row, &entry.status, words);
    }
    row
}

/// The line, with what is an address in it to be followed.
fn write(place: &Element, text: &str) {
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) => drop(place.append_with_str_1(text)),
            Piece::Link(address) => {
                let link = dom::add(place, "a");
                dom::set(&link, "href", address);
                dom::set(&link, "target", "_blank");
                dom::set(&link, "rel", "noopener noreferrer nofollow");
                link.set_text_content(Some(address));
            }
        }
    }
}

/// Why a message failed, and what can be done with one that has not arrived.
fn add_actions(row: &Element, status: &Status, words: Words) {
    let failure = match status {
        Status::Failed(failure) => Some(failure),
        Status::Sending => None,
        Status::Sent | Status::Delivered | Status::Read => return,
    };
    let actions = dom::add(row, "p");
    actions.set_class_name("actions");
    let button = |what, text| {
        let button = dom::add(&actions, "button");
        dom::set(&button, "data-do", what);
        button.set_text_content(Some(&words.say(&text)));
    };
    if let Some(failure) = failure {
        let reason = dom::add(&actions, "span");
        reason.set_class_name("reason");
        reason.set_text_content(Some(&status_words(words, status)));
        if failure.is_retryable() {
            button("retry", Text::Retry);
        }
    }
    button("take-back", if failure.is_some() { Text::Delete } else { Text::Cancel });
}

fn mark(status: &Status) -> &'static str {
    match status {
        Status::Sending => "◷",
        Status::Sent => "✓",
        Status::Delivered | Status::Read => "✓✓",
        Status::Failed(_) => "!",
    }
}

fn status_words(words: Words, status: &Status) -> String {
    let text = match status {
        Status::Sending => Text::StatusSending,
        Status::Sent => Text::StatusSent,
        Status::Delivered => Text::StatusDelivered,
        Status::Read => Text::StatusRead,
        Status::Failed(failure) => {
            let reason = match failure {
                Failure::Rejected(reason) => words.say(&Text::FailureRejected { reason }),
                Failure::Dropped => words.say(&Text::FailureDropped),
                Failure::Cancelled => words.say(&Text::FailureCancelled),
                Failure::Unknown => words.say(&Text::FailureUnknown),
                other => other.to_string(),
            };
            return words.say(&Text::StatusFailed { reason: &reason });
        }
    };
    words.say(&text)
}

fn day_words(words: Words, day: Day) -> String {
    const DAY_MS: i64 = 86_400_000;
    let now = browser::now_ms();
    if day == browser::day_of(now) {
        return words.say(&Text::Today);
    }
    if day == browser::day_of(now - DAY_MS) {
        return words.say(&Text::Yesterday);
    }
    let Day { year, month, day, weekday } = day;
    words.say(&Text::Day { weekday, day, month, year: &year.to_string() })
}

/// One of eight, the same for a user everywhere.
fn colour(user_id: &str) -> u32 {
    user_id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 8
}
