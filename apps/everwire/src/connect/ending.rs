//! The flush, the farewell, and the exit code.

use std::time::Duration;

use everwire::{Cause, Closed, OpenFailure, OpenFailureKind, Phase, Undelivered};

use super::end::End;
use super::json::{EndLine, Line};
use super::session::Session;
use crate::describe;
use crate::doctor;
use crate::exit::{Exit, Failure};
use crate::term::BadInput;

/// How long leaving on Ctrl-C may take at most.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// After everything is settled, the closing handshake gets this long.
const FAREWELL: Duration = Duration::from_secs(3);

/// Closes the client and says how it went.
pub(super) async fn end(mut session: Session, end: End) -> Result<Exit, Failure> {
    let left = close(&mut session, &end).await;
    let mut lost = None;
    for line in session.report.troubles(session.ledger.account()) {
        session.console.say(line);
    }
    let figures = session.report.figures(&session.client.stats(), session.received, session.ledger.account());
    session.say(figures);
    let balance = Balance {
        undelivered: session.ledger.account().undelivered(),
        connected: session.connected,
        last_cause: session.last_cause.as_ref(),
        wanted: session.wanted(),
        received: session.received,
        unread: session.stdin_goes_on.then(|| session.ledger.account().read),
        is_advised: session.advice().is_some(),
    };
    let (exit, mut reason) = judge(&end, &balance);
    if exit == Exit::Undelivered && session.client.stats().machine.answers_pings == Some(false) {
        reason.push_str(
            ": the other side answers no pings, which would prove it; --guarantee unproven asks for no proof",
        );
    }
    if exit != Exit::Done
        && let Some(advice) = session.advice()
    {
        reason.push_str(&format!("; {advice}"));
    }
    let last = EndLine::of(exit, &reason, session.received, session.ledger.account(), &left);
    if let Err(gone) = session.json(&Line::End(last)).await {
        lost = Some(gone);
    }
    if let Err(gone) = session.console.flush().await {
        lost = Some(gone);
    }
    match (exit, lost) {
        (Exit::Done, Some(gone)) if !gone.is_quiet() => Err(Failure::new(Exit::Failed, gone.line())),
        (Exit::Done, _) => {
            session.say(session.report.note(&reason));
            Ok(Exit::Done)
        }
        (exit, _) => Err(Failure::new(exit, reason)),
    }
}

/// Flushes what the end leaves time for, still printing what arrives.
async fn close(session: &mut Session, end: &End) -> Undelivered {
    let deadline = match end {
        End::Reached | End::BadInput(_) if session.ledger.is_settled() => FAREWELL,
        // The time for the flush is over.
        End::Reached | End::BadInput(_) => Duration::ZERO,
        End::Enough | End::Stopped | End::Output(_) => PATIENCE.min(session.args.close_timeout),
        End::Final(_) | End::Hopeless(_) => Duration::ZERO,
    };
    if matches!(end, End::Stopped) {
        let note = session.report.note("closing; Ctrl-C again leaves at once");
        session.say(note);
    }
    let client = session.client.clone();
    let closing = client.close(deadline);
    tokio::pin!(closing);
    let mut printing = !matches!(end, End::Enough | End::Output(_));
    let mut listening = true;
    let left = loop {
        tokio::select! {
            left = &mut closing => break left,
            // An inbox that nobody empties would stop the reading, and with it the proofs of delivery.
            message = session.inbox.next(), if listening => match message {
                None => listening = false,
                Some(message) if printing => printing = session.print(&message).await.is_ok(),
                Some(_) => {}
            },
            heard = session.input.next(&mut session.console) => {
                let _ = session.on_input(heard).await;
            }
        }
    };
    while let Some(message) = session.inbox.try_next() {
        if printing && session.print(&message).await.is_err() {
            printing = false;
        }
    }
    // After the close every line has its outcome.
    while !session.ledger.is_settled() {
        let (line, outcome) = session.ledger.settled().await;
        let _ = session.on_outcomes(line, outcome).await;
    }
    left
}

/// What has come of it all.
struct Balance<'a> {
    undelivered: u64,
    /// Whether there has been a connection.
    connected: bool,
    last_cause: Option<&'a Cause>,
    wanted: Option<u64>,
    received: u64,
    /// Stdin had not ended, and so many lines of it were read.
    unread: Option<u64>,
    /// What to do has been found out by a closer look, and is told behind all this.
    is_advised: bool,
}

