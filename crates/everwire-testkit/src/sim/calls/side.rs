//! One end, with its application: what it calls, and handlers for what the other end calls.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use everwire_calls::{Call, Config, Endpoint, Failure, Frame, Kind, Message, Output, Role};
use everwire_core::Moment;

use super::ledger::{Checked, Ledger, State};
use super::mutant::{Mutant, Wire};

pub(super) struct Side {
    pub(super) role: Role,
    pub(super) endpoint: Endpoint,
    pub(super) ledger: Ledger,
    pub(super) handlers: BTreeMap<u64, Handler>,
    /// Calls that this end has run, in all sessions and programs.
    runs: BTreeSet<u64>,
    /// On the way to the other end.
    pub(super) sent: VecDeque<Message>,
    pub(super) own_sent: u64,
    own_received: u64,
    wire: Wire,
    mutant: Option<Mutant>,
}

#[derive(Debug)]
pub(super) struct Handler {
    kind: Kind,
    nonce: u64,
    total: u64,
    sent: u64,
    fails: bool,
}

/// What happened at an end, for the counts.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) well: u64,
    pub(super) lost: u64,
    pub(super) items: u64,
    pub(super) resumed: u64,
    /// Handlers that have begun: their calls' numbers, and how many items each will make.
    pub(super) started: Vec<(u64, u64)>,
}

pub(super) fn config() -> Config {
    let mut config = Config::default();
    (config.max_open, config.max_running, config.max_keyed) = (12, 8, 5);
    (config.max_kept_bytes, config.window_bytes, config.max_window) = (200, 60, 3);
    config
}

impl Side {
    pub(super) fn new(role: Role, seed: u64, mutant: Option<Mutant>) -> Self {
        Self {
            role,
            endpoint: Endpoint::new(config(), role, seed),
            ledger: Ledger::default(),
            handlers: BTreeMap::new(),
            runs: BTreeSet::new(),
            sent: VecDeque::new(),
            own_sent: 0,
            own_received: 0,
            wire: Wire::default(),
            mutant,
        }
    }

    /// A new machine in the place of the old one: of a new session, or a new run of the program.
    pub(super) fn begin_anew(&mut self, seed: u64) {
        self.endpoint = Endpoint::new(config(), self.role, seed);
        self.handlers.clear();
    }

    /// Messages of the application's own are counted anew.
    pub(super) fn forget_own(&mut self) {
        (self.own_sent, self.own_received) = (0, 0);
    }

    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn put(&mut self, message: Message) {
        match self.mutant {
            Some(mutant) => self.sent.extend(self.wire.distort(mutant, message)),
            None => self.sent.push_back(message),
        }
    }

    pub(super) fn send_own(&mut self) {
        self.own_sent += 1;
        let own = match self.own_sent % 2 {
            0 => format!("own {}", self.own_sent),
            _ => format!("@own {}", self.own_sent),
        };
        self.put(Frame::Plain(own.into()).to_message());
    }

