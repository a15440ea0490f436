use std::time::Duration;

use crate::{Cause, CloseFrame, OpenFailure, OpenFailureKind, Phase};

/// The longest pause that a server's `Retry-After` can impose: 1 h. Of a longer one only this much counts.
pub const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(3600);

/// What "later" is, where the server does not say.
pub(super) const TRY_AGAIN_LATER: Duration = Duration::from_secs(5);
const CREDENTIAL_RETRIES: u32 = 3;
/// A router may need a while until its server is back.
const REFUSAL_RETRIES: u32 = 3;
/// A connection that is closed so at once, again, is not wanted.
const CLOSE_RETRIES: u32 = 1;

/// The advice on whether to try again after a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// The peer ended it in order: [`Closed::ByPeer`](crate::Closed::ByPeer).
    End,
    /// The same request would be refused again: [`Closed::Refused`](crate::Closed::Refused).
    Stop,
    /// Try again, but stop when the same comes this often in a row after the first.
    StopAfter {
        /// Retries before stopping.
        retries: u32,
    },
    /// Stop, unless the client has had a useful connection: a server that accepted it before may accept it again. Then
    /// try again at the pace of the longest delay, and stop when the same comes this often in a row after the first,
    /// without a useful connection in between.
    StopUnlessUseful {
        /// Retries before stopping.
        retries: u32,
    },
    /// Try again with the usual delays.
    Retry,
    /// Try again at the pace of the longest delay: it may heal, but not soon.
    RetrySlowly,
    /// Try again after this pause with the usual delay on top, so that clients that were given the same pause do not
    /// come back together.
    RetryNoSoonerThan(Duration),
    /// Try again later, where the server does not say when: after 5 s, or half of the longest delay if that is less,
    /// with the usual delay on top; together no longer than the longest delay.
    RetryLater,
    /// Try again after this pause, to the millisecond: the server has given each of its clients a different time. If
    /// that attempt fails, the usual delays follow.
    RetryAt(Duration),
}

impl Advice {
    /// Returns `true` if the client tries again at all, for a client that has not had a useful connection.
    pub const fn is_retry(self) -> bool {
        match self {
            Self::End | Self::Stop | Self::StopUnlessUseful { .. } => false,
            Self::StopAfter { .. }
            | Self::Retry
            | Self::RetrySlowly
            | Self::RetryNoSoonerThan(_)
            | Self::RetryLater
            | Self::RetryAt(_) => true,
        }
    }
}

/// The table: what each cause says about trying again.
///
/// | cause | advice | why |
/// |---|---|---|
/// | I/O error, name not found, no TCP connection, time-out | retry | networks heal |
/// | certificate not accepted, answer is no WebSocket handshake (any status below 300 too) or breaks the rules of compression | retry slowly | a wrong clock or a captive portal heals, but not soon |
/// | public key is none of those pinned | stop | the server's key changes by intent, and then the pins must too |
/// | SOCKS proxy refuses the credentials, or makes no connections | stop | the same would be refused again |
/// | the hook for requests, or for new connections, failed | retry | the token service may be back |
/// | such a hook says that trying again would not help | stop | it knows |
/// | closed while the hook for new connections ran | as the close code says; 1000: stop | the server accepts no client |
/// | request not valid | stop | it stays invalid |
/// | server without `everwire.v1` that the client insists on | stop | it won't learn it |
/// | server that breaks `everwire.v1` before the session is open | retry slowly | it may be updated |
/// | the server ended the session in order | end; with a pause, retry no sooner; with a time for this client alone, retry then | the server says so |
/// | session taken over by a newer connection | stop | the two would take it from each other for ever |
/// | any refusal with `Retry-After` | retry, no sooner than that, of which at most 1 h counts | the server says when (RFC 9110 section 10.2.3) |
/// | HTTP 401, credentials requested again for each attempt | retry, stop at the fourth in a row | the token may have been stale |
/// | HTTP 401 otherwise | stop | the same token would be refused again |
/// | HTTP 408, 425, 429, 5xx | retry | the server says: later |
/// | HTTP 3xx | stop | a redirect that was not followed is not followed the next time |
/// | HTTP 403, 404, 409, 421 | stop; after a useful connection retry slowly, stop at the fourth in a row | a router that has lost its server, a firewall: it was not the request |
/// | other HTTP 4xx (400, 405, 410, 426, …) | stop | the request is what is wrong |
/// | close 1000 | end; in a session retry | the peer is done; a session ends with a bye |
/// | the same, after this process stood still, or when it had sent nothing for longer than the heartbeat's interval | retry | servers close idle connections with 1000 |
/// | close 1001, 1005, 1006, 1011, 1012, 1014, 3008 | retry | the server goes, fails, restarts, or was too slow |
/// | close 1013 | retry later: no sooner than in 5 s, or in half of the longest delay if that is less | "try again later" |
/// | close 1012 or 1013 with `Retry-After: 7` in its reason | retry, no sooner than after that many seconds, of which at most 1 h counts | the server says when |
/// | close 1002, 1003, 1007, 1009, 1010 | retry; a message that the peer refuses again and again is rejected | it blames a message, not the client |
/// | close 1008 | stop; after a useful connection retry slowly, stop at the second in a row | servers use it for limits and time-outs too |
/// | close 3000, 3003, 4401, 4403, 4404 | stop | unauthorized, forbidden, not found |
/// | other close codes (all other 3xxx and 4xxx) | retry | unknown to us; the overrides are for them |
/// | connection lost, peer broke the protocol, no sign of life | retry | networks heal, servers restart |
/// | the user | stop | nothing reconnects against the user's will |
///
/// An answer of a proxy to CONNECT ends the client only if it is 401, 403, 405 or 407; any other may mean that the
/// proxy can't reach the server now, or does not find its name, which is retried as it is without a proxy.
pub fn advice(cause: &Cause) -> Advice {
    match cause {
        Cause::OpenFailed(OpenFailure { kind, phase, .. }) => opening(kind, *phase),
        Cause::PeerClosed(None) => Advice::Retry,
        Cause::PeerClosed(Some(frame)) => closed(frame),
        Cause::Lost(_) | Cause::Dead { .. } => Advice::Retry,
        Cause::Bye { retry_after: Some(pause), paced: true, .. } => Advice::RetryAt((*pause).min(RETRY_AFTER_LIMIT)),
        Cause::Bye { retry_after: Some(pause), .. } => Advice::RetryNoSoonerThan((*pause).min(RETRY_AFTER_LIMIT)),
        Cause::Bye { retry_after: None, .. } => Advice::End,
        Cause::Superseded | Cause::ByUser => Advice::Stop,
    }
}

