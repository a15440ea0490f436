use everwire_core::{Batching, Config, Guarantee, Input, Message, Outcome};

use crate::support::{World, config, seconds};

fn batching(set: impl FnOnce(&mut Batching)) -> Config {
    let mut batching = Batching::default();
    set(&mut batching);
    config(|config| config.batching = Some(batching))
}

#[test]
fn a_burst_goes_out_as_one_array_when_the_window_ends() {
    let mut world = World::connected(batching(|_| {}));
    world.send(r#"{"n":1}"#);
    world.passes(seconds(0.05));
    world.send(r#"{"n":2}"#);
    world.send(r#"{"n":3}"#);
    assert_eq!(world.takes(10), 0, "the window is open");
    world.passes(seconds(0.05));
    assert_eq!(world.takes(10), 1);
    assert_eq!(world.wire, [r#"[{"n":1},{"n":2},{"n":3}]"#]);
}

#[test]
fn a_lone_message_goes_out_as_it_is() {
    let mut world = World::connected(batching(|_| {}));
    world.send(r#"{"n":1}"#);
    world.passes(seconds(0.1));
    world.takes(10);
    assert_eq!(world.wire, [r#"{"n":1}"#]);
}

#[test]
fn the_driver_hears_of_a_window_when_it_begins_and_when_it_ends() {
    let mut world = World::connected(batching(|_| {}));
    world.send("{}");
    assert_eq!(world.log.readies(), 1, "so that it looks at the deadline");
    world.takes(10);
    assert_eq!(world.machine.deadline().unwrap().1, everwire_core::Timer::Batch);
    world.send("{}");
    assert_eq!(world.log.readies(), 1);
    world.passes(seconds(0.1));
    assert_eq!(world.log.readies(), 2);
}

#[test]
fn a_full_batch_goes_at_once() {
    let mut world = World::connected(batching(|batching| batching.max_bytes = 20));
    for _ in 0..3 {
        world.send(r#"{"n":1}"#);
    }
    world.takes(10);
    assert_eq!(world.wire, [r#"[{"n":1},{"n":1}]"#, r#"{"n":1}"#]);
}

#[test]
fn anything_but_json_ends_the_batch_and_goes_alone_in_order() {
    let mut world = World::connected(batching(|_| {}));
    world.send("{1}");
    world.send("{2}");
    world.send("ping");
    assert_eq!(world.takes(10), 2);
    world.send("{3}");
    world.try_send(Message::binary(vec![b'{', b'}'])).unwrap();
    world.send("{4}");
    world.send(" {5} ");
    world.takes(10);
    world.passes(seconds(0.1));
    world.takes(10);
    assert_eq!(world.wire, ["[{1},{2}]", "ping", "{3}", "{}", "[{4}, {5} ]"]);
}

#[test]
fn t27_close_flushes_the_batch_that_is_being_collected() {
    let mut world = World::connected(batching(|batching| batching.window = seconds(1000.0)));
    world.send("{1}");
    world.send("{2}");
    world.close_within(seconds(5.0));
    world.settles();
    assert_eq!(world.wire, ["[{1},{2}]"]);
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Default::default()));
}

#[test]
fn t27_disconnect_flushes_the_batch_that_is_being_collected() {
    let mut world = World::connected(batching(|batching| batching.window = seconds(1000.0)));
    world.send("{1}");
    world.send("{2}");
    world.input(Input::Disconnect);
    world.settles();
    assert_eq!(world.wire, ["[{1},{2}]"]);
}

#[test]
fn what_was_sent_offline_is_not_held_back() {
    let mut world = World::new(batching(|_| {}));
    world.send("{1}");
    world.send("{2}");
    world.input(Input::Connect);
    world.opens();
    world.flushes();
    assert_eq!(world.wire, ["[{1},{2}]"]);
}

#[test]
fn all_messages_of_a_frame_share_its_fate() {
    let mut world = World::connected(batching(|_| {}));
    world.sends(["{1}", "{2}", "{3}", "x", "{4}"]);
    world.passes(seconds(0.1));
    assert_eq!(world.takes(10), 3);
    world.writes(1);
    assert_eq!(world.log.written(), [(1, 3)]);
    world.loses_connection();
    let outcomes = world.log.outcomes();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Unknown(_))));
    world.passes_until_attempt();
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["x", "{4}"]);
}

#[test]
fn a_frame_that_does_not_fit_is_not_taken() {
    let mut world = World::connected(batching(|_| {}));
    world.sends(["{1}", "{2}"]);
    world.passes(seconds(0.1));
    assert_eq!(world.takes(0), 0);
    assert_eq!(world.machine.stats().queued_messages, 2);
    world.flushes();
    assert_eq!(world.wire, ["[{1},{2}]"]);
}

#[test]
fn a_batch_that_is_blamed_is_taken_apart() {
    let mut world = World::connected({
        let mut config = batching(|_| {});
        config.guarantee = Guarantee::AtLeastOnce;
        config
    });
    world.sends(["{1}", "{2}"]);
    world.passes(seconds(0.1));
    world.flushes();
    world.peer_closes(1007);
    world.passes_until_attempt();
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["{1}", "{2}"]);
}

#[test]
fn each_batch_has_a_window_and_a_size_of_its_own() {
    let mut world = World::connected(batching(|batching| batching.max_bytes = 20));
    for _ in 0..5 {
        world.send(r#"{"n":1}"#);
        world.send(r#"{"n":2}"#);
        assert_eq!(world.takes(10), 0);
        world.passes(seconds(0.1));
        assert_eq!(world.takes(10), 1);
    }
}

#[test]
fn what_was_being_collected_when_the_connection_was_lost_is_not_held_back_on_the_next() {
    let mut world = World::connected(batching(|batching| batching.window = seconds(1000.0)));
    world.sends(["{1}", "{2}"]);
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    assert_eq!(world.takes(10), 1);
}
