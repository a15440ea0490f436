//! A server that crashes, runs calls one after another, and commits the effect of each together with the watermark of its message
//! ([C-18]); and what its caller is told of calls without a reply ([C-19]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use everwire_calls::{Config, EndReason, Endpoint, Message, Output, Request, Role};
use everwire_core::Moment;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::ledger::Checked;
use super::mutant::Mutant;
use super::{Counts, Report};

struct Durable {
    dice: SplitMix64,
    seed: u64,
    mutant: Option<Mutant>,
    client: Endpoint,
    server: Endpoint,
    /// What the client has sent and not heard to be processed, with its number in the session, in order.
    unprocessed: VecDeque<(u64, Message)>,
    /// The number of the last message that the client has sent, and of the last that has arrived.
    sent: u64,
    arrived: u64,
    /// The server's, on their way.
    replies: VecDeque<Message>,
    /// The handler that runs: the call, and the number of its message.
    running: Option<(u64, u64)>,
    store: Store,
    /// The watermark is not told to the session after a crash.
    forgets: bool,
    /// Messages of which the client does not know whether they were processed.
    uncertain: BTreeSet<u64>,
    calls: BTreeMap<u64, Called>,
    counts: Counts,
    trace: Option<Vec<String>>,
}

/// What a crash of the server leaves.
#[derive(Default)]
struct Store {
    /// How often each call has had its effect.
    effects: BTreeMap<u64, u32>,
    /// Everything up to this message of the client's has had its effect.
    watermark: u64,
    /// With a mutant: what is committed later.
    half: Option<(u64, u64)>,
}

/// A call of the client's.
#[derive(Clone, Copy, Debug)]
struct Called {
    /// The number of its message.
    message: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Answered,
    Told(Knowledge),
}

/// What the caller of a call without a reply is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    NotRun,
    Taken,
    Unknown,
}

pub(super) fn run(seed: u64, mutant: Option<Mutant>, traced: bool) -> Report {
    let mut dice = SplitMix64::seed_from_u64(seed ^ 0x00ca_11d0);
    let mut world = Durable {
        forgets: dice.next_u64().is_multiple_of(3),
        dice,
        uncertain: BTreeSet::new(),
        seed,
        mutant,
        client: Endpoint::new(Config::default(), Role::Client, seed * 1000),
        server: Endpoint::new(Config::default(), Role::Server, seed * 1000 + 1),
        unprocessed: VecDeque::new(),
        sent: 0,
        arrived: 0,
        replies: VecDeque::new(),
        running: None,
        store: Store::default(),
        calls: BTreeMap::new(),
        counts: Counts { scenarios: 1, ..Counts::default() },
        trace: traced.then(Vec::new),
    };
    let violation = world.play().err();
    Report { counts: world.counts, violation, trace: world.trace.unwrap_or_default() }
}

impl Durable {
    fn play(&mut self) -> Checked {
        self.server.hello();
        self.client.hello();
        self.collect()?;
        for _ in 0..60 {
            match self.roll(20) {
                0..=4 => self.call()?,
                5..=9 => self.arrive(),
                10..=13 => self.finish(),
                14..=17 => self.answer()?,
                18 => self.take_back(),
                _ if self.roll(3) == 0 => self.crash(),
                _ => {}
            }
            self.collect()?;
        }
        self.say("calm");
        for _ in 0..1_000 {
            let arrives = self.unprocessed.iter().any(|(number, _)| *number > self.arrived);
            let is_over = self.running.is_none() && self.replies.is_empty() && !arrives;
            if is_over {
                return self.at_rest();
            }
            self.arrive();
            self.finish();
            self.answer()?;
            self.collect()?;
        }
        Err("no rest: the server does not come to its end".to_owned())
    }

    fn call(&mut self) -> Checked {
        let opened = self.client.open(Moment::ZERO, &Request::call("pay", ""));
        let (id, message) = opened.map_err(|error| format!("a call can't be made: {error}"))?;
        self.send(message.into_iter());
        self.say(&format!("call {id} is message {}", self.sent));
        self.calls.insert(id, Called { message: self.sent, state: State::Open });
        self.counts.opened += 1;
        Ok(())
    }

    fn send(&mut self, messages: impl Iterator<Item = Message>) {
        for message in messages {
            self.sent += 1;
            self.unprocessed.push_back((self.sent, message));
        }
    }

