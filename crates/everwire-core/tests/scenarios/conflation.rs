use everwire_core::{
    Config, DropPolicy, Guarantee, Input, MessageId, Outcome, Output, Overflow, Priority, SendOptions, Stage,
};

use crate::support::{World, config};

const CONFLATED: Option<Outcome> = Some(Outcome::Dropped(DropPolicy::Conflated));

fn key(key: &str) -> SendOptions {
    SendOptions::new().key(key)
}

fn at_least_once() -> Config {
    config(|config| config.guarantee = Guarantee::AtLeastOnce)
}

fn reconnects(world: &mut World) {
    world.passes_until_attempt();
    world.opens();
}

#[test]
fn a_newer_message_takes_the_place_of_the_queued_one_with_its_key() {
    let mut world = World::new(Config::default());
    let old = world.send_with("a1", key("a"));
    world.send_with("b1", key("b"));
    world.send("plain");
    let new = world.send_with("a2", key("a"));
    let newest = world.send_with("a3", key("a"));
    assert_eq!((world.log.outcome(old), world.log.outcome(new)), (CONFLATED, CONFLATED));
    assert_eq!(world.log.outcome(newest), None);
    assert_eq!(world.machine.stats().queued_messages, 3);
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["a3", "b1", "plain"]);
    assert_eq!(world.log.outcome(newest), Some(Outcome::Received));
    assert_eq!(world.machine.stats().conflated, 2);
}

#[test]
fn a_key_that_is_busier_than_the_link_comes_to_be_sent() {
    let mut world = World::connected(Config::default());
    world.sends(["1", "2", "3"]);
    for number in 0..3 {
        world.send_with(&format!("price {number}"), key("price"));
        world.send(&format!("more {number}"));
        world.takes(1);
    }
    world.send_with("price 3", key("price"));
    world.takes(1);
    assert_eq!(world.wire, ["1", "2", "3", "price 3"]);
}

#[test]
fn what_is_in_flight_is_never_conflated() {
    let mut world = World::connected(Config::default());
    let old = world.send_with("a1", key("a"));
    world.flushes();
    let new = world.send_with("a2", key("a"));
    assert_eq!(world.log.outcome(old), None);
    world.settles();
    assert_eq!(world.wire, ["a1", "a2"]);
    for id in [old, new] {
        assert_eq!(world.log.outcome(id), Some(Outcome::Received));
    }
}

#[test]
fn what_comes_back_gives_way_to_a_newer_one_which_takes_its_place() {
    let mut world = World::connected(Config::default());
    let old = world.send_with("a1", key("a"));
    world.send("plain 1");
    world.takes(1);
    world.send("plain 2");
    let new = world.send_with("a2", key("a"));
    world.loses_connection();
    assert_eq!(world.log.outcome(old), CONFLATED);
    reconnects(&mut world);
    world.settles();
    assert_eq!(world.wire, ["a2", "plain 1", "plain 2"]);
    assert_eq!(world.log.outcome(new), Some(Outcome::Received));
}

#[test]
fn of_several_that_come_back_only_the_newest_stays() {
    let mut world = World::connected(Config::default());
    for text in ["a1", "a2", "a3"] {
        world.send_with(text, key("a"));
        world.takes(1);
    }
    world.loses_connection();
    assert_eq!(world.log.outcomes().len(), 2);
    reconnects(&mut world);
    world.takes(10);
    assert_eq!(world.wire, ["a3"]);
}

#[test]
fn a_conflated_message_that_may_have_arrived_ends_as_unknown() {
    let mut world = World::connected(at_least_once());
    let written = world.send_with("a1", key("a"));
    world.flushes();
    world.loses_connection();
    world.send_with("a2", key("a"));
    assert_eq!(world.log.outcome(written), Some(Outcome::Unknown(Stage::Written)));
    reconnects(&mut world);
    world.takes(10);
    assert_eq!(world.wire, ["a2"]);
    assert_eq!(world.machine.stats().conflated, 1);
}

