//! What a server answers about rooms over HTTP: which can be found, and whether one may come in.

use everwire_core::json::{self, Object, Wrong};

/// The answer to `GET /api/rooms`.
///
/// ```
/// use everwire_chat_core::rooms::RoomList;
///
/// let list = RoomList::from_json(r#"{"rooms":[{"room":"lobby","here":3,"closed":false}],"more":false}"#).unwrap();
/// assert_eq!((list.rooms[0].room.as_str(), list.rooms[0].here, list.more), ("lobby", 3, false));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomList {
    /// The rooms that can be found, by name.
    pub rooms: Vec<ListedRoom>,
    /// There are more than these.
    pub more: bool,
}

/// A room that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedRoom {
    /// Its name.
    pub room: String,
    /// The number of users that are there.
    pub here: u64,
    /// It is for its members only; the user who has asked is one.
    pub is_closed: bool,
}

/// The answer to `GET /api/admission`: what a connection's opening would be answered. A browser does not show that to a
/// page.
///
/// ```
/// use everwire_chat_core::rooms::Admission;
///
/// assert_eq!(Admission::from_json(r#"{"admitted":true}"#), Some(Admission::Admitted));
/// assert_eq!(Admission::from_json("404 not found"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// One may come in.
    Admitted,
    /// One may not.
    Refused {
        /// Why, for programs: `signed_out`, `banned`, `members_only`, `other_user`, `invalid_room`, `unavailable`.
        code: String,
        /// Why, in English words.
        reason: String,
    },
}

impl RoomList {
    /// From JSON; `None` if it is no such answer.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json::read(json).ok()?;
        let fields = Object::of(&json)?;
        Some(Self { rooms: fields.objects("rooms", listed).ok()?, more: fields.bool_or("more", false).ok()? })
    }
}

impl Admission {
    /// From JSON; `None` if it is no such answer, such as an older server's.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json::read(json).ok()?;
        let fields = Object::of(&json)?;
        if fields.bool("admitted").ok()? {
            return Some(Self::Admitted);
        }
        let text = |name| fields.text(name).map(str::to_owned).ok();
        Some(Self::Refused { code: text("code")?, reason: text("reason")? })
    }
}

fn listed(fields: Object<'_>) -> Result<ListedRoom, Wrong> {
    Ok(ListedRoom {
        room: fields.text("room")?.to_owned(),
        here: fields.number("here")?,
        is_closed: fields.bool_or("closed", false)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Admission, RoomList};

    #[test]
    fn what_is_no_such_answer_is_none() {
        for json in ["", "[]", r#"{"rooms":{}}"#, r#"{"rooms":[{"room":7,"here":1}]}"#, r#"{"rooms":[{"room":"a"}]}"#] {
            assert_eq!(RoomList::from_json(json), None, "{json}");
        }
        assert_eq!(RoomList::from_json(r#"{"rooms":[]}"#), Some(RoomList::default()));
        for json in ["", "{}", r#"{"admitted":false}"#, r#"{"admitted":"yes"}"#] {
            assert_eq!(Admission::from_json(json), None, "{json}");
        }
        let refused = Admission::Refused { code: "banned".into(), reason: "this user is banned".into() };
        let json = r#"{"admitted":false,"code":"banned","reason":"this user is banned"}"#;
        assert_eq!(Admission::from_json(json), Some(refused));
    }
}
