//! The small world: two ends, lines of frames between them, and what the applications know.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use everwire_core::session::{
    Admission, Attached, Frame, Gone, Reading, Registry, RegistryConfig, SUBPROTOCOL, ServerConfig, ServerInput,
    ServerSession, SessionConfig, SessionId, Token, code,
};
use everwire_core::{
    Attempt, CloseCode, CloseFrame, Config, Input, Loss, Machine, Message, Moment, Outcome, Output, State,
    TransportEvent,
};

use super::{Act, Bounds};

/// Steps after which a world that nothing disturbs must have come to rest.
const REST: usize = 400;

/// What travels.
#[derive(Clone, Debug)]
enum Parcel {
    Frame(Message),
    Close(CloseCode),
    /// The connection is no more.
    End,
}

#[derive(Debug)]
struct Line {
    attempt: Attempt,
    up: VecDeque<Parcel>,
    down: VecDeque<Parcel>,
    /// The session at its far end, by its place.
    session: Option<usize>,
    cut: bool,
    /// The client has dropped it.
    dropped: bool,
}

/// One end's messages of the other: handed over, and how many are processed.
#[derive(Debug, Default)]
struct Inbox {
    messages: VecDeque<u8>,
    handed: u64,
    processed: u64,
}

#[derive(Debug)]
struct Session {
    machine: ServerSession,
    inbox: Inbox,
    over: bool,
}

#[derive(Debug)]
pub(super) struct World {
    bounds: Bounds,
    left: Bounds,
    now: Moment,
    client: Machine,
    client_inbox: Inbox,
    registry: Registry<usize>,
    sessions: Vec<Session>,
    /// Sessions before this one went with a crash.
    first: usize,
    lines: Vec<Line>,
    next_token: u8,
    /// The server's application: its effects, and its watermarks.
    effects: Vec<u8>,
    rows: BTreeMap<[u8; 16], u64>,
    taken: Vec<u8>,
    outcomes: BTreeMap<u64, Outcome>,
    wrong: Option<String>,
}

impl World {
    /// The world after these acts.
    pub(super) fn after(bounds: &Bounds, acts: &[Act]) -> Self {
        let mut config = Config::default();
        let mut session = SessionConfig::default();
        session.ack_every = 1;
        config.session = Some(session);
        let (Ok(client), Ok(registry)) = (Machine::new(config, [7; 32]), Registry::new(RegistryConfig::default()))
        else {
            unreachable!("the default settings make sense");
        };
        let mut world = Self {
            bounds: *bounds,
            left: *bounds,
            now: Moment::from_nanos(1),
            client,
            client_inbox: Inbox::default(),
            registry,
            sessions: Vec::new(),
            first: 0,
            lines: Vec::new(),
            next_token: 0,
            effects: Vec::new(),
            rows: BTreeMap::new(),
            taken: Vec::new(),
            outcomes: BTreeMap::new(),
            wrong: None,
        };
        world.tell(Input::Connect);
        acts.iter().for_each(|act| world.act(*act));
        world
    }

    /// What can happen next.
    pub(super) fn acts(&self) -> Vec<Act> {
        let mut acts = self.quiet_acts();
        let (left, live) = (&self.left, self.present());
        let may = [
            (left.up > 0, Act::SendUp),
            (left.down > 0 && live.is_some(), Act::SendDown),
            (left.moves > 0 && *self.client.state() == State::Connected, Act::Move),
            (left.crashes > 0 && !self.lines.is_empty(), Act::Crash),
        ];
        acts.extend(may.into_iter().filter(|(may, _)| *may).map(|(_, act)| act));
        if left.cuts > 0 {
            let lines = self.lines.iter().enumerate();
            acts.extend(lines.filter(|(_, line)| !line.cut && !line.dropped).map(|(index, _)| Act::Cut(index as u8)));
        }
        acts
    }

