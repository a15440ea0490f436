//! One client, from the loss of its server to the first attempt that finds it again.

use std::time::Duration;

use everwire_core::session::{Bye, Frame, Limits, SUBPROTOCOL, SessionConfig, Welcome};
use everwire_core::{
    Attempt, Config, Input, Loss, Machine, Message, Moment, OpenFailure, OpenFailureKind, Output, Phase, TransportEvent,
};

/// The connection has held so long before it is lost.
const UPTIME: Duration = Duration::from_secs(3600);

/// It loses the server, which is away for a while, and tries until it is back. Says how long after that it came.
pub(crate) fn returns(config: &Config, client: u64, away: Duration) -> Duration {
    let (mut machine, attempt, now) = connected(config, client);
    machine.handle(now, Input::Transport(attempt, TransportEvent::Lost(Loss::Ended)));
    comes_back(machine, now, away)
}

/// The server ends its session in order, and says when to come back: `slot` after its own return. `paced`: that time is
/// the client's own.
pub(crate) fn is_called(config: &Config, client: u64, away: Duration, slot: Duration, paced: bool) -> Duration {
    let mut config = config.clone();
    config.session = Some(SessionConfig::default());
    let (mut machine, attempt, now) = connected(&config, client);
    let retry_after = u64::try_from((away + slot).as_millis()).ok();
    let bye = Frame::Bye(Bye { retry_after, paced, ..Bye::default() }).to_message();
    machine.handle(now, Input::Transport(attempt, TransportEvent::Received(vec![bye])));
    machine.handle(now, Input::Transport(attempt, TransportEvent::Lost(Loss::Ended)));
    comes_back(machine, now, away)
}

fn connected(config: &Config, client: u64) -> (Machine, Attempt, Moment) {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&client.to_le_bytes());
    let mut machine = match Machine::new(config.clone(), seed) {
        Ok(machine) => machine,
        Err(error) => unreachable!("the default settings make sense: {error}"),
    };
    let attempt = Attempt(1);
    machine.handle(Moment::ZERO, Input::Connect);
    let subprotocol = config.session.as_ref().map(|_| SUBPROTOCOL.to_owned());
    machine.handle(Moment::ZERO, Input::Transport(attempt, TransportEvent::Opened { subprotocol }));
    if config.session.is_some() {
        let events = TransportEvent::Received(vec![welcome()]);
        machine.handle(Moment::ZERO, Input::Transport(attempt, events));
    }
    let now = Moment::ZERO + UPTIME;
    machine.handle(now, Input::Transport(attempt, TransportEvent::Activity));
    (machine, attempt, now)
}

fn welcome() -> Message {
    let welcome = Welcome {
        session: "0".repeat(32),
        token: "0".repeat(64),
        resumed: false,
        processed: 0,
        limits: Limits::default(),
        resume_within: 120_000,
        previous: None,
    };
    Frame::Welcome(welcome).to_message()
}

fn comes_back(mut machine: Machine, lost: Moment, away: Duration) -> Duration {
    let mut now = lost;
    loop {
        while let Some(output) = machine.poll_output() {
            let Output::Open(attempt) = output else { continue };
            if attempt == Attempt(1) {
                continue;
            }
            let since = now.since(lost);
            if since >= away {
                return since - away;
            }
            let failure = OpenFailure { phase: Phase::Tcp, kind: OpenFailureKind::Io, detail: String::new() };
            machine.handle(now, Input::Transport(attempt, TransportEvent::OpenFailed(failure)));
        }
        let Some((at, _)) = machine.deadline() else { unreachable!("a client that waits for nothing") };
        now = now.max(at);
        machine.handle(now, Input::Timer);
    }
}
