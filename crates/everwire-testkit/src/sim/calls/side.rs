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
    /// The name of this end, once it has said hello, and whether that was answered.
    instance: Option<String>,
    is_answered: bool,
    /// What is known of the other end.
    pub(super) peer: Peer,
    wire: Wire,
    mutant: Option<Mutant>,
}

/// What an end knows of the other one.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Its instance, once it has said hello or answered one.
    pub(super) instance: Option<String>,
    /// A rule was broken between this end and that instance.
    pub(super) is_broken: bool,
    /// An end has broken a rule, so that calls may end by that.
    pub(super) may_break: bool,
}

#[derive(Debug)]
pub(super) struct Handler {
    kind: Kind,
    nonce: u64,
    total: u64,
    sent: u64,
    fails: bool,
    /// Of the call's payload.
    bytes: usize,
    /// Its reply, or its last item, is larger than the session carries.
    is_large: bool,
}

/// A handler that has begun.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) nonce: u64,
    /// How many items it will make.
    pub(super) total: u64,
    /// The last of them, or its reply, is larger than the session carries.
    pub(super) is_large: bool,
}

/// What happened at an end, for the counts.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) well: u64,
    pub(super) lost: u64,
    pub(super) items: u64,
    pub(super) resumed: u64,
    /// A rule was broken.
    pub(super) broken: bool,
    /// Handlers that have begun.
    pub(super) started: Vec<Started>,
}

/// The largest frame that an end takes.
pub(super) const MAX_MESSAGE: usize = 200;
/// More than that.
pub(super) const LARGE: usize = 250;
/// Of the payloads that an end runs at once.
const MAX_RUNNING_BYTES: usize = 14;
/// Of the items that wait for an end's application.
const MAX_UNREAD_BYTES: usize = 24;

fn config(role: Role, mutant: Option<Mutant>) -> Config {
    let mut config = Config::default();
    (config.max_open, config.max_running, config.max_keyed) = (12, 8, 5);
    (config.max_kept_bytes, config.max_window, config.max_message) = (200, 3, MAX_MESSAGE);
    config.window_bytes = window_bytes(role);
    // The session's own hello tells it, too.
    config.max_sent = match mutant {
        Some(Mutant::MaxMessageUntold) => usize::MAX,
        _ => MAX_MESSAGE,
    };
    config.max_running_bytes = match mutant {
        Some(Mutant::RunningBytesIgnored) => usize::MAX,
        _ => MAX_RUNNING_BYTES,
    };
    config
}

/// Bytes of a stream that may be on the way to this end, as it says.
pub(super) fn window_bytes(role: Role) -> usize {
    match role {
        Role::Client => 11,
        Role::Server => 9,
    }
}

impl Side {
    pub(super) fn new(role: Role, seed: u64, mutant: Option<Mutant>) -> Self {
        Self {
            role,
            endpoint: Endpoint::new(config(role, mutant), role, seed),
            ledger: Ledger::default(),
            handlers: BTreeMap::new(),
            runs: BTreeSet::new(),
            sent: VecDeque::new(),
            own_sent: 0,
            own_received: 0,
            instance: None,
            is_answered: false,
            peer: Peer::default(),
            wire: Wire::default(),
            mutant,
        }
    }

    /// A new machine in the place of the old one: of a new session, or a new run of the program.
    pub(super) fn begin_anew(&mut self, seed: u64) {
        self.endpoint = Endpoint::new(config(self.role, self.mutant), self.role, seed);
        (self.instance, self.is_answered) = (None, false);
        self.peer = Peer { may_break: self.peer.may_break, ..Peer::default() };
        self.handlers.clear();
    }

    /// The count of the application's own messages restarts.
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

    /// The session delivers a message.
    pub(super) fn receive(&mut self, now: Moment, message: Message) -> Checked {
        let is_hello = message.payload().starts_with(b"@h") || message.payload().starts_with(b"@a");
        if message.len() > MAX_MESSAGE && !is_hello {
            return Err(format!("the session does not carry {} bytes: {message:?}", message.len()));
        }
        let (instance, is_frame) = match Frame::parse(message.clone()) {
            Ok(Frame::Hello(hello)) => (Some(hello.instance), true),
            Ok(Frame::Answer(answer)) if !self.peer.is_broken && self.acts_on_answers() => {
                (Some(answer.instance), true)
            }
            parsed => (None, parsed.is_ok()),
        };
        if instance.is_some() && self.peer.instance != instance {
            // What came before the first hello was that instance's.
            self.peer.is_broken &= self.peer.instance.is_none();
            self.peer.instance = instance;
        }
        let was_broken = self.peer.is_broken;
        if let Ok(Frame::Answer(answer)) = Frame::parse(message.clone()) {
            self.is_answered |= self.instance.as_ref() == Some(&answer.to);
        }
        if is_frame || !self.is(Mutant::BreachForgiven) {
            self.endpoint.receive(now, message.clone());
        }
        self.peer.is_broken |= !self.endpoint.is_usable();
        // Before that, it was meant for an earlier run of the program.
        let is_judged = self.role == Role::Server || self.is_answered;
        if !is_frame && !was_broken && is_judged && self.endpoint.is_usable() {
            return Err(format!("{message:?} breaks the protocol, and nothing follows from it"));
        }
        Ok(())
    }

