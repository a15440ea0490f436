use everwire_core::json::{Json, Object, Wrong};

use super::event::page;
use super::lone;
use super::{
    Earlier, Event, History, Notice, Presence, Problem, ReadMark, Receipt, Rejected, StatusOf, Stored, Sync,
    TextMessage, Token, TokenDue, Typing, User, WireStatus,
};

/// The events of one WebSocket text message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The events that are understood, in order.
    pub events: Vec<Event>,
    /// Objects of unknown types: not for us, and no error.
    pub unknown: usize,
    /// The parts that were not understood.
    pub junk: Vec<Unrecognized>,
    /// It was the bare text `ping`, to be answered by the bare text `pong`.
    pub ping: bool,
}

/// A piece that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecognized {
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// The fault.
    pub reason: String,
}

/// Reads one WebSocket text message; never fails. Half of a surrogate pair in a text is read as U+FFFD: servers of
/// others hand on what a client has cut in the middle of an emoji.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    match text {
        "ping" => parsed.ping = true,
        "pong" => {}
        _ => lone::read(text, |json| match json {
            Ok(Json::Array(items)) => items.iter().for_each(|item| parsed.read(item)),
            Ok(item) => parsed.read(&item),
            Err(error) => parsed.junk.push(Unrecognized { id: None, reason: error.to_string() }),
        }),
    }
    parsed
}

impl Parsed {
    fn read(&mut self, item: &Json<'_>) {
        let fields = Object::of(item);
        let id = fields.and_then(|fields| fields.text("id").ok()).map(str::to_owned);
        let Some((fields, kind)) = fields.and_then(|fields| Some((fields, fields.text("type").ok()?))) else {
            return self.junk.push(Unrecognized { id, reason: "not an object with a \"type\"".into() });
        };
        match event(kind, fields) {
            Ok(Some(event)) => self.events.push(event),
            Ok(None) => self.unknown += 1,
            Err(wrong) => self.junk.push(Unrecognized { id, reason: wrong.to_string() }),
        }
    }
}

/// `None` if it is of an unknown type.
pub(super) fn event(kind: &str, fields: Object<'_>) -> Result<Option<Event>, Wrong> {
    let text = |name| fields.text(name).map(str::to_owned);
    let event = match kind {
        "text" => Event::Text(text_message(fields)?),
        "typing" => Event::Typing(Typing {
            id: text("id")?,
            user_id: text("userId")?,
            user_name: text("userName")?,
            is_typing: fields.bool("isTyping")?,
            timestamp: fields.integer("timestamp")?,
        }),
        "user_joined" => Event::UserJoined(notice(fields)?),
        "user_left" => Event::UserLeft(notice(fields)?),
        "sync" => Event::Sync(Sync {
            room: text("room")?,
            epoch: text("epoch")?,
            offset: fields.number("offset")?,
            earlier: fields.bool_or("earlier", false)?,
            users: match fields.get("users") {
                Some(_) => fields.objects("users", user)?,
                None => Vec::new(),
            },
            read: fields.optional("read", Object::number)?,
            unread: fields.optional("unread", Object::number)?,
        }),
        "read_position" => Event::ReadPosition(ReadMark { offset: fields.number("offset")? }),
        "stored" => Event::Stored(Stored { id: text("id")?, offset: fields.number("offset")? }),
        "rejected" => Event::Rejected(Rejected { id: text("id")?, reason: text("reason")?, code: code(fields)? }),
        "receipt" => Event::Receipt(receipt(fields)?),
        "earlier" => {
            Event::Earlier(Earlier { before: fields.number("before")?, limit: fields.number_or("limit", page())? })
        }
        "history" => Event::History(History {
            before: fields.number("before")?,
            messages: fields.objects("messages", text_message)?,
            more: fields.bool("more")?,
        }),
        "status" => Event::Status(StatusOf { id: text("id")?, status: status(fields.text("status")?) }),
        "presence" => Event::Presence(Presence {
            user_id: text("userId")?,
            user_name: text("userName")?,
            away: fields.bool("away")?,
        }),
        "error" => Event::Error(Problem { reason: text("reason")?, code: code(fields)? }),
        "token_due" => Event::TokenDue(TokenDue { seconds: fields.number("seconds")? }),
        "token" => Event::Token(Token { token: text("token")? }),
        _ => return Ok(None),
    };
    Ok(Some(event))
}

fn code(fields: Object<'_>) -> Result<Option<String>, Wrong> {
    fields.optional("code", |fields, name| fields.text(name).map(str::to_owned))
}

/// A text message from its fields, wherever they stand.
///
/// # Errors
/// If a field is missing or of another type.
pub fn text_message(fields: Object<'_>) -> Result<TextMessage, Wrong> {
    Ok(TextMessage {
        id: fields.text("id")?.to_owned(),
        user_id: fields.text("userId")?.to_owned(),
        user_name: fields.text("userName")?.to_owned(),
        text: fields.text("text")?.to_owned(),
        timestamp: fields.integer("timestamp")?,
        status: match fields.get("status") {
            Some(_) => status(fields.text("status")?),
            None => WireStatus::default(),
        },
        offset: fields.optional("offset", Object::number)?,
    })
}

/// A receipt from its fields, wherever they stand.
///
/// # Errors
/// If a field is of another type.
pub fn receipt(fields: Object<'_>) -> Result<Receipt, Wrong> {
    Ok(Receipt { delivered: fields.number_or("delivered", 0)?, read: fields.number_or("read", 0)? })
}

fn notice(fields: Object<'_>) -> Result<Notice, Wrong> {
    Ok(Notice {
        id: fields.text("id")?.to_owned(),
        user_id: fields.text("userId")?.to_owned(),
        user_name: fields.text("userName")?.to_owned(),
        timestamp: fields.integer("timestamp")?,
    })
}

fn user(fields: Object<'_>) -> Result<User, Wrong> {
    Ok(User {
        user_id: fields.text("userId")?.to_owned(),
        user_name: fields.text("userName")?.to_owned(),
        away: fields.bool_or("away", false)?,
    })
}

fn status(name: &str) -> WireStatus {
    match name {
        "SENDING" => WireStatus::Sending,
        "SENT" => WireStatus::Sent,
        "DELIVERED" => WireStatus::Delivered,
        "READ" => WireStatus::Read,
        "FAILED" => WireStatus::Failed,
        _ => WireStatus::Unknown,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
