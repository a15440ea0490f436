//! The elements of the list's rows.

use everwire_chat::mention::spans;
use everwire_chat::{Entry, Failure, Rejection, Status};
use everwire_i18n::{Text, Words};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::action::{ATTRIBUTE, Action};
use crate::browser;
use crate::colours::initials;
use crate::dom;
use crate::links::{self, Piece, pieces};
use crate::room::Room;
use crate::rows::{Called, Day, Look, Row, Start};
use crate::unread::Count;

/// Creates and updates the elements of rows.
pub(super) struct Writer {
    words: Words,
    room: Room,
}

impl Writer {
    pub(super) fn new(words: Words, room: Room) -> Self {
        Self { words, room }
    }

    pub(super) fn row(&self, row: &Row<'_>) -> Element {
        let class = match *row {
            Row::Message { entry, first } => return self.message(entry, first),
            Row::Start(_) => "notice start",
            Row::Gap { .. } | Row::Notice(_) => "notice",
            Row::Day(..) => "day",
            Row::Unread(_) => "unread",
        };
        let line = dom::template("line");
        line.set_class_name(class);
        if let Row::Notice(_) = row {
            dom::set(&line, "dir", "auto");
            // An anchor for scrolling, as messages are.
            dom::set(&line, "data-id", "");
        }
        dom::find(&line, "span").set_text_content(Some(&line_words(row, self.words)));
        line
    }

    /// Updates the element of a row that stays in the document; `before`: its look so far.
    pub(super) fn renew(&self, shown: &Element, row: &Row<'_>, before: &Look) {
        match *row {
            Row::Message { entry, first } => {
                self.dress(shown, entry, first);
                if entry.own && !matches!(before, Look::Message { status, .. } if *status == entry.status) {
                    show_status(shown, &entry.status, self.words);
                }
            }
            _ => dom::find(shown, "span").set_text_content(Some(&line_words(row, self.words))),
        }
    }

    fn message(&self, entry: &Entry, first: bool) -> Element {
        let row = dom::template("message");
        dom::set(&row, "data-id", &entry.id);
        self.dress(&row, entry, first);
        let names = if entry.text.contains('@') { self.room.names() } else { Vec::new() };
        let mentioned = write(&dom::find(&row, ".text"), &entry.text, &names);
        if mentioned && !entry.own && self.room.mentions(entry) {
            dom::set(&row, "data-mention", "");
        }
        let time = dom::find(&row, "time");
        time.set_text_content(Some(&browser::time_of(entry.timestamp)));
        dom::set(&time, "title", &moment(entry.timestamp, self.words));
        if entry.own {
            show_status(&row, &entry.status, self.words);
        }
        row
    }

    /// Sets the parts that depend on a message's status, and on the message above it.
    fn dress(&self, row: &Element, entry: &Entry, first: bool) {
        row.set_class_name(&format!(
            "message {}{}{}",
            if entry.own { "own" } else { "theirs" },
            if first { " first" } else { "" },
            if matches!(entry.status, Status::Failed(_)) { " failed" } else { "" },
        ));
        let named = first && !entry.own;
        match (part(row, ".name"), named) {
            (None, true) => self.sign(row, entry),
            (Some(name), false) => {
                name.remove();
                let _ = part(row, ".avatar").map(|avatar| avatar.remove());
            }
            _ => {}
        }
        // A message without a visible name has the author's name for screen readers.
        match (part(row, ".heard"), named) {
            (None, false) => {
                let says = if entry.own { Text::YouSay } else { Text::Says { name: &entry.user_name } };
                let heard = dom::new("span");
                heard.set_class_name("heard");
                heard.set_text_content(Some(&self.words.say(&says)));
                let _ = row.prepend_with_node_1(&heard);
            }
            (Some(heard), true) => heard.remove(),
            _ => {}
        }
    }

    /// Adds the author's name and initials above a message.
    fn sign(&self, row: &Element, entry: &Entry) {
        let colour = self.room.colour_of(&entry.user_id);
        let name = dom::new("p");
        name.set_class_name(&format!("name colour-{colour}"));
        dom::set(&name, "dir", "auto");
        name.set_text_content(Some(&entry.user_name));
        let _ = row.prepend_with_node_2(&avatar(&entry.user_name, colour), &name);
    }
}

