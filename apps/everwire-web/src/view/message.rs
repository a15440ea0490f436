//! One row of the list.

use everwire_chat::{Entry, Failure, Status};
use everwire_words::{Text, Words};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::dom;
use crate::links::{Piece, pieces};
use crate::rows::{Called, Day, Look, Row, Start};

pub(super) fn row(row: &Row<'_>, words: Words) -> Element {
    let class = match *row {
        Row::Message { entry, first } => return message(entry, first, words),
        Row::Start(_) => "notice start",
        Row::Gap { .. } | Row::Notice(_) => "notice",
        Row::Day(..) => "day",
        Row::Unread(_) => "unread",
    };
    let line = dom::template("line");
    line.set_class_name(class);
    if let Row::Notice(_) = row {
        dom::set(&line, "dir", "auto");
        // It stays where it is, as messages do.
        dom::set(&line, "data-id", "");
    }
    dom::find(&line, "span").set_text_content(Some(&line_words(row, words)));
    line
}

/// Makes a row that stays look as it does now; `before`: as it has looked.
pub(super) fn renew(shown: &Element, row: &Row<'_>, before: &Look, words: Words) {
    match *row {
        Row::Message { entry, first } => {
            dress(shown, entry, first);
            if entry.own && !matches!(before, Look::Message { status, .. } if *status == entry.status) {
                show_status(shown, &entry.status, words);
            }
        }
        _ => dom::find(shown, "span").set_text_content(Some(&line_words(row, words))),
    }
}

fn line_words(row: &Row<'_>, words: Words) -> String {
    words.say(&match *row {
        Row::Start(Start::Beginning) => Text::EarlierNone,
        Row::Start(Start::Earlier) => Text::EarlierLeftOut,
        Row::Start(Start::Gone) => Text::EarlierGone,
        Row::Gap { gone: true, .. } => Text::Gone,
        Row::Gap { gone: false, .. } => Text::Gap,
        Row::Day(_, Called::Today) => Text::Today,
        Row::Day(_, Called::Yesterday) => Text::Yesterday,
        Row::Day(Day { year, month, day, weekday }, Called::Date) => {
            return words.say(&Text::Day { weekday, day, month, year: &year.to_string() });
        }
        Row::Unread(count) => Text::UnreadLine { count: count as u64 },
        Row::Notice(notice) => return notice.text.clone(),
        Row::Message { .. } => return String::new(),
    })
}

fn message(entry: &Entry, first: bool, words: Words) -> Element {
    let row = dom::template("message");
    dom::set(&row, "data-id", &entry.id);
    dress(&row, entry, first);
    write(&dom::find(&row, ".text"), &entry.text);
    dom::find(&row, "time").set_text_content(Some(&browser::time_of(entry.timestamp)));
    if entry.own {
        show_status(&row, &entry.status, words);
    }
    row
}

/// What depends on how far a message has come, and on what stands above it.
fn dress(row: &Element, entry: &Entry, first: bool) {
    row.set_class_name(&format!(
        "message {}{}{}",
        if entry.own { "own" } else { "theirs" },
        if first { " first" } else { "" },
        if matches!(entry.status, Status::Failed(_)) { " failed" } else { "" },
    ));
    match (part(row, ".name"), first && !entry.own) {
        (None, true) => {
            let name = dom::new("p");
            name.set_class_name(&format!("name colour-{}", colour(&entry.user_id)));
            dom::set(&name, "dir", "auto");
            name.set_text_content(Some(&entry.user_name));
            let _ = row.prepend_with_node_1(&name);
        }
        (Some(name), false) => name.remove(),
        _ => {}
    }
}

/// How far a message of ours has come, and what can be done with it.
fn show_status(row: &Element, status: &Status, words: Words) {
    let shown = part(row, ".status").unwrap_or_else(|| dom::add(&dom::find(row, ".meta"), "span"));
    let said = status_words(words, status);
    shown.set_class_name(if *status == Status::Read { "status read" } else { "status" });
    dom::set(&shown, "role", "img");
    dom::set(&shown, "title", &said);
    dom::set(&shown, "aria-label", &said);
    shown.set_text_content(Some(mark(status)));
    let actions = part(row, ".actions");
    let had_focus = actions.as_ref().is_some_and(|actions| actions.matches(":focus-within") == Ok(true));
    if let Some(actions) = actions {
        actions.remove();
    }
    add_actions(row, status, words);
    if had_focus {
        // To what can be done now; else to the list, which goes on from here.
        let next = part(row, ".actions button").or_else(|| row.closest(".list").ok().flatten());
        let _ = next.map(|next| next.unchecked_into::<HtmlElement>().focus());
    }
}

/// What only some messages have.
fn part(row: &Element, selector: &str) -> Option<Element> {
    row.query_selector(selector).ok().flatten()
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
                Failure::Rejected(reason) => words.say(&Text::FailureRejected { reason: &words.reason(reason) }),
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

/// One of eight, the same for a user everywhere.
fn colour(user_id: &str) -> u32 {
    user_id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 8
}
