use std::hint::black_box;

use bytestring::ByteString;
use everwire_core::{
    Attempt, Config, Input, Machine, Message, Moment, OutboxConfig, Output, SendOptions, TransportEvent,
};
use everwire_ws::{Connection, Role};

use super::Operations;
use crate::measure::measured;

/// Messages in a batch.
const BATCH: usize = 256;
const BATCHES: usize = 40;
const WAITING: usize = 100_000;
const NOW: Moment = Moment::ZERO;
const ATTEMPT: Attempt = Attempt(1);

fn machine() -> Result<Machine, Box<dyn std::error::Error>> {
    let mut config = Config::default();
    config.outbox = OutboxConfig::default();
    config.outbox.max_messages = 2 * WAITING;
    config.outbox.max_bytes = usize::MAX;
    Ok(Machine::new(config, [7; 32])?)
}

/// 256 messages of 128 bytes on an open connection: accepted, encoded, written, and proven by the pong after them.
pub(super) fn batches() -> Operations {
    let mut machine = machine()?;
    let mut socket = Connection::new(Role::Client, everwire_ws::Config::default(), [7; 32]);
    let text = ByteString::from("x".repeat(128));
    machine.handle(NOW, Input::Connect);
    machine.handle(NOW, Input::Transport(ATTEMPT, TransportEvent::Opened { subprotocol: None }));
    let mut ended = 0;
    for _ in 0..BATCHES {
        measured(&mut || {
            for _ in 0..BATCH {
                // There is room.
                let _ = machine.send(NOW, Message::from(black_box(&text).clone()));
            }
            ended += carry(&mut machine, &mut socket);
        });
        socket.outgoing().clear();
    }
    Ok(ended)
}

/// Does the work of a driver and of a correct peer until nothing is left; returns the number of messages with an outcome.
fn carry(machine: &mut Machine, socket: &mut Connection) -> u64 {
    let mut ended = 0;
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Ready(attempt) => {
                let taken = machine.take(NOW, attempt, &mut |outgoing| socket.send(outgoing.message));
                machine.handle(NOW, Input::Transport(attempt, TransportEvent::Written(taken)));
            }
            Output::Ping(attempt, payload) => {
                socket.ping(&payload);
                machine.handle(NOW, Input::Transport(attempt, TransportEvent::Pong(payload)));
            }
            Output::Outcome { first, last, .. } => ended += last.0 - first.0 + 1,
            _ => {}
        }
    }
    ended
}

/// 100,000 messages are queued without a connection, every fourth with one of 1,000 keys; then one in a hundred is cancelled, and
/// the rest is sent on a connection.
pub(super) fn waiting() -> Operations {
    let mut machine = machine()?;
    let mut socket = Connection::new(Role::Client, everwire_ws::Config::default(), [7; 32]);
    let text = ByteString::from("x".repeat(32));
    let keys: Vec<_> = (0..1000).map(|key| SendOptions::new().key(format!("key {key}"))).collect();
    let mut ended = 0;
    measured(&mut || {
        for number in 0..WAITING {
            let message = Message::from(black_box(&text).clone());
            // There is room, and the machine is open.
            if number % 4 == 3 {
                let _ = machine.send_with(NOW, message, keys[number / 4 % keys.len()].clone());
            } else {
                let _ = machine.send(NOW, message);
            }
        }
        for number in (1..=WAITING as u64).step_by(100) {
            let _ = machine.cancel(NOW, everwire_core::MessageId(number));
        }
        machine.handle(NOW, Input::Connect);
        machine.handle(NOW, Input::Transport(ATTEMPT, TransportEvent::Opened { subprotocol: None }));
        ended = carry(&mut machine, &mut socket);
    });
    Ok(ended)
}
