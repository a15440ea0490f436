use everwire_core::{
    Closed, Config, DropPolicy, Guarantee, Input, Message, MessageId, Outcome, Output, Overflow, Priority, SendError,
    SendOptions, Stage,
};

use crate::support::{World, config};

fn bounded(messages: usize, bytes: usize, overflow: Overflow) -> Config {
    config(|config| {
        config.outbox.max_messages = messages;
        config.outbox.max_bytes = bytes;
        config.outbox.overflow = overflow;
    })
}

fn rooms(world: &World) -> usize {
    world.log.count(|output| matches!(output, Output::Room))
}

#[test]
fn a_full_outbox_gives_the_message_back() {
    let mut world = World::new(bounded(2, 1000, Overflow::Reject));
    world.send("1");
    world.send("2");
    assert_eq!(world.try_send("3".into()), Err(SendError::Full("3".into())));
    assert_eq!(world.machine.stats().queued_messages, 2);
}

#[test]
fn bytes_are_bounded_too() {
    let mut world = World::new(bounded(100, 10, Overflow::Reject));
    world.send("12345678");
    assert!(matches!(world.try_send("123".into()), Err(SendError::Full(_))));
    assert!(world.try_send("12".into()).is_ok());
}

#[test]
fn the_bounds_count_what_is_written_and_not_proven() {
    let mut world = World::connected(bounded(2, 1000, Overflow::Reject));
    world.send("1");
    world.send("2");
    world.flushes();
    assert!(matches!(world.try_send("3".into()), Err(SendError::Full(_))));
    world.pongs();
    assert!(world.try_send("3".into()).is_ok());
}

#[test]
fn room_is_announced_once_after_a_refused_send() {
    let mut world = World::connected(bounded(1, 1000, Overflow::Reject));
    world.send("1");
    world.flushes();
    for _ in 0..3 {
        assert!(world.try_send("2".into()).is_err());
    }
    assert_eq!(rooms(&world), 0);
    world.pongs();
    assert_eq!(rooms(&world), 1);
    world.send("2");
    world.settles();
    assert_eq!(rooms(&world), 1);
    world.send("3");
    assert!(world.try_send("4".into()).is_err());
    world.input(Input::Timer);
    assert_eq!(rooms(&world), 1, "there is none yet");
}

#[test]
fn room_is_announced_to_who_waits_when_the_machine_ends() {
    let mut world = World::connected(bounded(1, 1000, Overflow::Reject));
    world.send("1");
    assert!(world.try_send("2".into()).is_err());
    world.peer_closes(1000);
    assert_eq!(rooms(&world), 1);
    assert!(matches!(world.try_send("2".into()), Err(SendError::Closed(_, Closed::ByPeer(_)))));
}

#[test]
fn room_is_announced_to_who_waits_when_the_user_closes_and_when_there_is_none_to_come() {
    let mut world = World::connected(bounded(1, 1000, Overflow::Reject));
    world.send("1");
    assert!(world.try_send("2".into()).is_err());
    world.close_within(crate::support::seconds(10.0));
    assert_eq!(rooms(&world), 1, "the flush still lasts, but nothing more is taken");
    assert!(matches!(world.try_send("2".into()), Err(SendError::Closed(..))));
    assert_eq!(world.log.outcomes().len(), 0);
}

#[test]
fn a_message_larger_than_the_outbox_is_refused_for_good() {
    for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest, Overflow::DropLowestPriority] {
        let mut world = World::new(bounded(100, 3, overflow));
        let error = world.try_send("1234".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the message has 4 bytes, and the outbox takes at most 3: send less, or raise its limit"
        );
        assert!(!error.is_retryable());
        assert_eq!(error.into_message(), Message::text("1234"));
    }
}

#[test]
fn t11_dropped_oldest_messages_say_so() {
    let mut world = World::new(bounded(3, 1000, Overflow::DropOldest));
    for text in ["1", "2", "3", "4", "5"] {
        world.send(text);
    }
    let dropped = Outcome::Dropped(DropPolicy::Oldest);
    assert_eq!(world.log.outcomes().into_iter().collect::<Vec<_>>(), [(1, dropped), (2, dropped)]);
    assert_eq!(world.machine.stats().dropped, 2);
    world.input(Input::Connect);
    world.opens();
    world.flushes();
    assert_eq!(world.wire, ["3", "4", "5"]);
}

#[test]
fn t11_as_many_are_dropped_as_a_large_one_needs() {
    let mut world = World::new(bounded(100, 10, Overflow::DropOldest));
    world.sends(["1234", "5678", "90"]);
    world.send("123456");
    assert_eq!(world.log.outcomes().len(), 2);
}

