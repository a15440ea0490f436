use everwire_core::{
    Closed, Config, Guarantee, Input, Jitter, Message, OpenFailureKind, Outcome, Output, RefusalReason, SendError,
    Stage, State, TransportEvent, Undelivered,
};

use crate::support::{World, config, seconds};

fn closes(world: &World) -> usize {
    world.log.count(|output| matches!(output, Output::Close(..)))
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::as_text).collect()
}

#[test]
fn t17_close_flushes_before_the_closing_handshake() {
    let mut world = World::connected(Config::default());
    let id = world.send("hello");
    world.close_within(seconds(5.0));
    assert_eq!(closes(&world), 0);
    world.takes(10);
    world.writes(1);
    assert_eq!(closes(&world), 0, "written is not proven");
    world.pongs();
    assert_eq!(closes(&world), 1);
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Undelivered::default()));
    assert_eq!(world.state(), &State::Closed(Closed::ByUser));
}

#[test]
fn t17_without_evidence_written_is_enough_to_close() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::Unproven));
    world.send("hello");
    world.close_within(seconds(5.0));
    world.flushes();
    assert_eq!(closes(&world), 1);
}

#[test]
fn t17_at_the_deadline_close_reports_unsent_and_unacknowledged_apart() {
    for guarantee in [Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let mut world = World::connected(config(|config| config.guarantee = guarantee));
        let ids = world.sends(["1", "2", "3", "4"]);
        world.takes(3);
        world.writes(2);
        let start = world.now;
        world.close_within(seconds(5.0));
        world.passes(seconds(60.0));
        let left = world.log.finished().expect("it is over");
        assert_eq!(texts(&left.unacknowledged), ["1", "2"], "{guarantee:?}");
        assert_eq!(texts(&left.unsent), ["3", "4"], "{guarantee:?}");
        let (unknown, cancelled) = (Outcome::Unknown(Stage::Written), Outcome::Cancelled);
        assert_eq!(ids.map(|id| world.log.outcome(id).unwrap()), [unknown, unknown, cancelled, cancelled]);
        let over = world.log.when(|output| matches!(output, Output::Finished(_))).unwrap();
        assert_eq!(over.since(start), seconds(5.0));
        assert_eq!(world.log.aborts().len(), 1);
    }
}

#[test]
fn t17_a_peer_that_never_answers_the_close_frame_costs_the_closing_timeout() {
    let mut world = World::connected(Config::default());
    let start = world.now;
    world.close_within(seconds(60.0));
    world.passes(seconds(60.0));
    let over = world.log.when(|output| matches!(output, Output::Finished(_))).unwrap();
    assert_eq!(over.since(start), seconds(2.0));
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn the_closing_handshake_does_not_outlast_the_deadline() {
    let mut world = World::connected(Config::default());
    let start = world.now;
    world.close_within(seconds(0.5));
    world.passes(seconds(60.0));
    let over = world.log.when(|output| matches!(output, Output::Finished(_))).unwrap();
    assert_eq!(over.since(start), seconds(0.5));
}

#[test]
fn close_without_time_ends_at_once() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.close_within(seconds(0.0));
    assert_eq!(texts(&world.log.finished().unwrap().unsent), ["hello"]);
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn close_of_what_is_closed_finishes_at_once() {
    let mut world = World::new(Config::default());
    let id = world.send("hello");
    world.close_within(seconds(60.0));
    assert_eq!(texts(&world.log.finished().unwrap().unsent), ["hello"]);
    assert_eq!(world.log.outcome(id), Some(Outcome::Cancelled));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn close_while_opening_with_nothing_to_flush_ends_at_once() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.close_within(seconds(60.0));
    assert!(world.log.finished().is_some());
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn close_while_opening_waits_for_the_connection_to_flush() {
    let mut world = World::new(Config::default());
    world.send("hello");
    world.input(Input::Connect);
    world.close_within(seconds(5.0));
    world.opens();
    assert_eq!(world.state(), &State::Closing);
    world.settles();
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Undelivered::default()));
}

