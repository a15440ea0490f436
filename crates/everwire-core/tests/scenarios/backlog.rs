use everwire_core::{Batching, Config, Event, Guarantee, Input, Outcome, SendRate, TransportEvent};

use crate::support::{World, config, seconds};

/// A world in which this many messages wait when the connection opens.
fn backlog(config: Config, messages: usize) -> World {
    let mut world = World::new(config);
    for number in 1..=messages {
        world.send(&number.to_string());
    }
    world.input(Input::Connect);
    world.opens();
    world
}

fn at_least_once() -> Config {
    config(|config| config.guarantee = Guarantee::AtLeastOnce)
}

/// The peer reads this many messages and answers the pings before and between them, then closes the connection.
fn peer_takes(world: &mut World, messages: usize, code: u16) {
    for behind in world.pings_behind.clone() {
        if behind <= messages {
            world.pongs();
        }
    }
    world.peer_closes(code);
}

#[test]
fn pings_go_between_the_messages_of_a_backlog_ever_farther_apart_and_behind_the_last() {
    let mut world = backlog(Config::default(), 30);
    world.flushes();
    assert_eq!(world.wire.len(), 30, "in one go");
    assert_eq!(world.pings_behind, [1, 3, 7, 15, 30]);
    while !world.pings.is_empty() {
        world.pongs();
    }
    let outcomes = world.log.outcomes();
    assert!(outcomes.len() == 30 && outcomes.values().all(|outcome| *outcome == Outcome::Received));
}

#[test]
fn a_server_that_closes_after_five_messages_has_all_thirty_in_the_end() {
    for code in [1013, 4008] {
        let mut world = backlog(at_least_once(), 30);
        let mut copies = 0;
        for connection in 1.. {
            world.flushes();
            copies += world.wire.len().min(5);
            if world.wire.len() <= 5 {
                break;
            }
            peer_takes(&mut world, 5, code);
            assert!(world.log.outcomes().len() >= connection * 3, "progress on connection {connection} after {code}");
            world.passes_until_attempt();
            world.opens();
        }
        while !world.pings.is_empty() {
            world.pongs();
        }
        assert_eq!(world.log.outcomes().len(), 30);
        assert!(copies <= 60, "{copies} copies of 30 messages");
    }
}

/// The path carries `carries` messages on each connection. A further one breaks it before any answer is back. Returns
/// the number of connections until all messages are proven.
fn connections_until_proven(world: &mut World, carries: usize) -> usize {
    for connection in 1..200 {
        loop {
            world.flushes();
            if world.wire.len() > carries {
                world.loses_connection();
                break;
            }
            if world.pings.is_empty() {
                return connection;
            }
            world.pongs();
        }
        world.passes_until_attempt();
        world.opens();
    }
    panic!("no progress: {} are proven", world.log.outcomes().len());
}

#[test]
fn a_path_that_breaks_after_a_few_messages_before_any_answer_is_back_carries_all_in_the_end() {
    for carries in [1, 8, 16] {
        let mut world = backlog(at_least_once(), 100);
        let connections = connections_until_proven(&mut world, carries);
        assert_eq!(world.log.outcomes().len(), 100, "{carries}");
        assert!(connections <= 2 + 2 * 100 / carries, "{connections} connections that carry {carries} each");
    }
}

#[test]
fn a_single_loss_before_the_first_answer_costs_no_round_trips() {
    let mut world = backlog(at_least_once(), 30);
    world.flushes();
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.flushes();
    assert_eq!((world.wire.len(), world.pings_behind.clone()), (30, vec![1, 3, 7, 15, 30]));
}

/// A world whose connections were lost twice before anything was proven, and the next one of which is open.
fn cautious(messages: usize) -> World {
    let mut world = backlog(at_least_once(), messages);
    for _ in 0..2 {
        world.flushes();
        world.loses_connection();
        world.passes_until_attempt();
        world.opens();
    }
    world
}

#[test]
fn a_cautious_backlog_goes_out_in_steps_that_double_with_each_answer() {
    let mut world = cautious(30);
    for wire in [1, 3, 7, 15] {
        world.flushes();
        assert_eq!(world.wire.len(), wire);
        world.machine.send_volatile("now".into()).unwrap();
        world.flushes();
        assert_eq!(world.wire.len(), wire, "nothing goes before the answer");
        let readies = world.log.readies();
        world.pongs();
        assert_eq!(world.log.readies(), readies + 1, "the driver is told");
    }
    world.flushes();
    assert!(world.wire.len() >= 30, "the rest fits the next step");
    while !world.pings.is_empty() {
        world.pongs();
    }
    assert_eq!(world.log.outcomes().values().filter(|outcome| **outcome == Outcome::Received).count(), 30);
}

