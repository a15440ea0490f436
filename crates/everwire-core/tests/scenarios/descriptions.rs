use everwire_core::{
    CancelError, Cause, CloseCode, CloseFrame, Closed, DropPolicy, Loss, Message, OpenFailure, OpenFailureKind,
    Outcome, Phase, RefusalReason, Rejection, ReplaceError, Stage,
};

use crate::support::seconds;

fn open_failed(kind: OpenFailureKind, detail: &str) -> Cause {
    Cause::OpenFailed(OpenFailure { phase: Phase::Upgrade, kind, detail: detail.into() })
}

fn closed(code: u16, reason: &str) -> Cause {
    Cause::PeerClosed(Some(CloseFrame { code: CloseCode(code), reason: reason.into() }))
}

#[test]
fn causes_read_as_one_line_each() {
    let refused = |status| OpenFailureKind::Refused {
        status,
        retry_after: None,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    };
    let cases = [
        (open_failed(OpenFailureKind::Io, "no route"), "the WebSocket handshake failed: no route"),
        (open_failed(refused(404), ""), "the WebSocket handshake failed: refused with HTTP status 404"),
        (closed(1001, "restarting"), "closed by the peer with 1001: restarting"),
        (closed(1001, ""), "closed by the peer with 1001"),
        (Cause::PeerClosed(None), "closed by the peer without a code"),
        (Cause::Lost(Loss::Ended), "the connection ended without a close frame"),
        (Cause::Lost(Loss::Io("reset".into())), "the connection failed: reset"),
        (Cause::Lost(Loss::Protocol(CloseCode(1002), "masked".into())), "the peer broke the protocol (1002): masked"),
        (Cause::Dead { silent_for: seconds(40.0) }, "no sign of life from the peer for 40.0 s"),
    ];
    for (cause, words) in cases {
        assert_eq!(cause.to_string(), words);
    }
}

#[test]
fn causes_have_the_code_that_users_look_for() {
    let refused = OpenFailureKind::Refused {
        status: 503,
        retry_after: None,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    };
    assert_eq!(open_failed(refused, "").code(), Some(503));
    assert_eq!(open_failed(OpenFailureKind::Io, "").code(), None);
    assert_eq!(closed(4001, "").code(), Some(4001));
    assert_eq!(Cause::PeerClosed(None).code(), Some(1005));
    assert_eq!(Cause::Lost(Loss::Ended).code(), Some(1006));
    assert_eq!(Cause::Dead { silent_for: seconds(1.0) }.code(), None);
}

#[test]
fn causes_say_whether_trying_again_makes_sense() {
    assert!(open_failed(OpenFailureKind::Io, "").is_retryable());
    for final_kind in [OpenFailureKind::BadRequest, OpenFailureKind::PinMismatch, OpenFailureKind::ProxyDenied] {
        assert!(!open_failed(final_kind, "").is_retryable());
    }
    assert!(!closed(1000, "").is_retryable());
    assert!(!closed(1008, "").is_retryable());
    assert!(!Cause::ByUser.is_retryable());
}

#[test]
fn the_reason_of_the_end_is_told_in_words() {
    let gave_up = Closed::GaveUp { last: Cause::Lost(Loss::Ended), attempts: 3, elapsed: seconds(7.25) };
    assert_eq!(gave_up.to_string(), "gave up after 3 attempts in 7.3 s: the connection ended without a close frame");
    let gave_up = Closed::GaveUp { last: Cause::Lost(Loss::Ended), attempts: 1, elapsed: seconds(2.0) };
    assert_eq!(gave_up.to_string(), "gave up after 1 attempt in 2.0 s: the connection ended without a close frame");
    let farewell = CloseFrame { code: CloseCode(1000), reason: "good night".into() };
    assert_eq!(Closed::ByPeer(Some(farewell)).to_string(), "ended by the peer: good night");
}

#[test]
fn outcomes_say_what_is_safe() {
    let rejected = Outcome::Rejected(Rejection::PeerRefuses(1009));
    for delivered in [Outcome::Acknowledged, Outcome::Received] {
        assert!(delivered.is_delivered() && !delivered.is_safe_to_resend());
    }
    for unsent in [Outcome::Expired, Outcome::Cancelled, Outcome::Dropped(DropPolicy::Oldest), rejected] {
        assert!(!unsent.is_delivered() && unsent.is_safe_to_resend());
    }
    let unknown = Outcome::Unknown(Stage::Written);
    assert!(!unknown.is_delivered() && !unknown.is_safe_to_resend());
}

#[test]
fn outcomes_read_as_one_line_each() {
    let cases = [
        (Outcome::Acknowledged, "acknowledged by the peer"),
        (Outcome::Received, "received by the peer"),
        (Outcome::Expired, "expired before it could be sent"),
        (Outcome::Cancelled, "cancelled before it was sent"),
        (Outcome::Dropped(DropPolicy::Oldest), "dropped: the outbox was full and this was the oldest"),
        (Outcome::Dropped(DropPolicy::Newest), "dropped: the outbox was full and this was the newest"),
        (Outcome::Dropped(DropPolicy::LowestPriority), "dropped: the outbox was full and this had the lowest priority"),
        (Outcome::Dropped(DropPolicy::Conflated), "dropped: a newer message with its key took its place"),
        (Outcome::Dropped(DropPolicy::NotConnected), "dropped: volatile, and there was no connection"),
        (Outcome::Unknown(Stage::Written), "unknown: written to the socket, its arrival is not proven"),
    ];
    for (outcome, words) in cases {
        assert_eq!(outcome.to_string(), words);
    }
}

#[test]
fn what_comes_too_late_is_told_in_words_and_gives_the_message_back() {
    let message = || Message::text("new");
    let cases = [
        (CancelError::Taken.to_string(), "too late: the message has been handed to a connection; wait for its outcome"),
        (CancelError::Ended.to_string(), "too late: the message has its outcome already"),
        (CancelError::Unknown.to_string(), "no message has this number"),
        (
            ReplaceError::Taken(message()).to_string(),
            "too late: the message has been handed to a connection; send the new one",
        ),
        (ReplaceError::Ended(message()).to_string(), "too late: the message has its outcome already; send the new one"),
        (ReplaceError::Unknown(message()).to_string(), "no message has this number"),
        (
            ReplaceError::Full(message()).to_string(),
            "the outbox is full, so the old message stays: try again when there is room",
        ),
        (
            ReplaceError::TooLarge { message: message(), limit: 2 }.to_string(),
            "the new message has 3 bytes, and the outbox takes at most 2: send less, or raise its limit",
        ),
    ];
    for (shown, words) in cases {
        assert_eq!(shown, words);
    }
    assert_eq!(ReplaceError::Ended(message()).message(), &message());
    assert_eq!(ReplaceError::Taken(message()).into_message(), message());
    assert!(ReplaceError::Full(message()).is_retryable() && !ReplaceError::Taken(message()).is_retryable());
}
