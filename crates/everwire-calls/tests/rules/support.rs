use std::time::Duration;

use everwire_calls::{Config, EndReason, Endpoint, Message, Output, Request, Role, Rule};
use everwire_core::Moment;

/// An endpoint, with what it says and tells kept apart.
pub(crate) struct End {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Moment,
    pub(crate) said: Vec<String>,
    pub(crate) told: Vec<Output>,
}

impl End {
    pub(crate) fn new(role: Role) -> Self {
        Self::with(role, Config::default())
    }

    pub(crate) fn with(role: Role, config: Config) -> Self {
        let seed = match role {
            Role::Client => 1,
            Role::Server => 2,
        };
        Self::seeded(role, config, seed)
    }

    pub(crate) fn seeded(role: Role, config: Config, seed: u64) -> Self {
        let endpoint = Endpoint::new(config, role, seed);
        Self { endpoint, now: Moment::ZERO, said: Vec::new(), told: Vec::new() }
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message)
                | Output::SendHello(_, message)
                | Output::SendAnswer(message)
                | Output::SendRefusal(message)
                | Output::SendCancel(_, message) => {
                    self.said.push(String::from_utf8(message.payload().to_vec()).unwrap());
                }
                told => self.told.push(told),
            }
        }
    }

    pub(crate) fn hear(&mut self, wire: &str) {
        self.endpoint.receive(self.now, Message::text(wire.to_owned()));
        self.collect();
    }

    pub(crate) fn open(&mut self, request: Request) -> u64 {
        let (id, message) = self.endpoint.open(self.now, &request).unwrap();
        self.collect();
        self.said.extend(message.map(|message| String::from_utf8(message.payload().to_vec()).unwrap()));
        id
    }

    pub(crate) fn reply(&mut self, id: u64, reply: &str) {
        self.endpoint.reply(id, Ok(&reply.into()));
        self.collect();
    }

    pub(crate) fn wait(&mut self, pause: Duration) {
        self.now = self.now + pause;
        self.endpoint.handle_timeout(self.now);
        self.collect();
    }

    /// What it has said since the last time.
    pub(crate) fn take_said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What it has told since the last time.
    pub(crate) fn take_told(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn started(&mut self) -> Vec<(u64, String)> {
        let started = self.take_told().into_iter().filter_map(|told| match told {
            Output::Start(call) => Some((call.id, call.name)),
            _ => None,
        });
        started.collect()
    }

    pub(crate) fn breach(&self) -> Option<Rule> {
        self.told.iter().find_map(|told| match told {
            Output::Breach { rule, .. } => Some(*rule),
            _ => None,
        })
    }
}

/// Carries everything between two ends until they are silent.
pub(crate) fn pump(one: &mut End, other: &mut End) {
    one.collect();
    other.collect();
    while !one.said.is_empty() || !other.said.is_empty() {
        for wire in one.take_said() {
            other.hear(&wire);
        }
        for wire in other.take_said() {
            one.hear(&wire);
        }
    }
}

/// Two ends that have said hello.
pub(crate) fn pair() -> (End, End) {
    pair_with(Config::default(), Config::default())
}

/// The same with these limits.
pub(crate) fn pair_with(client: Config, server: Config) -> (End, End) {
    let (mut client, mut server) = (End::with(Role::Client, client), End::with(Role::Server, server));
    server.endpoint.hello();
    client.endpoint.hello();
    pump(&mut client, &mut server);
    client.take_told();
    server.take_told();
    (client, server)
}

pub(crate) fn replied(id: u64, reply: &str) -> Output {
    Output::Replied { id, result: Ok(reply.into()) }
}

pub(crate) fn unreplied(id: u64, reason: EndReason) -> Output {
    Output::Replied { id, result: Err(reason) }
}
