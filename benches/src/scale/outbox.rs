//! Measures the outbox with many queued messages.

use bytestring::ByteString;
use everwire_core::{
    Attempt, Config, Input, Machine, Message, MessageId, Moment, OutboxConfig, Output, SendOptions, TransportEvent,
};

use super::growth::Growth;
use super::{Done, Sizes, each, shuffled};

const NOW: Moment = Moment::ZERO;
const ATTEMPT: Attempt = Attempt(1);
/// The number of messages that are taken before the connection's buffer is full.
const TAKEN: usize = 512;

pub(super) fn run(sizes: Sizes) -> Done<Vec<Growth>> {
    let unit = "ns of the processor";
    let mut send = Growth::new("outbox: `send`", unit);
    let mut conflate = Growth::new("outbox: a newer message with the same key", unit);
    let mut cancel = Growth::new("outbox: `cancel` of half, in any order", unit);
    let mut flush = Growth::new("outbox: sent and proven, on a connection", unit);
    for count in sizes.upto(10_000, 1_000_000, 1_000_000, &[1_000, 10_000, 100_000, 1_000_000]) {
        // The number of operations is the same at each size, except the largest.
        let repeats = (100_000 / count).max(1);
        let mut costs = [f64::INFINITY; 4];
        for _ in 0..3 {
            let mut sums = [0.0; 4];
            for _ in 0..repeats {
                let one = measure(count)?;
                sums.iter_mut().zip(one).for_each(|(sum, cost)| *sum += cost / repeats as f64);
            }
            costs.iter_mut().zip(sums).for_each(|(least, cost)| *least = least.min(cost));
        }
        [&mut send, &mut conflate, &mut cancel, &mut flush]
            .into_iter()
            .zip(costs)
            .for_each(|(row, cost)| row.add(count, cost));
    }
    Ok(vec![send, conflate, cancel, flush])
}

/// The costs per message of sending, conflating, cancelling and flushing.
fn measure(count: usize) -> Done<[f64; 4]> {
    let text = ByteString::from("x".repeat(32));
    let message = || Message::from(text.clone());
    let mut plain = machine(count)?;
    // It can't fail: the outbox has room for all of them.
    let send = each(count, || (0..count).for_each(|_| drop(plain.send(NOW, message()))));
    let order = shuffled(count);
    let half = &order[..count / 2];
    let cancel = each(half.len(), || {
        for at in half {
            // It can't fail: the message is queued.
            let _ = plain.cancel(NOW, MessageId(*at as u64 + 1));
        }
    });
    let mut ended = 0;
    drain(&mut plain, &mut ended);
    let left = count - half.len();
    ended = 0;
    let flush = each(left, || {
        plain.handle(NOW, Input::Connect);
        plain.handle(NOW, Input::Transport(ATTEMPT, TransportEvent::Opened { subprotocol: None }));
        drain(&mut plain, &mut ended);
    });
    if ended != left as u64 {
        return Err(format!("{ended} of {left} messages have come to their end").into());
    }
    let mut keyed = machine(count)?;
    let keys: Vec<SendOptions> = (0..count).map(|key| SendOptions::new().key(format!("key {key}"))).collect();
    keys.iter().for_each(|key| drop(keyed.send_with(NOW, message(), key.clone())));
    let conflate = each(count, || order.iter().for_each(|at| drop(keyed.send_with(NOW, message(), keys[*at].clone()))));
    Ok([send, conflate, cancel, flush])
}

fn machine(count: usize) -> Done<Machine> {
    let mut config = Config::default();
    config.outbox = OutboxConfig::default();
    config.outbox.max_messages = count * 2;
    config.outbox.max_bytes = usize::MAX;
    Ok(Machine::new(config, [7; 32])?)
}

/// Does the work of a driver and of a correct peer until nothing is left.
fn drain(machine: &mut Machine, ended: &mut u64) {
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Ready(attempt) => loop {
                let mut room = TAKEN;
                let taken = machine.take(NOW, attempt, &mut |_| {
                    let fits = room > 0;
                    room -= usize::from(fits);
                    fits
                });
                machine.handle(NOW, Input::Transport(attempt, TransportEvent::Written(taken)));
                if taken < TAKEN {
                    break;
                }
            },
            Output::Ping(attempt, payload) => {
                machine.handle(NOW, Input::Transport(attempt, TransportEvent::Pong(payload)));
            }
            Output::Outcome { first, last, .. } => *ended += last.0 - first.0 + 1,
            _ => {}
        }
    }
}
