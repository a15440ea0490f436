use bytes::Bytes;
use everwire_core::{Config, Event, Guarantee, Outcome, TransportEvent};

use crate::support::{World, config, seconds};

#[test]
fn a_pong_proves_everything_taken_before_its_ping() {
    let mut world = World::connected(Config::default());
    world.sends(["1", "2"]);
    world.flushes();
    let late = world.send("3");
    world.flushes();
    assert_eq!(world.log.pings(), 1, "one at a time");
    world.pongs();
    assert_eq!(world.log.outcomes().into_iter().collect::<Vec<_>>(), [(1, Outcome::Received), (2, Outcome::Received)]);
    assert_eq!(world.log.pings(), 2, "the next follows for what is still unproven");
    world.pongs();
    assert_eq!(world.log.outcome(late), Some(Outcome::Received));
    assert_eq!(world.log.pings(), 2, "and none when nothing is");
}

#[test]
fn the_ping_follows_the_messages_it_is_to_prove() {
    let mut world = World::connected(Config::default());
    world.send("1");
    assert_eq!(world.log.pings(), 0);
    world.takes(1);
    assert_eq!(world.log.pings(), 1);
    assert_eq!(world.pings[0].len(), 8);
}

#[test]
fn a_pong_that_is_ahead_of_the_word_that_all_is_written_proves_as_much() {
    let mut world = World::connected(Config::default());
    let ids = world.sends(["1", "2"]);
    world.takes(2);
    world.pongs();
    assert_eq!(ids.map(|id| world.log.outcome(id)), [Some(Outcome::Received); 2]);
    assert_eq!(world.log.written(), [(1, 2)]);
    world.writes(2);
    let next = world.send("3");
    world.takes(1);
    world.writes(1);
    assert_eq!(world.log.written(), [(1, 2), (3, 3)]);
    world.pongs();
    assert_eq!(world.log.outcome(next), Some(Outcome::Received));
}

#[test]
fn foreign_stale_and_repeated_pongs_prove_nothing() {
    let mut world = World::connected(Config::default());
    let first = world.send("1");
    world.flushes();
    let ping = world.pings[0].clone();
    world.transport(TransportEvent::Pong(Bytes::new()));
    world.transport(TransportEvent::Pong(Bytes::from_static(b"12345678")));
    world.transport(TransportEvent::Pong(Bytes::from(vec![0; 125])));
    assert_eq!(world.log.outcome(first), None);
    world.pongs();
    let second = world.send("2");
    world.flushes();
    world.transport(TransportEvent::Pong(ping));
    assert_eq!(world.log.outcome(second), None);
}

#[test]
fn a_pong_of_an_earlier_connection_proves_nothing_on_this_one() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let id = world.send("1");
    world.flushes();
    let old = world.pings[0].clone();
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.flushes();
    world.transport(TransportEvent::Pong(old));
    assert_eq!(world.log.outcome(id), None);
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}

#[test]
fn a_heartbeat_ping_proves_too_where_an_earlier_one_was_lost_sight_of() {
    let mut world = World::connected(Config::default());
    let id = world.send("1");
    world.flushes();
    world.pings.clear();
    world.passes(seconds(30.0));
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}

#[test]
fn round_trips_are_measured_and_smoothed() {
    let mut world = World::connected(Config::default());
    for milliseconds in [100.0, 200.0] {
        world.send("hello");
        world.flushes();
        world.passes(seconds(milliseconds / 1000.0));
        world.pongs();
    }
    let stats = world.machine.stats();
    assert_eq!(stats.round_trip, Some(seconds(0.2)));
    assert_eq!(stats.smoothed_round_trip, Some(seconds(0.1125)));
    assert_eq!(world.log.events(), [Event::RoundTrip(seconds(0.1))], "told at most once a second");
}

#[test]
fn a_round_trip_over_a_pause_of_our_own_is_not_measured() {
    let mut world = World::connected(Config::default());
    let id = world.send("hello");
    world.flushes();
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(5.0));
    world.transport(TransportEvent::ReadResumed);
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
    assert_eq!(world.machine.stats().round_trip, None);
}

#[test]
fn ping_payloads_differ_from_machine_to_machine() {
    let payload = |seed: u8| {
        let mut world = World::seeded(Config::default(), [seed; 32]);
        world.input(everwire_core::Input::Connect);
        world.opens();
        world.send("hello");
        world.takes(1);
        world.pings[0].clone()
    };
    assert_eq!(payload(1), payload(1));
    assert_ne!(payload(1), payload(2));
}

#[test]
fn a_peer_that_answers_only_the_latest_ping_proves_everything_before_it() {
    let mut world = World::connected(Config::default());
    let first = world.send("1");
    world.flushes();
    world.pings.clear();
    world.passes(seconds(30.0));
    world.pongs();
    assert_eq!(world.log.outcome(first), Some(Outcome::Received));
    world.send("2");
    world.flushes();
    assert_eq!(world.log.pings(), 3, "the unanswered one stands in no one's way");
}