#[test]
fn an_answer_that_takes_too_long_is_waited_for_no_longer() {
    let mut world = cautious(30);
    world.flushes();
    assert_eq!(world.wire.len(), 1);
    let readies = world.log.readies();
    world.passes(seconds(2.9));
    assert_eq!(world.log.readies(), readies);
    world.passes(seconds(0.1));
    assert_eq!(world.log.readies(), readies + 1);
    world.flushes();
    assert_eq!(world.wire.len(), 30);
}

#[test]
fn a_peer_that_answers_no_pings_is_not_held_back_for_on_every_connection() {
    let mut world = cautious(30);
    let mut whole = 0;
    for _ in 0..6 {
        world.flushes();
        whole += usize::from(world.wire.len() == 30);
        world.loses_connection();
        world.passes_until_attempt();
        world.opens();
    }
    assert_eq!(whole, 4);
}

#[test]
fn what_the_peer_has_read_of_a_large_backlog_is_proven_by_half_at_least() {
    for read in [1, 2, 6, 100, 1000, 4000] {
        let mut world = backlog(at_least_once(), 5000);
        world.flushes();
        assert!(world.pings.len() <= 13, "{} pings", world.pings.len());
        peer_takes(&mut world, read, 1013);
        let proven = world.log.outcomes().len();
        assert!(proven * 2 >= read && proven <= read, "{proven} of {read}");
    }
}

#[test]
fn messages_that_come_one_by_one_share_a_ping_as_ever() {
    let mut world = World::connected(Config::default());
    for number in 0..100 {
        world.send(&number.to_string());
        world.flushes();
    }
    assert_eq!(world.pings_behind, [1], "the next one follows the pong");
}

#[test]
fn what_comes_behind_a_backlog_gets_no_pings_of_its_own() {
    let mut world = backlog(Config::default(), 3);
    world.flushes();
    assert_eq!(world.pings_behind, [1, 3]);
    world.sends(["4", "5", "6"]);
    world.flushes();
    assert_eq!(world.pings_behind, [1, 3]);
    world.pongs();
    world.pongs();
    assert_eq!(world.pings_behind, [1, 3, 6], "behind what is unproven when a pong comes");
}

#[test]
fn a_peer_that_answers_only_the_first_of_several_pings_proves_all_of_a_backlog() {
    let mut world = backlog(Config::default(), 30);
    world.flushes();
    let answered = world.pings.len();
    world.pongs();
    assert_eq!(world.log.outcomes().len(), 1);
    assert_eq!(world.pings.len(), answered, "one more, in place of the answered one");
    // The others are never answered.
    world.pings.drain(..answered - 1);
    world.pongs();
    assert_eq!(world.log.outcomes().len(), 30);
    assert!(world.pings.is_empty());
}

#[test]
fn without_evidence_there_are_no_pings_in_a_backlog() {
    let mut world = backlog(config(|config| config.guarantee = Guarantee::Unproven), 30);
    world.flushes();
    assert_eq!((world.wire.len(), world.log.pings()), (30, 0));
}

#[test]
fn a_socket_without_room_holds_a_backlog_up_and_changes_nothing_else() {
    let mut world = backlog(Config::default(), 30);
    for _ in 0..15 {
        assert_eq!(world.takes(2), 2);
    }
    assert_eq!(world.wire.len(), 30);
    assert_eq!(world.takes(2), 0);
    assert_eq!(world.pings_behind[..4], [1, 3, 7, 15]);
}

#[test]
fn the_frames_of_a_batched_backlog_are_what_is_counted() {
    let mut world = backlog(
        config(|config| {
            config.guarantee = Guarantee::AtLeastOnce;
            config.batching = Some(Batching::default());
        }),
        0,
    );
    world.loses_connection();
    for number in 0..10 {
        world.send(&format!("{{{number}}}"));
    }
    world.sends(["x", "y"]);
    world.passes_until_attempt();
    world.opens();
    world.flushes();
    assert_eq!(world.wire.len(), 3, "an array of ten, and two alone");
    assert_eq!(world.pings_behind, [1, 3]);
}

#[test]
fn a_limited_backlog_goes_out_at_its_rate_and_each_ping_right_behind_its_message() {
    let mut world = backlog(
        config(|config| {
            config.guarantee = Guarantee::AtLeastOnce;
            config.send_rate = Some(SendRate::per_second(5.0));
        }),
        10,
    );
    world.behaves(seconds(1.5));
    assert!((8..=9).contains(&world.wire.len()), "{}", world.wire.len());
    world.behaves(seconds(1.0));
    assert_eq!(world.wire.len(), 10);
    assert_eq!(world.log.outcomes().len(), 10);
    assert_eq!(world.log.count(|output| matches!(output, everwire_core::Output::Event(Event::Stalled { .. }))), 0);
}

#[test]
fn an_event_of_the_lost_connection_changes_nothing_about_the_next_one_s_backlog() {
    let mut world = backlog(at_least_once(), 8);
    let old = world.attempt();
    world.flushes();
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.input(Input::Transport(old, TransportEvent::Written(8)));
    world.flushes();
    assert_eq!(world.pings_behind, [1, 3, 7, 8]);
}