fn judge(end: &End, balance: &Balance<'_>) -> (Exit, String) {
    match end {
        End::Output(gone) if !gone.is_quiet() => return (Exit::Failed, gone.line()),
        // The reader has all that it wants.
        End::Output(_) | End::Enough if balance.undelivered == 0 => {
            let unread = match balance.unread {
                None => "",
                Some(0) => "; stdin had not ended, and nothing of it was sent",
                Some(_) => "; stdin had not ended, and what was read of it was sent",
            };
            return (Exit::Done, format!("closed{unread}"));
        }
        End::Hopeless(cause) => {
            let advice = if balance.is_advised { String::new() } else { advised(cause) };
            return (Exit::GaveUp, format!("no connection can be made: {}{advice}", describe::cause(cause)));
        }
        End::BadInput(bad) => return (Exit::Failed, format!("{bad}; nothing after it was sent{}", hint(bad))),
        End::Final(closed @ Closed::Refused(_)) => return (Exit::Refused, describe::closed(closed).1),
        End::Final(closed @ Closed::GaveUp { .. }) => return (Exit::GaveUp, describe::closed(closed).1),
        _ => {}
    }
    let why = match end {
        End::Final(closed) => describe::closed(closed).1,
        _ => "closed".to_owned(),
    };
    match balance.undelivered {
        0 if !balance.connected => {
            let cause = balance.last_cause.map(|cause| format!(": {}", describe::cause(cause))).unwrap_or_default();
            (Exit::GaveUp, format!("{why}; there never was a connection{cause}"))
        }
        0 => match balance.wanted {
            Some(wanted) if balance.received < wanted => {
                (Exit::Undelivered, format!("{why}; {} of {wanted} wanted messages received", balance.received))
            }
            _ => (Exit::Done, why),
        },
        1 => (Exit::Undelivered, format!("{why}; 1 message is not known to have arrived")),
        count => (Exit::Undelivered, format!("{why}; {count} messages are not known to have arrived")),
    }
}

/// As the doctor would.
fn advised(cause: &Cause) -> String {
    // The cause asks already whether it is ws://.
    let is_asked =
        matches!(cause, Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::NotWebSocket, phase: Phase::Tls, .. }));
    if is_asked {
        return String::new();
    }
    doctor::advice(cause).map(|advice| format!("; {advice}")).unwrap_or_default()
}

fn hint(bad: &BadInput) -> &'static str {
    match bad {
        BadInput::TooLong { .. } => "; --outbox-bytes sets the limit",
        BadInput::NotUtf8 { .. } => "; --binary sends bytes",
        BadInput::Io(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use everwire::{Cause, Closed, Loss};

    use super::{Balance, End, judge};
    use crate::exit::Exit;
    use crate::term::BadInput;

    const WELL: Balance<'static> = Balance {
        undelivered: 0,
        connected: true,
        last_cause: None,
        wanted: None,
        received: 0,
        unread: None,
        is_advised: false,
    };

    #[test]
    fn the_exit_code_tells_how_it_ended() {
        let cause = Cause::Lost(Loss::Ended);
        let gave_up = Closed::GaveUp { last: cause.clone(), attempts: 3, elapsed: std::time::Duration::from_secs(1) };
        let left = |undelivered| Balance { undelivered, ..WELL };
        let never = Balance { connected: false, last_cause: Some(&cause), ..WELL };
        let one_of_three = Balance { wanted: Some(3), received: 1, ..WELL };
        for (end, balance, exit) in [
            (End::Reached, &WELL, Exit::Done),
            (End::Stopped, &WELL, Exit::Done),
            (End::Reached, &left(1), Exit::Undelivered),
            (End::Stopped, &left(7), Exit::Undelivered),
            (End::Final(Closed::ByPeer(None)), &WELL, Exit::Done),
            (End::Final(Closed::ByPeer(None)), &left(1), Exit::Undelivered),
            (End::Final(gave_up), &left(1), Exit::GaveUp),
            (End::Final(Closed::Refused(cause.clone())), &WELL, Exit::Refused),
            (End::BadInput(BadInput::NotUtf8 { line: 3 }), &WELL, Exit::Failed),
            (End::Reached, &never, Exit::GaveUp),
            (End::Stopped, &never, Exit::GaveUp),
            (End::Hopeless(cause.clone()), &never, Exit::GaveUp),
            (End::Enough, &Balance { wanted: Some(3), received: 3, ..WELL }, Exit::Done),
            (End::Stopped, &one_of_three, Exit::Undelivered),
            (End::Final(Closed::ByPeer(None)), &one_of_three, Exit::Undelivered),
        ] {
            let (got, reason) = judge(&end, balance);
            assert_eq!(got, exit, "{reason}");
            assert!(!reason.is_empty() && !reason.contains('\n'));
        }
    }

    #[test]
    fn what_was_missing_is_told() {
        let cause = Cause::Lost(Loss::Ended);
        let never = Balance { connected: false, last_cause: Some(&cause), ..WELL };
        let (_, reason) = judge(&End::Reached, &never);
        assert!(reason.starts_with("closed; there never was a connection: "), "{reason}");
        for (unread, told) in
            [(None, "closed"), (Some(0), "nothing of it was sent"), (Some(2), "what was read of it was sent")]
        {
            let (exit, reason) = judge(&End::Enough, &Balance { wanted: Some(1), received: 1, unread, ..WELL });
            assert!(exit == Exit::Done && reason.ends_with(told), "{reason}");
        }
        let (_, reason) = judge(&End::Stopped, &Balance { wanted: Some(3), received: 1, ..WELL });
        assert_eq!(reason, "closed; 1 of 3 wanted messages received");
    }

    #[test]
    fn bad_input_comes_with_what_to_do() {
        let (_, reason) = judge(&End::BadInput(BadInput::NotUtf8 { line: 3 }), &WELL);
        assert_eq!(reason, "line 3 of stdin is not UTF-8; nothing after it was sent; --binary sends bytes");
    }
}
