//! What JavaScript is shown, as JSON; `bindings/js/src/chat.d.ts` documents it.

use everwire::State;
use everwire_chat::{Change, ChatClient, ChatEvent, Entry, Failure, Missing, ReadPosition, Status, User};
use serde_json::{Value, json};

pub(crate) fn event(event: ChatEvent) -> Value {
    match event {
        ChatEvent::Connection(state) => json!({"kind": "state", "state": self::state(&state)}),
        ChatEvent::Timeline(change) => json!({"kind": "change", "change": self::change(&change)}),
        ChatEvent::Missed { entries, .. } => json!({"kind": "messages", "messages": self::entries(&entries)}),
        ChatEvent::Typing(names) => json!({"kind": "typing", "typing": names}),
        ChatEvent::ReadPosition(position) => json!({"kind": "read", "read": read(&position)}),
        ChatEvent::Earlier { loaded } => json!({"kind": "earlier", "loaded": loaded}),
        ChatEvent::Named(me) => json!({"kind": "me", "me": user(&me)}),
        ChatEvent::Synced { earlier } => json!({"kind": "synced", "earlier": earlier}),
        // Who is here is told as a whole.
        _ => json!({"kind": "users"}),
    }
}

/// All of it, to begin with.
pub(crate) fn whole(chat: &ChatClient) -> Value {
    json!({
        "kind": "whole",
        "state": state(&chat.state()),
        "messages": entries(&chat.entries()),
        "users": users(&chat.users()),
        "me": user(&chat.me()),
        "read": read(&chat.read_position()),
    })
}

pub(crate) fn users(users: &[User]) -> Value {
    users.iter().map(user).collect()
}

fn user(user: &User) -> Value {
    json!({"id": user.user_id, "name": user.user_name, "away": user.away})
}

fn read(position: &ReadPosition) -> Value {
    json!({"unread": position.unread})
}

fn state(state: &State) -> Value {
    let name = match state {
        State::Connecting { .. } => "connecting",
        State::Connected { .. } => "connected",
        State::Disconnected { .. } => "disconnected",
        State::Closing => "closing",
        _ => "closed",
    };
    let retry_in = state.retry_in().map(|left| left.as_secs_f64() * 1e3);
    json!({"name": name, "reason": state.to_string(), "retryIn": retry_in})
}

fn change(change: &Change) -> Value {
    match change {
        Change::Added { at, entry } => json!({"do": "add", "at": at, "messages": [self::entry(entry)]}),
        Change::Earlier { at, entries } => json!({"do": "add", "at": at, "messages": self::entries(entries)}),
        Change::Updated { at, entry } => json!({"do": "update", "at": at, "message": self::entry(entry)}),
        Change::Moved { from, to, entry } => {
            json!({"do": "move", "from": from, "to": to, "message": self::entry(entry)})
        }
        Change::Removed { at, .. } => json!({"do": "remove", "at": at, "count": 1}),
        Change::Trimmed { count } => json!({"do": "remove", "at": 0, "count": count}),
    }
}

fn entries(entries: &[Entry]) -> Value {
    entries.iter().map(entry).collect()
}

pub(crate) fn entry(entry: &Entry) -> Value {
    let (status, failure) = match &entry.status {
        Status::Sending => ("sending", Value::Null),
        Status::Sent => ("sent", Value::Null),
        Status::Delivered => ("delivered", Value::Null),
        Status::Read => ("read", Value::Null),
        Status::Failed(failure) => ("failed", self::failure(failure)),
    };
    let missing = match entry.missing {
        None => Value::Null,
        Some(Missing::Unloaded { count }) => json!({"kind": "unloaded", "count": count}),
        Some(Missing::Gone { count }) => json!({"kind": "gone", "count": count}),
    };
    json!({
        "id": entry.id,
        "userId": entry.user_id,
        "userName": entry.user_name,
        "text": entry.text,
        "timestamp": entry.timestamp,
        "own": entry.own,
        "status": status,
        "failure": failure,
        "missing": missing,
    })
}

fn failure(failure: &Failure) -> Value {
    let (kind, reason) = match failure {
        Failure::Rejected(rejection) => ("rejected", rejection.reason.as_str()),
        Failure::Dropped => ("dropped", ""),
        Failure::Cancelled => ("cancelled", ""),
        _ => ("unknown", ""),
    };
    json!({"kind": kind, "reason": reason, "retryable": failure.is_retryable()})
}
