use std::time::Duration;

use everwire_core::{
    Cause, CloseCode, CloseFrame, Event, Hint, Input, OpenFailure, OpenFailureKind, Outcome, Phase, RefusalReason,
    State, TransportEvent,
    session::{ServerConfig, ServerInput},
};

use crate::pair::{Packet, Pair};

const SOON: Duration = Duration::from_secs(5);

fn never_disconnected(pair: &Pair) -> bool {
    !pair.events.iter().any(|event| matches!(event, Event::Disconnected(_)))
}

#[test]
fn a_move_opens_the_new_connection_before_it_drops_the_old() {
    let mut pair = Pair::connected();
    pair.send("1");
    pair.input(Input::Migrate);
    pair.send("2");
    pair.server_send("1");
    pair.run();
    pair.send("3");
    pair.server_send("2");
    pair.run();
    assert_eq!(pair.at_server, ["1", "2", "3"]);
    assert_eq!(pair.at_client, ["1", "2"]);
    assert_eq!(pair.wires.len(), 2);
    assert_eq!(pair.states.iter().filter(|state| **state == State::Connected).count(), 1);
    assert!(never_disconnected(&pair));
    assert!(pair.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
}

#[test]
fn what_is_processed_behind_the_hello_of_a_move_is_acknowledged_on_the_new_connection() {
    let mut pair = Pair::connected();
    pair.input(Input::Migrate);
    pair.server_send("behind the hello");
    assert!(pair.down(0), "it is processed, and acknowledged on a connection that is about to be fenced");
    assert!(pair.up(1), "the hello fences it");
    pair.run();
    assert_eq!(pair.at_client, ["behind the hello"]);
    assert_eq!(pair.server_outcomes, [(1, Outcome::Acknowledged)]);
}

#[test]
fn a_hello_that_gets_lost_has_acknowledged_nothing() {
    let mut pair = Pair::connected();
    pair.client_processes = false;
    pair.server_send("1");
    pair.server_send("2");
    pair.run();
    pair.input(Input::Processed(1));
    pair.input(Input::Migrate);
    pair.cut(1);
    pair.wait(SOON);
    assert_eq!(pair.server_outcomes, [(1, Outcome::Acknowledged)]);
}

#[test]
fn a_client_that_is_fenced_by_its_own_move_comes_back() {
    let mut pair = Pair::connected();
    pair.input(Input::Migrate);
    assert!(pair.up(1), "the hello fences the old connection");
    pair.cut(1);
    let id = pair.send("still me");
    pair.wait(SOON);
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn a_move_that_is_done_while_the_old_connection_is_closing_holds() {
    let mut pair = Pair::connected();
    pair.slow = true;
    pair.input(Input::Migrate);
    let frame = CloseFrame { code: CloseCode(1012), reason: "".into() };
    pair.input(Input::Transport(pair.wires[0].attempt, TransportEvent::PeerClosed(Some(frame))));
    pair.open_last();
    assert!(pair.up(1) && pair.down(1), "the hello and the welcome");
    assert_eq!(pair.client.state(), &State::Connected);
    pair.wait(SOON);
    assert_eq!(pair.client.state(), &State::Connected, "the old one's closing time-out is none of its business");
}

#[test]
fn a_server_that_will_leave_is_left_before_it_does() {
    let mut pair = Pair::connected();
    let within = Duration::from_secs(30);
    pair.server_input(ServerInput::GoAway { within, url: None });
    pair.run();
    assert!(pair.events.contains(&Event::GoingAway { within }));
    assert_eq!(pair.wires.len(), 2);
    assert_eq!(pair.client.state(), &State::Connected);
    assert!(never_disconnected(&pair));
}

#[test]
fn a_change_of_the_network_starts_a_move() {
    let mut pair = Pair::connected();
    pair.input(Input::Hint(Hint::NetworkChanged));
    pair.run();
    assert_eq!(pair.wires.len(), 2);
    assert!(never_disconnected(&pair));
}

#[test]
fn a_move_that_fails_leaves_the_old_connection_and_is_tried_again() {
    let mut pair = Pair::connected();
    pair.unreachable = true;
    pair.input(Input::Migrate);
    pair.send("still here");
    pair.run();
    assert_eq!(pair.at_server, ["still here"]);
    assert!(never_disconnected(&pair));
    pair.unreachable = false;
    pair.wait(Duration::from_secs(31));
    assert_eq!(pair.wires.len(), 2);
    assert!(never_disconnected(&pair));
}

#[test]
fn the_loss_of_the_old_connection_makes_the_new_one_the_one_that_is_awaited() {
    let mut pair = Pair::connected();
    pair.slow = true;
    pair.send("1");
    pair.input(Input::Migrate);
    pair.cut(0);
    assert_eq!(pair.client.state(), &State::Connecting { attempt: 2 });
    pair.open_last();
    pair.wait(SOON);
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.wires.len(), 2);
    assert_eq!(pair.at_server, ["1"]);
}

#[test]
fn the_close_of_the_old_connection_as_superseded_is_what_we_asked_for() {
    let mut pair = Pair::connected();
    pair.input(Input::Migrate);
    // The hello comes first, then the old connection's close, then the welcome.
    pair.up(1);
    pair.down(0);
    pair.run();
    pair.wait(SOON);
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.wires.len(), 2);
    pair.send("after");
    pair.run();
    assert_eq!(pair.at_server, ["after"]);
}

