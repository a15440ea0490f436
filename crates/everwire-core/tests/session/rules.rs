use std::time::Duration;

use everwire_core::{
    Attempt, Cause, CloseCode, CloseFrame, Closed, Config, Event, Input, Loss, Machine, Message, Moment, OpenFailure,
    OpenFailureKind, Outcome, Output, Phase, RefusalReason, Stage, State, TransportEvent,
    session::{Attached, Frame, Gone, Hello, Limits, Resume, ServerConfig, SessionConfig, SessionMode, Token, code},
};

use crate::pair::{Packet, Pair};

const SOON: Duration = Duration::from_secs(5);

fn say(pair: &mut Pair, frame: &str) {
    let last = pair.wires.len() - 1;
    pair.wires[last].down.push_back(Packet::Message(Message::text(frame.to_owned())));
    pair.down(last);
}

fn lost_to(pair: &Pair, code: everwire_core::CloseCode) -> bool {
    pair.events.iter().any(|event| {
        let Event::Disconnected(end) = event else { return false };
        matches!(&end.cause, Cause::Lost(Loss::Protocol(found, _)) if *found == code)
    })
}

#[test]
fn a_gap_ends_the_connection_and_the_session_goes_on() {
    let mut pair = Pair::connected();
    pair.server_send("1");
    pair.run();
    say(&mut pair, "m3:left out");
    pair.wait(SOON);
    assert!(lost_to(&pair, code::GAP));
    pair.server_send("2");
    pair.run();
    assert_eq!(pair.at_client, ["1", "2"]);
    assert!(pair.events.contains(&Event::Session { resumed: true, resending: 0 }));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_ends_the_session() {
    let mut pair = Pair::connected();
    say(&mut pair, "a1");
    pair.wait(SOON);
    assert!(lost_to(&pair, code::VIOLATED));
    let begun = pair.events.iter().filter(|event| matches!(event, Event::Session { resumed: false, .. })).count();
    assert_eq!(begun, 2);
}

#[test]
fn unknown_letters_and_frames_out_of_place_end_the_connection() {
    for frame in ["x", "h{}", "w{\"session\":\"\",\"token\":\"\",\"resumed\":true,\"processed\":0,\"resume_within\":1}"]
    {
        let mut pair = Pair::connected();
        say(&mut pair, frame);
        pair.wait(SOON);
        assert!(lost_to(&pair, code::MALFORMED), "{frame}");
        assert_eq!(pair.client.state(), &State::Connected);
    }
}

#[test]
fn a_ping_of_the_session_is_answered() {
    let mut pair = Pair::connected();
    say(&mut pair, "pabc");
    assert_eq!(pair.sent.last().unwrap(), "qabc");
}

#[test]
fn a_first_frame_that_is_no_welcome_fails_the_attempt() {
    let mut pair = Pair::new();
    say(&mut pair, "m1:too early");
    let failed = pair.events.iter().any(|event| {
        matches!(event, Event::AttemptFailed { cause: Cause::OpenFailed(failure), .. }
            if failure.kind == OpenFailureKind::BadSession)
    });
    assert!(failed, "{:?}", pair.events);
    assert_eq!(pair.at_client, Vec::<String>::new());
}

#[test]
fn a_server_without_sessions_is_refused_or_taken_as_it_is() {
    let opened = |mode| {
        let mut session = SessionConfig::default();
        session.mode = mode;
        let mut config = Config::default();
        config.session = Some(session);
        let mut machine = Machine::new(config, [1; 32]).unwrap();
        machine.handle(Moment::ZERO, Input::Connect);
        let opened = TransportEvent::Opened { subprotocol: None };
        machine.handle(Moment::ZERO, Input::Transport(Attempt(1), opened));
        machine
    };
    assert_eq!(opened(SessionMode::Prefer).state(), &State::Connected);
    let refused = opened(SessionMode::Require);
    assert!(matches!(refused.state(), State::Closed(Closed::Refused(_))), "{:?}", refused.state());
}

/// A client that prefers a session, on an opening with this subprotocol.
fn preferring(subprotocol: Option<&str>) -> Machine {
    let mut session = SessionConfig::default();
    session.mode = SessionMode::Prefer;
    let mut config = Config::default();
    config.session = Some(session);
    let mut machine = Machine::new(config, [1; 32]).unwrap();
    machine.handle(Moment::ZERO, Input::Connect);
    assert!(!machine.withholds_session());
    if let Some(name) = subprotocol {
        let subprotocol = Some(name.to_owned());
        machine.handle(Moment::ZERO, Input::Transport(Attempt(1), TransportEvent::Opened { subprotocol }));
    }
    machine
}

/// The second opening offers no session, and comes to a plain connection.
fn goes_on_plainly(machine: &mut Machine, now: Moment) {
    assert_eq!(machine.state(), &State::Connecting { attempt: 2 });
    assert!(machine.withholds_session());
    machine.handle(now, Input::Transport(Attempt(2), TransportEvent::Opened { subprotocol: None }));
    assert_eq!(machine.state(), &State::Connected);
    machine.handle(now, Input::Transport(Attempt(2), TransportEvent::Received(vec!["hello".into()])));
    let mut outputs = std::iter::from_fn(|| machine.poll_output());
    assert!(outputs.any(|output| matches!(output, Output::Deliver(messages) if messages == ["hello".into()])));
}

#[test]
fn a_preferred_session_is_given_up_for_a_server_that_only_echoes_its_name() {
    let now = Moment::ZERO;
    let mut machine = preferring(Some("everwire.v1"));
    machine.handle(now, Input::Transport(Attempt(1), TransportEvent::Received(vec!["hello".into()])));
    goes_on_plainly(&mut machine, now);

    let mut machine = preferring(Some("everwire.v1"));
    let now = Moment::ZERO + Duration::from_secs(10);
    machine.handle(now, Input::Timer);
    goes_on_plainly(&mut machine, now);

    let now = Moment::ZERO;
    let mut machine = preferring(Some("everwire.v1"));
    let frame = CloseFrame { code: CloseCode::UNSUPPORTED_DATA, reason: "".into() };
    machine.handle(now, Input::Transport(Attempt(1), TransportEvent::PeerClosed(Some(frame))));
    goes_on_plainly(&mut machine, now);
}

#[test]
fn a_preferred_session_is_given_up_for_a_server_that_refuses_its_name_and_a_second_refusal_counts() {
    let now = Moment::ZERO;
    let refused = |status| {
        let kind = OpenFailureKind::Refused {
            status,
            retry_after: None,
            fresh_credentials: false,
            reason: RefusalReason::Status,
        };
        TransportEvent::OpenFailed(OpenFailure { phase: Phase::Upgrade, kind, detail: String::new() })
    };
    for status in [400, 403, 406] {
        let mut machine = preferring(None);
        machine.handle(now, Input::Transport(Attempt(1), refused(status)));
        goes_on_plainly(&mut machine, now);
        let mut machine = preferring(None);
        machine.handle(now, Input::Transport(Attempt(1), refused(status)));
        machine.handle(now, Input::Transport(Attempt(2), refused(status)));
        assert!(matches!(machine.state(), State::Closed(Closed::Refused(_))), "{:?}", machine.state());
    }
    let mut machine = preferring(None);
    machine.handle(now, Input::Transport(Attempt(1), refused(404)));
    assert!(matches!(machine.state(), State::Closed(Closed::Refused(_))), "{:?}", machine.state());
}

#[test]
fn a_session_that_there_was_is_not_given_up_for_a_plain_connection() {
    let mut session = SessionConfig::default();
    session.mode = SessionMode::Prefer;
    let mut pair = Pair::with(|config| config.session = Some(session), ServerConfig::default());
    pair.run();
    assert!(pair.events.contains(&Event::Session { resumed: false, resending: 0 }), "{:?}", pair.events);
    pair.cut(0);
    pair.wait_for_dial();
    say(&mut pair, "hello");
    assert!(matches!(pair.client.state(), State::Disconnected { .. }), "{:?}", pair.client.state());
    assert!(!pair.client.withholds_session());
}

#[test]
fn a_late_hello_of_an_older_connection_does_not_take_the_session_back() {
    let pair = Pair::connected();
    let session = pair.session();
    let credentials = |connection| Hello {
        resume: Some(Resume {
            session: session.borrow().id().to_string(),
            token: "01".repeat(32),
            connection,
            processed: 0,
        }),
        limits: Limits::default(),
    };
    let fresh = Token::new([9; 32]);
    let attach = |link, connection| {
        let hello = credentials(connection);
        session.borrow_mut().attach(pair.now, Attempt(link), &hello, fresh.clone())
    };
    assert_eq!(attach(50, 3), Attached::Welcome);
    assert_eq!(attach(51, 3), Attached::Stale);
    assert_eq!(attach(52, 2), Attached::Stale);
    assert_eq!(session.borrow().link(), Some(Attempt(50)));
}

#[test]
fn a_token_works_until_its_successor_was_used() {
    let pair = Pair::connected();
    let session = pair.session();
    let mut connection = 1;
    let mut attach = |token: u8, fresh: u8| {
        connection += 1;
        let resume = Resume {
            session: session.borrow().id().to_string(),
            token: format!("{token:02x}").repeat(32),
            connection,
            processed: 0,
        };
        let hello = Hello { resume: Some(resume), limits: Limits::default() };
        session.borrow_mut().attach(pair.now, Attempt(connection), &hello, Token::new([fresh; 32]))
    };
    let denied = Attached::Gone(everwire_core::session::Previous { reason: Gone::Denied, processed: None });
    assert_eq!(attach(0x99, 0x20), denied, "a token that never was");
    assert_eq!(attach(0x01, 0x21), Attached::Welcome);
    assert_eq!(attach(0x01, 0x22), Attached::Welcome, "the welcome may have been lost");
    assert_eq!(attach(0x21, 0x23), Attached::Welcome, "a client that stores its tokens may have stored only this one");
    assert_eq!(attach(0x01, 0x24), denied, "its successor was used");
    assert_eq!(attach(0x22, 0x25), Attached::Welcome, "given later, and not used yet");
    assert_eq!(attach(0x21, 0x26), denied, "a later one was used");
    for fresh in 0x30..0x40 {
        assert_eq!(attach(0x22, fresh), Attached::Welcome);
    }
    assert_eq!(attach(0x25, 0x50), denied, "sixteen have been given since");
    assert_eq!(attach(0x30, 0x51), Attached::Welcome);
}

#[test]
fn somebody_else_does_not_get_the_session() {
    let mut pair = Pair::connected();
    pair.send("mine");
    pair.run();
    pair.principal = "eve".into();
    pair.cut_last();
    pair.wait(SOON);
    let lost = Event::SessionLost { reason: Gone::Unknown, settled: false, unknown: 0 };
    assert!(pair.events.contains(&lost), "{:?}", pair.events);
}

#[test]
fn a_frame_is_never_shown_with_its_token() {
    let hello = Frame::parse(Message::text(
        "h{\"resume\":{\"session\":\"s\",\"token\":\"secret\",\"connection\":1,\"processed\":0}}",
    ));
    assert!(!format!("{hello:?}").contains("secret"));
    let welcome = Frame::parse(Message::text(
        "w{\"session\":\"s\",\"token\":\"secret\",\"resumed\":true,\"processed\":0,\"resume_within\":1}",
    ));
    assert!(!format!("{welcome:?}").contains("secret"));
}

#[test]
fn a_welcome_that_takes_an_acknowledgement_back_ends_the_session() {
    let mut pair = Pair::connected();
    pair.send("acknowledged");
    pair.run();
    pair.cut_last();
    pair.wait_for_dial();
    assert!(pair.up(1), "the hello");
    let Some(Packet::Message(message)) = pair.wires[1].down.front_mut() else { panic!("no welcome") };
    let Ok(Frame::Welcome(mut welcome)) = Frame::parse(message.clone()) else { panic!("no welcome") };
    assert_eq!(welcome.processed, 1);
    welcome.processed = 0;
    *message = Frame::Welcome(welcome).to_message();
    let id = pair.send("then this");
    pair.wait(Duration::from_secs(100));
    let refused = |event: &Event| {
        let Event::AttemptFailed { cause: Cause::OpenFailed(failure), .. } = event else { return false };
        failure.kind == OpenFailureKind::BadSession
    };
    assert!(pair.events.iter().any(refused), "{:?}", pair.events);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn what_lies_in_the_buffer_when_the_session_is_violated_is_not_sent_again() {
    let mut pair = Pair::connected();
    pair.client_writes = false;
    let id = pair.send("in the buffer");
    say(&mut pair, "a9");
    pair.wait(SOON);
    assert_eq!(pair.at_server, ["in the buffer"]);
    assert_eq!(pair.outcome(id), Some(Outcome::Unknown(Stage::Written)));
}
