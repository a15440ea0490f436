//! One connection, and no client around it.

use std::sync::Arc;

use everwire_core::{Attempt, Cause, Closed, Input, OpenFailure, OpenFailureKind, Phase, State};
use everwire_tokio::Socket;

use super::dial::Plan;
use super::stream::Stream;
use crate::Opening;
use crate::driver::attempt::Which;
use crate::shared::Shared;

/// Does what the first attempt of a client does, within the time that its machine allows. Nothing follows from how it ends.
pub(crate) async fn once(plan: Plan, shared: Arc<Shared>) -> Result<(Socket<Stream>, Opening), OpenFailure> {
    shared.tell(Input::Connect);
    let deadline = shared.lock().machine.deadline();
    let which = Which { attempt: Attempt(1), number: 1, plain: false, last_cause: None };
    let attempt = Arc::new(plan).dial(which, Arc::clone(&shared));
    let dialled = match deadline {
        Some((deadline, _)) => tokio::time::timeout_at(shared.instant(deadline), attempt).await,
        None => Ok(attempt.await),
    };
    match dialled {
        Ok(Ok(opened)) => match shared.lock().opening.take() {
            Some(opening) => Ok((opened.socket, opening)),
            None => Err(no_time(Phase::Upgrade)),
        },
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(timed_out(&shared)),
    }
}

/// The machine knows how far the attempt came.
fn timed_out(shared: &Shared) -> OpenFailure {
    let now = shared.now();
    let mut inner = shared.lock();
    inner.machine.handle(now, Input::Timer);
    match inner.machine.state() {
        State::Disconnected { cause: Cause::OpenFailed(failure), .. }
        | State::Closed(Closed::GaveUp { last: Cause::OpenFailed(failure), .. }) => failure.clone(),
        _ => no_time(Phase::Request),
    }
}

fn no_time(phase: Phase) -> OpenFailure {
    OpenFailure { phase, kind: OpenFailureKind::Timeout, detail: "no connection in time".to_owned() }
}
