use std::time::Duration;

use everwire_core::{
    Event, Message, Outcome, Rejection, SendError,
    session::{Gone, Limits, ServerConfig, ServerInput},
};

use crate::pair::{Packet, Pair};

fn narrow(set: impl FnOnce(&mut ServerConfig)) -> Pair {
    let mut config = ServerConfig::default();
    set(&mut config);
    let mut pair = Pair::with(|_| {}, config);
    pair.run();
    pair
}

#[test]
fn the_sender_waits_at_the_receivers_limit_and_goes_on_when_it_is_acknowledged() {
    let mut pair = narrow(|config| config.limits.messages = 3);
    pair.server_processes = false;
    for number in 0..10 {
        pair.send(&number.to_string());
    }
    pair.run();
    assert_eq!(pair.at_server.len(), 3);
    for _ in 0..4 {
        pair.server_catches_up();
        pair.run();
    }
    assert_eq!(pair.at_server.len(), 10);
    assert_eq!(pair.outcomes.len(), 10);
}

#[test]
fn bytes_are_limited_as_well_and_one_message_may_exceed_them() {
    let mut pair = narrow(|config| config.limits.bytes = 10);
    pair.server_processes = false;
    pair.send(&"x".repeat(100));
    pair.send("next");
    pair.run();
    assert_eq!(pair.at_server.len(), 1);
    pair.server_catches_up();
    pair.run();
    assert_eq!(pair.at_server.len(), 2);
}

#[test]
fn a_message_that_is_too_large_for_the_peer_is_rejected_and_blocks_nobody() {
    let mut pair = narrow(|config| config.limits.message_bytes = 10);
    let before = pair.send("before");
    let large = pair.send(&"x".repeat(11));
    let after = pair.send("after");
    pair.run();
    assert_eq!(pair.at_server, ["before", "after"]);
    assert_eq!(pair.outcome(before), Some(Outcome::Acknowledged));
    assert_eq!(pair.outcome(large), Some(Outcome::Rejected(Rejection::TooLargeForPeer { limit: 10 })));
    assert_eq!(pair.outcome(after), Some(Outcome::Acknowledged));
}

#[test]
fn a_server_holds_so_much_for_an_absent_client_and_no_more() {
    let mut pair = narrow(|config| config.outbox.max_messages = 5);
    pair.unreachable = true;
    pair.cut_last();
    for number in 0..5 {
        pair.server_send(&number.to_string());
    }
    let refused = pair.session().borrow_mut().send(pair.now, Message::text("6th"));
    assert!(matches!(refused, Err(SendError::Full(_))));
    pair.unreachable = false;
    pair.wait(Duration::from_secs(10));
    assert_eq!(pair.at_client, ["0", "1", "2", "3", "4"]);
    assert!(pair.session().borrow_mut().send(pair.now, Message::text("6th")).is_ok());
}

#[test]
fn an_acknowledgement_rides_along_or_waits_for_more_but_not_for_long() {
    let mut pair = narrow(|_| {});
    pair.server_processes = false;
    for number in 0..3 {
        pair.send(&number.to_string());
    }
    pair.run();
    pair.server_input(ServerInput::Processed(1));
    pair.run();
    assert_eq!(pair.outcomes.len(), 0, "it waits");
    pair.wait(Duration::from_millis(25));
    assert_eq!(pair.outcomes.len(), 1);
    pair.server_input(ServerInput::Processed(2));
    pair.run();
    assert_eq!(pair.outcomes.len(), 1, "it waits");
    pair.server_send("it rides along");
    pair.run();
    assert_eq!(pair.outcomes.len(), 2);
    pair.server_input(ServerInput::Processed(3));
    pair.run();
    assert_eq!(pair.outcomes.len(), 3, "there is nothing more to wait for");
}

#[test]
fn what_is_sent_again_keeps_to_limits_that_have_become_narrower() {
    let mut pair = Pair::durable(|_| {});
    pair.run();
    pair.client_processes = false;
    for number in 0..20 {
        pair.server_send(&number.to_string());
    }
    pair.run();
    assert_eq!(pair.at_client.len(), 20);
    pair.set_client_limits(Limits { messages: 3, ..Limits::default() });
    pair.client_processes = true;
    pair.crash();
    pair.wait(Duration::from_secs(10));
    assert_eq!(pair.at_client.len(), 40, "none was processed before the crash");
    assert!(pair.events.iter().all(|event| !matches!(event, Event::SessionLost { .. })), "{:?}", pair.events);
}

#[test]
fn a_peer_that_ignores_the_limit_on_bytes_ends_the_session() {
    let mut pair = narrow(|config| (config.limits.bytes, config.limits.message_bytes) = (100, 60));
    pair.server_processes = false;
    for seq in 1..=4 {
        let frame = format!("m{seq}:{}", "x".repeat(50));
        pair.wires[0].up.push_back(Packet::Message(Message::text(frame)));
    }
    while pair.up(0) {}
    assert_eq!(pair.at_server.len(), 2, "the limit is reached with the second");
    assert_eq!(pair.session().borrow().gone(), Some(Gone::Violated));
}

#[test]
fn what_a_session_holds_is_known() {
    let mut pair = narrow(|_| {});
    pair.server_processes = false;
    pair.client_processes = false;
    pair.send("12345");
    pair.server_send("123");
    pair.run();
    assert_eq!(pair.session().borrow().held_bytes(), 5 + 3);
    pair.server_catches_up();
    assert_eq!(pair.session().borrow().held_bytes(), 3);
}
