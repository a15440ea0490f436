use everwire_core::{
    Config, Guarantee, Input, Outcome, Rejection,
    session::{SUBPROTOCOL, SessionConfig, SessionMode},
};

use crate::support::{World, config};

fn at_least_once() -> Config {
    config(|config| config.guarantee = Guarantee::AtLeastOnce)
}

/// Runs until nothing is open any more against a peer that closes with `code` on any message with "poison" in it, and
/// returns what the peer has read.
fn run_against_a_refusing_peer(world: &mut World, code: u16) -> Vec<String> {
    let mut read = Vec::new();
    for _ in 0..100 {
        world.flushes();
        let upto = world.wire.iter().position(|text| text.contains("poison"));
        read.extend(world.wire.drain(..upto.unwrap_or(world.wire.len())));
        if upto.is_some() {
            world.peer_closes(code);
            world.passes_until_attempt();
            world.opens();
        } else if world.pings.is_empty() {
            return read;
        } else {
            world.pongs();
        }
    }
    panic!("it never ends");
}

#[test]
fn a_message_that_the_peer_refuses_again_and_again_does_not_block_the_queue() {
    for code in [1003, 1007, 1009] {
        let mut world = World::connected(at_least_once());
        let ids = world.sends(["1", "2", "poison", "4", "5"]);
        let read = run_against_a_refusing_peer(&mut world, code);
        for text in ["1", "2", "4", "5"] {
            assert!(read.iter().any(|other| other == text), "{text} is missing");
        }
        let outcomes = ids.map(|id| world.log.outcome(id).unwrap());
        let refused = Outcome::Rejected(Rejection::PeerRefuses(code));
        let received = Outcome::Received;
        assert_eq!(outcomes, [received, received, refused, received, received]);
    }
}

#[test]
fn it_takes_three_times_alone_to_be_rejected() {
    let mut world = World::connected(at_least_once());
    let id = world.send("poison");
    for _ in 0..2 {
        world.flushes();
        world.peer_closes(1009);
        assert_eq!(world.log.outcome(id), None);
        world.passes_until_attempt();
        world.opens();
    }
    world.flushes();
    world.peer_closes(1009);
    assert_eq!(world.log.outcome(id), Some(Outcome::Rejected(Rejection::PeerRefuses(1009))));
}

#[test]
fn two_refused_messages_are_both_found() {
    let mut world = World::connected(at_least_once());
    let ids = world.sends(["poison 1", "2", "poison 3"]);
    run_against_a_refusing_peer(&mut world, 1007);
    let refused = Some(Outcome::Rejected(Rejection::PeerRefuses(1007)));
    assert_eq!(ids.map(|id| world.log.outcome(id)), [refused, Some(Outcome::Received), refused]);
}

#[test]
fn a_frame_refused_before_it_is_wholly_written_is_found_under_every_guarantee() {
    for guarantee in [Guarantee::Unproven, Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let mut world = World::connected(config(|config| config.guarantee = guarantee));
        let huge = world.send("a huge message");
        let next = world.send("next");
        let mut connections = 0;
        while world.log.outcome(huge).is_none() {
            world.takes(usize::MAX);
            world.peer_closes(1009);
            world.passes_until_attempt();
            world.opens();
            connections += 1;
            assert!(connections < 10, "{guarantee:?}: it blocks the queue");
        }
        assert_eq!(world.log.outcome(huge), Some(Outcome::Rejected(Rejection::PeerRefuses(1009))), "{guarantee:?}");
        world.settles();
        assert!(world.log.outcome(next).is_some());
    }
}

#[test]
fn an_innocent_message_in_front_of_the_refused_one_is_not_rejected() {
    let mut world = World::connected(at_least_once());
    let innocent = world.send("1");
    world.send("poison");
    for _ in 0..3 {
        world.flushes();
        world.peer_closes(1003);
        world.passes_until_attempt();
        world.opens();
    }
    run_against_a_refusing_peer(&mut world, 1003);
    assert_eq!(world.log.outcome(innocent), Some(Outcome::Received));
}

#[test]
fn other_losses_blame_no_message() {
    let mut world = World::connected(at_least_once());
    let id = world.send("hello");
    for _ in 0..10 {
        world.flushes();
        world.peer_closes(1011);
        world.passes_until_attempt();
        world.opens();
    }
    world.settles();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}

#[test]
fn the_isolation_ends_with_the_last_suspect() {
    let mut world = World::connected(at_least_once());
    world.sends(["1", "poison"]);
    run_against_a_refusing_peer(&mut world, 1007);
    world.sends(["3", "4", "5"]);
    assert_eq!(world.takes(usize::MAX), 3);
}

#[test]
fn a_suspect_is_alone_on_its_way_until_it_is_proven() {
    let mut world = World::connected(at_least_once());
    world.sends(["1", "2", "3"]);
    world.flushes();
    world.peer_closes(1007);
    world.passes_until_attempt();
    world.opens();
    assert_eq!(world.takes(10), 1);
    assert_eq!(world.takes(10), 0);
    world.writes(1);
    assert_eq!(world.takes(10), 0, "written is not proven");
    world.pongs();
    assert_eq!(world.log.readies(), 3, "the driver is told that the next may go");
    assert_eq!(world.takes(10), 1);
}

#[test]
fn the_last_suspect_is_alone_too() {
    let mut world = World::connected(at_least_once());
    world.sends(["1", "2"]);
    world.takes(1);
    world.peer_closes(1007);
    world.passes_until_attempt();
    world.opens();
    assert_eq!(world.takes(10), 1);
    assert_eq!(world.takes(10), 0);
    world.writes(1);
    world.pongs();
    assert_eq!(world.takes(10), 1);
    assert_eq!(world.wire, ["1", "2"]);
}

#[test]
fn the_end_of_a_session_blames_no_message() {
    let mut config = at_least_once();
    let mut session = SessionConfig::default();
    session.mode = SessionMode::Prefer;
    config.session = Some(session);
    let mut world = World::new(config);
    world.input(Input::Connect);
    world.opens_with(Some(SUBPROTOCOL));
    let welcome = r#"w{"session":"5e55","token":"70cc","resumed":false,"processed":0,"resume_within":1000}"#;
    world.receives(welcome);
    world.sends(["1", "2", "3"]);
    world.flushes();
    world.peer_closes(1007);
    world.passes_until_attempt();
    // The next server speaks no session.
    world.opens();
    assert_eq!(world.takes(10), 3);
}
