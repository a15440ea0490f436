//! What whoever is not let in can do about it, by how they have said who they are.

use everwire::{Cause, CloseCode, Closed, Loss, OpenFailure, OpenFailureKind, Phase};
use everwire_i18n::{Language, Text, Words};

use crate::args::ChatArgs;
use crate::describe;
use crate::token::Source;

/// How we say who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// We just say it.
    Guest,
    Password,
    Token,
}

impl Way {
    pub(super) fn of(args: &ChatArgs) -> Self {
        match (args.sign_in, Source::of(&args.token)) {
            (true, _) => Self::Password,
            (false, Some(_)) => Self::Token,
            (false, None) => Self::Guest,
        }
    }
}

/// Why nothing runs any more, and what to do, for the last line.
pub(super) fn closed(why: &Closed, way: Way) -> String {
    describe::closed_with(why, |cause| match on(cause, way) {
        Some(todo) => format!("; {}", Words::new(Language::English).say(&todo)),
        None => general(cause, way).to_owned(),
    })
    .1
}

/// Why a chat server refuses, in a few words. `None`: as the cause says.
pub(super) fn reason(cause: &Cause, way: Way) -> Option<Text<'static>> {
    let Cause::OpenFailed(OpenFailure { phase, kind: OpenFailureKind::Refused { status, .. }, detail, .. }) = cause
    else {
        return None;
    };
    match (status, way) {
        _ if *phase == Phase::Proxy => None,
        (401, Way::Guest) => Some(Text::SignInWanted),
        (401, Way::Password) => Some(Text::ReasonSignIn),
        (401, Way::Token) => Some(Text::ReasonToken),
        (403, _) => match said(detail)? {
            Text::TodoBanned => Some(Text::ReasonBanned),
            Text::TodoRoom => Some(Text::ReasonMembersOnly),
            Text::TodoUser => Some(Text::ReasonOtherUser),
            _ => None,
        },
        _ => None,
    }
}

/// What to do about a refusal by a chat server. `None`: it is something else.
pub(super) fn on(cause: &Cause, way: Way) -> Option<Text<'static>> {
    match cause {
        Cause::OpenFailed(OpenFailure { phase, .. }) if *phase == Phase::Proxy => None,
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Refused { status, .. }, detail, .. }) => {
            match (status, way) {
                (401, Way::Guest) => Some(Text::TodoSignIn),
                (401, Way::Password) => Some(Text::TodoSignInAgain),
                (401, Way::Token) => Some(Text::TodoToken),
                (403, _) => Some(said(detail).unwrap_or(Text::TodoAsk)),
                _ => None,
            }
        }
        Cause::PeerClosed(Some(frame)) if frame.code == CloseCode::POLICY_VIOLATION => {
            match (frame.reason.as_ref(), way) {
                ("sign in again", Way::Token) => Some(Text::TodoToken),
                ("sign in again", _) => Some(Text::TodoSignInAgain),
                (reason, _) => said(reason),
            }
        }
        _ => None,
    }
}

/// By the server's own words, which stand before the advice.
fn said(words: &str) -> Option<Text<'static>> {
    let words = words.trim_end();
    if words.ends_with("banned") {
        Some(Text::TodoBanned)
    } else if words.ends_with("the room is for its members only") {
        Some(Text::TodoRoom)
    } else if words.contains("the token is not that of the user") || words.ends_with("the token is another user's") {
        Some(Text::TodoUser)
    } else {
        None
    }
}

/// What holds for any connection, without options that a chat does not have.
fn general(cause: &Cause, way: Way) -> &'static str {
    match cause {
        Cause::Lost(Loss::Protocol(CloseCode::MESSAGE_TOO_BIG, _)) => "",
        // The sign-in's own words say what to do.
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Hook, .. }) if way == Way::Password => "",
        cause => describe::advice(cause),
    }
}

#[cfg(test)]
mod tests {
    use everwire::{Cause, CloseCode, CloseFrame, Closed, Loss, OpenFailure, OpenFailureKind, Phase};

    use super::{Way, closed};

    fn refused(status: u16, phase: Phase, detail: &str) -> Closed {
        let kind = OpenFailureKind::Refused { status, retry_after: None, fresh_credentials: false };
        Closed::Refused(Cause::OpenFailed(OpenFailure { phase, kind, detail: detail.into() }))
    }

    #[test]
    fn who_is_not_let_in_is_told_what_to_do_by_the_way_that_was_tried() {
        for (why, way, todo) in [
            (refused(401, Phase::Upgrade, "401"), Way::Guest, "--sign-in"),
            (refused(401, Phase::Upgrade, "401"), Way::Password, "start again to sign in"),
            (refused(401, Phase::Upgrade, "401"), Way::Token, "--bearer-file"),
            (refused(403, Phase::Upgrade, "403: this user is banned"), Way::Token, "let you in again"),
            (refused(403, Phase::Upgrade, "403: the room is for its members only\n"), Way::Password, "--room"),
            (refused(403, Phase::Upgrade, "403 Forbidden"), Way::Guest, "ask whoever runs the server"),
            (refused(401, Phase::Proxy, "401"), Way::Guest, "check the proxy"),
        ] {
            let said = closed(&why, way);
            assert!(said.contains(todo), "{said}");
        }
        let by_close = |reason: &str| {
            let frame = CloseFrame { code: CloseCode::POLICY_VIOLATION, reason: reason.into() };
            closed(&Closed::Refused(Cause::PeerClosed(Some(frame))), Way::Password)
        };
        assert!(by_close("banned").ends_with("let you in again"), "{}", by_close("banned"));
        assert!(by_close("sign in again").ends_with("start again to sign in"), "{}", by_close("sign in again"));
        assert!(!by_close("junk").contains(';'), "{}", by_close("junk"));
    }

    #[test]
    fn no_option_is_named_that_a_chat_does_not_have() {
        let lost = Cause::Lost(Loss::Protocol(CloseCode::MESSAGE_TOO_BIG, "too big".into()));
        let said = closed(&Closed::GaveUp { last: lost, attempts: 1, elapsed: std::time::Duration::ZERO }, Way::Guest);
        assert!(said.contains("too big") && !said.contains("--"), "{said}");
    }
}
