//! The state of a room's connection, in words for the user.

use std::time::Instant;

use everwire::{Cause, Closed, State};
use everwire_i18n::{Language, Text, Words};
use ratatui::style::Style;

use super::theme::Theme;
use crate::chat::advice::{self, AuthMethod};
use crate::describe;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Link {
    Connecting {
        attempt: u32,
    },
    Connected,
    Offline {
        retry_at: Instant,
    },
    Closing,
    #[default]
    Closed,
    /// The server refused for good: why, and what to do about it.
    Refused {
        reason: Reason,
        todo: Option<Text<'static>>,
    },
    GaveUp(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Known(Text<'static>),
    /// The server's or the library's text, in English unless there is a translation.
    Said(String),
}

impl Link {
    pub(super) fn of(state: &State, auth: AuthMethod) -> Self {
        match state {
            State::Connecting { attempt } => Self::Connecting { attempt: *attempt },
            State::Connected { .. } => Self::Connected,
            State::Disconnected { retry_at, .. } => Self::Offline { retry_at: *retry_at },
            State::Closing => Self::Closing,
            State::Closed(Closed::Refused(cause)) => {
                let reason = match cause {
                    Cause::PeerClosed(Some(frame)) if Words::knows_reason(&frame.reason) => {
                        Reason::Said(frame.reason.to_string())
                    }
                    cause => {
                        advice::reason(cause, auth).map_or_else(|| Reason::Said(describe::cause(cause)), Reason::Known)
                    }
                };
                Self::Refused { reason, todo: advice::on(cause, auth) }
            }
            State::Closed(Closed::GaveUp { last, .. }) => Self::GaveUp(describe::cause(last)),
            _ => Self::Closed,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        *self == Self::Connected
    }

    /// Whether its text changes with time.
    pub(super) fn counts_down(&self) -> bool {
        matches!(self, Self::Offline { .. })
    }

    pub(super) fn say(&self, words: &Words, now: Instant) -> String {
        let text = match self {
            Self::Connecting { attempt: 0 | 1 } => Text::Connecting,
            Self::Connecting { attempt } => Text::ConnectingAgain { attempt: *attempt },
            Self::Connected => Text::Connected,
            Self::Offline { retry_at } => match retry_at.saturating_duration_since(now) {
                left if left.is_zero() => Text::OfflineNow,
                // Rounded up, so that the countdown ends at 1 and not at 0.
                left => Text::Offline { seconds: left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX) },
            },
            Self::Closing => Text::ClosingNow,
            Self::Closed => Text::Closed,
            Self::Refused { reason: Reason::Known(reason), .. } => {
                return words.say(&Text::Refused { reason: &words.say(reason) });
            }
            Self::Refused { reason: Reason::Said(said), .. } if is_spoken(said, words) => {
                return words.say(&Text::Refused { reason: &words.reason(said) });
            }
            Self::Refused { .. } => Text::RefusedSomehow,
            Self::GaveUp(reason) if is_spoken(reason, words) => Text::GaveUp { reason },
            Self::GaveUp(_) => Text::GaveUpSomehow,
        };
        words.say(&text)
    }

    /// What to do about it.
    pub(super) fn todo(&self, words: &Words) -> Option<String> {
        match self {
            Self::Refused { todo: Some(todo), .. } => Some(words.with_capitals().say(todo)),
            _ => None,
        }
    }

    /// Green while connected, yellow on the way there, else red.
    pub(super) fn style(&self, theme: Theme) -> Style {
        match self {
            Self::Connected => theme.good(),
            Self::Connecting { .. } | Self::Closing => theme.waiting(),
            Self::Offline { .. } | Self::Closed | Self::Refused { .. } | Self::GaveUp(_) => theme.bad(),
        }
    }
}

/// Whether a text can be shown in this language: causes are in English, unless there is a translation.
fn is_spoken(said: &str, words: &Words) -> bool {
    words.language() == Language::English || Words::knows_reason(said)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use everwire::{Cause, Closed, Loss, OpenFailure, OpenFailureKind, Phase, RefusalReason, State};
    use everwire_i18n::{Language, Words};

    use super::{AuthMethod, Link};

    #[test]
    fn each_state_has_its_text_and_countdown() {
        let (words, now) = (Words::new(Language::English), Instant::now());
        let said = |state: &State| Link::of(state, AuthMethod::Guest).say(&words, now);
        assert_eq!(said(&State::Connecting { attempt: 1 }), "connecting…");
        assert_eq!(said(&State::Connecting { attempt: 4 }), "connecting, attempt 4…");
        assert_eq!(said(&State::Connected { subprotocol: None, pings_unanswered: false }), "connected");
        let lost = |left| State::Disconnected {
            cause: Cause::Lost(Loss::Ended),
            retry_at: now + Duration::from_millis(left),
            attempt: 2,
            held: false,
        };
        assert_eq!(said(&lost(2_001)), "offline, next attempt in 3 s");
        assert_eq!(said(&lost(1)), "offline, next attempt in 1 s");
        assert_eq!(said(&lost(0)), "offline, trying now");
        let refused = State::Closed(Closed::Refused(Cause::Lost(Loss::Ended)));
        assert!(said(&refused).starts_with("refused: "), "{}", said(&refused));
        let banned = everwire::CloseFrame { code: everwire::CloseCode(1008), reason: "banned".into() };
        let banned = State::Closed(Closed::Refused(Cause::PeerClosed(Some(banned))));
        let russian = Words::new(Language::Russian);
        let link = Link::of(&banned, AuthMethod::Password);
        assert_eq!(link.say(&russian, now), "отказано: вы заблокированы");
        assert_eq!(link.todo(&russian).as_deref(), Some("Снять блокировку может администратор сервера"));
        let refused = |status, detail: &str| {
            let kind = OpenFailureKind::Refused {
                status,
                retry_after: None,
                fresh_credentials: false,
                reason: RefusalReason::Status,
            };
            let failure = OpenFailure { phase: Phase::Upgrade, kind, detail: detail.into() };
            State::Closed(Closed::Refused(Cause::OpenFailed(failure)))
        };
        for (status, detail, auth, said) in [
            (401, "401: sign in first", AuthMethod::Guest, "отказано: представьтесь, чтобы войти"),
            (401, "401: the token has expired", AuthMethod::Password, "отказано: сеанс завершён, войдите снова"),
            (401, "401: no such key", AuthMethod::Token, "отказано: сервер не принимает этот токен"),
            (403, "403: this user is banned", AuthMethod::Token, "отказано: вы заблокированы"),
            (
                403,
                "403: the room is for its members only",
                AuthMethod::Token,
                "отказано: эта комната только для участников",
            ),
            (403, "403 Forbidden", AuthMethod::Guest, "отказано"),
        ] {
            let link = Link::of(&refused(status, detail), auth);
            assert_eq!(link.say(&russian, now), said);
            assert!(link.todo(&russian).is_some(), "{said}");
        }
        let gave_up = Closed::GaveUp { last: Cause::Lost(Loss::Ended), attempts: 3, elapsed: Duration::ZERO };
        let gave_up = Link::of(&State::Closed(gave_up), AuthMethod::Guest);
        assert_eq!(gave_up.say(&russian, now), "попытки прекращены");
    }

    #[test]
    fn the_error_of_every_limit_is_translated() {
        use everwire_chat::limits::{check_name, check_room, check_text};
        let long = "x".repeat(65);
        for odd in [" ", long.as_str(), "a\u{7}b", "a\u{202e}b", " den "] {
            for said in [check_name(odd), check_room(odd)].into_iter().filter_map(Result::err) {
                assert!(Words::knows_reason(said), "{said}");
            }
        }
        let said = check_text(&"x".repeat(17 << 10)).expect_err("too long");
        assert!(Words::knows_reason(said), "{said}");
    }
}
