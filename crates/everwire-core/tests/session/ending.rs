use std::time::Duration;

use everwire_core::{
    Closed, Event, Input, Loss, Outcome, Stage, State, TransportEvent,
    session::{ComeBack, Gone, ServerInput, code},
};

use crate::pair::Pair;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn closing_flushes_says_bye_and_frees_the_servers_state() {
    let mut pair = Pair::connected();
    let id = pair.send("last words");
    let deadline = pair.now + SOON;
    pair.input(Input::Close { deadline });
    pair.wait(SOON);
    assert_eq!(pair.client.state(), &State::Closed(Closed::ByUser));
    assert_eq!(pair.at_server, ["last words"]);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    assert!(pair.sent.last().unwrap().starts_with('b'), "{:?}", pair.sent);
    assert_eq!(pair.session().borrow().gone(), Some(Gone::Ended));
    assert!(pair.registry.is_empty());
}

#[test]
fn what_the_server_says_before_it_hears_the_bye_is_not_taken_for_messages() {
    let mut pair = Pair::connected();
    pair.server_send("crosses the bye");
    let deadline = pair.now + SOON;
    pair.input(Input::Close { deadline });
    pair.wait(SOON);
    assert_eq!(pair.at_client, [""; 0], "the session is over, and these were its frames");
    assert_eq!(pair.client.state(), &State::Closed(Closed::ByUser));
}

#[test]
fn what_follows_a_violation_that_ends_the_session_is_not_taken_for_messages() {
    let mut pair = Pair::connected();
    let frames = ["a9", "m1:late", "x"].map(|frame| crate::pair::Packet::Message(frame.into()));
    pair.wires[0].down.extend(frames);
    while pair.down(0) {}
    assert_eq!(pair.at_client, [""; 0]);
}

#[test]
fn a_normal_close_without_a_bye_ends_no_session() {
    let mut pair = Pair::connected();
    pair.server_send("one");
    pair.run();
    pair.wires[0].down.push_back(crate::pair::Packet::Close(everwire_core::CloseCode::NORMAL));
    while pair.down(0) {}
    assert!(matches!(pair.client.state(), State::Disconnected { .. }), "{:?}", pair.client.state());
    pair.server_send("two");
    pair.wait_for_dial();
    pair.run();
    assert_eq!(pair.at_client, ["one", "two"]);
    assert!(pair.events.contains(&Event::Session { resumed: true, resending: 0 }));
}

#[test]
fn disconnecting_keeps_the_session_for_the_return() {
    let mut pair = Pair::connected();
    pair.input(Input::Disconnect);
    pair.run();
    assert_eq!(pair.client.state(), &State::Closed(Closed::Disconnected));
    pair.server_send("while you were away");
    pair.input(Input::Connect);
    pair.run();
    assert_eq!(pair.at_client, ["while you were away"]);
    assert!(pair.events.contains(&Event::Session { resumed: true, resending: 0 }));
}

#[test]
fn a_bye_of_the_server_ends_it_for_good() {
    let mut pair = Pair::connected();
    pair.server_send("before the bye");
    pair.server_input(ServerInput::End { back: ComeBack::Never, reason: "closing time".into() });
    pair.wait(SOON);
    assert_eq!(pair.at_client, ["before the bye"]);
    assert!(matches!(pair.client.state(), State::Closed(Closed::ByPeer(_))), "{:?}", pair.client.state());
    assert_eq!(pair.session().borrow().gone(), Some(Gone::Ended));
    assert_eq!(pair.server_outcomes, [(1, Outcome::Acknowledged)]);
}

