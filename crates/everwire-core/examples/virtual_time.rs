//! The client's state machine by hand and in virtual time: an hour of failing attempts in no time, with their delays.
//!
//! `cargo run -p everwire-core --example virtual_time`

use std::time::Duration;

use everwire_core::{
    Closed, Config, ConfigError, Input, Jitter, Machine, Moment, OpenFailure, OpenFailureKind, Output, Phase, State,
    TransportEvent,
};

fn main() -> Result<(), ConfigError> {
    let mut config = Config::default();
    config.retry.jitter = Jitter::None; // so that the delays are round
    config.retry.max_elapsed = Some(Duration::from_secs(3600));
    let mut machine = Machine::new(config, [7; 32])?;

    let (mut now, mut attempts) = (Moment::ZERO, 0);
    machine.handle(now, Input::Connect);
    loop {
        while let Some(output) = machine.poll_output() {
            match output {
                // A driver would dial here. This one reports that nobody listens.
                Output::Open(attempt) => {
                    attempts += 1;
                    let detail = "connection refused".to_owned();
                    let failure = OpenFailure { phase: Phase::Tcp, kind: OpenFailureKind::Io, detail };
                    machine.handle(now, Input::Transport(attempt, TransportEvent::OpenFailed(failure)));
                }
                Output::State(State::Disconnected { retry_at, .. }) if attempts <= 5 => {
                    println!("attempt {attempts} failed, the next one comes in {} ms", retry_at.since(now).as_millis());
                }
                Output::State(State::Closed(Closed::GaveUp { attempts, .. })) => {
                    println!("gave up after {attempts} attempts and {} s", now.since(Moment::ZERO).as_secs());
                }
                _ => {}
            }
        }
        // Nothing sleeps: the next deadline is now.
        let Some((deadline, _)) = machine.deadline() else { return Ok(()) };
        now = deadline;
        machine.handle(now, Input::Timer);
    }
}
