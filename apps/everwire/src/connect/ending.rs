//! The flush, the close, and the exit code.

use std::time::Duration;

use everwire::{Cause, Closed, OpenFailure, OpenFailureKind, Phase, Undelivered};

use super::end::End;
use super::json::{EndLine, Line};
use super::session::Session;
use crate::describe;
use crate::doctor;
use crate::exit::{Exit, Failure};
use crate::term::BadInput;

/// The longest time for leaving after Ctrl-C.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The longest time for the closing handshake after everything is settled.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Closes the client and says how it went.
pub(super) async fn end(mut session: Session, end: End) -> Result<Exit, Failure> {
    let left = close(&mut session, &end).await;
    let mut lost = None;
    for line in session.report.undelivered_lines(session.ledger.account()) {
        session.console.say(line);
    }
    let figures = session.report.figures(&session.client.stats(), session.received, session.ledger.account());
    session.say(figures);
    let summary = Summary {
        undelivered: session.ledger.account().undelivered(),
        connected: session.connected,
        last_cause: session.last_cause.as_ref(),
        wanted: session.wanted(),
        received: session.received,
        unread: session.stdin_goes_on.then(|| session.ledger.account().read),
        is_advised: session.advice().is_some(),
    };
    let (exit, mut reason) = judge(&end, &summary);
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

/// Flushes the outbox for as long as the kind of end allows, and prints what arrives meanwhile.
async fn close(session: &mut Session, end: &End) -> Undelivered {
    let deadline = match end {
        End::Reached | End::BadInput(_) if session.ledger.is_settled() => CLOSE_TIMEOUT,
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
            // A full inbox would stop the reading, and with it the evidence of delivery.
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

/// What the exit code depends on.
struct Summary<'a> {
    undelivered: u64,
    /// Whether there has been a connection.
    connected: bool,
    last_cause: Option<&'a Cause>,
    wanted: Option<u64>,
    received: u64,
    /// The number of lines that were read, if stdin had not ended.
    unread: Option<u64>,
    /// Whether the port was found to speak TLS: that advice is appended to the reason.
    is_advised: bool,
}

fn judge(end: &End, summary: &Summary<'_>) -> (Exit, String) {
    match end {
        End::Output(gone) if !gone.is_quiet() => return (Exit::Failed, gone.line()),
        // The user has received what was asked for.
        End::Output(_) | End::Enough if summary.undelivered == 0 => {
            let unread = match summary.unread {
                None => "",
                Some(0) => "; stdin had not ended, and nothing of it was sent",
                Some(_) => "; stdin had not ended, and what was read of it was sent",
            };
            return (Exit::Done, format!("closed{unread}"));
        }
        End::Hopeless(cause) => {
            let advice = if summary.is_advised { String::new() } else { advised(cause) };
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
    match summary.undelivered {
        0 if !summary.connected => {
            let cause = summary.last_cause.map(|cause| format!(": {}", describe::cause(cause))).unwrap_or_default();
            (Exit::GaveUp, format!("{why}; there never was a connection{cause}"))
        }
        0 => match summary.wanted {
            Some(wanted) if summary.received < wanted => {
                (Exit::Undelivered, format!("{why}; {} of {wanted} wanted messages received", summary.received))
            }
            _ => (Exit::Done, why),
        },
        1 => (Exit::Undelivered, format!("{why}; 1 message is not known to have arrived")),
        count => (Exit::Undelivered, format!("{why}; {count} messages are not known to have arrived")),
    }
}

/// The doctor's advice about a cause.
fn advised(cause: &Cause) -> String {
    // This cause's own text suggests ws://.
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

    use super::{End, Summary, judge};
    use crate::exit::Exit;
    use crate::term::BadInput;

    const WELL: Summary<'static> = Summary {
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
        let left = |undelivered| Summary { undelivered, ..WELL };
        let never = Summary { connected: false, last_cause: Some(&cause), ..WELL };
        let one_of_three = Summary { wanted: Some(3), received: 1, ..WELL };
        for (end, summary, exit) in [
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
            (End::Enough, &Summary { wanted: Some(3), received: 3, ..WELL }, Exit::Done),
            (End::Stopped, &one_of_three, Exit::Undelivered),
            (End::Final(Closed::ByPeer(None)), &one_of_three, Exit::Undelivered),
        ] {
            let (got, reason) = judge(&end, summary);
            assert_eq!(got, exit, "{reason}");
            assert!(!reason.is_empty() && !reason.contains('\n'));
        }
    }

    #[test]
    fn the_reason_says_what_was_missing() {
        let cause = Cause::Lost(Loss::Ended);
        let never = Summary { connected: false, last_cause: Some(&cause), ..WELL };
        let (_, reason) = judge(&End::Reached, &never);
        assert!(reason.starts_with("closed; there never was a connection: "), "{reason}");
        for (unread, told) in
            [(None, "closed"), (Some(0), "nothing of it was sent"), (Some(2), "what was read of it was sent")]
        {
            let (exit, reason) = judge(&End::Enough, &Summary { wanted: Some(1), received: 1, unread, ..WELL });
            assert!(exit == Exit::Done && reason.ends_with(told), "{reason}");
        }
        let (_, reason) = judge(&End::Stopped, &Summary { wanted: Some(3), received: 1, ..WELL });
        assert_eq!(reason, "closed; 1 of 3 wanted messages received");
    }

    #[test]
    fn the_reason_for_bad_input_names_the_option_that_helps() {
        let (_, reason) = judge(&End::BadInput(BadInput::NotUtf8 { line: 3 }), &WELL);
        assert_eq!(reason, "line 3 of stdin is not UTF-8; nothing after it was sent; --binary sends bytes");
    }
}