#[test]
fn leaving_while_a_move_is_under_way_leaves_nothing_behind() {
    let mut pair = Pair::connected();
    pair.input(Input::Migrate);
    pair.input(Input::Disconnect);
    pair.run();
    pair.wait(SOON);
    assert!(matches!(pair.client.state(), State::Closed(_)), "{:?}", pair.client.state());
    assert_eq!(pair.session().borrow().link(), None);
}

#[test]
fn a_move_that_is_refused_for_good_is_not_tried_again_until_it_is_asked_for() {
    let mut pair = unwatched();
    refuse_the_move(&mut pair, 403, None);
    let cause = pair.events.iter().find_map(|event| match event {
        Event::MoveFailed { cause, retry_in: None } => Some(cause.clone()),
        _ => None,
    });
    assert!(matches!(cause, Some(Cause::OpenFailed(_))), "{:?}", pair.events);
    pair.wait(Duration::from_secs(600));
    assert_eq!(pair.wires.len(), 2, "the refused one was the last");
    assert!(never_disconnected(&pair));

    pair.slow = false;
    pair.input(Input::Migrate);
    pair.run();
    assert_eq!(pair.wires.len(), 3);
    assert!(never_disconnected(&pair));
}

#[test]
fn a_move_that_is_put_off_by_the_server_waits_for_as_long_as_it_said() {
    let mut pair = unwatched();
    let pause = Duration::from_secs(300);
    refuse_the_move(&mut pair, 503, Some(pause));
    pair.wait(pause - Duration::from_secs(1));
    assert_eq!(pair.wires.len(), 2, "not before the pause is over");
    pair.slow = false;
    pair.wait(Duration::from_secs(60));
    assert_eq!(pair.wires.len(), 3);
}

/// Nothing but what the test does happens in a long wait.
fn unwatched() -> Pair {
    let mut server = ServerConfig::default();
    server.heartbeat.interval = None;
    let mut pair = Pair::with(|config| config.heartbeat.interval = None, server);
    pair.run();
    pair
}

fn refuse_the_move(pair: &mut Pair, status: u16, retry_after: Option<Duration>) {
    pair.slow = true;
    pair.input(Input::Migrate);
    let kind =
        OpenFailureKind::Refused { status, retry_after, fresh_credentials: false, reason: RefusalReason::Status };
    let failure = OpenFailure { phase: Phase::Upgrade, kind, detail: "refused".into() };
    let attempt = pair.wires[1].attempt;
    pair.input(Input::Transport(attempt, TransportEvent::OpenFailed(failure)));
}

#[test]
fn a_move_whose_first_frame_is_no_welcome_fails_in_words_and_is_tried_again() {
    let mut pair = Pair::connected();
    pair.input(Input::Migrate);
    pair.wires[1].down.push_back(Packet::Message("m1:too early".into()));
    assert!(pair.down(1));
    let failed = pair.events.iter().find_map(|event| match event {
        Event::MoveFailed { cause: Cause::OpenFailed(failure), retry_in: Some(_) } => Some(failure.clone()),
        _ => None,
    });
    let failure = failed.expect("a move that failed");
    assert_eq!((failure.phase, failure.kind), (Phase::Session, OpenFailureKind::BadSession));
    let id = pair.send("on the old connection");
    pair.run();
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    pair.wait(Duration::from_secs(30));
    assert!(pair.wires.len() > 2, "it is tried again");
    assert!(never_disconnected(&pair));
    let moved = pair.events.iter().any(|event| matches!(event, Event::Session { resumed: true, .. }));
    assert!(moved, "{:?}", pair.events);
}

#[test]
fn a_server_that_says_again_and_again_that_it_leaves_hastens_no_move_that_has_failed() {
    let mut pair = Pair::connected();
    pair.unreachable = true;
    pair.input(Input::Migrate);
    for _ in 0..100 {
        pair.server_input(ServerInput::GoAway { within: SOON, url: None });
        pair.run();
    }
    let failed = pair.events.iter().filter(|event| matches!(event, Event::MoveFailed { .. })).count();
    assert_eq!(failed, 1);
}
