//! A client's machine and a server's sessions, with a network between them that a test cuts where it likes.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use everwire_core::{
    Attempt, CloseCode, CloseFrame, Config, Event, Input, Loss, Machine, Message, MessageId, Moment, OpenFailure,
    OpenFailureKind, Outcome, Output, Phase, State, TransportEvent,
    session::{
        Admission, Attached, Frame, Gone, Limits, Registry, RegistryConfig, SUBPROTOCOL, ServerConfig, ServerInput,
        ServerSession, SessionConfig, SessionId, SessionMode, Token, code,
    },
    store::{BatchId, Saved, StoreOp},
};

pub(crate) type Handle = Rc<RefCell<ServerSession>>;

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Message(Message),
    Close(CloseCode),
}

/// What a store has, and what it is at.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) saved: Saved,
    pub(crate) pending: Option<(BatchId, Vec<StoreOp>)>,
    /// It does what it is given at once.
    pub(crate) automatic: bool,
    /// Messages that were told to be durable, in any life of the client.
    pub(crate) told: BTreeSet<u64>,
}

/// A connection as the network sees it.
pub(crate) struct Wire {
    pub(crate) attempt: Attempt,
    /// Its number at the server, unique over the client's lives.
    link: Attempt,
    pub(crate) up: VecDeque<Packet>,
    pub(crate) down: VecDeque<Packet>,
    /// The session at its far end, once it has said hello.
    session: Option<Handle>,
    open: bool,
}

pub(crate) struct Pair {
    pub(crate) now: Moment,
    pub(crate) client: Machine,
    config: Config,
    pub(crate) shelf: Option<Shelf>,
    /// What was told before the client's crashes.
    pub(crate) past_outcomes: Vec<(u64, Outcome)>,
    lives: u64,
    pub(crate) registry: Registry<Handle>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) server_config: ServerConfig,
    pub(crate) principal: String,
    pub(crate) outcomes: Vec<(u64, Outcome)>,
    pub(crate) server_outcomes: Vec<(u64, Outcome)>,
    pub(crate) events: Vec<Event>,
    pub(crate) states: Vec<State>,
    /// What the applications have been given.
    pub(crate) at_client: Vec<String>,
    pub(crate) at_server: Vec<String>,
    /// The applications take what they get at once.
    pub(crate) client_processes: bool,
    pub(crate) server_processes: bool,
    /// The sockets take what they are given at once. Otherwise it stays in their buffers, and is written all the same.
    pub(crate) client_writes: bool,
    pub(crate) server_writes: bool,
    /// Pings are answered at once, while the wire is open.
    pub(crate) answers_pings: bool,
    /// Every frame that the client sent.
    pub(crate) sent: Vec<String>,
    /// Attempts fail.
    pub(crate) unreachable: bool,
    /// Connections stay in their opening until [`Pair::open_last`].
    pub(crate) slow: bool,
    server_delivered: u64,
    client_delivered: u64,
    /// The highest number of the session that was put on its way, to the server and to the client.
    pub(crate) highest: [u64; 2],
    next_id: u8,
    session: Option<Handle>,
}