#[test]
fn close_while_waiting_tries_at_once() {
    let mut world = World::new(config(|config| config.retry.jitter = Jitter::None));
    world.send("hello");
    world.input(Input::Connect);
    for _ in 0..5 {
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    world.opening_fails(OpenFailureKind::Io);
    world.close_within(seconds(5.0));
    assert_eq!(world.log.opens().len(), 7);
    world.opens();
    world.settles();
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Undelivered::default()));
}

#[test]
fn close_retries_a_lost_connection_while_there_is_time() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let id = world.send("hello");
    world.close_within(seconds(30.0));
    world.flushes();
    world.loses_connection();
    assert_eq!(world.log.finished(), None);
    world.passes_until_attempt();
    world.opens();
    world.settles();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
    world.peer_closes(1000);
    assert!(world.log.finished().is_some());
}

#[test]
fn close_does_not_wait_for_an_attempt_beyond_its_deadline() {
    let mut world = World::new(config(|config| config.retry.jitter = Jitter::None));
    world.send("hello");
    world.input(Input::Connect);
    world.close_within(seconds(0.5));
    world.opening_fails(OpenFailureKind::Io);
    assert!(world.log.finished().is_some(), "the next attempt would start after the deadline");
}

#[test]
fn the_deadline_holds_whatever_the_connection_does() {
    let mut world = World::new(config(|config| config.retry.initial_delay = seconds(0.1)));
    world.send("hello");
    world.input(Input::Connect);
    let start = world.now;
    world.close_within(seconds(7.0));
    while world.log.finished().is_none() {
        if matches!(world.machine.deadline(), Some((_, everwire_core::Timer::Open | everwire_core::Timer::Close))) {
            world.passes(seconds(0.01));
            if world.log.finished().is_none() {
                world.opening_fails(OpenFailureKind::Io);
            }
        } else {
            world.passes(seconds(0.01));
        }
    }
    assert!(world.now.since(start) <= seconds(7.02));
}

#[test]
fn a_second_close_only_shortens_the_deadline() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    let start = world.now;
    world.close_within(seconds(5.0));
    world.close_within(seconds(60.0));
    world.close_within(seconds(3.0));
    world.passes(seconds(100.0));
    let over = world.log.when(|output| matches!(output, Output::Finished(_))).unwrap();
    assert_eq!(over.since(start), seconds(3.0));
}

#[test]
fn send_is_refused_from_close_on() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.close_within(seconds(5.0));
    assert_eq!(world.try_send("late".into()), Err(SendError::Closed("late".into(), Closed::ByUser)));
    world.passes(seconds(10.0));
    assert_eq!(world.try_send("later".into()), Err(SendError::Closed("later".into(), Closed::ByUser)));
}

#[test]
fn close_is_for_good() {
    let mut world = World::connected(Config::default());
    world.close_within(seconds(1.0));
    world.input(Input::Connect);
    world.input(Input::Disconnect);
    world.passes(seconds(5.0));
    assert!(world.log.finished().is_some());
    world.input(Input::Connect);
    world.input(Input::Disconnect);
    world.close_within(seconds(5.0));
    world.hint(everwire_core::Hint::RetryNow);
    world.transport(TransportEvent::Opened { subprotocol: None });
    assert!(world.log.finished().is_some(), "nothing follows");
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn t18_close_after_disconnect_does_not_reconnect() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.input(Input::Disconnect);
    world.close_within(seconds(60.0));
    world.loses_connection();
    assert!(world.log.finished().is_some());
    assert_eq!(world.log.opens().len(), 1);
}

