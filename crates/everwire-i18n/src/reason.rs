//! Why a server, or a limit, refuses something: by code, in the reader's language.

use crate::{Language, Text, Words};

/// What is said for a code of the server's (`code` in its JSON and in the chat's, the reason of a closing handshake),
/// or for a limit's sentence.
fn text(reason: &str) -> Option<Text<'static>> {
    Some(match reason {
        "banned" => Text::ReasonBanned,
        "members_only" | "the room is for its members only" => Text::ReasonMembersOnly,
        "signed_out" | "sign in again" => Text::ReasonSignIn,
        "wrong_credentials" => Text::ReasonWrong,
        "other_user" | "the token is another user's" => Text::ReasonOtherUser,
        "too_many_attempts" => Text::ReasonTooOften,
        "busy" | "unavailable" => Text::ReasonBusy,
        "id_taken" | "another user's message has this id" => Text::ReasonIdTaken,
        "the name is blank" => Text::ReasonNameBlank,
        "the name is longer than 64 characters, or 512 bytes" => Text::ReasonNameLong,
        "the name holds control characters" | "the name holds characters that turn the direction of what follows" => {
            Text::ReasonNameOdd
        }
        "the room's name is blank" => Text::ReasonRoomBlank,
        "the room's name is longer than 64 characters, or 512 bytes" => Text::ReasonRoomLong,
        "the room's name holds control characters"
        | "the room's name holds characters that turn the direction of what follows"
        | "the room's name has spaces around it" => Text::ReasonRoomOdd,
        "text_too_long" | "the message is longer than 16 KiB" => Text::ReasonTextLong,
        "text_blank" | "the message is blank" => Text::ReasonTextBlank,
        "malformed" | "bad_id" | "too many invalid messages" => Text::ReasonMalformed,
        "bad_user" => Text::ReasonBadUser,
        _ => return None,
    })
}

impl Words {
    /// A reason in the reader's language. One that is not known here is told as it was said, which is in English, to
    /// those who read that; others are told that it is not known.
    #[must_use]
    pub fn reason(&self, said: &str) -> String {
        match text(said) {
            Some(text) => self.say(&text),
            None if said.is_empty() || self.language() == Language::English => said.to_owned(),
            None => self.say(&Text::ReasonOther),
        }
    }

    /// A reason with a code beside it: by the code where it is known, else as a [`reason`](Self::reason).
    #[must_use]
    pub fn reason_by(&self, code: Option<&str>, said: &str) -> String {
        self.reason(code.filter(|code| Self::knows_reason(code)).unwrap_or(said))
    }

    /// Returns `true` if there are words for it.
    #[must_use]
    pub fn knows_reason(said: &str) -> bool {
        text(said).is_some()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Language, Words};

    #[test]
    fn a_reason_is_told_in_the_reader_s_language_and_never_in_another() {
        let russian = Words::new(Language::Russian);
        assert_eq!(russian.reason("wrong_credentials"), "неверное имя или пароль");
        assert_eq!(russian.reason("banned"), "вы заблокированы");
        assert_eq!(
            (russian.reason("of a later version").as_str(), russian.reason("")),
            ("причина неизвестна", String::new())
        );
        assert_eq!(Words::new(Language::English).reason("of a later version"), "of a later version");
        assert_eq!(russian.reason_by(Some("text_too_long"), "in words"), "сообщение длиннее 16 КиБ");
        assert_eq!(russian.reason_by(Some("of_a_later_version"), "in words"), "причина неизвестна");
        assert_eq!(russian.reason_by(None, "banned"), "вы заблокированы");
        assert!(Words::knows_reason("busy") && !Words::knows_reason("bust"));
    }
}