#[test]
fn a_newer_message_of_another_priority_queues_at_the_end_of_its_own_level() {
    let mut world = World::new(Config::default());
    let low = world.send_with("a1", key("a").priority(Priority::Low));
    world.send_with("high", SendOptions::new().priority(Priority::High));
    world.send_with("a2", key("a").priority(Priority::High));
    assert_eq!(world.log.outcome(low), CONFLATED);
    world.input(Input::Connect);
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["high", "a2"]);
}

#[test]
fn the_newer_one_has_a_time_to_live_of_its_own() {
    let mut world = World::new(Config::default());
    world.send_with("a1", key("a").ttl(std::time::Duration::from_secs(1)));
    let new = world.send_with("a2", key("a"));
    world.passes(std::time::Duration::from_secs(100));
    assert_eq!(world.log.outcome(new), None);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_full_outbox_has_room_for_a_newer_one() {
    let mut world = World::new(config(|config| config.outbox.max_messages = 2));
    world.send_with("a1", key("a"));
    world.send("plain");
    let new = world.send_with("a2", key("a"));
    assert_eq!(world.log.outcomes().len(), 1);
    assert_eq!(world.log.outcome(new), None);
}

#[test]
fn a_newer_one_that_is_too_large_for_the_room_changes_nothing() {
    let mut world = World::new(config(|config| config.outbox.max_bytes = 10));
    world.send_with("a1", key("a"));
    world.send("1234567");
    assert!(world.try_send_with("a234".into(), key("a")).is_err());
    assert_eq!(world.log.outcomes().len(), 0);
    assert_eq!(world.machine.stats().queued_messages, 2);
}

#[test]
fn a_larger_newer_one_has_others_dropped_by_the_policy() {
    let mut world = World::new(config(|config| {
        config.outbox.max_bytes = 10;
        config.outbox.overflow = Overflow::DropOldest;
    }));
    let oldest = world.send("12345");
    let keyed = world.send_with("a1", key("a"));
    let new = world.send_with("a23456", key("a"));
    assert_eq!(world.log.outcome(oldest), Some(Outcome::Dropped(DropPolicy::Oldest)));
    assert_eq!(world.log.outcome(keyed), CONFLATED);
    assert_eq!(world.log.outcome(new), None);
}

#[test]
fn room_is_announced_when_a_smaller_newer_one_makes_some() {
    let mut world = World::new(config(|config| config.outbox.max_bytes = 10));
    world.send_with("1234567890", key("a"));
    assert!(world.try_send("1".into()).is_err());
    world.send_with("1", key("a"));
    assert_eq!(world.log.count(|output| matches!(output, Output::Room)), 1);
}

#[test]
fn a_feed_costs_one_place_per_key() {
    let mut world = World::new(Config::default());
    for number in 0..10_000 {
        world.send_with(&number.to_string(), key(["a", "b"][number % 2]));
    }
    assert_eq!(world.machine.stats().queued_messages, 2);
    assert_eq!(world.log.outcomes().len(), 9_998);
    assert_eq!(world.log.outcome(MessageId(9_998)), CONFLATED);
}

#[test]
fn a_key_is_free_again_when_its_message_has_gone() {
    let mut world = World::new(Config::default());
    let first = world.send_with("a1", key("a"));
    world.cancel(first).unwrap();
    let second = world.send_with("a2", key("a"));
    assert_eq!(world.log.outcome(second), None);
    assert_eq!(world.log.outcome(first), Some(Outcome::Cancelled));
}

#[test]
fn a_disconnect_flushes_the_place_whoever_has_it_by_then() {
    let mut world = World::connected(Config::default());
    world.send_with("a1", key("a"));
    world.input(Input::Disconnect);
    world.send_with("a2", key("a"));
    world.send("too late");
    world.input(Input::Timer);
    world.settles();
    assert_eq!(world.wire, ["a2"]);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 1);
}
