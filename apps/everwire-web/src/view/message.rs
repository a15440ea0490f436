use everwire_chat::{Entry, Failure, Status};
use everwire_words::{Text, Words};
use leptos::prelude::*;

use crate::browser;
use crate::links::{Piece, pieces};
use crate::room::Room;
use crate::rows::{Day, Row, Start};

/// One row of the list.
#[component]
pub(super) fn RowView(row: Row, room: Room, words: StoredValue<Words>) -> impl IntoView {
    match row {
        Row::Start(start) => {
            let text = match start {
                Start::Beginning => Text::EarlierNone,
                Start::Earlier => Text::EarlierLeftOut,
                Start::Gone => Text::EarlierGone,
            };
            view! { <p class="notice start">{words.with_value(|words| words.say(&text))}</p> }.into_any()
        }
        Row::Gap { gone, .. } => {
            let text = if gone { Text::Gone } else { Text::Gap };
            view! { <p class="notice">{words.with_value(|words| words.say(&text))}</p> }.into_any()
        }
        Row::Day(day, _) => view! { <p class="day"><span>{day_words(words, day)}</span></p> }.into_any(),
        Row::Unread(count) => {
            let text = words.with_value(|words| words.say(&Text::UnreadLine { count: count as u64 }));
            view! { <p class="unread"><span>{text}</span></p> }.into_any()
        }
        Row::Notice(notice) => view! { <p class="notice" dir="auto">{notice.text}</p> }.into_any(),
        Row::Message { entry, first } => view! { <Bubble entry first room words/> }.into_any(),
    }
}

#[component]
fn Bubble(entry: Entry, first: bool, room: Room, words: StoredValue<Words>) -> impl IntoView {
    let own = entry.own;
    let name = (first && !own).then(|| {
        let colour = format!("name colour-{}", colour(&entry.user_id));
        view! { <p class=colour dir="auto">{entry.user_name.clone()}</p> }
    });
    let text = pieces(&entry.text).into_iter().map(|piece| match piece {
        Piece::Plain(text) => text.to_owned().into_any(),
        Piece::Link(link) => {
            let (address, text) = (link.to_owned(), link.to_owned());
            view! { <a href=address target="_blank" rel="noopener noreferrer nofollow">{text}</a> }.into_any()
        }
    });
    let status = own.then(|| {
        let (mark, label) = (mark(&entry.status), status_words(words, &entry.status));
        let class = if entry.status == Status::Read { "status read" } else { "status" };
        view! { <span class=class role="img" title=label.clone() aria-label=label>{mark}</span> }
    });
    let class = format!(
        "message {}{}{}",
        if own { "own" } else { "theirs" },
        if first { " first" } else { "" },
        if matches!(entry.status, Status::Failed(_)) { " failed" } else { "" },
    );
    view! {
        <div class=class data-id=entry.id.clone()>
            {name}
            <div class="bubble">
                <p class="text" dir="auto">{text.collect_view()}</p>
                <p class="meta"><time>{browser::time_of(entry.timestamp)}</time>{status}</p>
            </div>
            {own.then(|| view! { <Actions id=entry.id.clone() status=entry.status.clone() room words/> })}
        </div>
    }
}

/// Why a message failed, and what can be done with one that has not arrived.
#[component]
fn Actions(id: String, status: Status, room: Room, words: StoredValue<Words>) -> impl IntoView {
    let say = move |text: &Text<'_>| words.with_value(|words| words.say(text));
    let failure = match &status {
        Status::Failed(failure) => Some(failure.clone()),
        Status::Sending => None,
        _ => return ().into_any(),
    };
    let reason = failure.as_ref().map(|_| view! { <span class="reason">{status_words(words, &status)}</span> });
    let retry = failure.as_ref().is_some_and(Failure::is_retryable).then(|| {
        let (room, id) = (room.clone(), id.clone());
        // What can't be sent again now stays as it is, with its reason.
        view! { <button on:click=move |_| { let _ = room.chat().retry(&id); }>{say(&Text::Retry)}</button> }
    });
    let take_back = say(if failure.is_some() { &Text::Delete } else { &Text::Cancel });
    // One that is on its way by now stays.
    let take_back = view! { <button on:click=move |_| { let _ = room.chat().take_back(&id); }>{take_back}</button> };
    view! { <p class="actions">{reason}{retry}{take_back}</p> }.into_any()
}

fn mark(status: &Status) -> &'static str {
    match status {
        Status::Sending => "◷",
        Status::Sent => "✓",
        Status::Delivered | Status::Read => "✓✓",
        Status::Failed(_) => "!",
    }
}

fn status_words(words: StoredValue<Words>, status: &Status) -> String {
    let say = |text: &Text<'_>| words.with_value(|words| words.say(text));
    match status {
        Status::Sending => say(&Text::StatusSending),
        Status::Sent => say(&Text::StatusSent),
        Status::Delivered => say(&Text::StatusDelivered),
        Status::Read => say(&Text::StatusRead),
        Status::Failed(failure) => {
            let reason = match failure {
                Failure::Rejected(reason) => say(&Text::FailureRejected { reason }),
                Failure::Dropped => say(&Text::FailureDropped),
                Failure::Cancelled => say(&Text::FailureCancelled),
                Failure::Unknown => say(&Text::FailureUnknown),
                other => other.to_string(),
            };
            say(&Text::StatusFailed { reason: &reason })
        }
    }
}

fn day_words(words: StoredValue<Words>, day: Day) -> String {
    const DAY_MS: i64 = 86_400_000;
    let now = browser::now_ms();
    words.with_value(|words| {
        if day == browser::day_of(now) {
            return words.say(&Text::Today);
        }
        if day == browser::day_of(now - DAY_MS) {
            return words.say(&Text::Yesterday);
        }
        let Day { year, month, day, weekday } = day;
        words.say(&Text::Day { weekday, day, month, year: &year.to_string() })
    })
}

/// One of eight, the same for a user everywhere.
fn colour(user_id: &str) -> u32 {
    user_id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 8
}
