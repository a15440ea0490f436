use std::time::Duration;

use everwire_core::{
    Config, Guarantee, Input, Message, MessageId, Outcome, Output, Priority, SendError, SendOptions, Stage, State,
    Timer,
};

use crate::support::{World, config, seconds};

fn ttl(time: f64) -> SendOptions {
    SendOptions::new().ttl(seconds(time))
}

fn at_least_once() -> Config {
    config(|config| config.guarantee = Guarantee::AtLeastOnce)
}

#[test]
fn a_message_that_no_socket_takes_in_time_expires() {
    let mut world = World::new(Config::default());
    let short = world.send_with("short", ttl(2.0));
    let long = world.send_with("long", ttl(5.0));
    let ever = world.send("for ever");
    assert_eq!(world.machine.deadline(), Some((world.now + seconds(2.0), Timer::Expiry)));
    world.passes(seconds(1.99));
    assert_eq!(world.log.outcomes().len(), 0);
    world.passes(seconds(0.01));
    assert_eq!(world.log.outcome(short), Some(Outcome::Expired));
    world.passes(seconds(10_000.0));
    assert_eq!((world.log.outcome(long), world.log.outcome(ever)), (Some(Outcome::Expired), None));
    assert_eq!(world.machine.stats().expired, 2);
    assert_eq!(world.machine.deadline(), None, "nothing is left to wait for");
}

#[test]
fn a_message_that_a_socket_has_taken_does_not_expire() {
    let mut world = World::connected(Config::default());
    let id = world.send_with("hello", ttl(1.0));
    world.takes(1);
    assert!(!matches!(world.machine.deadline(), Some((_, Timer::Expiry))));
    world.passes(seconds(5.0));
    assert_eq!(world.log.outcome(id), None);
    world.writes(1);
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}

#[test]
fn a_late_driver_does_not_send_what_has_expired() {
    let mut world = World::connected(Config::default());
    let expired = world.send_with("expired", ttl(1.0));
    world.send("in time");
    // Nobody has said `Timer`.
    world.now = world.now + seconds(1.0);
    world.flushes();
    assert_eq!(world.wire, ["in time"]);
    assert_eq!(world.log.outcome(expired), Some(Outcome::Expired));
}

#[test]
fn what_comes_back_to_the_queue_expires_after_all() {
    for guarantee in [Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let mut world = World::connected(config(|config| config.guarantee = guarantee));
        let id = world.send_with("half written", ttl(1.0));
        world.takes(1);
        world.passes(seconds(0.5));
        world.loses_connection();
        assert_eq!(world.log.outcome(id), None);
        world.passes(seconds(0.5));
        assert_eq!(world.log.outcome(id), Some(Outcome::Expired), "its time counts from the send on");
    }
}

#[test]
fn what_is_long_overdue_when_it_comes_back_expires_at_once() {
    let mut world = World::connected(Config::default());
    let id = world.send_with("half written", ttl(1.0));
    world.takes(1);
    world.passes(seconds(5.0));
    world.loses_connection();
    world.input(Input::Timer);
    assert_eq!(world.log.outcome(id), Some(Outcome::Expired));
}

#[test]
fn a_message_that_may_have_arrived_does_not_end_as_expired() {
    let mut world = World::connected(at_least_once());
    let written = world.send_with("written", ttl(1.0));
    let unwritten = world.send_with("unwritten", ttl(1.0));
    world.takes(2);
    world.writes(1);
    world.loses_connection();
    world.passes(seconds(1.0));
    assert_eq!(world.log.outcome(written), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(world.log.outcome(unwritten), Some(Outcome::Expired));
    assert_eq!(world.machine.stats().expired, 2);
}

#[test]
fn a_message_that_an_earlier_connection_has_written_keeps_that_in_mind_over_one_that_has_not() {
    let mut world = World::connected(at_least_once());
    let id = world.send_with("written", ttl(60.0));
    world.flushes();
    world.loses_connection();
    for _ in 0..2 {
        world.passes_until_attempt();
        world.opens();
        world.takes(1);
        world.loses_connection();
    }
    world.passes(seconds(60.0));
    assert_eq!(world.log.outcome(id), Some(Outcome::Unknown(Stage::Written)));
}

#[test]
fn messages_expire_while_the_user_has_left() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    world.peer_closes(1000);
    let id = world.send_with("hello", ttl(1.0));
    assert_eq!(world.machine.deadline(), Some((world.now + seconds(1.0), Timer::Expiry)));
    world.passes(seconds(1.0));
    assert_eq!(world.log.outcome(id), Some(Outcome::Expired));
}