/// The initials of a name, in the user's colour.
pub(super) fn avatar(name: &str, colour: usize) -> Element {
    let avatar = dom::new("span");
    avatar.set_class_name(&format!("avatar colour-{colour}"));
    dom::set(&avatar, "aria-hidden", "true");
    dom::add(&avatar, "span").set_text_content(Some(&initials(name)));
    avatar
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
        Row::Day(day, Called::Date) => return date(day, words),
        Row::Unread(Count { messages, or_more: false }) => Text::UnreadLine { count: messages as u64 },
        Row::Unread(Count { messages, .. }) => Text::ManyUnread { count: messages as u64 },
        Row::Notice(notice) => return notice.text.clone(),
        Row::Message { .. } => return String::new(),
    })
}

fn date(Day { year, month, day, weekday }: Day, words: Words) -> String {
    words.say(&Text::Day { weekday, day, month, year: &year.to_string() })
}

/// The day and the time, for a tooltip.
fn moment(unix_ms: i64, words: Words) -> String {
    format!(
        "{}, {}",
        date(browser::day_of(unix_ms), Words::new(words.language()).with_capitals()),
        browser::time_of(unix_ms)
    )
}

/// Shows the status of an own message, and the buttons for what can be done with it.
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
        // The focus moves to the new buttons, or to the list if there are none.
        let next = part(row, ".actions button").or_else(|| row.closest(".list").ok().flatten());
        let _ = next.map(|next| next.unchecked_into::<HtmlElement>().focus());
    }
}

/// A part that only some messages have.
fn part(row: &Element, selector: &str) -> Option<Element> {
    row.query_selector(selector).ok().flatten()
}

/// Writes a message's text, with links for addresses and marks for mentions; returns whether it mentions a user.
fn write(place: &Element, text: &str, names: &[String]) -> bool {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut addresses = false;
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) => {
                let mut at = 0;
                for span in spans(text, &names) {
                    let _ = place.append_with_str_1(&text[at..span.start]);
                    at = span.end;
                    dom::add(place, "b").set_text_content(Some(&text[span]));
                    addresses = true;
                }
                let _ = place.append_with_str_1(&text[at..]);
            }
            Piece::Link(address) => {
                let link = dom::add(place, "a");
                dom::set(&link, "href", &links::target(address));
                dom::set(&link, "target", "_blank");
                dom::set(&link, "rel", "noopener noreferrer nofollow");
                link.set_text_content(Some(address));
            }
        }
    }
    addresses
}

/// Adds why a message failed, and the buttons for one that has not arrived.
fn add_actions(row: &Element, status: &Status, words: Words) {
    let failure = match status {
        Status::Failed(failure) => Some(failure),
        Status::Sending => None,
        Status::Sent | Status::Delivered | Status::Read => return,
    };
    let actions = dom::add(row, "p");
    actions.set_class_name("actions");
    let button = |action: Action, text| {
        let button = dom::add(&actions, "button");
        dom::set(&button, ATTRIBUTE, action.name());
        button.set_text_content(Some(&words.say(&text)));
    };
    if let Some(failure) = failure {
        let reason = dom::add(&actions, "span");
        reason.set_class_name("reason");
        reason.set_text_content(Some(&status_words(words, status)));
        if failure.is_retryable() {
            button(Action::Retry, Text::Retry);
        }
    }
    button(Action::Edit, Text::Edit);
    if failure.is_some() {
        button(Action::Copy, Text::Copy);
    }
    button(Action::TakeBack, if failure.is_some() { Text::Delete } else { Text::Cancel });
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
            let within = words.within();
            let reason = match failure {
                Failure::Rejected(Rejection { code, reason, .. }) => {
                    within.say(&Text::FailureRejected { reason: &within.reason_by(code.as_deref(), reason) })
                }
                Failure::Dropped => within.say(&Text::FailureDropped),
                Failure::Cancelled => within.say(&Text::FailureCancelled),
                Failure::Unknown => within.say(&Text::FailureUnknown),
                _ => within.say(&Text::FailureOther),
            };
            return words.say(&Text::StatusFailed { reason: &reason });
        }
    };
    words.say(&text)
}
