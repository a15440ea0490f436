//! States, causes and events in words.

use std::time::Instant;

use everwire::{
    BuildError, Cause, CertificateProblem, CloseCode, Closed, Event, Loss, OpenFailureKind, Phase, ReachProblem, State,
    TriedAddress,
};

use crate::args::{in_options, with_options};
use crate::exit::{Exit, Failure};
use crate::term::{Tone, printable_line, short};

/// The state in words, on one line without control characters, and its tone.
pub(crate) fn state(state: &State, now: Instant) -> (Tone, String) {
    match state {
        State::Connecting { attempt: 0 | 1 } => (Tone::Waiting, "connecting".to_owned()),
        State::Connecting { attempt } => (Tone::Waiting, format!("connecting, attempt {attempt}")),
        State::Connected { subprotocol, pings_unanswered } => {
            let name = subprotocol.as_ref().map(|name| format!(", subprotocol {}", printable_line(name)));
            let connected = format!("connected{}", name.unwrap_or_default());
            match pings_unanswered {
                false => (Tone::Good, connected),
                true => (
                    Tone::Waiting,
                    format!("{connected}; the other side has answered no ping, so nothing proves what arrives"),
                ),
            }
        }
        State::Disconnected { cause, retry_at, attempt, .. } => {
            let wait = short(retry_at.saturating_duration_since(now));
            // The countdown first: a screen cuts what is too long for it.
            (Tone::Bad, format!("disconnected, attempt {attempt} in {wait}: {}", self::cause(cause)))
        }
        State::Closing => (Tone::Waiting, "closing".to_owned()),
        State::Closed(why) => closed(why),
        other => (Tone::Waiting, printable_line(&other.to_string())),
    }
}

/// Whether a state is printed as a line on a screen that always shows the present state: not if it is a passing state, or
/// another failed attempt in a row. `printed` is the state that was printed last; the end is reported with the exit code.
pub(crate) fn deserves_line(state: &State, printed: Option<&State>) -> bool {
    match state {
        State::Connected { .. } => true,
        State::Disconnected { .. } => !matches!(printed, Some(State::Disconnected { .. })),
        _ => false,
    }
}

/// Why the client has ended, with advice, and its tone.
pub(crate) fn closed(why: &Closed) -> (Tone, String) {
    closed_with(why, |cause| match cause {
        Cause::Lost(Loss::InflatedTooFar(_)) => "; leave --compression away".to_owned(),
        Cause::Lost(Loss::Protocol(CloseCode::MESSAGE_TOO_BIG, _)) => "; --max-message allows for more".to_owned(),
        cause => advice(cause).to_owned(),
    })
}

/// The same, with the caller's advice, which begins with a semicolon.
pub(crate) fn closed_with(why: &Closed, advice: impl Fn(&Cause) -> String) -> (Tone, String) {
    match why {
        Closed::Initial => (Tone::Waiting, "not connected yet".to_owned()),
        Closed::Disconnected | Closed::ByUser => (Tone::Waiting, "closed".to_owned()),
        Closed::ByPeer(frame) => {
            let reason = frame.as_ref().map(|frame| printable_line(&frame.reason)).filter(|reason| !reason.is_empty());
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            (Tone::Waiting, format!("closed by the other side{reason}"))
        }
        Closed::Refused(cause) => (Tone::Bad, format!("refused for good: {}{}", self::cause(cause), advice(cause))),
        Closed::GaveUp { last, attempts, elapsed } => {
            let times = if *attempts == 1 { "attempt".to_owned() } else { format!("attempts in {}", short(*elapsed)) };
            (Tone::Bad, format!("gave up after {attempts} {times}: {}{}", self::cause(last), advice(last)))
        }
        other => (Tone::Bad, format!("closed: {}", printable_line(&format!("{other:?}")))),
    }
}

/// Whether the answer shows that the address can't be right: a web page, another protocol, a certificate for another name. It
/// may become right, as behind a network's login page, but a user who has just typed the address should not wait for that.
pub(crate) fn is_hopeless(cause: &Cause) -> bool {
    let Cause::OpenFailed(failure) = cause else { return false };
    match failure.kind {
        OpenFailureKind::Certificate(_) | OpenFailureKind::NotWebSocket | OpenFailureKind::Compression => true,
        OpenFailureKind::Refused { status, .. } => (200..300).contains(&status) && failure.phase != Phase::Proxy,
        _ => false,
    }
}

