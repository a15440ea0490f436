use std::time::Duration;

use everwire_core::{DropPolicy, Input, Message, Outcome, Stage, TransportEvent};

use crate::pair::Pair;

const SOON: Duration = Duration::from_secs(5);

fn send_volatile(pair: &mut Pair, text: &str) -> everwire_core::MessageId {
    let id = pair.client.send_volatile(Message::text(text.to_owned())).unwrap();
    pair.drain();
    id
}

#[test]
fn a_volatile_message_goes_out_behind_what_waits_and_its_arrival_stays_unknown() {
    let mut pair = Pair::connected();
    pair.send("1");
    let id = send_volatile(&mut pair, "typing");
    pair.run();
    assert_eq!(pair.at_server, ["1", "typing"]);
    assert_eq!(pair.sent.last().unwrap(), "v:typing");
    assert_eq!(pair.outcome(id), Some(Outcome::Unknown(Stage::Written)));
}

#[test]
fn without_a_connection_it_is_dropped_at_once_and_never_sent() {
    let mut pair = Pair::connected();
    pair.unreachable = true;
    pair.cut_last();
    let id = send_volatile(&mut pair, "typing");
    assert_eq!(pair.outcome(id), Some(Outcome::Dropped(DropPolicy::NotConnected)));
    pair.unreachable = false;
    pair.wait(SOON);
    assert!(pair.at_server.is_empty());
}

#[test]
fn it_has_no_number_and_needs_no_acknowledgement() {
    let mut pair = Pair::connected();
    let session = pair.session();
    for _ in 0..5 {
        session.borrow_mut().send_volatile(Message::text("typing")).unwrap();
    }
    let id = pair.server_send("1");
    pair.run();
    assert_eq!(pair.at_client, ["1", "typing", "typing", "typing", "typing", "typing"]);
    assert!(pair.server_outcomes.contains(&(id.0, Outcome::Acknowledged)));
    assert!(pair.sent.contains(&"a1".to_owned()), "{:?}", pair.sent);
}

#[test]
fn at_the_bound_the_oldest_are_dropped() {
    let mut pair = Pair::new();
    pair.run();
    for number in 0..1025 {
        pair.client.send_volatile(Message::text(number.to_string())).unwrap();
    }
    pair.drain();
    pair.run();
    assert_eq!(pair.at_server.len(), 1024);
    assert_eq!(pair.at_server[0], "1");
    assert_eq!(pair.outcomes.iter().filter(|(_, outcome)| outcome.is_safe_to_resend()).count(), 1);
}

#[test]
fn one_that_lies_in_the_buffer_when_the_client_moves_has_its_outcome() {
    let mut pair = Pair::connected();
    pair.client_writes = false;
    let id = send_volatile(&mut pair, "typing");
    pair.input(Input::Migrate);
    assert!(pair.up(1) && pair.down(1), "the hello and the welcome");
    assert_eq!(pair.outcome(id), Some(Outcome::Dropped(DropPolicy::NotConnected)));
}

#[test]
fn one_that_is_written_behind_the_bye_is_not_called_dropped() {
    let mut pair = Pair::connected();
    pair.client_writes = false;
    let id = send_volatile(&mut pair, "typing");
    let deadline = pair.now + SOON;
    pair.input(Input::Close { deadline });
    let attempt = pair.wires[0].attempt;
    pair.input(Input::Transport(attempt, TransportEvent::Written(1)));
    pair.wait(SOON);
    assert_eq!(pair.at_server, ["typing"]);
    assert_eq!(pair.outcome(id), Some(Outcome::Unknown(Stage::Written)));
}