#[test]
fn a_bye_is_the_last_word_on_what_is_processed() {
    let mut pair = Pair::connected();
    let id = pair.send("crosses the bye");
    pair.server_input(ServerInput::End { back: ComeBack::After(SOON), reason: String::new() });
    pair.wait(SOON * 2);
    assert_eq!(pair.wires.len(), 2);
    assert_eq!(pair.at_server, ["crosses the bye"], "once, in the new session");
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn who_misses_the_bye_hears_of_the_end_on_the_next_connection() {
    let mut pair = Pair::connected();
    pair.server_input(ServerInput::End { back: ComeBack::Never, reason: String::new() });
    pair.cut_silently(0);
    let id = pair.send("after the end");
    let lost = TransportEvent::Lost(Loss::Ended);
    pair.input(Input::Transport(pair.wires[0].attempt, lost));
    pair.wait(SOON);
    let lost = Event::SessionLost { reason: Gone::Ended, settled: true, unknown: 0 };
    assert!(pair.events.contains(&lost), "{:?}", pair.events);
    assert_eq!(pair.at_server, ["after the end"], "in the new session");
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn a_bye_with_a_pause_brings_the_client_back_after_it_with_a_new_session() {
    let mut pair = Pair::connected();
    let pause = Duration::from_secs(40);
    pair.server_input(ServerInput::End { back: ComeBack::After(pause), reason: String::new() });
    pair.run();
    pair.wait(Duration::from_secs(39));
    assert!(matches!(pair.client.state(), State::Disconnected { .. }), "{:?}", pair.client.state());
    pair.wait(Duration::from_secs(5));
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.wires.len(), 2);
}

#[test]
fn a_banned_client_is_closed_and_not_resumed() {
    let mut pair = Pair::connected();
    let kill = ServerInput::Kill { gone: Gone::Denied, code: everwire_core::CloseCode(4403), reason: "banned" };
    pair.server_input(kill);
    pair.wait(SOON);
    assert!(matches!(pair.client.state(), State::Closed(Closed::Refused(_))), "{:?}", pair.client.state());
}

#[test]
fn a_superseded_client_does_not_come_back() {
    let mut pair = Pair::connected();
    let last = pair.wires.len() - 1;
    pair.wires[last].down.push_back(crate::pair::Packet::Close(code::SUPERSEDED));
    pair.wait(Duration::from_secs(100));
    assert!(matches!(pair.client.state(), State::Closed(Closed::Refused(_))), "{:?}", pair.client.state());
    assert_eq!(pair.wires.len(), 1);
}

#[test]
fn a_session_that_nobody_resumes_ends_and_says_what_became_of_its_messages() {
    let mut pair = Pair::connected();
    pair.unreachable = true;
    pair.server_send("on its way");
    pair.cut_last();
    pair.server_send("never left");
    pair.wait(Duration::from_secs(121));
    assert_eq!(pair.session().borrow().gone(), Some(Gone::Expired));
    assert_eq!(pair.server_outcomes, [(1, Outcome::Unknown(Stage::Written)), (2, Outcome::Cancelled)]);
    assert!(pair.registry.is_empty());
}

#[test]
fn what_lies_in_the_buffer_of_a_connection_that_is_closed_may_have_arrived() {
    let mut pair = Pair::connected();
    pair.server_writes = false;
    pair.server_send("in the buffer");
    pair.wires[0].up.push_back(crate::pair::Packet::Message("m9:a gap".into()));
    pair.up(0);
    pair.unreachable = true;
    pair.run();
    assert_eq!(pair.at_client, ["in the buffer"]);
    pair.wait(Duration::from_secs(121));
    assert_eq!(pair.session().borrow().gone(), Some(Gone::Expired));
    assert_eq!(pair.server_outcomes, [(1, Outcome::Unknown(Stage::Written))]);
}

#[test]
fn a_client_that_is_given_a_time_of_its_own_comes_at_it_to_the_millisecond_and_spreads_only_after_a_failure() {
    let mut pair = Pair::connected();
    let pause = Duration::from_millis(12_345);
    pair.server_input(ServerInput::End { back: ComeBack::At(pause), reason: String::new() });
    pair.run();
    let ended = pair.now;
    let retry_at = |pair: &Pair| match pair.client.state() {
        State::Disconnected { retry_at, .. } => *retry_at,
        other => panic!("{other:?}"),
    };
    assert_eq!(retry_at(&pair).since(ended), pause);
    pair.unreachable = true;
    pair.wait(pause);
    let after_a_failure = retry_at(&pair).since(pair.now);
    assert!(after_a_failure >= Duration::from_millis(100), "the usual back-off, and not zero: {after_a_failure:?}");
}
