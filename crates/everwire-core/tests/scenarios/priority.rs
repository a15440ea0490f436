use everwire_core::{
    Batching, Config, Guarantee, Input, MessageId, Outcome, Priority, Rejection, SendOptions, Stage, Timer,
};

use crate::support::{World, config, seconds};

fn level(priority: Priority) -> SendOptions {
    SendOptions::new().priority(priority)
}

/// Sends each at the level that its first letter names.
fn sends<const N: usize>(world: &mut World, texts: [&str; N]) -> [MessageId; N] {
    texts.map(|text| match text.as_bytes()[0] {
        b'h' => world.send_with(text, level(Priority::High)),
        b'l' => world.send_with(text, level(Priority::Low)),
        _ => world.send(text),
    })
}

#[test]
fn higher_ones_go_first_and_each_level_in_order() {
    let mut world = World::new(Config::default());
    sends(&mut world, ["l1", "n1", "h1", "l2", "h2", "n2"]);
    world.input(Input::Connect);
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["h1", "h2", "n1", "n2", "l1", "l2"]);
}

#[test]
fn what_the_connection_has_is_not_overtaken() {
    let mut world = World::connected(Config::default());
    sends(&mut world, ["l1", "l2"]);
    world.takes(1);
    sends(&mut world, ["h1"]);
    world.takes(10);
    assert_eq!(world.wire, ["l1", "h1", "l2"]);
}

#[test]
fn a_take_that_is_cut_short_goes_on_with_the_highest() {
    let mut world = World::connected(Config::default());
    sends(&mut world, ["h1", "n1", "n2", "l1"]);
    assert_eq!(world.takes(2), 2);
    sends(&mut world, ["h2"]);
    world.takes(10);
    assert_eq!(world.wire, ["h1", "n1", "h2", "n2", "l1"]);
}

#[test]
fn the_driver_hears_of_every_level() {
    for priority in [Priority::High, Priority::Low] {
        let mut world = World::connected(Config::default());
        world.send_with("hello", level(priority));
        assert_eq!(world.log.readies(), 1);
    }
}

#[test]
fn outcomes_and_evidence_speak_of_the_right_messages() {
    let mut world = World::connected(Config::default());
    let [l1, n1, h1, n2, h2] = sends(&mut world, ["l1", "n1", "h1", "n2", "h2"]);
    world.takes(3);
    assert_eq!(world.wire, ["h1", "h2", "n1"]);
    world.writes(2);
    assert_eq!(world.log.written(), [(h1.0, h1.0), (h2.0, h2.0)]);
    world.writes(1);
    world.pongs();
    for id in [h1, h2, n1] {
        assert_eq!(world.log.outcome(id), Some(Outcome::Received));
    }
    assert_eq!((world.log.outcome(n2), world.log.outcome(l1)), (None, None));
}

#[test]
fn what_comes_back_keeps_its_place_in_its_level() {
    let mut world = World::connected(Config::default());
    sends(&mut world, ["l1", "n1", "h1", "n2", "l2"]);
    world.takes(4);
    assert_eq!(world.wire, ["h1", "n1", "n2", "l1"]);
    world.loses_connection();
    sends(&mut world, ["h2", "n3", "l3"]);
    world.passes_until_attempt();
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["h1", "h2", "n1", "n2", "n3", "l1", "l2", "l3"]);
}

#[test]
fn only_what_was_written_counts_as_such_after_a_loss() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let [l1, n1, h1] = sends(&mut world, ["l1", "n1", "h1"]);
    world.takes(2);
    world.writes(1);
    world.loses_connection();
    for id in [l1, n1, h1] {
        world.cancel(id).unwrap();
    }
    // The one with the highest number was written first.
    assert_eq!(world.log.outcome(h1), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!((world.log.outcome(l1), world.log.outcome(n1)), (Some(Outcome::Cancelled), Some(Outcome::Cancelled)));
}

#[test]
fn a_disconnect_flushes_what_was_queued_before_it_in_every_level() {
    let mut world = World::connected(Config::default());
    sends(&mut world, ["l1", "n1"]);
    world.input(Input::Disconnect);
    sends(&mut world, ["h1", "n2"]);
    world.settles();
    assert_eq!(world.wire, ["n1", "l1"]);
    world.peer_closes(1000);
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["h1", "n2"]);
}

#[test]
fn what_is_left_at_the_end_is_in_the_order_of_going_out() {
    let mut world = World::new(Config::default());
    sends(&mut world, ["l1", "n1", "h1", "n2"]);
    world.close_within(seconds(0.0));
    let unsent: Vec<_> = world.log.finished().unwrap().unsent.iter().filter_map(|message| message.as_text()).collect();
    assert_eq!(unsent, ["h1", "n1", "n2", "l1"]);
}

