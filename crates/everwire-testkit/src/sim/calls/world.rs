use std::time::Duration;

use everwire_calls::{Kind, Message, OpenError, Request, Role};
use everwire_core::Moment;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::ledger::{Checked, State};
use super::mutant::Mutant;
use super::side::{LARGE, Side, Started};
use super::{Counts, Report};

pub(super) struct World {
    dice: SplitMix64,
    seed: u64,
    /// Machines so far.
    machines: u64,
    mutant: Option<Mutant>,
    now: Moment,
    client: Side,
    server: Side,
    /// What the client has had last and may not have acknowledged durably, the latest last.
    recent: Vec<Message>,
    nonce: u64,
    counts: Counts,
    trace: Option<Vec<String>>,
}

const CLIENT: bool = true;
const SERVER: bool = false;

/// Rounds in which a world without faults has to come to rest.
const PATIENCE: u64 = 3_000;

impl World {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>, traced: bool) -> Self {
        let dice = SplitMix64::seed_from_u64(seed ^ 0x00ca_1150_0000_0000);
        let (client, server) =
            (Side::new(Role::Client, seed * 1000, mutant), Side::new(Role::Server, seed * 1000 + 1, mutant));
        Self {
            dice,
            seed,
            machines: 1,
            mutant,
            now: Moment::ZERO,
            client,
            server,
            recent: Vec::new(),
            nonce: 0,
            counts: Counts { scenarios: 1, ..Counts::default() },
            trace: traced.then(Vec::new),
        }
    }

    pub(super) fn run(mut self) -> Report {
        let violation = self.play().and_then(|()| self.calm()).err();
        Report { counts: self.counts, violation, trace: self.trace.unwrap_or_default() }
    }

    fn play(&mut self) -> Checked {
        self.server.endpoint.hello();
        self.client.endpoint.hello();
        self.collect()?;
        for _ in 0..self.roll(120) + 20 {
            self.step()?;
            self.collect()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Checked {
        let end = self.roll(4) > 0;
        match self.roll(41) {
            0..=7 => self.open(end)?,
            8 => self.cancel(end),
            9..=11 => self.read(end),
            12 | 13 => self.forget(),
            14..=21 => self.deliver(CLIENT)?,
            22..=29 => self.deliver(SERVER)?,
            30..=35 => self.work(end),
            36 => self.pass(),
            37 => self.side(end).send_own(),
            38 if self.roll(4) == 0 => self.crash(),
            39 if self.roll(4) == 0 => self.lose_session()?,
            40 if self.roll(16) == 0 => self.break_rule(end),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, end: bool) -> Checked {
        self.nonce += 1;
        let (nonce, now) = (self.nonce, self.now);
        let kind = if self.roll(2) == 0 { Kind::Call } else { Kind::Stream };
        let mut request = match kind {
            Kind::Call => Request::call("call", format!("n{nonce}")),
            Kind::Stream => Request::stream("stream", format!("n{nonce}")),
        };
        let is_large = self.roll(24) == 0 && self.side(end).peer.instance.is_some();
        if is_large {
            request.payload = format!("n{nonce}{}", " ".repeat(LARGE)).into();
        }
        let window = self.roll(4) + 1;
        request.window = u32::try_from(window).ok();
        request.deadline = (self.roll(5) == 0).then(|| Duration::from_millis(self.dice.next_u64() % 200));
        request.key = (end == CLIENT && self.roll(3) == 0).then(|| format!("k{nonce}"));
        self.say(|| format!("{} opens {request:?}", name(end)));
        let (key, deadline) = (request.key.clone(), request.deadline.map(|deadline| now + deadline));
        // A program that has crashed is called until the hello of the next one is heard.
        let to_gone = end == SERVER && self.client.sent.iter().any(|message| message.payload().starts_with(b"@h"));
        let side = self.side(end);
        match side.endpoint.open(now, &request) {
            Ok(_) if is_large => Err("a call above the size that the other end has told is sent".to_owned()),
            Ok((id, message)) => {
                side.ledger.opened(id, nonce, kind, key, deadline, window, to_gone);
                message.into_iter().for_each(|message| side.put(message));
                self.counts.opened += 1;
                Ok(())
            }
            Err(OpenError::TooMany { .. } | OpenError::TooManyBytes { .. }) => Ok(()),
            Err(OpenError::TooLarge { .. }) if is_large => Ok(()),
            Err(OpenError::Breach) if side.peer.is_broken => Ok(()),
            Err(error) => Err(format!("a call can't be opened: {error}")),
        }
    }

    fn cancel(&mut self, end: bool) {
        if let Some(at) = self.pick(end, State::Open) {
            let side = self.side(end);
            side.endpoint.cancel(side.ledger.entries[at].id, true);
            side.ledger.cancelled(at);
            self.say(|| format!("{} cancels its {at}", name(end)));
        }
    }

    fn read(&mut self, end: bool) {
        for state in [State::Open, State::Held] {
            if let Some(at) = self.pick(end, state) {
                self.side(end).process(at);
            }
        }
    }

    fn forget(&mut self) {
        if let Some(at) = self.pick(CLIENT, State::Held) {
            self.client.forget(at);
            self.say(|| format!("the client has done with its {at}"));
        }
    }

    /// Some of what an end has sent arrives.
    fn deliver(&mut self, from: bool) -> Checked {
        for _ in 0..=self.roll(4) {
            self.deliver_one(from)?;
        }
        Ok(())
    }

    /// An end says what is no frame.
    fn break_rule(&mut self, end: bool) {
        self.counts.breaches += 1;
        self.say(|| format!("{} breaks a rule", name(end)));
        for end in [CLIENT, SERVER] {
            let side = self.side(end);
            side.peer.may_break = true;
        }
        self.side(end).sent.push_back("@q".into());
    }

    fn deliver_one(&mut self, from: bool) -> Result<bool, String> {
        let Some(message) = self.side(from).sent.pop_front() else { return Ok(false) };
        self.say(|| format!("{} says {message:?}", name(from)));
        if from == SERVER {
            self.recent.push(message.clone());
        }
        let now = self.now;
        self.side(!from).receive(now, message)?;
        self.collect()?;
        Ok(true)
    }

    /// A handler goes on.
    fn work(&mut self, end: bool) {
        let ids: Vec<u64> = self.side(end).handlers.keys().copied().collect();
        if let Some(at) = self.roll(ids.len() as u64).try_into().ok().filter(|at: &usize| *at < ids.len()) {
            self.side(end).work(ids[at]);
        }
    }

    fn pass(&mut self) {
        self.now = self.now + Duration::from_millis(self.roll(60));
        let now = self.now;
        if self.mutant != Some(Mutant::DeadlineIgnored) {
            self.client.endpoint.handle_timeout(now);
            self.server.endpoint.handle_timeout(now);
        }
    }

    /// The client's program crashes, and is started again with its outbox and its session.
    fn crash(&mut self) {
        self.counts.crashes += 1;
        self.say(|| "the client crashes".to_owned());
        let seed = self.machine_seed();
        self.client.ledger.crashed();
        self.client.begin_anew(seed);
        self.server.ledger.may_be_lost();
        // What it had not acknowledged comes again; a call of the server's among them is another program's to run.
        let again = self.roll(4).try_into().unwrap_or(0).min(self.recent.len());
        let again = self.recent.split_off(self.recent.len() - again);
        for message in again.into_iter().rev() {
            if !message.payload().starts_with(b"@m") && !message.payload().starts_with(b"own") {
                self.server.sent.push_front(message);
            }
        }
        self.recent.clear();
        self.client.endpoint.hello();
    }

    /// The session is gone; a new one begins. What the client has sent and is not processed is sent again, or uncertain.
    fn lose_session(&mut self) -> Checked {
        self.counts.sessions_lost += 1;
        self.server.endpoint.session_ended();
        self.server.ledger.may_be_lost();
        self.collect()?;
        let sent = self.client.sent.len() as u64;
        let uncertain = if self.roll(2) == 0 { 0 } else { self.roll(sent + 1) };
        self.say(|| format!("the session is lost, with {uncertain} messages uncertain"));
        for _ in 0..uncertain {
            self.client.sent.pop_front();
        }
        self.client.ledger.may_be_lost();
        // Messages of the application's own are the session's to account for.
        let is_own = |message: &Message| message.payload().starts_with(b"@m") || message.payload().starts_with(b"own");
        self.client.sent.retain(|message| !is_own(message));
        self.client.forget_own();
        self.server.forget_own();
        self.server.sent.clear();
        self.recent.clear();
        self.server.ledger.crashed();
        let seed = match self.mutant {
            Some(Mutant::IdsReused) => self.seed * 1000 + 1,
            _ => self.machine_seed(),
        };
        self.server.begin_anew(seed);
        self.server.endpoint.hello();
        Ok(())
    }

    /// Nothing goes wrong any more: all has to come to its end.
    fn calm(&mut self) -> Checked {
        self.say(|| "calm".to_owned());
        for _ in 0..PATIENCE {
            let mut is_busy = self.deliver_one(CLIENT)? | self.deliver_one(SERVER)?;
            self.collect()?;
            for end in [CLIENT, SERVER] {
                let side = self.side(end);
                for id in side.handlers.keys().copied().collect::<Vec<_>>() {
                    side.work(id);
                    is_busy = true;
                }
                for at in 0..side.ledger.entries.len() {
                    is_busy |= !side.ledger.entries[at].inbox.is_empty();
                    side.process(at);
                    if side.ledger.entries[at].state == State::Held && side.ledger.entries[at].inbox.is_empty() {
                        side.forget(at);
                        is_busy = true;
                    }
                }
            }
            self.pass();
            self.collect()?;
            if !is_busy && self.client.sent.is_empty() && self.server.sent.is_empty() {
                return self.at_rest();
            }
        }
        let handlers = (&self.client.handlers, &self.server.handlers);
        Err(format!("no rest: the ends go on for ever, with the handlers {handlers:?}"))
    }

    fn at_rest(&mut self) -> Checked {
        for end in [CLIENT, SERVER] {
            let side = self.side(end);
            side.ledger.at_rest()?;
            let endpoint = &side.endpoint;
            let left = (endpoint.open_calls(), endpoint.running_calls(), endpoint.kept_bytes(), side.handlers.len());
            if left != (0, 0, 0, 0) {
                return Err(format!("no rest: {} has {left:?} (open, running, bytes, handlers)", name(end)));
            }
        }
        Ok(())
    }

    fn collect(&mut self) -> Checked {
        let now = self.now;
        for end in [CLIENT, SERVER] {
            let mut dice = self.dice.clone();
            let happened = self.side(end).collect(now, &mut |below| dice.next_u64() % below)?;
            self.dice = dice;
            self.counts.well += happened.well;
            self.counts.lost += happened.lost;
            self.counts.items += happened.items;
            self.counts.resumed += happened.resumed;
            if happened.broken {
                // What was kept here of the other end's calls is gone, too.
                self.side(!end).ledger.may_break();
            }
            for Started { nonce, total, is_large } in happened.started {
                if let Some(entry) = self.side(!end).ledger.with_nonce(nonce) {
                    (entry.total, entry.is_large) = (Some(total), is_large);
                }
            }
            self.side(end).ledger.deadlines_kept(now)?;
        }
        Ok(())
    }

    fn pick(&mut self, end: bool, state: State) -> Option<usize> {
        let those = self.side(end).ledger.those(state);
        let at = self.roll(those.len() as u64);
        those.get(usize::try_from(at).ok()?).copied()
    }

    fn side(&mut self, end: bool) -> &mut Side {
        if end == CLIENT { &mut self.client } else { &mut self.server }
    }

    fn machine_seed(&mut self) -> u64 {
        self.machines += 1;
        self.seed * 1000 + self.machines
    }

    /// Below this; 0 below 0.
    fn roll(&mut self, below: u64) -> u64 {
        self.dice.next_u64().checked_rem(below).unwrap_or(0)
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }
}

fn name(end: bool) -> &'static str {
    if end == CLIENT { "the client" } else { "the server" }
}
