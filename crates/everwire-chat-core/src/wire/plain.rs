//! The plain format as clients of others write it, read by a server: what is unmistakable is taken, whatever a
//! serializer has left out or written otherwise.

use everwire_core::json::{Json, Object, Wrong};

use super::lone;
use super::parse::event;
use super::{Event, Notice, TextMessage, Typing, Unrecognized, User, WireStatus};

/// The sender of a message, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    /// The user, from its address, its token or its first message.
    pub user: Option<&'a User>,
    /// The server's clock: milliseconds since the Unix epoch.
    pub now: i64,
    /// Makes an id for an event that comes without one.
    pub new_id: fn() -> String,
}

/// The events of one WebSocket text message of a client.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ParsedPlain {
    /// The events that are understood, in order.
    pub events: Vec<Event>,
    /// The parts that were not understood.
    pub junk: Vec<Unrecognized>,
    /// The reason why the first object of an unknown type is ignored: such are for other servers, and no error.
    pub unknown: Option<String>,
    /// It was the bare text `ping`, to be answered by the bare text `pong`.
    pub ping: bool,
}

/// Up to here each whole number is a fraction that Rust can hold, and the cast to a whole one loses nothing.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The number of characters of a type's name that are repeated to its sender.
const NAME_SHOWN: usize = 64;

/// Reads one WebSocket text message of a client; never fails. Beyond what [`parse`](super::parse) takes:
///
/// - without a `type`, what has a `text` is a text, and what has `isTyping` is a typing signal;
/// - the `type` may be the name of a class: `….TextMessage`, `….TypingIndicator`, `….UserJoined`, `….UserLeft`;
/// - `timestamp` may be a fraction, or a number in a string; absent or `null`, it is the server's;
/// - `status` and `offset` may be anything: they are not for clients to say;
/// - `id` and `userId` may be numbers;
/// - `userId` and `userName` may be absent, `null` or empty where the user is known; a user without a name is called by
///   the id;
/// - `id` may be absent in what is no text.
///
/// Half of a surrogate pair in a text is read as U+FFFD.
#[must_use]
pub fn parse_plain(text: &str, speaker: Speaker<'_>) -> ParsedPlain {
    let mut heard = ParsedPlain::default();
    match text {
        "ping" => heard.ping = true,
        "pong" => {}
        _ => lone::read(text, |json| match json {
            Ok(Json::Array(items)) => heard.read_all(&items, speaker),
            Ok(item) => heard.read(&item, speaker),
            Err(error) => heard.junk.push(Unrecognized { id: None, reason: error.to_string() }),
        }),
    }
    heard
}

impl ParsedPlain {
    /// What an object says of its user, those behind it in the batch need not say again.
    fn read_all(&mut self, items: &[Json<'_>], speaker: Speaker<'_>) {
        let mut first: Option<User> = None;
        for item in items {
            let known = Speaker { user: speaker.user.or(first.as_ref()), ..speaker };
            self.read(item, known);
            if known.user.is_none() {
                first = self.events.last().and_then(said_by);
            }
        }
    }

    fn read(&mut self, item: &Json<'_>, speaker: Speaker<'_>) {
        let Some(fields) = Object::of(item) else {
            return self.junk.push(Unrecognized { id: None, reason: "not an object".into() });
        };
        let id = id(fields, "id").ok();
        let Some(kind) = kind(fields) else {
            let reason = "no \"type\", and neither \"text\" nor \"isTyping\"".into();
            return self.junk.push(Unrecognized { id, reason });
        };
        match plain(kind, fields, speaker) {
            Ok(Some(event)) => self.events.push(event),
            Ok(None) => {
                let name: String = kind.chars().take(NAME_SHOWN).collect();
                self.unknown.get_or_insert_with(|| format!("unknown type {name:?}"));
            }
            Err(wrong) => self.junk.push(Unrecognized { id, reason: wrong.to_string() }),
        }
    }
}

fn kind<'j>(fields: Object<'j>) -> Option<&'j str> {
    match fields.get("type") {
        Some(Json::String(name)) => Some(match name.rsplit(['.', '$']).next().unwrap_or_default() {
            "TextMessage" => "text",
            "TypingIndicator" => "typing",
            "UserJoined" => "user_joined",
            "UserLeft" => "user_left",
            _ => name,
        }),
        None | Some(Json::Null) if matches!(fields.get("text"), Some(Json::String(_))) => Some("text"),
        None | Some(Json::Null) if matches!(fields.get("isTyping"), Some(Json::Bool(_))) => Some("typing"),
        _ => None,
    }
}