fn batching() -> World {
    World::connected(config(|config| config.batching = Some(Batching::default())))
}

#[test]
fn only_the_normal_level_is_held_back_for_a_batch() {
    let mut world = batching();
    world.send("{1}");
    world.send_with("{2}", level(Priority::High));
    world.send_with("{3}", level(Priority::Low));
    world.send("{4}");
    world.takes(10);
    assert_eq!(world.wire, ["{2}", "{3}"]);
    world.passes(seconds(0.1));
    world.takes(10);
    assert_eq!(world.wire, ["{2}", "{3}", "[{1},{4}]"]);
}

#[test]
fn a_high_message_does_not_wait_for_the_window_of_the_others() {
    let mut world = batching();
    world.send("{1}");
    world.takes(10);
    let readies = world.log.readies();
    world.send_with("{2}", level(Priority::High));
    assert_eq!(world.log.readies(), readies + 1);
    world.takes(10);
    assert_eq!(world.wire, ["{2}"]);
}

#[test]
fn messages_of_different_levels_share_no_frame() {
    let mut world = World::new(config(|config| config.batching = Some(Batching::default())));
    for priority in [Priority::Low, Priority::High, Priority::Low, Priority::High] {
        world.send_with("{}", level(priority));
    }
    world.send("{n}");
    world.input(Input::Connect);
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["[{},{}]", "{n}", "[{},{}]"]);
}

#[test]
fn what_is_cancelled_or_expires_while_it_is_held_back_does_not_hold_others() {
    let mut world = batching();
    let first = world.send("{1}");
    world.send_with("{2}", SendOptions::new().ttl(seconds(0.05)));
    world.send("{3}");
    world.cancel(first).unwrap();
    world.passes(seconds(0.05));
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["{3}"]);
    world.send("{4}");
    assert_eq!(world.machine.deadline().unwrap().1, Timer::Batch);
    world.passes(seconds(0.1));
    world.takes(10);
    assert_eq!(world.wire, ["{3}", "{4}"]);
}

#[test]
fn a_newer_message_in_the_place_of_one_that_was_not_held_back_goes_at_once() {
    let mut world = batching();
    world.loses_connection();
    world.send_with("{1}", SendOptions::new().key("a"));
    world.passes_until_attempt();
    world.opens();
    world.send("{2}");
    world.send_with("{3}", SendOptions::new().key("a"));
    world.takes(10);
    assert_eq!(world.wire, ["{3}"]);
}

#[test]
fn a_suspect_is_not_kept_waiting_by_higher_messages() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let [poison, innocent] = sends(&mut world, ["poison", "n2"]);
    world.flushes();
    world.peer_closes(1007);
    let mut rounds = 0;
    while world.log.outcome(poison).is_none() {
        // There is always something of a higher priority.
        sends(&mut world, ["h"]);
        world.passes_until_attempt();
        world.opens();
        assert_eq!(world.takes(10), 1);
        assert_eq!(world.wire, ["poison"]);
        world.writes(1);
        world.peer_closes(1007);
        rounds += 1;
        assert!(rounds < 10, "it blocks the queue");
    }
    assert_eq!(world.log.outcome(poison), Some(Outcome::Rejected(Rejection::PeerRefuses(1007))));
    world.passes_until_attempt();
    world.opens();
    world.takes(10);
    assert_eq!(world.wire, ["n2"], "the other suspect");
    world.writes(1);
    world.pongs();
    assert_eq!(world.log.outcome(innocent), Some(Outcome::Received));
    assert!(world.takes(10) > 1, "the isolation is over");
}

#[test]
fn only_what_was_on_its_way_is_suspect() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let texts = ["l1", "l2", "l3", "n1", "n2"];
    sends(&mut world, texts);
    world.takes(2);
    world.writes(2);
    world.peer_closes(1007);
    world.passes_until_attempt();
    world.opens();
    for text in ["n1", "n2"] {
        assert_eq!(world.takes(10), 1);
        assert_eq!(world.wire.last().map(String::as_str), Some(text));
        world.writes(1);
        world.pongs();
    }
    assert_eq!(world.takes(10), 3, "the low ones, with lower numbers, were never sent");
}

#[test]
fn a_suspect_that_is_cancelled_ends_the_isolation() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let [poison, other] = sends(&mut world, ["poison", "n1"]);
    world.flushes();
    world.peer_closes(1007);
    world.cancel(poison).unwrap();
    world.cancel(other).unwrap();
    sends(&mut world, ["n2", "n3"]);
    world.passes_until_attempt();
    world.opens();
    assert_eq!(world.takes(10), 2);
}