    /// What happens by itself if nothing goes wrong.
    fn quiet_acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            acts.extend((!line.up.is_empty()).then_some(Act::ArriveUp(index as u8)));
            acts.extend((!line.down.is_empty() && !line.dropped).then_some(Act::ArriveDown(index as u8)));
        }
        let at_server = self.sessions[self.first..].iter().any(|session| !session.inbox.messages.is_empty());
        acts.extend(at_server.then_some(Act::ProcessUp));
        acts.extend((!self.client_inbox.messages.is_empty()).then_some(Act::ProcessDown));
        acts.extend(matches!(self.client.state(), State::Disconnected { .. }).then_some(Act::Connect));
        acts
    }

    /// Nothing goes wrong any more: everything comes to its end.
    pub(super) fn settle(&mut self) {
        for _ in 0..REST {
            let Some(act) = self.quiet_acts().first().copied() else { return self.check_end() };
            self.act(act);
        }
        self.fail("it does not come to rest");
    }

    fn check_end(&mut self) {
        let sent = u64::from(self.bounds.up - self.left.up);
        if *self.client.state() != State::Connected {
            let state = format!("{:?}", self.client.state());
            return self.fail(&format!("the client ends as {state}"));
        }
        for id in 1..=sent {
            if self.outcomes.get(&id) != Some(&Outcome::Acknowledged) {
                let outcome = self.outcomes.get(&id).copied();
                return self.fail(&format!("message {id} of the client ends as {outcome:?}"));
            }
        }
        let pending = self.present().map_or(0, |index| self.sessions[index].machine.pending_messages());
        if pending > 0 {
            self.fail(&format!("{pending} messages of the server are pending for ever"));
        }
    }

    pub(super) fn wrong(self) -> Option<String> {
        self.wrong
    }

    fn fail(&mut self, what: &str) {
        self.wrong.get_or_insert_with(|| what.to_owned());
    }

    /// Tells states apart, whenever they come about: times and dice left out.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let all = format!("{self:?}");
        let mut rest = all.as_str();
        while let Some(at) = rest.find("Moment(").into_iter().chain(rest.find("Xoshiro256PlusPlus {")).min() {
            rest[..at].hash(&mut hasher);
            rest = rest[at..].find([')', '}']).map_or("", |end| &rest[at + end..]);
        }
        rest.hash(&mut hasher);
        hasher.finish()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::SendUp => {
                self.left.up -= 1;
                let text = char::from(b'a' + self.bounds.up - self.left.up - 1).to_string();
                if self.client.send(self.now, Message::text(text)).is_err() {
                    self.fail("the client takes no message");
                }
                self.drain_client();
            }
            Act::SendDown => {
                self.left.down -= 1;
                let text = char::from(b'A' + self.bounds.down - self.left.down - 1).to_string();
                if let Some(index) = self.present() {
                    let _ = self.sessions[index].machine.send(self.now, Message::text(text));
                    self.drain_server(index);
                }
            }
            Act::ArriveUp(line) => self.arrive_up(line as usize),
            Act::ArriveDown(line) => self.arrive_down(line as usize),
            Act::ProcessUp => self.process_up(),
            Act::ProcessDown => {
                let Some(message) = self.client_inbox.messages.pop_front() else { return };
                self.client_inbox.processed += 1;
                if self.taken.last().is_some_and(|last| *last >= message) {
                    self.fail("a message of the server is processed twice, or late");
                }
                self.taken.push(message);
                self.tell(Input::Processed(self.client_inbox.processed));
            }
            Act::Cut(line) => {
                self.left.cuts -= 1;
                self.cut(line as usize);
            }
            Act::Connect => {
                if let Some((at, _)) = self.client.deadline() {
                    self.now = self.now.max(at);
                }
                self.tell(Input::Timer);
            }
            Act::Move => {
                self.left.moves -= 1;
                self.tell(Input::Migrate);
            }
            Act::Crash => self.crash(),
        }
    }

    fn process_up(&mut self) {
        let open = self.sessions.iter().enumerate().skip(self.first);
        let next = open.filter(|(_, session)| !session.inbox.messages.is_empty()).map(|(index, _)| index).next();
        let Some(index) = next else { return };
        let session = &mut self.sessions[index];
        let Some(message) = session.inbox.messages.pop_front() else { return };
        session.inbox.processed += 1;
        // One transaction: the effect, and how far the session has come.
        let position = session.inbox.processed;
        self.rows.insert(session.machine.id().0, position);
        let again = self.effects.contains(&message);
        let late = self.effects.last().is_some_and(|last| *last > message);
        self.effects.push(message);
        if again || late {
            self.fail("a message of the client is processed twice, or late");
        }
        self.sessions[index].machine.handle(self.now, ServerInput::Processed(position));
        self.drain_server(index);
    }

    fn cut(&mut self, index: usize) {
        let line = &mut self.lines[index];
        line.cut = true;
        line.up = VecDeque::from([Parcel::End]);
        line.down = VecDeque::from([Parcel::End]);
    }

    fn crash(&mut self) {
        self.left.crashes -= 1;
        self.first = self.sessions.len();
        for line in &mut self.lines {
            line.cut = true;
            line.session = None;
            line.up.clear();
            line.down.push_back(Parcel::End);
        }
        let Ok(registry) = Registry::new(RegistryConfig::default()) else { return };
        self.registry = registry;
        for (id, processed) in &self.rows {
            self.registry.insert(SessionId(*id), "ann", usize::MAX);
            self.registry.end(SessionId(*id), Gone::Restarted);
            self.registry.settle(SessionId(*id), *processed);
        }
    }

    /// The session that the client has now, as far as the server knows.
    fn present(&self) -> Option<usize> {
        (self.first..self.sessions.len()).rev().find(|index| !self.sessions[*index].over)
    }

    fn arrive_up(&mut self, index: usize) {
        let Some(parcel) = self.lines[index].up.pop_front() else { return };
        let (link, session) = (self.lines[index].attempt, self.lines[index].session);
        match (parcel, session) {
            (Parcel::Frame(message), Some(session)) => {
                let mut read = Reading::new(link, 0);
                read.push_ref((&message).into());
                for input in read.into_inputs() {
                    self.sessions[session].machine.handle(self.now, input);
                }
                self.drain_server(session);
            }
            (Parcel::Frame(message), None) => self.greet(index, message),
            (Parcel::Close(_) | Parcel::End, session) => {
                if let Some(session) = session {
                    self.sessions[session].machine.handle(self.now, ServerInput::Lost(link));
                    self.drain_server(session);
                }
                if !self.lines[index].cut {
                    self.cut(index);
                    self.lines[index].up.clear();
                }
            }
        }
    }

    fn arrive_down(&mut self, index: usize) {
        let Some(parcel) = self.lines[index].down.pop_front() else { return };
        let attempt = self.lines[index].attempt;
        let event = match parcel {
            Parcel::Frame(message) => TransportEvent::Received(vec![message]),
            Parcel::Close(code) => {
                let line = &mut self.lines[index];
                line.down.push_back(Parcel::End);
                line.up.push_back(Parcel::End);
                TransportEvent::PeerClosed(Some(CloseFrame { code, reason: "".into() }))
            }
            Parcel::End => {
                self.lines[index].dropped = true;
                TransportEvent::Lost(Loss::Ended)
            }
        };
        self.tell(Input::Transport(attempt, event));
    }

    fn greet(&mut self, index: usize, message: Message) {
        let link = self.lines[index].attempt;
        let Ok(Frame::Hello(hello)) = Frame::parse(message) else { return self.fail("the first frame is no hello") };
        self.next_token += 1;
        let token = Token::new([self.next_token; 32]);
        let previous = match self.registry.admit("ann", &hello) {
            Admission::Resume(session) => {
                match self.sessions[session].machine.attach(self.now, link, &hello, token.clone()) {
                    Attached::Welcome => {
                        self.lines[index].session = Some(session);
                        return self.drain_server(session);
                    }
                    Attached::Stale => return self.lines[index].down.push_back(Parcel::Close(code::SUPERSEDED)),
                    Attached::Violated => return self.fail("the session is violated"),
                    Attached::Gone(previous) => {
                        self.drain_server(session);
                        Some(previous)
                    }
                }
            }
            Admission::New(previous) => previous,
        };
        let id = SessionId([self.next_token; 16]);
        let mut config = ServerConfig::default();
        config.ack_every = 1;
        let Ok(mut machine) = ServerSession::new(self.now, id, config, [3; 32]) else { return };
        machine.begin(self.now, link, &hello, previous, token);
        let session = self.sessions.len();
        self.sessions.push(Session { machine, inbox: Inbox::default(), over: false });
        self.registry.insert(id, "ann", session);
        self.rows.insert(id.0, 0);
        self.lines[index].session = Some(session);
        self.drain_server(session);
    }

    fn tell(&mut self, input: Input) {
        self.client.handle(self.now, input);
        self.drain_client();
    }

    fn drain_client(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Open(attempt) => {
                    let (up, down) = (VecDeque::new(), VecDeque::new());
                    self.lines.push(Line { attempt, up, down, session: None, cut: false, dropped: false });
                    let opened = TransportEvent::Opened { subprotocol: Some(SUBPROTOCOL.to_owned()) };
                    self.client.handle(self.now, Input::Transport(attempt, opened));
                }
                Output::Abort(attempt) => {
                    if let Some(line) = self.lines.iter_mut().find(|line| line.attempt == attempt) {
                        line.dropped = true;
                        line.down.clear();
                        line.up.push_back(Parcel::End);
                    }
                }
                Output::Control(attempt, message) => self.push_up(attempt, Parcel::Frame(message)),
                Output::Close(attempt, code, _) => self.push_up(attempt, Parcel::Close(code)),
                Output::Ready(attempt) => {
                    let mut frames = Vec::new();
                    let taken = self.client.take(self.now, attempt, &mut |outgoing| {
                        frames.push(framed(&outgoing.prefix.to_bytes(), outgoing.message));
                        true
                    });
                    frames.into_iter().for_each(|frame| self.push_up(attempt, Parcel::Frame(frame)));
                    self.client.handle(self.now, Input::Transport(attempt, TransportEvent::Written(taken)));
                }
                Output::Deliver(messages) => hand_over(&mut self.client_inbox, &messages),
                Output::Outcome { first, last, outcome } => {
                    for id in first.0..=last.0 {
                        if self.outcomes.insert(id, outcome).is_some() {
                            self.fail("a message of the client has two outcomes");
                        }
                        let processed = self.effects.contains(&(b'a' + id as u8 - 1));
                        if processed != (outcome == Outcome::Acknowledged) {
                            self.fail(&format!("message {id} is `{outcome}`, processed: {processed}"));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn push_up(&mut self, attempt: Attempt, parcel: Parcel) {
        let line = self.lines.iter_mut().find(|line| line.attempt == attempt && !line.cut && !line.dropped);
        if let Some(line) = line {
            line.up.push_back(parcel);
        }
    }

    fn drain_server(&mut self, index: usize) {
        while let Some(output) = self.sessions[index].machine.poll_output() {
            match output {
                Output::Control(link, message) => self.push_down(link, Parcel::Frame(message)),
                Output::Close(link, code, _) => self.push_down(link, Parcel::Close(code)),
                Output::Ready(link) => {
                    let mut frames = Vec::new();
                    let machine = &mut self.sessions[index].machine;
                    let taken = machine.take(link, &mut |outgoing| {
                        frames.push(framed(&outgoing.prefix.to_bytes(), outgoing.message));
                        true
                    });
                    machine.handle(self.now, ServerInput::Written(link, taken));
                    frames.into_iter().for_each(|frame| self.push_down(link, Parcel::Frame(frame)));
                }
                Output::Deliver(messages) => hand_over(&mut self.sessions[index].inbox, &messages),
                Output::Finished(_) => {
                    let session = &mut self.sessions[index];
                    session.over = true;
                    let (id, gone) = (session.machine.id(), session.machine.gone().unwrap_or(Gone::Ended));
                    let processed = session.machine.processed();
                    self.registry.end(id, gone);
                    self.registry.settle(id, processed);
                }
                _ => {}
            }
        }
    }

    fn push_down(&mut self, link: Attempt, parcel: Parcel) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.attempt == link && !line.cut && !line.dropped) {
            line.down.push_back(parcel);
        }
    }
}

fn hand_over(inbox: &mut Inbox, messages: &[Message]) {
    inbox.handed += messages.len() as u64;
    inbox.messages.extend(messages.iter().filter_map(|message| message.payload().first().copied()));
}

fn framed(prefix: &[u8], message: &Message) -> Message {
    let text = [prefix, message.payload()].concat();
    Message::text(String::from_utf8_lossy(&text).into_owned())
}