#[test]
fn with_no_time_at_all_a_message_goes_only_if_it_goes_at_once() {
    let mut world = World::connected(Config::default());
    let taken = world.send_with("now", SendOptions::new().ttl(Duration::ZERO));
    world.now = world.now + Duration::from_nanos(1);
    world.takes(1);
    assert_eq!(world.log.outcome(taken), Some(Outcome::Expired));
    assert_eq!(world.wire.len(), 0);
}

#[test]
fn an_age_bounds_all_messages_that_have_no_time_of_their_own() {
    let mut world = World::new(config(|config| config.outbox.max_age = Some(seconds(3.0))));
    let plain = world.send("plain");
    let shorter = world.send_with("shorter", ttl(1.0));
    let longer = world.send_with("longer", ttl(10.0));
    let high = world.send_with("high", SendOptions::new().priority(Priority::High));
    world.passes(seconds(1.0));
    assert_eq!(world.log.outcomes().keys().copied().collect::<Vec<_>>(), [shorter.0]);
    world.passes(seconds(2.0));
    assert_eq!((world.log.outcome(plain), world.log.outcome(high)), (Some(Outcome::Expired), Some(Outcome::Expired)));
    world.passes(seconds(7.0));
    assert_eq!(world.log.outcome(longer), Some(Outcome::Expired));
}

#[test]
fn a_time_to_live_without_an_end_is_none() {
    let mut world = World::new(Config::default());
    world.send_with("for ever", SendOptions::new().ttl(Duration::MAX));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn many_expire_in_one_go_and_the_rest_keeps_its_order() {
    let mut world = World::new(Config::default());
    for number in 0..100 {
        match number % 3 {
            0 => world.send(&number.to_string()),
            1 => world.send_with(&number.to_string(), ttl(1.0)),
            _ => world.send_with(&number.to_string(), ttl(2.0).priority(Priority::High)),
        };
    }
    world.passes(seconds(1.0));
    assert_eq!(world.log.outcomes().len(), 33);
    assert!(world.log.outcomes().keys().all(|id| id % 3 == 2));
    world.input(Input::Connect);
    world.opens();
    world.settles();
    let high = (2..100).step_by(3);
    let expected: Vec<_> = high.chain((0..100).step_by(3)).map(|number| number.to_string()).collect();
    assert_eq!(world.wire, expected);
    assert_eq!(world.log.outcomes().len(), 100);
}

#[test]
fn room_is_announced_when_an_expiry_makes_some() {
    let mut world = World::new(config(|config| config.outbox.max_messages = 1));
    world.send_with("1", ttl(1.0));
    assert!(matches!(world.try_send(Message::text("2")), Err(SendError::Full(_))));
    world.passes(seconds(1.0));
    assert_eq!(world.log.count(|output| matches!(output, Output::Room)), 1);
}

#[test]
fn a_close_that_waits_for_a_connection_ends_when_there_is_nothing_left_to_send() {
    let mut world = World::connected(Config::default());
    world.loses_connection();
    world.send_with("hello", ttl(2.0));
    world.close_within(seconds(500.0));
    assert_eq!(world.state(), &State::Closing);
    while world.log.finished().is_none() {
        let (at, _) = world.machine.deadline().unwrap();
        world.now = at;
        world.input(Input::Timer);
    }
    assert_eq!(world.log.outcome(MessageId(1)), Some(Outcome::Expired));
    assert_eq!(world.log.finished(), Some(&Default::default()));
}

#[test]
fn a_close_that_flushes_ends_when_what_it_flushes_expires_in_a_take() {
    let mut world = World::connected(Config::default());
    world.send_with("hello", ttl(1.0));
    world.close_within(seconds(500.0));
    world.now = world.now + seconds(1.0);
    world.takes(1);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 1);
}