#[test]
fn t11_a_dropped_newest_message_says_so_and_has_a_number() {
    let mut world = World::new(bounded(1, 1000, Overflow::DropNewest));
    world.send("1");
    let id = world.send("2");
    assert_eq!(id, MessageId(2));
    assert_eq!(world.log.outcome(id), Some(Outcome::Dropped(DropPolicy::Newest)));
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["1"]);
    assert_eq!(world.send("3"), MessageId(3));
}

#[test]
fn what_the_socket_has_is_never_dropped() {
    for overflow in [Overflow::DropOldest, Overflow::DropLowestPriority] {
        let mut world = World::connected(bounded(2, 1000, overflow));
        world.sends(["1", "2"]);
        world.takes(2);
        assert!(matches!(world.try_send("3".into()), Err(SendError::Full(_))));
        assert_eq!(world.log.outcomes().len(), 0);
    }
}

#[test]
fn t11_a_dropped_message_that_may_have_arrived_ends_as_unknown() {
    let mut world = World::connected(config(|config| {
        config.guarantee = Guarantee::AtLeastOnce;
        config.outbox.max_messages = 2;
        config.outbox.overflow = Overflow::DropOldest;
    }));
    let written = world.send("1");
    world.flushes();
    world.loses_connection();
    let unwritten = world.send("2");
    world.send("3");
    world.send("4");
    assert_eq!(world.log.outcome(written), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(world.log.outcome(unwritten), Some(Outcome::Dropped(DropPolicy::Oldest)));
}

#[test]
fn room_is_announced_when_a_loss_makes_some() {
    let mut world = World::connected(bounded(1, 1000, Overflow::Reject));
    world.send("1");
    world.flushes();
    assert!(world.try_send("2".into()).is_err());
    world.loses_connection();
    assert_eq!(rooms(&world), 1);
}

#[test]
fn the_longest_in_the_queue_is_dropped_whatever_its_priority() {
    let mut world = World::new(bounded(3, 1000, Overflow::DropOldest));
    let high = world.send_with("1", level(Priority::High));
    let low = world.send_with("2", level(Priority::Low));
    world.sends(["3", "4", "5"]);
    for id in [high, low] {
        assert_eq!(world.log.outcome(id), Some(Outcome::Dropped(DropPolicy::Oldest)));
    }
    assert_eq!(world.log.outcomes().len(), 2);
}

#[test]
fn the_oldest_of_the_lowest_priority_makes_room() {
    let mut world = World::new(bounded(4, 1000, Overflow::DropLowestPriority));
    let first = world.send_with("low 1", level(Priority::Low));
    let second = world.send_with("low 2", level(Priority::Low));
    world.send_with("high 1", level(Priority::High));
    let normal = world.send("normal 1");
    let dropped = Some(Outcome::Dropped(DropPolicy::LowestPriority));
    world.send_with("low 3", level(Priority::Low));
    assert_eq!((world.log.outcome(first), world.log.outcome(second)), (dropped, None));
    world.send("normal 2");
    assert_eq!(world.log.outcome(second), dropped);
    world.send_with("high 2", level(Priority::High));
    world.send_with("high 3", level(Priority::High));
    assert_eq!(world.log.outcome(normal), dropped);
    assert_eq!(world.machine.stats().dropped, 4);
}

#[test]
fn a_new_message_for_which_only_higher_ones_could_make_room_is_dropped() {
    let mut world = World::new(bounded(2, 1000, Overflow::DropLowestPriority));
    world.send_with("1", level(Priority::High));
    world.send("2");
    let low = world.send_with("3", level(Priority::Low));
    assert_eq!(world.log.outcome(low), Some(Outcome::Dropped(DropPolicy::LowestPriority)));
    assert_eq!(world.log.outcomes().len(), 1);
    world.send("4");
    assert_eq!(world.log.outcomes().len(), 2, "one of its own level may make room");
}

#[test]
fn nothing_is_dropped_in_vain() {
    let mut world = World::new(bounded(100, 10, Overflow::DropLowestPriority));
    world.send_with("12345678", level(Priority::High));
    let low = world.send_with("1", level(Priority::Low));
    let large = world.send("123");
    assert_eq!(world.log.outcome(large), Some(Outcome::Dropped(DropPolicy::LowestPriority)));
    assert_eq!(world.log.outcome(low), None, "its byte would not have been enough");
}

fn level(priority: Priority) -> SendOptions {
    SendOptions::new().priority(priority)
}