impl Wire {
    /// Whether it is open and carries a session.
    pub(crate) fn is_live(&self) -> bool {
        self.open && self.session.is_some()
    }
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, ServerConfig::default())
    }

    pub(crate) fn with(set: impl FnOnce(&mut Config), server_config: ServerConfig) -> Self {
        let mut config = Config::default();
        config.session = Some(SessionConfig::default());
        set(&mut config);
        let mut pair = Self {
            now: Moment::from_nanos(1_000_000_000),
            client: Machine::new(config.clone(), [7; 32]).unwrap(),
            config,
            shelf: None,
            past_outcomes: Vec::new(),
            lives: 0,
            registry: Registry::new(RegistryConfig::default()).unwrap(),
            wires: Vec::new(),
            server_config,
            principal: "ann".into(),
            outcomes: Vec::new(),
            server_outcomes: Vec::new(),
            events: Vec::new(),
            states: Vec::new(),
            at_client: Vec::new(),
            at_server: Vec::new(),
            client_processes: true,
            server_processes: true,
            client_writes: true,
            answers_pings: false,
            server_writes: true,
            sent: Vec::new(),
            unreachable: false,
            slow: false,
            server_delivered: 0,
            client_delivered: 0,
            highest: [0; 2],
            next_id: 0,
            session: None,
        };
        pair.input(Input::Connect);
        pair
    }

    /// A client with a store that works at once.
    pub(crate) fn durable(set: impl FnOnce(&mut Config)) -> Self {
        Self::durable_where(false, set)
    }

    /// The same without a network.
    pub(crate) fn durable_offline() -> Self {
        Self::durable_where(true, |_| {})
    }

    fn durable_where(unreachable: bool, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        let mut session = SessionConfig::default();
        session.mode = SessionMode::Require;
        config.session = Some(session);
        set(&mut config);
        let mut pair = Self::with(|own| *own = config, ServerConfig::default());
        pair.wires.clear();
        pair.shelf = Some(Shelf { automatic: true, ..Shelf::default() });
        pair.unreachable = unreachable;
        pair.restart();
        pair
    }

    /// What the client's next process is ready to hold.
    pub(crate) fn set_client_limits(&mut self, limits: Limits) {
        self.config.session.as_mut().expect("a session").limits = limits;
    }

    /// The client's process ends and another one starts with what the store has.
    pub(crate) fn crash(&mut self) {
        for index in 0..self.wires.len() {
            let (open, link) = (self.wires[index].open, self.wires[index].link);
            self.cut_silently(index);
            if let Some(session) = self.wires[index].session.clone().filter(|_| open) {
                session.borrow_mut().handle(self.now, ServerInput::Lost(link));
                self.drain_server(&session);
            }
        }
        self.restart();
    }

    fn restart(&mut self) {
        self.lives += 1;
        self.past_outcomes.append(&mut self.outcomes);
        self.client_delivered = 0;
        let shelf = self.shelf.as_mut().expect("a store");
        shelf.pending = None;
        let (saved, now) = (shelf.saved.clone(), self.now);
        self.client = Machine::restore(self.config.clone(), [7; 32], saved, now, self.unix_ms()).unwrap();
        self.input(Input::Connect);
    }

    fn unix_ms(&self) -> u64 {
        u64::try_from(self.now.since(Moment::ZERO).as_millis()).unwrap()
    }

    /// The store does what it is at, whether or not anybody hears of it.
    pub(crate) fn commit_unheard(&mut self) -> Option<BatchId> {
        let shelf = self.shelf.as_mut().expect("a store");
        let (batch, ops) = shelf.pending.take()?;
        ops.into_iter().for_each(|op| shelf.saved.apply(op));
        Some(batch)
    }

    pub(crate) fn commit(&mut self) {
        if let Some(batch) = self.commit_unheard() {
            self.input(Input::Persisted(batch));
        }
    }

    /// The store can't do what it is at.
    pub(crate) fn refuse(&mut self) {
        if let Some((batch, ops)) = self.shelf.as_mut().expect("a store").pending.take() {
            self.input(Input::PersistFailed { batch, ops, reason: "disk full".into() });
        }
    }

    pub(crate) fn connected() -> Self {
        let mut pair = Self::new();
        pair.run();
        assert_eq!(pair.client.state(), &State::Connected);
        pair
    }

    pub(crate) fn session(&self) -> Handle {
        Rc::clone(self.session.as_ref().expect("a session was begun"))
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.client.handle(self.now, input);
        self.drain_client();
    }

    pub(crate) fn send(&mut self, text: &str) -> MessageId {
        let id = self.client.send(self.now, Message::text(text.to_owned())).unwrap();
        self.drain_client();
        id
    }

    pub(crate) fn server_send(&mut self, text: &str) -> MessageId {
        let session = self.session();
        let id = session.borrow_mut().send(self.now, Message::text(text.to_owned())).unwrap();
        self.drain_server(&session);
        id
    }

    pub(crate) fn server_input(&mut self, input: ServerInput) {
        let session = self.session();
        session.borrow_mut().handle(self.now, input);
        self.drain_server(&session);
    }

    /// The server's application has processed everything.
    pub(crate) fn server_catches_up(&mut self) {
        self.server_input(ServerInput::Processed(self.server_delivered));
    }

    /// Delivers until nothing moves any more.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// One packet on its way, the oldest wire first.
    pub(crate) fn step(&mut self) -> bool {
        for index in 0..self.wires.len() {
            if self.up(index) || self.down(index) {
                return true;
            }
        }
        false
    }

    /// One packet towards the server.
    pub(crate) fn up(&mut self, index: usize) -> bool {
        let Some(packet) = self.wires[index].up.pop_front() else { return false };
        let attempt = self.wires[index].link;
        match (packet, self.wires[index].session.clone()) {
            (Packet::Message(message), Some(session)) => {
                session.borrow_mut().handle(self.now, ServerInput::Received(attempt, vec![message]));
                self.drain_server(&session);
            }
            (Packet::Message(message), None) => self.greet(index, message),
            (Packet::Close(_), session) => {
                if let Some(session) = session {
                    session.borrow_mut().handle(self.now, ServerInput::Lost(attempt));
                    self.drain_server(&session);
                }
                self.wires[index].down.push_back(Packet::Close(CloseCode::NORMAL));
            }
        }
        true
    }

    /// One packet towards the client.
    pub(crate) fn down(&mut self, index: usize) -> bool {
        let Some(packet) = self.wires[index].down.pop_front() else { return false };
        let attempt = self.wires[index].attempt;
        match packet {
            Packet::Message(message) => {
                self.input(Input::Transport(attempt, TransportEvent::Received(vec![message])));
            }
            Packet::Close(code) => {
                let frame = CloseFrame { code, reason: "".into() };
                self.input(Input::Transport(attempt, TransportEvent::PeerClosed(Some(frame))));
                self.cut(index);
            }
        }
        true
    }

    /// The connection is gone, with everything that is on its way; both ends notice.
    pub(crate) fn cut(&mut self, index: usize) {
        self.cut_silently(index);
        let attempt = self.wires[index].attempt;
        let link = self.wires[index].link;
        if let Some(session) = self.wires[index].session.clone() {
            session.borrow_mut().handle(self.now, ServerInput::Lost(link));
            self.drain_server(&session);
        }
        self.input(Input::Transport(attempt, TransportEvent::Lost(Loss::Ended)));
    }

    /// What is on its way is gone; nobody notices.
    pub(crate) fn cut_silently(&mut self, index: usize) {
        let wire = &mut self.wires[index];
        wire.open = false;
        wire.up.clear();
        wire.down.clear();
    }

    pub(crate) fn cut_last(&mut self) {
        self.cut(self.wires.len() - 1);
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        self.run();
        loop {
            let client = self.client.deadline().map(|(at, _)| at);
            let server = self.session.as_ref().and_then(|session| session.borrow().deadline()).map(|(at, _)| at);
            match [client, server].into_iter().flatten().min() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.input(Input::Timer);
                    if self.session.is_some() {
                        self.server_input(ServerInput::Timer);
                    }
                    self.run();
                }
                _ => break,
            }
        }
        self.now = until;
    }

    /// Time passes until the client dials.
    pub(crate) fn wait_for_dial(&mut self) {
        let before = self.wires.len();
        while self.wires.len() == before && self.wires.last().is_none_or(|wire| !wire.open) {
            let (at, _) = self.client.deadline().expect("a planned attempt");
            self.now = self.now.max(at);
            self.input(Input::Timer);
        }
    }

    pub(crate) fn outcome(&self, id: MessageId) -> Option<Outcome> {
        let mut all = self.outcomes.iter().filter(|(number, _)| *number == id.0).map(|(_, outcome)| *outcome);
        let first = all.next();
        assert_eq!(all.next(), None, "message {} has two outcomes", id.0);
        first
    }

    fn greet(&mut self, index: usize, message: Message) {
        let attempt = self.wires[index].link;
        let Ok(Frame::Hello(hello)) = Frame::parse(message) else {
            self.wires[index].down.push_back(Packet::Close(code::MALFORMED));
            return;
        };
        self.next_id += 1;
        let token = Token::new([self.next_id; 32]);
        let previous = match self.registry.admit(&self.principal, &hello) {
            Admission::Resume(session) => {
                let attached = session.borrow_mut().attach(self.now, attempt, &hello, token.clone());
                if attached == Attached::Welcome {
                    self.wires[index].session = Some(Rc::clone(&session));
                    let id = session.borrow().id();
                    self.registry.attached(id);
                }
                self.drain_server(&session);
                match attached {
                    Attached::Welcome => return,
                    Attached::Stale => return self.wires[index].down.push_back(Packet::Close(code::SUPERSEDED)),
                    Attached::Violated => return self.wires[index].down.push_back(Packet::Close(code::VIOLATED)),
                    Attached::Gone(previous) => Some(previous),
                }
            }
            Admission::New(previous) => previous,
        };
        let id = SessionId([self.next_id; 16]);
        let session = ServerSession::new(self.now, id, self.server_config.clone(), [3; 32]).unwrap();
        let session = Rc::new(RefCell::new(session));
        self.registry.insert(id, &self.principal, Rc::clone(&session));
        self.session = Some(Rc::clone(&session));
        (self.server_delivered, self.highest) = (0, [0; 2]);
        self.wires[index].session = Some(Rc::clone(&session));
        session.borrow_mut().begin(self.now, attempt, &hello, previous, token);
        self.drain_server(&session);
    }

    fn wire(&mut self, attempt: Attempt) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.attempt == attempt && wire.open)
    }

    fn wire_of(&mut self, link: Attempt) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.link == link && wire.open)
    }

    /// Does what the client wants.
    pub(crate) fn drain(&mut self) {
        self.drain_client();
    }

    fn drain_client(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Open(attempt) => self.dialled(attempt),
                Output::Abort(attempt) => {
                    if let Some(index) = self.wires.iter().rposition(|wire| wire.attempt == attempt) {
                        let session = self.wires[index].session.clone();
                        self.cut_silently(index);
                        if let Some(session) = session {
                            let link = self.wires[index].link;
                            session.borrow_mut().handle(self.now, ServerInput::Lost(link));
                            self.drain_server(&session);
                        }
                    }
                }
                Output::Control(attempt, message) => self.client_says(attempt, message),
                Output::Ready(attempt) => {
                    let mut frames = Vec::new();
                    let taken = self.client.take(self.now, attempt, &mut |outgoing| {
                        frames.push(prefixed(&outgoing.prefix.to_bytes(), outgoing.message));
                        true
                    });
                    frames.into_iter().for_each(|frame| self.client_says(attempt, frame));
                    if self.client_writes {
                        let written = Input::Transport(attempt, TransportEvent::Written(taken));
                        self.client.handle(self.now, written);
                    }
                }
                Output::Close(attempt, code, _) => {
                    if let Some(wire) = self.wire(attempt) {
                        wire.up.push_back(Packet::Close(code));
                    }
                }
                Output::Deliver(messages) => {
                    self.client_delivered += messages.len() as u64;
                    self.at_client.extend(messages.iter().map(text));
                    if self.client_processes {
                        self.client.handle(self.now, Input::Processed(self.client_delivered));
                    }
                }
                Output::DeliverVolatile(message) => {
                    self.client_delivered += 1;
                    self.at_client.push(text(&message));
                }
                Output::Outcome { first, last, outcome } => {
                    self.outcomes.extend((first.0..=last.0).map(|id| (id, outcome)));
                }
                Output::Event(event) => self.events.push(event),
                Output::Persist(batch, ops) => {
                    let shelf = self.shelf.as_mut().expect("a store");
                    assert!(shelf.pending.is_none(), "one batch at a time");
                    shelf.pending = Some((batch, ops));
                    if shelf.automatic
                        && let Some(batch) = self.commit_unheard()
                    {
                        self.client.handle(self.now, Input::Persisted(batch));
                    }
                }
                Output::Stored { first, last } => {
                    self.shelf.as_mut().expect("a store").told.extend(first.0..=last.0);
                }
                Output::State(state) => self.states.push(state),
                Output::Ping(attempt, payload) | Output::Probe(attempt, payload) => {
                    let answers = self.answers_pings;
                    if let Some(wire) = self.wire(attempt).filter(|wire| answers && wire.is_live()) {
                        let (link, session) = (wire.link, wire.session.clone());
                        if let Some(session) = session {
                            session.borrow_mut().handle(self.now, ServerInput::Ping(link));
                        }
                        self.client.handle(self.now, Input::Transport(attempt, TransportEvent::Pong(payload)));
                    }
                }
                Output::Written { .. } | Output::Room | Output::Reserve | Output::Finished(_) => {}
            }
        }
    }

    fn dialled(&mut self, attempt: Attempt) {
        if self.unreachable {
            let kind = OpenFailureKind::Io;
            let failure = OpenFailure { phase: Phase::Tcp, kind, detail: "unreachable".into() };
            self.client.handle(self.now, Input::Transport(attempt, TransportEvent::OpenFailed(failure)));
            return;
        }
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let link = Attempt(self.lives * 1000 + attempt.0);
        self.wires.push(Wire { attempt, link, up, down, session: None, open: true });
        if !self.slow {
            self.client.handle(self.now, Input::Transport(attempt, opened()));
        }
    }

    /// The upgrade of the last connection is done.
    pub(crate) fn open_last(&mut self) {
        let attempt = self.wires.last().expect("a connection").attempt;
        self.input(Input::Transport(attempt, opened()));
    }

    fn client_says(&mut self, attempt: Attempt, message: Message) {
        self.sent.push(text(&message));
        self.highest[0] = self.highest[0].max(number(&message));
        if let Some(wire) = self.wire(attempt) {
            wire.up.push_back(Packet::Message(message));
        }
    }

    fn drain_server(&mut self, session: &Handle) {
        loop {
            let output = session.borrow_mut().poll_output();
            let Some(output) = output else { break };
            match output {
                Output::Control(attempt, message) => {
                    if let Some(wire) = self.wire_of(attempt) {
                        wire.down.push_back(Packet::Message(message));
                    }
                }
                Output::Ready(attempt) => {
                    let mut frames = Vec::new();
                    let taken = session.borrow_mut().take(attempt, &mut |outgoing| {
                        frames.push(Packet::Message(prefixed(&outgoing.prefix.to_bytes(), outgoing.message)));
                        true
                    });
                    for frame in &frames {
                        if let Packet::Message(message) = frame {
                            self.highest[1] = self.highest[1].max(number(message));
                        }
                    }
                    if let Some(wire) = self.wire_of(attempt) {
                        wire.down.extend(frames);
                    }
                    if self.server_writes {
                        session.borrow_mut().handle(self.now, ServerInput::Written(attempt, taken));
                    }
                }
                Output::Close(attempt, code, _) => {
                    if let Some(wire) = self.wire_of(attempt) {
                        wire.down.push_back(Packet::Close(code));
                    }
                }
                Output::Deliver(messages) => {
                    self.server_delivered += messages.len() as u64;
                    self.at_server.extend(messages.iter().map(text));
                    if self.server_processes {
                        let position = self.server_delivered;
                        session.borrow_mut().handle(self.now, ServerInput::Processed(position));
                    }
                }
                Output::DeliverVolatile(message) => {
                    self.server_delivered += 1;
                    self.at_server.push(text(&message));
                }
                Output::Outcome { first, last, outcome } => {
                    self.server_outcomes.extend((first.0..=last.0).map(|id| (id, outcome)));
                }
                Output::Finished(_) => {
                    let (id, gone) = (session.borrow().id(), session.borrow().gone());
                    self.registry.end(id, gone.unwrap_or(Gone::Ended));
                    self.registry.settle(id, session.borrow().processed());
                }
                Output::Probe(link, payload) if self.answers_pings => {
                    if let Some(attempt) = self.wire_of(link).map(|wire| wire.attempt) {
                        session.borrow_mut().handle(self.now, ServerInput::Pong(link, payload));
                        self.client.handle(self.now, Input::Transport(attempt, TransportEvent::Ping));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Of a reliable message; 0 for anything else.
fn number(message: &Message) -> u64 {
    let text = text(message);
    let number = text.strip_prefix('m').and_then(|rest| rest.split_once(':'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

fn opened() -> TransportEvent {
    TransportEvent::Opened { subprotocol: Some(SUBPROTOCOL.to_owned()) }
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

fn prefixed(prefix: &[u8], message: &Message) -> Message {
    Message::text(format!("{}{}", String::from_utf8_lossy(prefix), text(message)))
}