/// `None` if it is of an unknown type.
fn plain(kind: &str, fields: Object<'_>, speaker: Speaker<'_>) -> Result<Option<Event>, Wrong> {
    let notice = || -> Result<Notice, Wrong> {
        let User { user_id, user_name, .. } = user(fields, speaker)?;
        Ok(Notice { id: id_or_new(fields, speaker)?, user_id, user_name, timestamp: timestamp(fields, speaker)? })
    };
    Ok(Some(match kind {
        "text" => {
            let User { user_id, user_name, .. } = user(fields, speaker)?;
            Event::Text(TextMessage {
                id: id(fields, "id")?,
                user_id,
                user_name,
                text: fields.text("text")?.to_owned(),
                timestamp: timestamp(fields, speaker)?,
                status: WireStatus::Sent,
                offset: None,
            })
        }
        "typing" => {
            let User { user_id, user_name, .. } = user(fields, speaker)?;
            Event::Typing(Typing {
                id: id_or_new(fields, speaker)?,
                user_id,
                user_name,
                is_typing: fields.bool("isTyping")?,
                timestamp: timestamp(fields, speaker)?,
            })
        }
        "user_joined" => Event::UserJoined(notice()?),
        "user_left" => Event::UserLeft(notice()?),
        _ => return event(kind, fields),
    }))
}

fn said_by(event: &Event) -> Option<User> {
    let (id, name) = match event {
        Event::Text(text) => (&text.user_id, &text.user_name),
        Event::Typing(typing) => (&typing.user_id, &typing.user_name),
        Event::UserJoined(notice) => (&notice.user_id, &notice.user_name),
        _ => return None,
    };
    Some(User::new(id, name))
}

/// Who it says that it is, or who is known to speak.
fn user(fields: Object<'_>, speaker: Speaker<'_>) -> Result<User, Wrong> {
    let user_id = match (fields.get("userId"), speaker.user) {
        (None | Some(Json::Null), Some(known)) => known.user_id.clone(),
        (Some(Json::String(said)), Some(known)) if said.is_empty() => known.user_id.clone(),
        _ => id(fields, "userId")?,
    };
    let user_name = match fields.get("userName") {
        Some(Json::String(said)) if !said.is_empty() => String::from(&**said),
        None | Some(Json::Null | Json::String(_)) => speaker.user.map_or(&user_id, |known| &known.user_name).clone(),
        Some(_) => return Err(Wrong("userName")),
    };
    Ok(User::new(user_id, user_name))
}

/// An id: a text, or a whole number as it is written.
fn id(fields: Object<'_>, name: &'static str) -> Result<String, Wrong> {
    match fields.get(name) {
        Some(Json::Number((digits, _))) if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
            Ok((*digits).to_owned())
        }
        _ => fields.text(name).map(str::to_owned),
    }
}

fn id_or_new(fields: Object<'_>, speaker: Speaker<'_>) -> Result<String, Wrong> {
    match fields.get("id") {
        None | Some(Json::Null) => Ok((speaker.new_id)()),
        Some(_) => id(fields, "id"),
    }
}

/// The sender's clock in whole milliseconds, or the server's.
fn timestamp(fields: Object<'_>, speaker: Speaker<'_>) -> Result<i64, Wrong> {
    let written = match fields.get("timestamp") {
        None | Some(Json::Null) => return Ok(speaker.now),
        Some(Json::Number((digits, _))) => digits,
        Some(Json::String(digits)) => digits.trim(),
        Some(_) => return Err(Wrong("timestamp")),
    };
    if let Ok(whole) = written.parse() {
        return Ok(whole);
    }
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match written.parse::<f64>() {
        Ok(fraction) if is_number && fraction.abs() < EXACT => Ok(fraction.trunc() as i64),
        _ => Err(Wrong("timestamp")),
    }
}

#[cfg(test)]
mod tests;
