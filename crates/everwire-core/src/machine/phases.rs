//! Each phase in which a client waits for its peer has a timer: none outlasts its time because the peer is alive.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseCode, CloseFrame, Message};

use super::Machine;
use crate::{
    Attempt, Config, Input, Moment, Output, Phase, Timer, TransportEvent,
    lifecycle::{Intent, Lifecycle},
    session::{Frame, Limits, SUBPROTOCOL, SessionConfig, Welcome, client::Stage},
};

/// What a client may wait for. A new phase does not compile until it is here; `reached` has to lead to each.
fn awaited(machine: &Machine) -> Option<&'static str> {
    let stage = machine.session.as_ref().map_or(Stage::Plain, |session| session.stage);
    match (&machine.lifecycle, machine.intent) {
        (Lifecycle::Closed(_) | Lifecycle::Waiting(_) | Lifecycle::Finished, _) => None,
        (Lifecycle::Opening(_), Intent::Stay | Intent::Leave { .. } | Intent::Return) => match stage {
            Stage::Plain | Stage::Live | Stage::Over => Some("the opening"),
            Stage::Greeting => Some("the welcome"),
        },
        (Lifecycle::Opening(_), Intent::Close { .. }) => Some("the opening, to flush"),
        (Lifecycle::Open(_), Intent::Stay | Intent::Return) => {
            machine.successor.as_ref().map(|_| "the welcome on the connection that takes over")
        }
        (Lifecycle::Open(_), Intent::Leave { .. }) => Some("what is flushed before a disconnect"),
        (Lifecycle::Open(_), Intent::Close { .. }) => Some("what is flushed before the end"),
        (Lifecycle::Ending(ending), Intent::Stay) if ending.peer_closed => Some("the end, after the peer's close"),
        (Lifecycle::Ending(_), Intent::Stay) => Some("the close frame that answers a violation, or a bye"),
        (Lifecycle::Ending(_), Intent::Leave { .. }) => Some("the close frame that answers a disconnect"),
        (Lifecycle::Ending(_), Intent::Return) => Some("the close frame of a disconnect that was taken back"),
        (Lifecycle::Ending(_), Intent::Close { .. }) => Some("the close frame that answers the last"),
    }
}

const ATTEMPT: Attempt = Attempt(1);
/// What a user gives a closing.
const CLOSING: Duration = Duration::from_secs(5);

/// A machine, and what happens to it at one instant.
struct Scene {
    machine: Machine,
    attempts: Vec<Attempt>,
}

impl Scene {
    fn new(session: bool) -> Self {
        let config = Config { session: session.then(SessionConfig::default), ..Config::default() };
        let mut scene = Self { machine: Machine::new(config, [7; 32]).unwrap(), attempts: Vec::new() };
        scene.input(Input::Connect);
        scene
    }

    fn input(&mut self, input: Input) {
        self.input_at(Moment::ZERO, input);
    }

    /// Does what the machine wants; the connections that it has dropped.
    fn input_at(&mut self, now: Moment, input: Input) -> Vec<Attempt> {
        self.machine.handle(now, input);
        let mut dropped = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Open(attempt) => self.attempts.push(attempt),
                Output::Abort(attempt) => dropped.push(attempt),
                Output::Ready(attempt) => {
                    let taken = self.machine.take(now, attempt, &mut |_| true);
                    self.machine.handle(now, Input::Transport(attempt, TransportEvent::Written(taken)));
                }
                _ => {}
            }
        }
        dropped
    }

    fn transport(&mut self, event: TransportEvent) {
        self.input(Input::Transport(ATTEMPT, event));
    }

    fn hears(&mut self, frame: &Frame) {
        self.transport(TransportEvent::Received(vec![frame.to_message()]));
    }

    fn upgraded(mut self) -> Self {
        let session = self.machine.session.as_ref().is_some();
        self.transport(TransportEvent::Opened { subprotocol: session.then(|| SUBPROTOCOL.to_owned()) });
        self
    }

    fn connected(session: bool) -> Self {
        let mut scene = Self::new(session).upgraded();
        if session {
            scene.hears(&Frame::Welcome(Welcome {
                session: "5e".repeat(16),
                token: "70".repeat(32),
                resumed: false,
                processed: 0,
                limits: Limits::default(),
                resume_within: 1_000,
                previous: None,
            }));
        }
        scene
    }

    /// With a message that is written and not proven.
    fn sending(session: bool) -> Self {
        let mut scene = Self::connected(session);
        scene.machine.send(Moment::ZERO, Message::text("never proven")).unwrap();
        scene.input(Input::Timer);
        scene
    }

    fn after(mut self, inputs: impl IntoIterator<Item = Input>) -> Self {
        inputs.into_iter().for_each(|input| self.input(input));
        self
    }

    fn closing(self) -> Self {
        self.after([Input::Close { deadline: Moment::ZERO + CLOSING }])
    }
}