#[test]
fn what_a_final_end_left_is_returned_by_close() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtMostOnce));
    let ids = world.sends(["1", "2", "3"]);
    world.takes(2);
    world.writes(1);
    world.peer_closes(1008);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))));
    let (unknown, cancelled) = (Outcome::Unknown(Stage::Written), Outcome::Cancelled);
    assert_eq!(ids.map(|id| world.log.outcome(id).unwrap()), [unknown, cancelled, cancelled]);
    assert!(matches!(world.try_send("4".into()), Err(SendError::Closed(_, Closed::Refused(_)))));
    world.input(Input::Connect);
    world.opens();
    assert_eq!(world.takes(10), 0, "it starts with an empty outbox");
    world.close_within(seconds(1.0));
    world.peer_closes(1000);
    let left = world.log.finished().unwrap();
    assert_eq!((texts(&left.unacknowledged), texts(&left.unsent)), (vec!["1"], vec!["2", "3"]));
}

#[test]
fn what_many_ends_left_stays_within_the_bounds() {
    let mut world = World::new(config(|config| {
        config.outbox.max_messages = 3;
        config.retry.max_attempts = Some(1);
    }));
    for round in 0..10 {
        world.input(Input::Connect);
        world.send(&format!("{round}a"));
        world.send(&format!("{round}b"));
        world.opening_fails(OpenFailureKind::Io);
    }
    world.close_within(seconds(1.0));
    assert_eq!(texts(&world.log.finished().unwrap().unsent), ["8b", "9a", "9b"]);
}

#[test]
fn a_message_that_may_have_arrived_is_never_reported_as_unsent() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let id = world.send("1");
    world.flushes();
    world.loses_connection();
    world.close_within(seconds(0.0));
    assert_eq!(world.log.outcome(id), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(texts(&world.log.finished().unwrap().unacknowledged), ["1"]);
}

#[test]
fn a_peer_that_ends_it_during_the_flush_ends_it() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.close_within(seconds(60.0));
    world.peer_closes(1000);
    assert_eq!(texts(&world.log.finished().unwrap().unsent), ["hello"]);
}

#[test]
fn close_during_the_peers_close_ends_with_the_transport() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::PeerClosed(None));
    world.close_within(seconds(60.0));
    assert_eq!(world.log.finished(), None);
    world.transport(TransportEvent::Lost(everwire_core::Loss::Ended));
    assert!(world.log.finished().is_some());
}

#[test]
fn what_is_lost_sight_of_during_the_flush_is_returned_as_unacknowledged() {
    let mut world = World::connected(Config::default());
    world.sends(["1", "2"]);
    world.takes(1);
    world.writes(1);
    world.close_within(seconds(30.0));
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.settles();
    world.peer_closes(1000);
    let left = world.log.finished().unwrap();
    assert_eq!((texts(&left.unacknowledged), texts(&left.unsent)), (vec!["1"], vec![]));
}

#[test]
fn closing_again_and_again_does_not_dial_again_and_again() {
    let mut world = World::new(Config::default());
    world.send("hello");
    world.input(Input::Connect);
    for _ in 0..10 {
        if matches!(world.machine.deadline(), Some((_, everwire_core::Timer::Open))) {
            world.opening_fails(OpenFailureKind::Io);
        }
        world.close_within(seconds(60.0));
    }
    assert_eq!(world.log.opens().len(), 2);
}

#[test]
fn close_after_a_disconnect_that_was_taken_back_flushes_on_a_new_connection() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    world.send("hello");
    world.input(Input::Connect);
    world.close_within(seconds(10.0));
    world.peer_closes(1000);
    assert_eq!(world.log.opens().len(), 2);
    world.opens();
    world.settles();
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Undelivered::default()));
}

#[test]
fn close_does_not_prolong_the_wait_for_the_transports_end() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::PeerClosed(None));
    world.close_within(seconds(60.0));
    world.passes(seconds(2.0));
    assert!(world.log.finished().is_some());
}

#[test]
fn close_keeps_to_a_pause_that_the_server_asked_for() {
    let mut world = World::new(Config::default());
    world.send("hello");
    world.input(Input::Connect);
    let retry_after = Some(seconds(60.0));
    world.opening_fails(OpenFailureKind::Refused {
        status: 503,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    });
    world.close_within(seconds(90.0));
    assert_eq!(world.log.opens().len(), 1);
    assert!(world.passes_until_attempt() >= seconds(60.0));
}