fn opening(kind: &OpenFailureKind, phase: Phase) -> Advice {
    match kind {
        OpenFailureKind::Io
        | OpenFailureKind::Unreachable { .. }
        | OpenFailureKind::Timeout
        | OpenFailureKind::Hook => Advice::Retry,
        OpenFailureKind::Certificate(_)
        | OpenFailureKind::NotWebSocket
        | OpenFailureKind::Compression
        | OpenFailureKind::BadSession => Advice::RetrySlowly,
        OpenFailureKind::BadRequest
        | OpenFailureKind::PinMismatch
        | OpenFailureKind::ProxyDenied
        | OpenFailureKind::PermanentError
        | OpenFailureKind::NoSession => Advice::Stop,
        OpenFailureKind::Closed(frame) => match frame.as_deref().map_or(Advice::Retry, closed) {
            Advice::End => Advice::Stop,
            advice => advice,
        },
        OpenFailureKind::Refused { retry_after: Some(pause), .. } => {
            Advice::RetryNoSoonerThan((*pause).min(RETRY_AFTER_LIMIT))
        }
        OpenFailureKind::Refused { status: 401, fresh_credentials: true, .. } => {
            Advice::StopAfter { retries: CREDENTIAL_RETRIES }
        }
        OpenFailureKind::Refused { status: 408 | 425 | 429 | 500..=599, .. } => Advice::Retry,
        // What else a proxy says is of a server that it may find the next time.
        OpenFailureKind::Refused { status, .. }
            if phase == Phase::Proxy && !matches!(status, 401 | 403 | 405 | 407) =>
        {
            Advice::Retry
        }
        OpenFailureKind::Refused { status: 403 | 404 | 409 | 421, .. } if phase != Phase::Proxy => {
            Advice::StopUnlessUseful { retries: REFUSAL_RETRIES }
        }
        OpenFailureKind::Refused { status: 300..=499, .. } => Advice::Stop,
        OpenFailureKind::Refused { .. } => Advice::RetrySlowly,
    }
}

fn closed(frame: &CloseFrame) -> Advice {
    match retry_after(frame) {
        Some(pause) => Advice::RetryNoSoonerThan(pause.min(RETRY_AFTER_LIMIT)),
        None => close_code(frame.code.0),
    }
}

/// What a server that restarts, or is busy, says of when to come back: `Retry-After: 7`, in seconds, anywhere in the reason.
fn retry_after(frame: &CloseFrame) -> Option<Duration> {
    if !matches!(frame.code.0, 1012 | 1013) {
        return None;
    }
    let (_, after) = frame.reason.split_once("Retry-After: ")?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..end].parse().ok().map(Duration::from_secs)
}

fn close_code(code: u16) -> Advice {
    match code {
        1000 => Advice::End,
        1013 => Advice::RetryLater,
        1008 => Advice::StopUnlessUseful { retries: CLOSE_RETRIES },
        3000 | 3003 | 4401 | 4403 | 4404 => Advice::Stop,
        _ => Advice::Retry,
    }
}

/// Whether the peer ends a connection with this code because of a message that it can't take: 1003 unsupported data, 1007
/// invalid payload, 1009 too big (RFC 6455 section 7.4.1).
pub(crate) const fn blames_a_message(code: u16) -> bool {
    matches!(code, 1003 | 1007 | 1009)
}
