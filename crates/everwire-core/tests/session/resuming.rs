use std::time::Duration;

use everwire_core::{
    Event, Guarantee, Outcome, Stage, State,
    session::{Gone, ServerConfig, ServerInput},
};

use crate::pair::Pair;

const SOON: Duration = Duration::from_secs(5);

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[test]
fn messages_are_acknowledged_when_they_are_processed_not_when_they_are_received() {
    let mut pair = Pair::connected();
    pair.server_processes = false;
    let id = pair.send("hello");
    pair.run();
    assert_eq!(pair.at_server, ["hello"]);
    assert_eq!(pair.outcome(id), None);
    pair.server_catches_up();
    pair.run();
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn nothing_is_lost_or_doubled_wherever_the_connection_is_cut() {
    // Every number of packets that get through before the cut, in both directions at once.
    for packets in 0..60 {
        let mut pair = Pair::connected();
        for number in 0..10 {
            pair.send(&number.to_string());
            pair.server_send(&number.to_string());
        }
        for _ in 0..packets {
            pair.step();
        }
        pair.cut_last();
        pair.send("10");
        pair.server_send("10");
        pair.wait(SOON);
        assert_eq!(pair.at_server, numbers(11), "cut after {packets}");
        assert_eq!(pair.at_client, numbers(11), "cut after {packets}");
        assert_eq!(pair.outcomes.len(), 11, "cut after {packets}");
        assert!(pair.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
        assert!(pair.server_outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
    }
}

#[test]
fn what_is_sent_while_the_resending_runs_comes_after_it() {
    let mut pair = Pair::connected();
    for number in 0..3 {
        pair.send(&number.to_string());
    }
    pair.cut_last();
    pair.send("3");
    pair.wait(SOON);
    assert_eq!(pair.at_server, numbers(4));
    let data: Vec<_> = pair.sent.iter().filter(|frame| frame.starts_with('m')).collect();
    assert_eq!(data, ["m1:0", "m2:1", "m3:2", "m1:0", "m2:1", "m3:2", "m4:3"]);
}

#[test]
fn a_message_that_was_received_but_not_processed_is_not_delivered_again() {
    let mut pair = Pair::connected();
    pair.server_processes = false;
    pair.send("once");
    pair.run();
    pair.cut_last();
    pair.wait(SOON);
    assert_eq!(pair.at_server, ["once"]);
    pair.server_catches_up();
    pair.run();
    assert_eq!(pair.outcomes, [(1, Outcome::Acknowledged)]);
}

#[test]
fn the_session_is_resumed_until_its_deadline_not_once() {
    let mut pair = Pair::connected();
    let id = pair.send("patient");
    pair.unreachable = true;
    pair.cut_last();
    pair.wait(Duration::from_secs(100));
    pair.unreachable = false;
    pair.wait(Duration::from_secs(31));
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    assert!(pair.events.contains(&Event::Session { resumed: true, resending: 1 }));
}

#[test]
fn a_session_that_expired_says_what_it_had_processed_and_the_rest_is_sent_anew() {
    let config = ServerConfig::default();
    let mut pair = Pair::with(|_| {}, config);
    pair.run();
    pair.send("0");
    pair.run();
    pair.send("1");
    pair.unreachable = true;
    // The second one is on its way when the connection is lost.
    pair.cut_last();
    pair.wait(Duration::from_secs(150));
    pair.unreachable = false;
    pair.wait(Duration::from_secs(60));
    assert_eq!(pair.at_server, numbers(2));
    assert_eq!(pair.outcomes, [(1, Outcome::Acknowledged), (2, Outcome::Acknowledged)]);
    let lost = Event::SessionLost { reason: Gone::Expired, settled: true, unknown: 0 };
    assert!(pair.events.contains(&lost), "{:?}", pair.events);
}

#[test]
fn without_that_word_the_guarantee_decides_between_unknown_and_twice() {
    for (guarantee, wanted) in
        [(Guarantee::AtMostOnce, Outcome::Unknown(Stage::Written)), (Guarantee::AtLeastOnce, Outcome::Acknowledged)]
    {
        let mut pair = Pair::with(|config| config.guarantee = guarantee, ServerConfig::default());
        pair.run();
        let written = pair.send("may have arrived");
        pair.unreachable = true;
        pair.cut_last();
        let queued = pair.send("never left");
        // Another server, which knows nothing.
        pair.registry = everwire_core::session::Registry::new(Default::default()).unwrap();
        pair.unreachable = false;
        pair.wait(SOON);
        assert_eq!(pair.outcome(written), Some(wanted));
        assert_eq!(pair.outcome(queued), Some(Outcome::Acknowledged));
    }
}

#[test]
fn the_welcome_that_is_lost_costs_nothing() {
    let mut pair = Pair::connected();
    let id = pair.send("x");
    pair.run();
    for _ in 0..5 {
        pair.cut_last();
        // The hello gets through, the welcome does not.
        while pair.wires.last().unwrap().down.is_empty() {
            pair.wait_for_dial();
            let last = pair.wires.len() - 1;
            pair.up(last);
        }
    }
    pair.cut_last();
    pair.wait(Duration::from_secs(60));
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    assert!(!pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. })));
}

#[test]
fn both_directions_survive_a_connection_that_only_the_server_still_believes_in() {
    let mut pair = Pair::connected();
    let last = pair.wires.len() - 1;
    pair.send("0");
    pair.cut_silently(last);
    let attempt = pair.wires[last].attempt;
    let lost = everwire_core::TransportEvent::Lost(everwire_core::Loss::Ended);
    pair.input(everwire_core::Input::Transport(attempt, lost));
    pair.server_send("0");
    pair.wait(SOON);
    assert_eq!((pair.at_server.clone(), pair.at_client.clone()), (numbers(1), numbers(1)));
    // What the old connection still says changes nothing.
    pair.server_input(ServerInput::Lost(attempt));
    pair.send("1");
    pair.run();
    assert_eq!(pair.at_server, numbers(2));
}
