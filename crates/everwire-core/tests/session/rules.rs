use std::time::Duration;

use everwire_core::{
    Attempt, Cause, Closed, Config, Event, Input, Loss, Machine, Message, Moment, OpenFailureKind, Outcome, Stage,
    State, TransportEvent,
    session::{Attached, Frame, Gone, Hello, Limits, Resume, SessionConfig, SessionMode, Token, code},
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
