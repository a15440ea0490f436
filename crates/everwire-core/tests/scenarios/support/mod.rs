//! A scripted world around a machine: a virtual clock, a transport that does as it is told, a log of all outputs.

mod log;
pub(crate) mod owned;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use everwire_core::{
    Attempt, CancelError, CloseCode, CloseFrame, Config, Hint, Input, Loss, Machine, Message, MessageId, Moment,
    OpenFailure, OpenFailureKind, Outcome, Output, Phase, RefusalReason, ReplaceError, SendError, SendOptions, State,
    TransportEvent,
};

pub(crate) use log::Log;

pub(crate) const SEED: [u8; 32] = [42; 32];

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(crate) fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) now: Moment,
    pub(crate) log: Log,
    /// Pings that the peer has not answered yet.
    pub(crate) pings: VecDeque<Bytes>,
    /// Behind how many frames of the present connection each of its pings went.
    pub(crate) pings_behind: Vec<usize>,
    /// Everything encoded on the present connection.
    pub(crate) wire: Vec<String>,
    taken: usize,
    /// The driver has been told, or knows, that there is something to take.
    ready: bool,
    latest: Option<Attempt>,
    last_id: MessageId,
    /// What makes a message of a text.
    pub(crate) message: fn(&str) -> Message,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self::seeded(config, SEED)
    }

    pub(crate) fn seeded(config: Config, seed: [u8; 32]) -> Self {
        let machine = Machine::new(config, seed).unwrap();
        let (log, pings, pings_behind, wire) = (Log::default(), VecDeque::new(), Vec::new(), Vec::new());
        let (now, last_id) = (Moment::from_nanos(1_000_000_000), MessageId(0));
        let message = |text: &str| Message::text(text.to_owned());
        Self { machine, now, log, pings, pings_behind, wire, taken: 0, ready: false, latest: None, last_id, message }
    }

    /// A world whose connection is open already.
    pub(crate) fn connected(config: Config) -> Self {
        let mut world = Self::new(config);
        world.input(Input::Connect);
        world.opens();
        world
    }

    /// A world whose connection is open, and whose peer has answered the first ping.
    pub(crate) fn acquainted(config: Config) -> Self {
        let mut world = Self::connected(config);
        world.answers_first_ping();
        world.log.clear();
        world
    }

    /// The peer answers the ping that is the first thing of ours on a connection.
    pub(crate) fn answers_first_ping(&mut self) {
        self.passes(seconds(3.0));
        self.pongs();
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        self.drain();
    }

    pub(crate) fn hint(&mut self, hint: Hint) {
        self.input(Input::Hint(hint));
    }

    pub(crate) fn close_within(&mut self, time: Duration) {
        self.input(Input::Close { deadline: self.now + time });
    }

    pub(crate) fn has_dialled(&self) -> bool {
        self.latest.is_some()
    }

    /// The latest attempt that the machine asked for.
    pub(crate) fn attempt(&self) -> Attempt {
        self.latest.expect("an attempt was asked for")
    }

    pub(crate) fn transport(&mut self, event: TransportEvent) {
        let attempt = self.attempt();
        self.input(Input::Transport(attempt, event));
    }

    pub(crate) fn opens(&mut self) {
        self.opens_with(None);
    }

    pub(crate) fn opens_with(&mut self, subprotocol: Option<&str>) {
        self.pings.clear();
        self.pings_behind.clear();
        self.wire.clear();
        (self.taken, self.ready) = (0, false);
        self.transport(TransportEvent::Opened { subprotocol: subprotocol.map(str::to_owned) });
    }

    pub(crate) fn opening_fails(&mut self, kind: OpenFailureKind) {
        let detail = String::from("scripted");
        self.transport(TransportEvent::OpenFailed(OpenFailure { phase: Phase::Tcp, kind, detail }));
    }

    pub(crate) fn refused(&mut self, status: u16) {
        self.opening_fails(OpenFailureKind::Refused {
            status,
            retry_after: None,
            fresh_credentials: false,
            reason: RefusalReason::Status,
        });
    }

    pub(crate) fn receives(&mut self, text: &str) {
        self.transport(TransportEvent::Received(vec![Message::text(text)]));
    }

    /// The peer closes with this code, and the transport ends.
    pub(crate) fn peer_closes(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode(code), reason: "".into() };
        self.transport(TransportEvent::PeerClosed(Some(frame)));
        self.transport(TransportEvent::Lost(Loss::Ended));
    }

    pub(crate) fn loses_connection(&mut self) {
        self.transport(TransportEvent::Lost(Loss::Io("reset".into())));
    }

    pub(crate) fn send(&mut self, text: &str) -> MessageId {
        self.try_send(Message::text(text)).unwrap()
    }

    pub(crate) fn sends<const N: usize>(&mut self, texts: [&str; N]) -> [MessageId; N] {
        texts.map(|text| self.send(text))
    }

    pub(crate) fn try_send(&mut self, message: Message) -> Result<MessageId, SendError> {
        let sent = self.machine.send(self.now, message);
        self.last_id = sent.as_ref().map_or(self.last_id, |id| *id);
        self.drain();
        sent
    }

    pub(crate) fn send_with(&mut self, text: &str, options: SendOptions) -> MessageId {
        self.try_send_with(Message::text(text), options).unwrap()
    }

    pub(crate) fn try_send_with(&mut self, message: Message, options: SendOptions) -> Result<MessageId, SendError> {
        let sent = self.machine.send_with(self.now, message, options);
        self.last_id = sent.as_ref().map_or(self.last_id, |id| *id);
        self.drain();
        sent
    }

    /// The latest message.
    pub(crate) fn last_id(&self) -> MessageId {
        self.last_id
    }

    pub(crate) fn replace(&mut self, id: MessageId, text: &str) -> Result<(), ReplaceError> {
        let replaced = self.machine.replace(self.now, id, (self.message)(text));
        self.drain();
        replaced
    }

    pub(crate) fn cancel(&mut self, id: MessageId) -> Result<Outcome, CancelError> {
        let cancelled = self.machine.cancel(self.now, id);
        self.drain();
        cancelled
    }

    pub(crate) fn withdraw(&mut self, id: MessageId) -> Result<(), CancelError> {
        let withdrawn = self.machine.withdraw(self.now, id);
        self.drain();
        withdrawn
    }

    /// Takes up to `limit` frames into the socket's buffer, as long as the machine says that there is more.
    pub(crate) fn takes(&mut self, limit: usize) -> usize {
        let mut taken = 0;
        loop {
            taken += self.takes_once(limit - taken);
            if !self.ready || taken == limit {
                return taken;
            }
        }
    }

    /// Takes up to `limit` frames in one go.
    pub(crate) fn takes_once(&mut self, limit: usize) -> usize {
        let attempt = self.attempt();
        let mut room = limit;
        let wire = &mut self.wire;
        let taken = self.machine.take(self.now, attempt, &mut |outgoing| {
            if room == 0 {
                return false;
            }
            room -= 1;
            let frame = [&outgoing.prefix.to_bytes(), outgoing.message.payload()].concat();
            wire.push(String::from_utf8_lossy(&frame).into_owned());
            true
        });
        self.taken += taken;
        self.ready = room == 0;
        self.drain();
        taken
    }

    /// The kernel takes this many frames out of the socket's buffer.
    pub(crate) fn writes(&mut self, frames: usize) {
        self.taken = self.taken.saturating_sub(frames);
        self.transport(TransportEvent::Written(frames));
    }

    /// Everything goes out to the kernel.
    pub(crate) fn flushes(&mut self) {
        self.takes(usize::MAX);
        self.writes(self.taken);
    }

    /// The peer answers its oldest unanswered ping.
    pub(crate) fn pongs(&mut self) {
        let payload = self.pings.pop_front().expect("a ping is unanswered");
        self.transport(TransportEvent::Pong(payload));
    }

    /// Everything goes out and is proven.
    pub(crate) fn settles(&mut self) {
        self.flushes();
        while !self.pings.is_empty() {
            self.pongs();
            self.flushes();
        }
    }

    /// For this long the network, the driver and the peer behave: what is asked for is done, what waits is taken as soon
    /// as the driver is told of it, and each ping is answered.
    pub(crate) fn behaves(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            if let State::Connecting { .. } = self.state() {
                self.opens();
            }
            if std::mem::take(&mut self.ready) {
                self.flushes();
            }
            if self.taken > 0 {
                self.writes(self.taken);
            }
            while !self.pings.is_empty() {
                self.pongs();
            }
            self.passes(Duration::from_millis(50));
        }
    }

    /// Time passes, and each timer fires when it is due.
    pub(crate) fn passes(&mut self, time: Duration) {
        let target = self.now + time;
        for _ in 0..100_000 {
            match self.machine.deadline() {
                Some((at, _)) if at <= target => {
                    self.now = self.now.max(at);
                    self.input(Input::Timer);
                }
                _ => {
                    self.now = target;
                    return;
                }
            }
        }
        panic!("timers fire without time passing");
    }

    /// Time passes until the machine asks for another attempt; returns how long that took.
    pub(crate) fn passes_until_attempt(&mut self) -> Duration {
        let (start, latest) = (self.now, self.latest);
        while self.latest == latest {
            let (at, _) = self.machine.deadline().expect("an attempt is planned");
            self.now = self.now.max(at);
            self.input(Input::Timer);
        }
        self.now.since(start)
    }

    /// Our process is stopped: time passes, and only then the overdue timers fire.
    pub(crate) fn stalls(&mut self, time: Duration) {
        self.now = self.now + time;
        self.input(Input::Timer);
    }

    pub(crate) fn state(&self) -> &State {
        self.machine.state()
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match &output {
                Output::Ping(_, payload) | Output::Probe(_, payload) => {
                    self.pings.push_back(payload.clone());
                    self.pings_behind.push(self.wire.len());
                }
                Output::Ready(_) => self.ready = true,
                Output::Open(attempt) => self.latest = Some(*attempt),
                _ => {}
            }
            self.log.push(self.now, output);
        }
    }
}
