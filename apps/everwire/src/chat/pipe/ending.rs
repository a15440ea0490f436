//! The flush, the farewell, and the exit code.

use std::time::Duration;

use everwire::{Cause, Closed};

use super::end::End;
use super::session::Running;
use crate::chat::PATIENCE;
use crate::chat::advice::{Way, closed};
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::term::Tone;

/// After everything is settled, saying goodbye gets this long.
const FAREWELL: Duration = Duration::from_secs(3);

/// Leaves the chat and says how it went.
pub(super) async fn end(running: Running, end: End) -> Result<Exit, Failure> {
    let Running { mut session, chat } = running;
    let deadline = match &end {
        End::Final(_) => Duration::ZERO,
        _ if session.own.is_settled() => FAREWELL,
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
    // The close itself drops the client, which ends the news.
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
    let balance = Balance {
        undelivered: session.own.undelivered(),
        connected: session.connected,
        last_cause: session.last_cause.as_ref(),
        way: Way::of(&session.args),
    };
    let (exit, reason) = judge(&end, &balance);
    match (exit, lost) {
        (Exit::Done, Some(gone)) if !gone.is_quiet() => Err(Failure::new(Exit::Failed, gone.line())),
        (Exit::Done, _) => {
            session.note(Tone::Faint, &reason);
            Ok(Exit::Done)
        }
        (exit, _) => Err(Failure::new(exit, reason)),
    }
}

/// What has come of it all.
struct Balance<'a> {
    undelivered: u64,
    /// Whether there has been a connection.
    connected: bool,
    last_cause: Option<&'a Cause>,
    way: Way,
}

fn judge(end: &End, balance: &Balance<'_>) -> (Exit, String) {
    match end {
        End::Output(gone) if !gone.is_quiet() => return (Exit::Failed, gone.line()),
        End::BadInput(bad) => return (Exit::Failed, format!("{bad}; nothing after it was sent")),
        End::Final(why @ Closed::Refused(_)) => return (Exit::Refused, closed(why, balance.way)),
        End::Final(why @ Closed::GaveUp { .. }) => return (Exit::GaveUp, closed(why, balance.way)),
        _ => {}
    }
    let why = match end {
        End::Final(why) => closed(why, balance.way),
        _ => "left the chat".to_owned(),
    };
    match balance.undelivered {
        0 if !balance.connected => {
            let cause = balance.last_cause.map(|cause| format!(": {}", describe::cause(cause))).unwrap_or_default();
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

    use super::{Balance, End, Way, judge};
    use crate::exit::Exit;
    use crate::term::BadInput;

    const WELL: Balance<'static> = Balance { undelivered: 0, connected: true, last_cause: None, way: Way::Guest };

    #[test]
    fn the_exit_code_tells_how_it_ended() {
        let cause = Cause::Lost(Loss::Ended);
        let left = |undelivered| Balance { undelivered, ..WELL };
        let never = |undelivered| Balance { undelivered, connected: false, last_cause: Some(&cause), ..WELL };
        for (end, balance, exit) in [
            (End::Reached, WELL, Exit::Done),
            (End::Stopped, left(2), Exit::Undelivered),
            (End::Final(Closed::ByPeer(None)), left(1), Exit::Undelivered),
            (End::Final(Closed::Refused(cause.clone())), WELL, Exit::Refused),
            (End::BadInput(BadInput::NotUtf8 { line: 1 }), WELL, Exit::Failed),
            (End::Reached, never(0), Exit::GaveUp),
            (End::Stopped, never(0), Exit::GaveUp),
            (End::Reached, never(1), Exit::Undelivered),
        ] {
            let (got, reason) = judge(&end, &balance);
            assert_eq!(got, exit, "{reason}");
        }
    }

    #[test]
    fn why_there_never_was_a_connection_is_told() {
        let cause = Cause::Lost(Loss::Ended);
        let (_, reason) = judge(&End::Reached, &Balance { connected: false, last_cause: Some(&cause), ..WELL });
        assert!(reason.starts_with("left the chat; there never was a connection: "), "{reason}");
    }
}