/// Why a client can't be built, with the settings named as options.
pub(crate) fn build_failure(error: &BuildError) -> Failure {
    let exit = match error {
        BuildError::Url(_) | BuildError::Header(_) | BuildError::Setting(_) | BuildError::Proxy(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, in_options(error))
}

/// A cause, without control characters: parts of it are the other side's text.
pub(crate) fn cause(cause: &Cause) -> String {
    printable_line(&with_options(&cause.to_string()))
}

/// What the user of any command can do about a cause, after a semicolon; empty if no advice is known.
pub(crate) fn advice(cause: &Cause) -> &'static str {
    let Cause::OpenFailed(failure) = cause else {
        return "";
    };
    match &failure.kind {
        OpenFailureKind::ProxyDenied => "; check the proxy's URL and the credentials in it",
        OpenFailureKind::Refused { status: 401 | 407, .. } if failure.phase == Phase::Proxy => {
            "; check the proxy's URL and the credentials in it"
        }
        OpenFailureKind::Refused { .. } if failure.phase == Phase::Proxy => {
            "; check the server's name and port, or ask the proxy's operator"
        }
        OpenFailureKind::Io | OpenFailureKind::NotWebSocket if failure.phase == Phase::Proxy => {
            "; check the proxy's URL, or ask the proxy's operator"
        }
        OpenFailureKind::PinMismatch => "; if the server's key was changed on purpose, change --pin",
        OpenFailureKind::Refused { status: 401 | 403, .. } => {
            "; check the credentials: none were sent, or the server does not accept them"
        }
        OpenFailureKind::Refused { status: 404 | 410, .. } => "; check the path of the address",
        OpenFailureKind::Compression => "; leave --compression away",
        // The failure's own text suggests ws://.
        OpenFailureKind::NotWebSocket if failure.phase == Phase::Tls => "",
        OpenFailureKind::NotWebSocket => "; check the port and the path: the server there does not speak WebSocket",
        OpenFailureKind::Certificate(CertificateProblem::OfClient) => "; --cert FILE and --key FILE show a certificate",
        OpenFailureKind::Certificate(_) => "; check the host's name and its certificate",
        OpenFailureKind::Hook => "; check the token's file or command",
        OpenFailureKind::Unreachable { is_proxy: true, .. } => "; check the proxy's URL, and that the proxy runs",
        OpenFailureKind::Unreachable { problem: ReachProblem::NoAddress, .. } => "; check the host's name",
        OpenFailureKind::Unreachable { .. } | OpenFailureKind::Io => {
            "; check that the server runs and the port is right"
        }
        _ => "",
    }
}

/// What to do about a certificate that was not looked at.
pub(crate) fn certificate_advice(problem: CertificateProblem) -> &'static str {
    match problem {
        CertificateProblem::WrongName => "use a name that the certificate is for, or get another for the server",
        CertificateProblem::Expired | CertificateProblem::NotYetValid => {
            "check this machine's clock, then renew the certificate"
        }
        CertificateProblem::OfClient => {
            "ask the server's operator for a certificate; --cert FILE and --key FILE show it"
        }
        _ => "get the server (or proxy) a certificate that this machine trusts, or name its root by --cacert FILE",
    }
}

fn address(tried: &TriedAddress) -> String {
    if tried.works() { format!("{tried}: connected") } else { printable_line(&tried.to_string()) }
}

