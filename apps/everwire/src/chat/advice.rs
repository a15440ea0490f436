//! What a user who is refused can do about it, by how they authenticate.

use everwire::{Cause, CloseCode, Closed, Loss, OpenFailure, OpenFailureKind, Phase};
use everwire_i18n::{Language, Text, Words};

use crate::args::ChatArgs;
use crate::describe;
use crate::token::Source;

/// How the user authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// Not at all.
    Guest,
    Password,
    Token,
}

impl AuthMethod {
    pub(super) fn of(args: &ChatArgs) -> Self {
        match (args.sign_in, Source::of(&args.token)) {
            (true, _) => Self::Password,
            (false, Some(_)) => Self::Token,
            (false, None) => Self::Guest,
        }
    }
}

/// Why the client has ended, and what to do, for the last line.
pub(super) fn closed(why: &Closed, auth: AuthMethod) -> String {
    describe::closed_with(why, |cause| match on(cause, auth) {
        Some(todo) => format!("; {}", Words::new(Language::English).say(&todo)),
        None => general(cause, auth).to_owned(),
    })
    .1
}

/// Why a chat server refuses, in a few words; `None` if the cause's own text has to do.
pub(super) fn reason(cause: &Cause, auth: AuthMethod) -> Option<Text<'static>> {
    let Cause::OpenFailed(OpenFailure { phase, kind: OpenFailureKind::Refused { status, .. }, detail, .. }) = cause
    else {
        return None;
    };
    match (status, auth) {
        _ if *phase == Phase::Proxy => None,
        (401, AuthMethod::Guest) => Some(Text::SignInWanted),
        (401, AuthMethod::Password) => Some(Text::ReasonSignIn),
        (401, AuthMethod::Token) => Some(Text::ReasonToken),
        (403, _) => match said(detail)? {
            Text::TodoBanned => Some(Text::ReasonBanned),
            Text::TodoRoom => Some(Text::ReasonMembersOnly),
            Text::TodoUser => Some(Text::ReasonOtherUser),
            _ => None,
        },
        _ => None,
    }
}

/// What to do about a refusal by a chat server; `None` for any other cause.
pub(super) fn on(cause: &Cause, auth: AuthMethod) -> Option<Text<'static>> {
    match cause {
        Cause::OpenFailed(OpenFailure { phase, .. }) if *phase == Phase::Proxy => None,
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Refused { status, .. }, detail, .. }) => {
            match (status, auth) {
                (401, AuthMethod::Guest) => Some(Text::TodoSignIn),
                (401, AuthMethod::Password) => Some(Text::TodoSignInAgain),
                (401, AuthMethod::Token) => Some(Text::TodoToken),
                (403, _) => Some(said(detail).unwrap_or(Text::TodoAsk)),
                _ => None,
            }
        }
        Cause::PeerClosed(Some(frame)) if frame.code == CloseCode::POLICY_VIOLATION => {
            match (frame.reason.as_ref(), auth) {
                ("sign in again", AuthMethod::Token) => Some(Text::TodoToken),
                ("sign in again", _) => Some(Text::TodoSignInAgain),
                (reason, _) => said(reason),
            }
        }
        _ => None,
    }
}

/// The advice that fits the server's own reason, which is printed before it.
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

/// The advice for any connection, without options that `everwire chat` does not have.
fn general(cause: &Cause, auth: AuthMethod) -> &'static str {
    match cause {
        Cause::Lost(Loss::Protocol(CloseCode::MESSAGE_TOO_BIG, _) | Loss::InflatedTooFar(_)) => "",
        // The sign-in's own error says what to do.
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Hook, .. }) if auth == AuthMethod::Password => "",
        cause => describe::advice(cause),
    }
}

#[cfg(test)]
mod tests {
    use everwire::{Cause, CloseCode, CloseFrame, Closed, Loss, OpenFailure, OpenFailureKind, Phase, RefusalReason};

    use super::{AuthMethod, closed};

    fn refused(status: u16, phase: Phase, detail: &str) -> Closed {
        let kind = OpenFailureKind::Refused {
            status,
            retry_after: None,
            fresh_credentials: false,
            reason: RefusalReason::Status,
        };
        Closed::Refused(Cause::OpenFailed(OpenFailure { phase, kind, detail: detail.into() }))
    }

    #[test]
    fn a_user_who_is_refused_is_told_what_to_do_by_how_they_authenticate() {
        for (why, auth, todo) in [
            (refused(401, Phase::Upgrade, "401"), AuthMethod::Guest, "--sign-in"),
            (refused(401, Phase::Upgrade, "401"), AuthMethod::Password, "start again to sign in"),
            (refused(401, Phase::Upgrade, "401"), AuthMethod::Token, "--bearer-file"),
            (refused(403, Phase::Upgrade, "403: this user is banned"), AuthMethod::Token, "let you in again"),
            (refused(403, Phase::Upgrade, "403: the room is for its members only\n"), AuthMethod::Password, "--room"),
            (refused(403, Phase::Upgrade, "403 Forbidden"), AuthMethod::Guest, "ask whoever runs the server"),
            (refused(401, Phase::Proxy, "401"), AuthMethod::Guest, "check the proxy"),
        ] {
            let said = closed(&why, auth);
            assert!(said.contains(todo), "{said}");
        }
        let by_close = |reason: &str| {
            let frame = CloseFrame { code: CloseCode::POLICY_VIOLATION, reason: reason.into() };
            closed(&Closed::Refused(Cause::PeerClosed(Some(frame))), AuthMethod::Password)
        };
        assert!(by_close("banned").ends_with("let you in again"), "{}", by_close("banned"));
        assert!(by_close("sign in again").ends_with("start again to sign in"), "{}", by_close("sign in again"));
        assert!(!by_close("junk").contains(';'), "{}", by_close("junk"));
    }

    #[test]
    fn no_option_is_named_that_a_chat_does_not_have() {
        let lost = Cause::Lost(Loss::Protocol(CloseCode::MESSAGE_TOO_BIG, "too big".into()));
        let said =
            closed(&Closed::GaveUp { last: lost, attempts: 1, elapsed: std::time::Duration::ZERO }, AuthMethod::Guest);
        assert!(said.contains("too big") && !said.contains("--"), "{said}");
    }
}
