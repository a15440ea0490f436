//! The flush, the close, and the exit code.

use std::time::Duration;

use everwire::{Cause, Closed};

use super::end::End;
use super::session::Running;
use crate::chat::PATIENCE;
use crate::chat::advice::{AuthMethod, closed};
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::term::Tone;

/// The longest time for the close after everything is settled.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Leaves the chat and says how it went.
pub(super) async fn end(running: Running, end: End) -> Result<Exit, Failure> {
    let Running { mut session, chat } = running;
    let deadline = match &end {
        End::Final(_) => Duration::ZERO,
        _ if session.own.is_settled() => CLOSE_TIMEOUT,
        // The time for the flush is over.
        End::Reached | End::BadInput(_) => Duration::ZERO,
        End::Stopped | End::Output(_) => PATIENCE.min(session.args.close_timeout),
    };
    if matches!(end, End::Stopped) {
        session.note(Tone::Faint, "leaving; Ctrl-C again leaves at once");
    }
    let mut lost = None;
    let closing = chat.close(deadline);
    tokio::pin!(closing);
    // The close drops the client, which ends the updates.
    let (mut closed, mut news) = (false, true);
    while !closed || news {
        tokio::select! {
            biased;
            event = session.updates.next(), if news => match event {
                None => news = false,
                Some(event) => {
                    if let Err(gone) = session.on_event(Some(event)).await {
                        lost.get_or_insert(gone);
                    }
                }
            },
            _left = &mut closing, if !closed => closed = true,
        }
    }
    if let Err(gone) = session.console.flush().await {
        lost.get_or_insert(gone);
    }
    let summary = Summary {
        undelivered: session.own.undelivered(),
        connected: session.connected,
        last_cause: session.last_cause.as_ref(),
        auth: AuthMethod::of(&session.args),
    };
    let (exit, reason) = judge(&end, &summary);
    match (exit, lost) {
        (Exit::Done, Some(gone)) if !gone.is_quiet() => Err(Failure::new(Exit::Failed, gone.line())),
        (Exit::Done, _) => {
            session.note(Tone::Faint, &reason);
            Ok(Exit::Done)
        }
        (exit, _) => Err(Failure::new(exit, reason)),
    }
}

/// What the exit code depends on.
struct Summary<'a> {
    undelivered: u64,
    /// Whether there has been a connection.
    connected: bool,
    last_cause: Option<&'a Cause>,
    auth: AuthMethod,
}

fn judge(end: &End, summary: &Summary<'_>) -> (Exit, String) {
    match end {
        End::Output(gone) if !gone.is_quiet() => return (Exit::Failed, gone.line()),
        End::BadInput(bad) => return (Exit::Failed, format!("{bad}; nothing after it was sent")),
        End::Final(why @ Closed::Refused(_)) => return (Exit::Refused, closed(why, summary.auth)),
        End::Final(why @ Closed::GaveUp { .. }) => return (Exit::GaveUp, closed(why, summary.auth)),
        _ => {}
    }
    let why = match end {
        End::Final(why) => closed(why, summary.auth),
        _ => "left the chat".to_owned(),
    };
    match summary.undelivered {
        0 if !summary.connected => {
            let cause = summary.last_cause.map(|cause| format!(": {}", describe::cause(cause))).unwrap_or_default();
            (Exit::GaveUp, format!("{why}; there never was a connection{cause}"))
        }
        0 => (Exit::Done, why),
        1 => (Exit::Undelivered, format!("{why}; 1 line is not known to have arrived")),
        count => (Exit::Undelivered, format!("{why}; {count} lines are not known to have arrived")),
    }
}

#[cfg(test)]
mod tests {
    use everwire::{Cause, Closed, Loss};

    use super::{AuthMethod, End, Summary, judge};
    use crate::exit::Exit;
    use crate::term::BadInput;

    const WELL: Summary<'static> =
        Summary { undelivered: 0, connected: true, last_cause: None, auth: AuthMethod::Guest };

    #[test]
    fn the_exit_code_tells_how_it_ended() {
        let cause = Cause::Lost(Loss::Ended);
        let left = |undelivered| Summary { undelivered, ..WELL };
        let never = |undelivered| Summary { undelivered, connected: false, last_cause: Some(&cause), ..WELL };
        for (end, summary, exit) in [
            (End::Reached, WELL, Exit::Done),
            (End::Stopped, left(2), Exit::Undelivered),
            (End::Final(Closed::ByPeer(None)), left(1), Exit::Undelivered),
            (End::Final(Closed::Refused(cause.clone())), WELL, Exit::Refused),
            (End::BadInput(BadInput::NotUtf8 { line: 1 }), WELL, Exit::Failed),
            (End::Reached, never(0), Exit::GaveUp),
            (End::Stopped, never(0), Exit::GaveUp),
            (End::Reached, never(1), Exit::Undelivered),
        ] {
            let (got, reason) = judge(&end, &summary);
            assert_eq!(got, exit, "{reason}");
        }
    }

    #[test]
    fn the_reason_says_why_there_never_was_a_connection() {
        let cause = Cause::Lost(Loss::Ended);
        let (_, reason) = judge(&End::Reached, &Summary { connected: false, last_cause: Some(&cause), ..WELL });
        assert!(reason.starts_with("left the chat; there never was a connection: "), "{reason}");
    }
}