    /// Does what the machine wants, and checks what it tells.
    pub(super) fn collect(&mut self, now: Moment, dice: &mut impl FnMut(u64) -> u64) -> Result<Happened, String> {
        let mut happened = Happened::default();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message)
                | Output::SendHello(_, message)
                | Output::SendAnswer(message)
                | Output::SendRefusal(message)
                | Output::SendCancel(_, message) => self.put(message),
                Output::Replied { id, result } => {
                    let result = result.map(Some);
                    let (well, lost) = self.ledger.ended(id, now, &result)?;
                    happened.well += u64::from(well);
                    happened.lost += u64::from(lost);
                    if self.is(Mutant::ReplyTwice) {
                        self.ledger.ended(id, now, &result)?;
                    }
                }
                Output::Ended { id, result } => {
                    let (well, lost) = self.ledger.ended(id, now, &result.map(|()| None))?;
                    happened.well += u64::from(well);
                    happened.lost += u64::from(lost);
                }
                Output::Item { id, number, item } => {
                    self.ledger.item(id, number, &item)?;
                    happened.items += 1;
                    if self.is(Mutant::ProcessedEarly) {
                        self.endpoint.processed(id, number);
                    }
                }
                Output::Start(call) => {
                    let times = if self.is(Mutant::RunTwice) { 2 } else { 1 };
                    for _ in 0..times {
                        happened.started.push(self.start(&call, dice)?);
                    }
                }
                Output::Drop(id, _) => self.dropped(id)?,
                Output::MaySend(_) => {}
                Output::Plain(own) => self.own(&own)?,
                Output::Resumed(resumed) => {
                    for found in resumed {
                        self.ledger.resumed(&found)?;
                        happened.resumed += 1;
                    }
                }
                Output::Breach { rule, .. } => return Err(format!("an end breaks {}", rule.number())),
            }
        }
        Ok(happened)
    }

    fn start(&mut self, call: &Call, dice: &mut impl FnMut(u64) -> u64) -> Result<(u64, u64), String> {
        if !self.runs.insert(call.id) {
            return Err(format!("call {} is run twice", call.id));
        }
        let nonce = call.payload.as_text().and_then(|text| text.strip_prefix('n')?.parse().ok());
        let nonce: u64 = nonce.ok_or_else(|| format!("call {} has another's payload", call.id))?;
        let (total, fails) = (dice(7), dice(8) == 0);
        self.handlers.insert(call.id, Handler { kind: call.kind, nonce, total, sent: 0, fails });
        Ok((nonce, total))
    }

    fn dropped(&mut self, id: u64) -> Checked {
        if self.is(Mutant::HandlerKept) {
            return Ok(());
        }
        self.handlers.remove(&id).map(drop).ok_or_else(|| format!("the handler of {id} is dropped, and there is none"))
    }

    fn own(&mut self, own: &Message) -> Checked {
        self.own_received += 1;
        let text = own.as_text().unwrap_or_default();
        match text.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()) {
            Some(number) if number == self.own_received => Ok(()),
            _ => Err(format!("{own:?} comes as number {} of the application's own messages", self.own_received)),
        }
    }

    /// A handler goes on by one step.
    pub(super) fn work(&mut self, id: u64) {
        let ignores_credit = self.is(Mutant::CreditIgnored);
        let Some(handler) = self.handlers.get_mut(&id) else { return };
        let failure = || Failure::new(format!("c{}", handler.nonce), "");
        if handler.kind == Kind::Call {
            let result = if handler.fails { Err(failure()) } else { Ok(format!("r{}", handler.nonce).into()) };
            self.endpoint.reply(id, result);
            self.handlers.remove(&id);
        } else if handler.sent == handler.total {
            let result = if handler.fails { Err(failure()) } else { Ok(()) };
            self.endpoint.end(id, result);
            self.handlers.remove(&id);
        } else {
            let item = |number: u64| Message::from(format!("i{}:{number}", handler.nonce));
            if ignores_credit {
                let forged = Frame::Item(id, handler.sent + 1, item(handler.sent + 1)).to_message();
                handler.sent += 1;
                self.put(forged);
            } else {
                // One, or as many as there are and may be sent.
                let last = if handler.nonce.is_multiple_of(2) { handler.sent + 1 } else { handler.total };
                let mut items: VecDeque<Message> = (handler.sent + 1..=last).map(item).collect();
                handler.sent += self.endpoint.items(id, &mut items) as u64;
            }
        }
    }

    /// The application processes the next item of a stream.
    pub(super) fn process(&mut self, at: usize) {
        let entry = &mut self.ledger.entries[at];
        if let Some(number) = entry.inbox.pop_front() {
            entry.processed = number;
            self.endpoint.processed(entry.id, number);
        }
    }

    /// The application has done with the end of a call that has a key.
    pub(super) fn forget(&mut self, at: usize) {
        let entry = &mut self.ledger.entries[at];
        entry.state = State::Over;
        self.endpoint.forget(entry.id);
    }
}
