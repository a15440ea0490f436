//! A store without a session: what is kept is sent again by the next process.

use everwire_core::{
    Attempt, CloseCode, CloseFrame, Config, Guarantee, Input, Loss, Machine, Message, MessageId, Moment, Outcome,
    Output, TransportEvent,
    session::{SessionConfig, SessionMode},
    store::{Saved, StoreOp},
};

/// A machine with a store that works at once, and a peer that proves what it gets.
struct Life {
    machine: Machine,
    saved: Saved,
    sent: Vec<String>,
    outcomes: Vec<(u64, Outcome)>,
    works: bool,
}

fn config() -> Config {
    let mut config = Config::default();
    config.guarantee = Guarantee::AtLeastOnce;
    config
}

impl Life {
    fn new(saved: Saved) -> Self {
        let machine = Machine::restore(config(), [7; 32], saved.clone(), Moment::ZERO, 0).unwrap();
        Self { machine, saved, sent: Vec::new(), outcomes: Vec::new(), works: true }
    }

    fn send(&mut self, text: &str) -> MessageId {
        let id = self.machine.send(Moment::ZERO, Message::text(text.to_owned())).unwrap();
        self.drain();
        id
    }

    fn connect(&mut self) {
        self.input(Input::Connect);
        self.input(Input::Transport(Attempt(1), TransportEvent::Opened { subprotocol: None }));
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(Moment::ZERO, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Persist(batch, ops) if self.works => {
                    ops.into_iter().for_each(|op: StoreOp| self.saved.apply(op));
                    self.machine.handle(Moment::ZERO, Input::Persisted(batch));
                }
                Output::Ready(attempt) => {
                    let sent = &mut self.sent;
                    let taken = self.machine.take(Moment::ZERO, attempt, &mut |outgoing| {
                        sent.push(outgoing.message.as_text().unwrap().to_owned());
                        true
                    });
                    self.machine.handle(Moment::ZERO, Input::Transport(attempt, TransportEvent::Written(taken)));
                }
                Output::Ping(attempt, payload) | Output::Probe(attempt, payload) if self.works => {
                    self.machine.handle(Moment::ZERO, Input::Transport(attempt, TransportEvent::Pong(payload)));
                }
                Output::Outcome { first, last, outcome } => {
                    self.outcomes.extend((first.0..=last.0).map(|id| (id, outcome)));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_not_proven_is_sent_again_by_the_next_process() {
    let mut first = Life::new(Saved::default());
    first.send("one");
    first.works = false;
    first.connect();
    assert_eq!(first.sent, ["one"], "it was written, and nothing came back");
    let mut second = Life::new(first.saved);
    let two = second.send("two");
    second.connect();
    assert_eq!(second.sent, ["one", "two"]);
    assert_eq!(second.outcomes, [(1, Outcome::Received), (two.0, Outcome::Received)]);
    assert!(second.saved.messages.is_empty(), "what has arrived is kept no longer");
}

#[test]
fn what_may_have_arrived_is_never_called_cancelled() {
    let mut first = Life::new(Saved::default());
    let id = first.send("one");
    let mut second = Life::new(first.saved);
    let unknown = Outcome::Unknown(everwire_core::Stage::Written);
    assert_eq!(second.machine.cancel(Moment::ZERO, id), Ok(unknown), "nobody knows whether the first process wrote it");
}

#[test]
fn numbers_of_messages_go_on_over_a_restart() {
    let mut first = Life::new(Saved::default());
    let kept = first.send("one");
    let mut second = Life::new(first.saved);
    assert!(second.send("two") > kept);
}

#[test]
fn without_a_session_only_at_least_once_can_be_kept() {
    let refused = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Machine::restore(config, [7; 32], Saved::default(), Moment::ZERO, 0).err().map(|error| error.setting)
    };
    assert_eq!(refused(|config| config.guarantee = Guarantee::AtMostOnce), Some("guarantee"));
    assert_eq!(refused(|config| config.guarantee = Guarantee::AtLeastOnce), None);
    assert_eq!(
        refused(|config| {
            config.guarantee = Guarantee::AtMostOnce;
            let mut session = SessionConfig::default();
            session.mode = SessionMode::Require;
            config.session = Some(session);
        }),
        None
    );
}

#[test]
fn who_waits_for_room_hears_of_the_end_though_the_store_keeps_everything() {
    let mut config = config();
    config.outbox.max_messages = 1;
    let mut life = Life::new(Saved::default());
    life.machine = Machine::restore(config, [7; 32], Saved::default(), Moment::ZERO, 0).unwrap();
    life.connect();
    life.machine.send(Moment::ZERO, Message::text("kept")).unwrap();
    assert!(life.machine.send(Moment::ZERO, Message::text("waits")).is_err());
    while life.machine.poll_output().is_some() {}
    let frame = CloseFrame { code: CloseCode(1008), reason: "no more".into() };
    life.machine.handle(Moment::ZERO, Input::Transport(Attempt(1), TransportEvent::PeerClosed(Some(frame))));
    life.machine.handle(Moment::ZERO, Input::Transport(Attempt(1), TransportEvent::Lost(Loss::Ended)));
    let outputs: Vec<_> = std::iter::from_fn(|| life.machine.poll_output()).collect();
    assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Room)).count(), 1, "{outputs:?}");
    assert!(!outputs.iter().any(|output| matches!(output, Output::Outcome { .. })), "it is kept: {outputs:?}");
}
