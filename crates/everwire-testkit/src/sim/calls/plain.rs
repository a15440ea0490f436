//! A peer whose application knows no calls ([C-5]): it takes frames for messages of its own, and answers none or sends all back.

use std::time::Duration;

use everwire_calls::{Config, EndReason, Endpoint, Frame, Message, OpenError, Output, Request, Role};
use everwire_core::Moment;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::ledger::Checked;
use super::mutant::Mutant;
use super::{Counts, Report};

struct Plain {
    dice: SplitMix64,
    mutant: Option<Mutant>,
    now: Moment,
    role: Role,
    endpoint: Endpoint,
    /// Calls that are open.
    open: u64,
    /// From when on it is known that the peer knows no calls.
    known_at: Option<Moment>,
    sent: Vec<Message>,
    counts: Counts,
    trace: Option<Vec<String>>,
}

pub(super) fn run(seed: u64, mutant: Option<Mutant>, traced: bool) -> Report {
    let mut dice = SplitMix64::seed_from_u64(seed ^ 0x00ca_11b1);
    let role = if dice.next_u64().is_multiple_of(2) { Role::Client } else { Role::Server };
    let mut world = Plain {
        dice,
        mutant,
        now: Moment::ZERO,
        role,
        endpoint: Endpoint::new(Config::default(), role, seed),
        open: 0,
        known_at: None,
        sent: Vec::new(),
        counts: Counts { scenarios: 1, plain_peers: 1, ..Counts::default() },
        trace: traced.then(Vec::new),
    };
    let violation = world.play().err();
    Report { counts: world.counts, violation, trace: world.trace.unwrap_or_default() }
}

impl Plain {
    fn play(&mut self) -> Checked {
        let sends_back = self.roll(2) == 0;
        self.endpoint.hello();
        self.collect()?;
        let heard_at = self.roll(20);
        for step in 0..40 {
            if step == heard_at {
                match (sends_back, self.role) {
                    (true, _) => self.send_back()?,
                    // A server hears of nothing that a client has processed, and waits from its first call on.
                    (false, Role::Client) => self.processed(),
                    (false, Role::Server) => {}
                }
            }
            match self.roll(3) {
                0 => self.call()?,
                _ => self.pass(),
            }
            self.collect()?;
            self.check()?;
        }
        self.another_comes()
    }

    /// The peer's application has taken the hello.
    fn processed(&mut self) {
        self.say("the hello is processed");
        self.known_at.get_or_insert(self.now + Config::default().hello_timeout);
        if self.mutant != Some(Mutant::PlainPeerAwaited) {
            self.endpoint.hello_processed(self.now, 1);
        }
    }

    /// The peer sends back what it has got.
    fn send_back(&mut self) -> Checked {
        self.say("the peer sends everything back");
        self.known_at = Some(self.now);
        for message in std::mem::take(&mut self.sent) {
            let message = match (self.mutant, Frame::parse(message.clone())) {
                (Some(Mutant::EchoBelieved), Ok(Frame::Hello(mut hello))) => {
                    hello.instance = "another".to_owned();
                    Frame::Hello(hello).to_message()
                }
                _ => message,
            };
            self.endpoint.receive(self.now, message);
            self.collect()?;
        }
        Ok(())
    }

    fn call(&mut self) -> Checked {
        let is_known = self.known_at.is_some_and(|at| at <= self.now);
        match self.endpoint.open(self.now, &Request::call("sum", "1")) {
            Ok(_) if is_known => Err("a call is made to a peer that is known to know none".to_owned()),
            Ok((_, Some(_))) if self.role == Role::Server => {
                Err("a server sends a call to a client that has said no hello".to_owned())
            }
            Ok((_, message)) => {
                self.say("a call is made");
                self.open += 1;
                self.counts.opened += 1;
                self.sent.extend(message);
                if self.role == Role::Server {
                    self.known_at.get_or_insert(self.now + Config::default().hello_timeout);
                }
                Ok(())
            }
            Err(OpenError::NotSupported) if is_known => Ok(()),
            Err(error) => Err(format!("a call can't be made: {error}")),
        }
    }

    fn pass(&mut self) {
        self.now = self.now + Duration::from_millis(self.roll(2_000));
        self.say("time passes");
        if self.mutant != Some(Mutant::PlainPeerAwaited) || self.role == Role::Client {
            self.endpoint.handle_timeout(self.now);
        }
    }

    fn collect(&mut self) -> Checked {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message) | Output::SendHello(_, message) | Output::SendAnswer(message) => {
                    self.sent.push(message);
                }
                Output::Replied { result: Err(EndReason::NotSupported), .. }
                    if self.known_at.is_some_and(|at| at <= self.now) =>
                {
                    self.open -= 1;
                }
                other => return Err(format!("of a peer that knows no calls comes {other:?}")),
            }
        }
        Ok(())
    }

    fn check(&self) -> Checked {
        match self.known_at {
            Some(at) if at <= self.now && self.open > 0 => {
                Err(format!("{} calls are open to a peer that is known to know none", self.open))
            }
            _ => Ok(()),
        }
    }

    /// A program that knows calls takes its place.
    fn another_comes(&mut self) -> Checked {
        self.say("another instance says hello");
        let hello = r#"@h{"instance":"next","number":1,"first":1,"last":0,"max_running":5000}"#;
        self.endpoint.receive(self.now, hello.into());
        while self.endpoint.poll_output().is_some() {}
        match self.endpoint.open(self.now, &Request::call("sum", "1")) {
            Ok((_, Some(_))) => Ok(()),
            other => Err(format!("to a peer that knows calls: {other:?}")),
        }
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below
    }

    fn say(&mut self, line: &str) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:?} {line}", self.now));
        }
    }
}