    /// The next message arrives, unless a handler runs: the calls of a session run one after another.
    fn arrive(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some((number, message)) = self.unprocessed.iter().find(|(number, _)| *number > self.arrived).cloned()
        else {
            return;
        };
        self.say(&format!("message {number} arrives"));
        self.arrived = number;
        self.server.receive(Moment::ZERO, message);
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Start(call) => {
                    self.running = Some((call.id, number));
                    if self.mutant == Some(Mutant::WatermarkFirst) {
                        self.store.watermark = number;
                    }
                }
                output => self.replies.extend(message_of(output)),
            }
        }
        if self.running.is_none() {
            // What is no call is processed at once.
            self.is_processed(number);
        }
    }

    /// The handler that runs commits its effect and its watermark, and answers.
    fn finish(&mut self) {
        if let Some((id, watermark)) = self.store.half.take() {
            self.store.watermark = watermark;
            return self.reply(id, watermark);
        }
        let Some((id, number)) = self.running else { return };
        self.say(&format!("call {id} has its effect"));
        *self.store.effects.entry(id).or_default() += 1;
        if self.mutant == Some(Mutant::EffectFirst) {
            self.store.half = Some((id, number));
            return;
        }
        self.store.watermark = number;
        self.reply(id, number);
    }

    fn reply(&mut self, id: u64, number: u64) {
        self.running = None;
        self.server.reply(id, Ok(&"paid".into()));
        while let Some(output) = self.server.poll_output() {
            self.replies.extend(message_of(output));
        }
        self.is_processed(number);
    }

    /// The session acknowledges what the client has sent up to here.
    fn is_processed(&mut self, number: u64) {
        self.unprocessed.retain(|(other, _)| *other > number);
    }

    /// What the server has said arrives.
    fn answer(&mut self) -> Checked {
        let Some(message) = self.replies.pop_front() else { return Ok(()) };
        self.client.receive(Moment::ZERO, message);
        self.collect()
    }

    /// A call is cancelled whose message no connection has had: it is taken back.
    fn take_back(&mut self) {
        let (arrived, calls) = (self.arrived, &mut self.calls);
        let candidates = calls.iter_mut().filter(|(_, called)| called.state == State::Open && called.message > arrived);
        let Some((id, called)) = candidates.last() else { return };
        let id = *id;
        called.state = State::Told(Knowledge::NotRun);
        let number = called.message;
        self.unprocessed.retain(|(other, _)| *other != number);
        self.client.cancel(id, false);
        self.say(&format!("call {id} is taken back"));
    }

    /// The server is started again, with what it has committed. The client sends again what that does not cover.
    fn crash(&mut self) {
        self.counts.server_crashes += 1;
        self.say("the server crashes");
        (self.running, self.store.half) = (None, None);
        self.replies.clear();
        let seed = self.seed * 1000 + 1 + self.counts.server_crashes;
        self.server = Endpoint::new(Config::default(), Role::Server, seed);
        self.server.hello();
        while let Some(output) = self.server.poll_output() {
            self.replies.extend(message_of(output));
        }
        if self.forgets {
            let uncertain = self.unprocessed.iter().map(|(number, _)| *number).filter(|number| *number <= self.arrived);
            self.uncertain.extend(uncertain);
            return self.is_processed(self.arrived);
        }
        let watermark = self.store.watermark;
        self.is_processed(watermark);
        if self.mutant != Some(Mutant::NothingSentAgain) {
            self.arrived = watermark.min(self.arrived);
        }
    }

    fn collect(&mut self) -> Checked {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Replied { id, result } => self.ended(id, &result)?,
                output => {
                    let message = message_of(output);
                    self.send(message.into_iter());
                }
            }
        }
        match self.store.effects.iter().find(|(_, times)| **times > 1) {
            Some((id, _)) => Err(format!("call {id} has its effect twice")),
            None => Ok(()),
        }
    }

    fn ended(&mut self, id: u64, result: &Result<Message, EndReason>) -> Checked {
        let Some(called) = self.calls.get(&id).filter(|called| called.state == State::Open) else {
            return Err(format!("call {id} ends twice"));
        };
        let state = match (result, self.uncertain.contains(&called.message)) {
            (Ok(_), _) => State::Answered,
            (Err(EndReason::Lost), false) => State::Told(self.told(Knowledge::Taken)),
            (Err(EndReason::Lost), true) => State::Told(self.told(Knowledge::Unknown)),
            (Err(reason), _) => return Err(format!("call {id} ends with {reason:?}")),
        };
        self.say(&format!("call {id} is {state:?}"));
        let effects = self.store.effects.get(&id).copied().unwrap_or_default();
        match state {
            State::Answered => self.counts.well += 1,
            _ => self.counts.lost += 1,
        }
        if let Some(called) = self.calls.get_mut(&id) {
            called.state = state;
        }
        match (state, effects) {
            (State::Answered | State::Told(Knowledge::Taken), 0) => {
                Err(format!("call {id} is {state:?} and has no effect"))
            }
            (State::Told(Knowledge::NotRun), 1..) => Err(format!("call {id} is told as not run and has its effect")),
            _ => Ok(()),
        }
    }

    fn told(&self, knowledge: Knowledge) -> Knowledge {
        match (self.mutant, knowledge) {
            (Some(Mutant::TakenAsNotRun), Knowledge::Taken) => Knowledge::NotRun,
            (Some(Mutant::UnknownAsTaken), Knowledge::Unknown) => Knowledge::Taken,
            _ => knowledge,
        }
    }

    fn at_rest(&self) -> Checked {
        for (id, called) in &self.calls {
            let effects = self.store.effects.get(id).copied().unwrap_or_default();
            let is_right = match called.state {
                State::Open => false,
                State::Answered | State::Told(Knowledge::Taken) => effects == 1,
                State::Told(Knowledge::NotRun) => effects == 0,
                State::Told(Knowledge::Unknown) => effects <= 1,
            };
            if !is_right {
                return Err(format!("call {id} is {:?} and has its effect {effects} times", called.state));
            }
        }
        Ok(())
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.dice.next_u64() % below
    }

    fn say(&mut self, line: &str) {
        if let Some(trace) = &mut self.trace {
            trace.push(line.to_owned());
        }
    }
}

/// What is to be sent, if it is that.
fn message_of(output: Output) -> Option<Message> {
    match output {
        Output::Send(message)
        | Output::SendHello(_, message)
        | Output::SendAnswer(message)
        | Output::SendRefusal(message)
        | Output::SendCancel(_, message) => Some(message),
        _ => None,
    }
}
