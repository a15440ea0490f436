//! Why a server did not take something, for programs: `code` in `rejected` and `error`. Later versions may have more.

/// It is no event of the format: no JSON, or a field is missing or of another type.
pub const MALFORMED: &str = "malformed";
/// It is of a type that this server does not know. Told only to clients that ask for it (`errors=1`).
pub const UNKNOWN_TYPE: &str = "unknown_type";
/// The id of the message breaks a limit.
pub const BAD_ID: &str = "bad_id";
/// The message is blank.
pub const TEXT_BLANK: &str = "text_blank";
/// The message is longer than a message may be.
pub const TEXT_TOO_LONG: &str = "text_too_long";
/// The id or the name of the user breaks a limit.
pub const BAD_USER: &str = "bad_user";
/// Another user's message has this id.
pub const ID_TAKEN: &str = "id_taken";
/// Presence changes too often.
pub const TOO_OFTEN: &str = "too_often";
/// A fresh token is not good; the one of before counts until it expires.
pub const BAD_TOKEN: &str = "bad_token";
/// A token that was not asked for.
pub const TOKEN_NOT_ASKED: &str = "token_not_asked";
