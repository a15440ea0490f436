use everwire_core::{
    CancelError, Config, Guarantee, Input, Message, MessageId, Outcome, Output, Priority, ReplaceError, SendOptions,
    Stage,
};

use crate::support::{World, config, seconds};

fn at_least_once() -> Config {
    config(|config| config.guarantee = Guarantee::AtLeastOnce)
}

#[test]
fn a_queued_message_is_cancelled_and_never_sent() {
    let mut world = World::new(Config::default());
    let [_, second, _] = world.sends(["1", "2", "3"]);
    assert_eq!(world.cancel(second), Ok(Outcome::Cancelled));
    assert_eq!(world.log.outcome(second), Some(Outcome::Cancelled));
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["1", "3"]);
    assert_eq!(world.machine.stats().cancelled, 1);
}

#[test]
fn a_message_of_any_level_can_be_cancelled() {
    let mut world = World::new(Config::default());
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        let id = world.send_with("hello", SendOptions::new().priority(priority));
        assert_eq!(world.cancel(id), Ok(Outcome::Cancelled));
    }
    assert_eq!(world.machine.stats().queued_messages, 0);
}

#[test]
fn the_one_that_has_taken_anothers_place_can_be_cancelled_and_the_other_can_not() {
    let mut world = World::new(Config::default());
    let key = || SendOptions::new().key("a");
    let old = world.send_with("a1", key());
    let new = world.send_with("a2", key());
    assert_eq!(world.cancel(old), Err(CancelError::Ended));
    assert_eq!(world.replace(old, "?"), Err(ReplaceError::Ended("?".into())));
    assert_eq!(world.cancel(new), Ok(Outcome::Cancelled));
}

#[test]
fn what_a_connection_has_been_given_can_not_be_cancelled() {
    let mut world = World::connected(Config::default());
    let [first, second] = world.sends(["1", "2"]);
    world.takes(1);
    assert_eq!(world.cancel(first), Err(CancelError::Taken));
    assert_eq!(world.cancel(second), Ok(Outcome::Cancelled));
    world.settles();
    assert_eq!(world.log.outcome(first), Some(Outcome::Received));
    assert_eq!(world.cancel(first), Err(CancelError::Ended));
}

#[test]
fn what_is_in_flight_is_known_to_be_so_in_any_order() {
    let mut world = World::connected(Config::default());
    let low = world.send_with("low", SendOptions::new().priority(Priority::Low));
    let high = world.send_with("high", SendOptions::new().priority(Priority::High));
    world.takes(10);
    assert_eq!((world.cancel(low), world.cancel(high)), (Err(CancelError::Taken), Err(CancelError::Taken)));
}

#[test]
fn a_number_that_no_message_has_is_told_as_such() {
    let mut world = World::new(Config::default());
    let id = world.send("1");
    for unknown in [0, id.0 + 1, u64::MAX] {
        assert_eq!(world.cancel(MessageId(unknown)), Err(CancelError::Unknown));
        assert_eq!(world.replace(MessageId(unknown), "?"), Err(ReplaceError::Unknown("?".into())));
    }
}

#[test]
fn a_message_is_cancelled_once() {
    let mut world = World::new(Config::default());
    let id = world.send("1");
    assert!(world.cancel(id).is_ok());
    assert_eq!(world.cancel(id), Err(CancelError::Ended));
    assert_eq!(world.log.outcomes().len(), 1);
}

#[test]
fn a_message_that_came_back_unwritten_can_be_cancelled() {
    let mut world = World::connected(at_least_once());
    let id = world.send("1");
    world.takes(1);
    world.loses_connection();
    assert_eq!(world.cancel(id), Ok(Outcome::Cancelled));
}

#[test]
fn cancelling_what_may_have_arrived_stops_it_but_does_not_claim_that_it_has_not() {
    let mut world = World::connected(at_least_once());
    let id = world.send("1");
    world.flushes();
    world.loses_connection();
    assert_eq!(world.cancel(id), Ok(Outcome::Unknown(Stage::Written)));
    world.passes_until_attempt();
    world.opens();
    world.settles();
    assert_eq!(world.wire.len(), 0);
}

#[test]
fn only_what_has_certainly_not_arrived_can_be_withdrawn_and_the_rest_is_sent_in_its_place() {
    let mut world = World::connected(at_least_once());
    let written = world.send("1");
    world.flushes();
    world.loses_connection();
    let [waiting, last] = world.sends(["2", "3"]);
    assert_eq!(world.withdraw(written), Err(CancelError::Taken));
    assert_eq!(world.withdraw(waiting), Ok(()));
    assert_eq!(world.withdraw(waiting), Err(CancelError::Ended));
    world.passes_until_attempt();
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["1", "3"]);
    assert_eq!(world.log.outcome(written), Some(Outcome::Received));
    assert_eq!(world.log.outcome(waiting), Some(Outcome::Cancelled));
    assert_eq!(world.withdraw(last), Err(CancelError::Ended));
}

