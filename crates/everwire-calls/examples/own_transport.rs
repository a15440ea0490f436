//! Both ends of calls and streams over a transport of your own: here two queues of messages in memory.
//!
//! `cargo run -p everwire-calls --example own_transport`

use std::collections::VecDeque;

use everwire_calls::{Config, Endpoint, Message, OpenError, Output, Request, Role};
use everwire_core::Moment;

/// An end, and the messages on their way to it: exactly once and in order, as a session carries them.
struct End {
    endpoint: Endpoint,
    arriving: VecDeque<Message>,
}

impl End {
    fn new(role: Role, seed: u64) -> Self {
        Self { endpoint: Endpoint::new(Config::default(), role, seed), arriving: VecDeque::new() }
    }

    /// Takes one message in, and what the endpoint then wants: messages for the other end, and events for the application.
    fn turn(&mut self, other: &mut VecDeque<Message>) -> Vec<Output> {
        if let Some(message) = self.arriving.pop_front() {
            self.endpoint.receive(Moment::ZERO, message);
        }
        let mut events = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message) | Output::SendHello(_, message) | Output::SendAnswer(message) => {
                    other.push_back(message);
                }
                event => events.push(event),
            }
        }
        events
    }
}

fn main() -> Result<(), OpenError> {
    let (mut client, mut server) = (End::new(Role::Client, 1), End::new(Role::Server, 2));
    client.endpoint.hello();
    let (sum, message) = client.endpoint.open(Moment::ZERO, &Request::call("sum", "1 2 3"))?;
    server.arriving.extend(message);
    loop {
        for event in server.turn(&mut client.arriving) {
            if let Output::Start(call) = event {
                let numbers = call.payload.as_text().unwrap_or_default().split(' ');
                let total: u32 = numbers.filter_map(|number| number.parse::<u32>().ok()).sum();
                println!("the server runs {} and replies {total}", call.name);
                server.endpoint.reply(call.id, Ok(&total.to_string().into()));
            }
        }
        for event in client.turn(&mut server.arriving) {
            if let Output::Replied { id, result } = event
                && id == sum
            {
                match result {
                    Ok(reply) => println!("the client gets {}", reply.as_text().unwrap_or_default()),
                    Err(failure) => println!("the call failed: {failure:?}"),
                }
                return Ok(());
            }
        }
    }
}