    /// A server waits for a hello.
    fn acts_on_answers(&self) -> bool {
        self.role == Role::Client || self.peer.instance.is_some()
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
        let mut shed = BTreeSet::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::SendHello(_, message) => {
                    if let Ok(Frame::Hello(hello)) = Frame::parse(message.clone()) {
                        self.instance = Some(hello.instance);
                    }
                    self.put(message);
                }
                Output::Send(message)
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
                Output::Item { .. } | Output::Start(_) | Output::Resumed(_) if self.peer.is_broken => {
                    return Err(format!("{output:?} comes of a frame behind a broken rule"));
                }
                // It was in the frame in which there was found to be no room.
                Output::Item { id, .. } if shed.contains(&id) => {}
                Output::Item { id, number, item } => {
                    self.ledger.item(id, number, &item, window_bytes(self.role))?;
                    happened.items += 1;
                    if self.is(Mutant::ProcessedEarly) {
                        self.endpoint.processed(id, number);
                    }
                    shed.extend(self.shed()?);
                    self.ledger.has_room(MAX_UNREAD_BYTES)?;
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
                Output::Breach { .. } if self.peer.may_break => {
                    self.peer.is_broken = true;
                    self.ledger.may_break();
                    happened.broken = true;
                }
                Output::Breach { rule, .. } => return Err(format!("an end breaks {}", rule.number())),
            }
        }
        Ok(happened)
    }

    /// Ends the call with most of what waits for the application, if that is too much ([C-22]).
    fn shed(&mut self) -> Result<Option<u64>, String> {
        let unread = self.ledger.unread();
        if unread <= MAX_UNREAD_BYTES || self.is(Mutant::UnreadUnbounded) {
            return Ok(None);
        }
        let waiting = self.ledger.entries.iter().enumerate().filter(|(_, entry)| !entry.inbox.is_empty());
        let waiting = waiting.map(|(at, entry)| (entry.unprocessed_bytes(), at));
        let chosen = if self.is(Mutant::UnreadOfFewest) { waiting.min() } else { waiting.max() };
        let Some((_, at)) = chosen else { return Err(format!("{unread} bytes wait of no call")) };
        let id = self.ledger.entries[at].id;
        self.endpoint.cancel(id, true);
        self.endpoint.forget(id);
        self.ledger.shed(at)?;
        Ok(Some(id))
    }

    fn start(&mut self, call: &Call, dice: &mut impl FnMut(u64) -> u64) -> Result<Started, String> {
        if !self.runs.insert(call.id) {
            return Err(format!("call {} is run twice", call.id));
        }
        let nonce = call.payload.as_text().and_then(|text| text.strip_prefix('n')?.parse().ok());
        let nonce: u64 = nonce.ok_or_else(|| format!("call {} has another's payload", call.id))?;
        let (total, fails, is_large) = (dice(7), dice(8) == 0, dice(12) == 0);
        let (bytes, others) = (call.payload.len(), self.handlers.values().map(|handler| handler.bytes).sum::<usize>());
        if others > 0 && others + bytes > MAX_RUNNING_BYTES {
            return Err(format!("call {nonce} runs beside others, with {} bytes together", others + bytes));
        }
        self.handlers.insert(call.id, Handler { kind: call.kind, nonce, total, sent: 0, fails, bytes, is_large });
        Ok(Started { nonce, total, is_large })
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
            let reply = match handler.is_large {
                true => format!("r{}{}", handler.nonce, " ".repeat(LARGE)),
                false => format!("r{}", handler.nonce),
            };
            let result = if handler.fails { Err(failure()) } else { Ok(reply.into()) };
            self.endpoint.reply(id, result.as_ref());
            self.handlers.remove(&id);
        } else if handler.sent == handler.total {
            let result = if handler.fails { Err(failure()) } else { Ok(()) };
            self.endpoint.end(id, result);
            self.handlers.remove(&id);
        } else {
            let item = |number: u64| {
                let item = format!("i{}:{number}", handler.nonce);
                match handler.is_large && number == handler.total {
                    true => Message::from(item + &" ".repeat(LARGE)),
                    false => Message::from(item),
                }
            };
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