#[test]
fn what_is_left_of_a_message_that_may_have_arrived_is_no_news_of_it() {
    let mut world = World::connected(at_least_once());
    world.send("1");
    world.flushes();
    world.loses_connection();
    world.send("2");
    world.close_within(seconds(0.0));
    let left = world.log.finished().unwrap();
    assert_eq!((left.unacknowledged.clone(), left.unsent.clone()), (vec!["1".into()], vec!["2".into()]));
}

#[test]
fn a_volatile_message_can_be_cancelled_and_replaced_while_it_waits() {
    let mut world = World::connected(Config::default());
    let first = world.machine.send_volatile("v1".into()).unwrap();
    let second = world.machine.send_volatile("v2".into()).unwrap();
    assert_eq!(world.cancel(first), Ok(Outcome::Cancelled));
    assert_eq!(world.replace(second, "v3"), Ok(()));
    let large = "x".repeat((1 << 20) + 1);
    assert!(matches!(world.replace(second, &large), Err(ReplaceError::Full(_))));
    world.takes(10);
    assert_eq!(world.wire, ["v3"]);
    assert_eq!(world.cancel(second), Err(CancelError::Taken));
    world.writes(1);
    assert_eq!(world.cancel(second), Err(CancelError::Ended));
}

#[test]
fn room_is_announced_when_a_cancelled_message_makes_some() {
    let mut world = World::new(config(|config| config.outbox.max_messages = 1));
    let id = world.send("1");
    assert!(world.try_send("2".into()).is_err());
    world.cancel(id).unwrap();
    assert_eq!(world.log.count(|output| matches!(output, Output::Room)), 1);
}

#[test]
fn a_disconnect_that_flushes_goes_on_when_what_it_waits_for_is_cancelled() {
    let mut world = World::connected(Config::default());
    let id = world.send("1");
    world.input(Input::Disconnect);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
    world.cancel(id).unwrap();
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 1);
}

#[test]
fn a_close_without_a_connection_ends_when_what_it_waits_for_is_cancelled() {
    let mut world = World::connected(Config::default());
    world.loses_connection();
    let id = world.send("1");
    world.close_within(seconds(500.0));
    assert_eq!(world.log.finished(), None);
    world.cancel(id).unwrap();
    assert_eq!(world.log.finished(), Some(&Default::default()));
    assert_eq!(world.cancel(id), Err(CancelError::Ended));
}

#[test]
fn a_replaced_message_keeps_its_place_and_its_number() {
    let mut world = World::new(Config::default());
    let [_, second, _] = world.sends(["1", "2", "3"]);
    assert_eq!(world.replace(second, "two"), Ok(()));
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["1", "two", "3"]);
    assert_eq!(world.log.outcome(second), Some(Outcome::Received));
}

#[test]
fn a_replaced_message_keeps_its_options() {
    let mut world = World::new(Config::default());
    let options = SendOptions::new().priority(Priority::High).key("a").ttl(seconds(1.0));
    let id = world.send_with("a1", options);
    world.replace(id, "a2").unwrap();
    world.passes(seconds(1.0));
    assert_eq!(world.log.outcome(id), Some(Outcome::Expired));
}

#[test]
fn what_a_connection_has_been_given_can_not_be_replaced() {
    let mut world = World::connected(at_least_once());
    let [unwritten, queued] = world.sends(["1", "2"]);
    world.takes(1);
    assert_eq!(world.replace(unwritten, "one"), Err(ReplaceError::Taken("one".into())));
    assert_eq!(world.replace(queued, "two"), Ok(()));
    world.loses_connection();
    assert_eq!(world.replace(unwritten, "one"), Ok(()), "it came back unwritten");
    world.passes_until_attempt();
    world.opens();
    world.flushes();
    assert_eq!(world.wire, ["one", "two"]);
    world.loses_connection();
    assert_eq!(world.replace(queued, "zwei"), Err(ReplaceError::Taken("zwei".into())), "it may have arrived");
}

#[test]
fn a_replacement_keeps_the_bounds() {
    let mut world = World::new(config(|config| config.outbox.max_bytes = 10));
    let first = world.send("12345");
    world.send("123");
    assert_eq!(world.replace(first, "12345678"), Err(ReplaceError::Full("12345678".into())));
    assert_eq!(world.replace(first, "1234567"), Ok(()));
    assert_eq!(world.machine.stats().queued_bytes, 10);
    let large = Message::text("12345678901");
    assert_eq!(
        world.machine.replace(world.now, first, large.clone()),
        Err(ReplaceError::TooLarge { message: large, limit: 10 })
    );
    assert_eq!(world.replace(first, ""), Ok(()));
    assert_eq!(world.machine.stats().queued_bytes, 3);
    assert_eq!(world.log.count(|output| matches!(output, Output::Room)), 1, "a refused replacement may try again");
}
