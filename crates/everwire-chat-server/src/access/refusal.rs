use std::fmt;

use everwire_ws::CloseCode;

use super::jwt::Refused;

/// Why a user may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoToken,
    Token(Refused),
    Banned,
    ShutOut,
    /// The token is not that of the user whom the address names.
    OtherUser,
    /// Nobody can say.
    Unavailable,
}

impl Refusal {
    /// The sign-in has ended.
    pub(crate) const SIGNED_OUT: Self = Self::Token(Refused::SignedOut);

    /// Whether the user is to be kept out: by a ban, a closed room, or because the account was removed or has another
    /// password.
    pub(super) fn keeps_out(self) -> bool {
        match self {
            Self::Banned | Self::ShutOut | Self::Token(Refused::User) => true,
            Self::NoToken | Self::Token(_) | Self::OtherUser | Self::Unavailable => false,
        }
    }

    /// For a closing handshake.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::ShutOut => "the room is for its members only",
            Self::OtherUser => "the token is another user's",
            Self::NoToken | Self::Token(_) => "sign in again",
            Self::Unavailable => "the accounts can't be read now: try again",
        }
    }

    /// For programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NoToken | Self::Token(_) => "signed_out",
            Self::Banned => "banned",
            Self::ShutOut => "members_only",
            Self::OtherUser => "other_user",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Unavailable => CloseCode::TRY_AGAIN_LATER,
            Self::NoToken | Self::Token(_) | Self::Banned | Self::ShutOut | Self::OtherUser => {
                CloseCode::POLICY_VIOLATION
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => {
                f.write_str("sign in first: a token is expected, as bearer token or in the parameter `token`")
            }
            Self::Token(refused) => refused.fmt(f),
            Self::Banned => f.write_str("this user is banned"),
            Self::ShutOut => f.write_str("the room is for its members only"),
            Self::OtherUser => f.write_str(
                "the token is not that of the user named by `userId`: connect as the token's user, or sign in again",
            ),
            Self::Unavailable => f.write_str("the accounts can't be read now: try again"),
        }
    }
}
