use std::collections::VecDeque;
use std::hint::black_box;

use everwire_calls::{Config, Endpoint, Message, Output, Request, Role};
use everwire_core::Moment;

use super::Operations;
use crate::measure::measured;

const NOW: Moment = Moment::ZERO;

/// Both ends, after their hellos.
fn ends() -> (Endpoint, Endpoint) {
    let mut client = Endpoint::new(Config::default(), Role::Client, 1);
    let mut server = Endpoint::new(Config::default(), Role::Server, 2);
    client.hello();
    carry(&mut client, &mut server);
    carry(&mut server, &mut client);
    carry(&mut client, &mut server);
    (client, server)
}

/// Hands what one end sends to the other, and returns its other outputs.
fn carry(from: &mut Endpoint, to: &mut Endpoint) -> Vec<Output> {
    let mut told = Vec::new();
    while let Some(output) = from.poll_output() {
        match output {
            Output::Send(message) | Output::SendHello(_, message) | Output::SendAnswer(message) => {
                to.receive(NOW, message);
            }
            other => told.push(other),
        }
    }
    told
}

/// A call with 32 bytes, and its reply.
pub(super) fn there_and_back() -> Operations {
    let (mut client, mut server) = ends();
    let payload = Message::text("x".repeat(32));
    let mut replied = 0;
    for _ in 0..1000 {
        measured(&mut || {
            let Ok((_, Some(message))) = client.open(NOW, &Request::call("sum", black_box(&payload).clone())) else {
                return;
            };
            server.receive(NOW, message);
            for output in carry(&mut server, &mut client) {
                if let Output::Start(call) = output {
                    server.reply(call.id, Ok(&call.payload));
                }
            }
            carry(&mut server, &mut client);
            let told = carry(&mut client, &mut server);
            replied += told.iter().filter(|output| matches!(output, Output::Replied { .. })).count() as u64;
        });
    }
    Ok(replied)
}

/// Items of 32 bytes of one stream, sent 32 at a time as handlers yield them, and each processed.
pub(super) fn items() -> Operations {
    let (mut client, mut server) = ends();
    let (id, message) = client.open(NOW, &Request::stream("ticks", "go"))?;
    server.receive(NOW, message.ok_or("a client's calls are sent at once")?);
    carry(&mut server, &mut client);
    let item = Message::text("x".repeat(32));
    let mut received = 0;
    for _ in 0..200 {
        measured(&mut || {
            let mut items = VecDeque::from(vec![black_box(&item).clone(); 32]);
            server.items(id, &mut items);
            carry(&mut server, &mut client);
            for output in carry(&mut client, &mut server) {
                if let Output::Item { id, number, .. } = output {
                    client.processed(id, number);
                    received += 1;
                }
            }
            carry(&mut client, &mut server);
        });
    }
    Ok(received)
}