/// An event in words, on one line.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::AttemptFailed { attempt, cause } => format!("attempt {attempt} failed: {}", self::cause(cause)),
        Event::Addresses(tried) => {
            let each: Vec<_> = tried.iter().map(address).collect();
            format!("addresses tried: {}", each.join("; "))
        }
        Event::Disconnected(post_mortem) => printable_line(&post_mortem.to_string()),
        Event::RoundTrip(time) => format!("round trip {:.1} ms", time.as_secs_f64() * 1_000.0),
        Event::Resending { messages } => format!("sending {messages} again"),
        Event::PingsUnanswered { waited } => {
            format!("the other side has answered no ping for {}: nothing proves what arrives there", short(*waited))
        }
        Event::MoveFailed { cause, retry_in } => {
            let again = retry_in.map_or("not tried again".to_owned(), |delay| format!("again in {}", short(delay)));
            format!("no new connection to move to, {again}: {}", self::cause(cause))
        }
        Event::Woke { slept } => format!("the device slept for {}", short(*slept)),
        Event::Stalled { late_by } => format!("this program stood still for {}", short(*late_by)),
        other => printable_line(&format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use everwire::{Cause, Closed, Loss, OpenFailureKind, ReachProblem, RefusalReason, State};

    use super::{closed, deserves_line, state};
    use crate::term::Tone;

    fn disconnected(now: Instant) -> State {
        State::Disconnected {
            cause: Cause::Lost(Loss::Ended),
            retry_at: now + Duration::from_millis(1500),
            attempt: 2,
            held: false,
        }
    }

    #[test]
    fn a_message_that_inflates_too_much_is_not_blamed_on_max_message() {
        let lost = |loss| closed(&Closed::Refused(Cause::Lost(loss))).1;
        let inflated = lost(Loss::InflatedTooFar("message inflates to more than 256 times its size".into()));
        assert!(inflated.ends_with("; leave --compression away"), "{inflated}");
        for words in ["message of more than 65536 bytes", "message inflates over the limit of 65536 bytes"] {
            let too_big = lost(Loss::Protocol(everwire::CloseCode::MESSAGE_TOO_BIG, words.into()));
            assert!(too_big.ends_with("; --max-message allows for more"), "{too_big}");
        }
    }

    #[test]
    fn a_lost_connection_is_reported_with_the_time_until_the_next_attempt() {
        let now = Instant::now();
        let (_, text) = state(&disconnected(now), now);
        assert!(text.starts_with("disconnected, attempt 2 in 1.5 s: "), "{text}");
        let (_, text) = state(&disconnected(now), now + Duration::from_secs(9));
        assert!(text.contains("in 0.0 ms"), "{text}");
        assert_eq!(state(&State::Connecting { attempt: 1 }, now).1, "connecting");
        assert_eq!(state(&State::Connecting { attempt: 3 }, now).1, "connecting, attempt 3");
        let odd = State::Connected { subprotocol: Some("a\u{1b}b".into()), pings_unanswered: false };
        assert_eq!(state(&odd, now).1, "connected, subprotocol a␛b");
        let mute = State::Connected { subprotocol: None, pings_unanswered: true };
        let (tone, text) = state(&mute, now);
        assert_eq!(text, "connected; the other side has answered no ping, so nothing proves what arrives");
        assert_ne!(tone, Tone::Good);
    }

    #[test]
    fn control_characters_of_the_other_side_are_shown_as_symbols_and_advice_is_added() {
        let frame = everwire::CloseFrame { code: everwire::CloseCode(1000), reason: "bye\u{1b}[2J".into() };
        assert_eq!(closed(&Closed::ByPeer(Some(frame))).1, "closed by the other side: bye␛[2J");
        let failure = everwire::OpenFailure {
            phase: everwire::Phase::Upgrade,
            kind: OpenFailureKind::Refused {
                status: 401,
                retry_after: None,
                fresh_credentials: false,
                reason: RefusalReason::Status,
            },
            detail: "who are\nyou?".into(),
        };
        let (_, text) = closed(&Closed::Refused(Cause::OpenFailed(failure)));
        assert!(
            text.starts_with("refused for good: ")
                && text.ends_with("; check the credentials: none were sent, or the server does not accept them")
        );
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn advice_is_given_once_and_about_the_part_that_failed() {
        let gave_up = |phase, kind, detail: &str| {
            let last = Cause::OpenFailed(everwire::OpenFailure { phase, kind, detail: detail.into() });
            closed(&Closed::GaveUp { last, attempts: 1, elapsed: Duration::ZERO }).1
        };
        use everwire::Phase;
        let refused = |is_proxy| OpenFailureKind::Unreachable { is_proxy, problem: ReachProblem::Refused };
        let proxy = gave_up(Phase::Tcp, refused(true), "connection refused by the proxy 127.0.0.1:1");
        assert!(proxy.ends_with("; check the proxy's URL, and that the proxy runs"), "{proxy}");
        let server = gave_up(Phase::Tcp, refused(false), "connection refused by 127.0.0.1:1");
        assert!(server.ends_with("; check that the server runs and the port is right"), "{server}");
        let plain = "the server does not speak TLS; is it ws:// rather than wss://?";
        let plain = gave_up(Phase::Tls, OpenFailureKind::NotWebSocket, plain);
        assert!(plain.ends_with("is it ws:// rather than wss://?"), "{plain}");
    }

    #[test]
    fn a_screen_reports_a_lost_connection_once() {
        let now = Instant::now();
        let connected = State::Connected { subprotocol: None, pings_unanswered: false };
        assert!(deserves_line(&connected, None));
        assert!(deserves_line(&disconnected(now), None));
        assert!(deserves_line(&disconnected(now), Some(&connected)));
        assert!(!deserves_line(&disconnected(now), Some(&disconnected(now))));
        assert!(!deserves_line(&State::Connecting { attempt: 1 }, Some(&connected)));
        assert!(!deserves_line(&State::Closing, Some(&connected)));
    }
}