/// Scenes of each phase, plain and in a session.
fn reached() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for session in [false, true] {
        let frame = CloseFrame { code: CloseCode::GOING_AWAY, reason: "".into() };
        let closed = || Input::Transport(ATTEMPT, TransportEvent::PeerClosed(Some(frame.clone())));
        let mut queued = Scene::new(session);
        queued.machine.send(Moment::ZERO, Message::text("queued")).unwrap();
        scenes.extend([
            Scene::connected(session),
            Scene::new(session),
            queued.closing(),
            Scene::sending(session).after([Input::Disconnect]),
            Scene::sending(session).closing(),
            Scene::connected(session).after([closed()]),
            Scene::connected(session).after([Input::Disconnect]),
            Scene::connected(session).after([Input::Disconnect, Input::Connect]),
            Scene::connected(session).closing(),
        ]);
    }
    let text = |text: &'static str| Input::Transport(ATTEMPT, TransportEvent::Received(vec![Message::text(text)]));
    scenes.extend([
        Scene::new(true).upgraded(),
        Scene::connected(true).after([Input::Migrate]),
        Scene::connected(true).after([text("not of the session")]),
        Scene::connected(true).after([text("b{\"processed\":0}")]),
    ]);
    scenes
}

/// What a peer can do that is not what it is waited for.
fn signs_of_life(session: bool) -> Vec<TransportEvent> {
    let texts: &[&str] = if session { &["p", "q", "v:x", "a0"] } else { &["x"] };
    vec![
        TransportEvent::Activity,
        TransportEvent::Ping,
        TransportEvent::Pong(Bytes::from_static(b"whatever")),
        TransportEvent::Reached(Phase::Upgrade),
        TransportEvent::Received(texts.iter().map(|text| Message::text(*text)).collect()),
    ]
}

#[test]
fn no_phase_that_waits_for_the_peer_outlasts_its_time_because_the_peer_is_alive() {
    let open = Config::default().open;
    let longest = open.timeout.max(open.close_timeout).max(CLOSING) + Duration::from_secs(1);
    let mut seen = BTreeSet::new();
    for mut scene in reached() {
        let phase = awaited(&scene.machine);
        seen.extend(phase);
        let waited_for = *scene.attempts.last().unwrap();
        let session = scene.machine.session.as_ref().is_some();
        let greeting = matches!(phase, Some("the welcome" | "the opening" | "the opening, to flush"));
        let (mut now, mut dropped) = (Moment::ZERO, Vec::new());
        while now.since(Moment::ZERO) < longest {
            now = now + Duration::from_millis(500);
            for life in signs_of_life(session) {
                // Before the welcome a message would be the wrong one, which ends the waiting at once.
                let is_message = matches!(life, TransportEvent::Received(_));
                if !(is_message && (greeting || waited_for != ATTEMPT)) {
                    dropped.extend(scene.input_at(now, Input::Transport(waited_for, life)));
                }
            }
            while scene.machine.deadline().is_some_and(|(at, _)| at <= now) {
                dropped.extend(scene.input_at(now, Input::Timer));
            }
        }
        assert_eq!(dropped.contains(&waited_for), phase.is_some(), "{phase:?} in a session: {session}; {dropped:?}");
    }
    let all = BTreeSet::from([
        "the opening",
        "the opening, to flush",
        "the welcome",
        "the welcome on the connection that takes over",
        "what is flushed before a disconnect",
        "what is flushed before the end",
        "the end, after the peer's close",
        "the close frame that answers a violation, or a bye",
        "the close frame that answers a disconnect",
        "the close frame of a disconnect that was taken back",
        "the close frame that answers the last",
    ]);
    assert_eq!(seen, all, "each phase is looked at");
}

#[test]
fn each_phase_that_waits_for_the_peer_has_a_timer_set() {
    for scene in reached() {
        let phase = awaited(&scene.machine);
        let timers = [Timer::Open, Timer::Close, Timer::Migrate].map(|timer| scene.machine.timers.at(timer));
        assert_eq!(timers.iter().any(Option::is_some), phase.is_some(), "{phase:?}: {timers:?}");
    }
}
