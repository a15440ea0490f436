use everwire_core::{Config, Event, Guarantee, Input, Message, MessageId, Outcome, Output, Stage, TransportEvent};

use crate::support::{World, config, seconds};

fn guarantee(guarantee: Guarantee) -> Config {
    config(|config| config.guarantee = guarantee)
}

fn reconnects(world: &mut World) {
    world.passes_until_attempt();
    world.opens();
}

#[test]
fn ids_count_from_one_in_the_order_of_sending() {
    let mut world = World::new(Config::default());
    assert_eq!([world.send("a"), world.send("b"), world.send("c")], [MessageId(1), MessageId(2), MessageId(3)]);
}

#[test]
fn t12_what_was_sent_offline_goes_first_and_nothing_overtakes_it() {
    let mut world = World::new(Config::default());
    world.sends(["1", "2", "3"]);
    world.input(Input::Connect);
    world.send("4");
    world.opens();
    world.takes(2);
    world.send("5");
    world.takes(2);
    world.send("6");
    world.flushes();
    assert_eq!(world.wire, ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn t10_a_written_message_is_not_called_delivered() {
    for guarantee_ in [Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let mut world = World::connected(guarantee(guarantee_));
        let id = world.send("hello");
        world.flushes();
        assert_eq!(world.log.outcome(id), None);
        assert_eq!(world.log.written(), [(1, 1)]);
    }
}

#[test]
fn t10_at_most_once_says_unknown_for_what_was_written_to_a_dead_socket() {
    let mut world = World::connected(guarantee(Guarantee::AtMostOnce));
    let id = world.send("hello");
    world.flushes();
    world.loses_connection();
    assert_eq!(world.log.outcome(id), Some(Outcome::Unknown(Stage::Written)));
    reconnects(&mut world);
    world.settles();
    assert!(world.wire.is_empty(), "it must not be sent twice");
}

#[test]
fn t10_unproven_says_unknown_as_soon_as_it_is_written() {
    let mut world = World::connected(guarantee(Guarantee::Unproven));
    let id = world.send("hello");
    world.flushes();
    assert_eq!(world.log.outcome(id), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(world.log.pings(), 0);
    assert_eq!(world.machine.stats().unproven_messages, 0);
}

#[test]
fn t13_at_least_once_sends_again_what_was_not_proven_first_and_in_order() {
    let mut world = World::connected(guarantee(Guarantee::AtLeastOnce));
    world.sends(["1", "2", "3", "4"]);
    world.takes(3);
    world.writes(2);
    world.loses_connection();
    world.send("5");
    reconnects(&mut world);
    world.send("6");
    world.settles();
    assert_eq!(world.wire, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(world.log.outcomes().into_values().collect::<Vec<_>>(), [Outcome::Received; 6]);
    assert!(world.log.events().contains(&Event::Resending { messages: 2 }));
    assert_eq!(world.machine.stats().resent, 2);
}

#[test]
fn t13_what_was_not_wholly_written_is_sent_again_under_every_guarantee() {
    for guarantee_ in [Guarantee::Unproven, Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let mut world = World::connected(guarantee(guarantee_));
        world.sends(["1", "2", "3"]);
        world.takes(3);
        world.loses_connection();
        assert_eq!(world.log.outcomes().len(), 0, "{guarantee_:?}");
        reconnects(&mut world);
        world.flushes();
        assert_eq!(world.wire, ["1", "2", "3"], "{guarantee_:?}");
    }
}

#[test]
fn t13_a_refused_take_keeps_the_message() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    assert_eq!(world.takes(0), 0);
    assert_eq!(world.machine.stats().queued_messages, 1);
    assert_eq!(world.takes(1), 1);
}

#[test]
fn t14_binary_messages_are_queued_like_text() {
    let mut world = World::new(Config::default());
    world.try_send(Message::binary(vec![1_u8, 2, 3])).unwrap();
    world.send("text");
    world.input(Input::Connect);
    world.opens();
    world.flushes();
    assert_eq!(world.wire, ["\u{1}\u{2}\u{3}", "text"]);
}

#[test]
fn the_driver_is_told_once_that_there_is_something_to_take() {
    let mut world = World::connected(Config::default());
    for _ in 0..100 {
        world.send("hello");
    }
    assert_eq!(world.log.readies(), 1);
    world.takes(usize::MAX);
    world.send("again");
    world.send("and again");
    assert_eq!(world.log.readies(), 2);
}

#[test]
fn after_a_take_that_was_cut_short_the_driver_comes_by_itself() {
    let mut world = World::connected(Config::default());
    world.sends(["1", "2", "3"]);
    world.takes(1);
    world.send("4");
    world.writes(1);
    assert_eq!(world.log.readies(), 1);
    world.takes(10);
    world.send("5");
    assert_eq!(world.log.readies(), 2);
}

#[test]
fn the_driver_is_told_of_what_waited_for_the_connection() {
    let mut world = World::new(Config::default());
    world.send("hello");
    world.input(Input::Connect);
    assert_eq!(world.log.readies(), 0);
    world.opens();
    assert_eq!(world.log.readies(), 1);
}

#[test]
fn written_and_outcome_come_as_ranges() {
    let mut world = World::connected(Config::default());
    for _ in 0..1000 {
        world.send("hello");
    }
    world.takes(usize::MAX);
    for _ in 0..1000 {
        // Not drained in between, as a driver does that reports one by one.
        let attempt = world.attempt();
        let written = TransportEvent::Written(1);
        world.machine.handle(world.now, Input::Transport(attempt, written));
    }
    world.pongs();
    assert_eq!(world.log.written(), [(1, 1000)]);
    let outcomes = world.log.count(|output| matches!(output, Output::Outcome { .. }));
    assert_eq!(outcomes, 1);
}

#[test]
fn a_count_of_written_frames_beyond_what_was_taken_does_no_harm() {
    let mut world = World::connected(guarantee(Guarantee::Unproven));
    world.sends(["1", "2", "3"]);
    world.takes(2);
    world.writes(usize::MAX);
    assert_eq!(world.log.outcomes().len(), 2);
    world.flushes();
    assert_eq!(world.log.outcomes().len(), 3);
}

#[test]
fn a_million_messages_through_one_connection_leave_nothing_behind() {
    let mut world = World::connected(Config::default());
    for _ in 0..100 {
        for _ in 0..10_000 {
            world.machine.send(world.now, Message::text("hello")).unwrap();
        }
        world.settles();
        world.passes(seconds(0.1));
        world.log.clear();
    }
    let stats = world.machine.stats();
    assert_eq!(
        (stats.queued_messages, stats.unproven_messages, stats.queued_bytes, stats.unproven_bytes),
        (0, 0, 0, 0)
    );
}

#[test]
fn a_final_word_never_overtakes_the_word_that_a_message_is_written() {
    let mut world = World::connected(Config::default());
    world.sends(["1", "2"]);
    world.takes(1);
    world.writes(1);
    world.takes(1);
    // The first is proven, and a ping behind the second asks for that.
    world.pongs();
    let attempt = world.attempt();
    // Nothing is polled in between, so that ranges could be merged.
    for event in [TransportEvent::Written(1), TransportEvent::Pong(world.pings[0].clone())] {
        world.machine.handle(world.now, Input::Transport(attempt, event));
    }
    world.input(Input::Timer);
    assert_eq!(world.log.outcomes().len(), 2);
    let order: Vec<_> = world
        .log
        .outputs()
        .filter_map(|output| match output {
            Output::Written { last: MessageId(2), .. } => Some("written"),
            Output::Outcome { last: MessageId(2), .. } => Some("outcome"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["written", "outcome"]);
}
