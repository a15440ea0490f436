use bytes::Bytes;
use everwire_core::{Cause, Config, Event, Output, State, TransportEvent};

use crate::support::{World, config, seconds};

fn died_after(world: &World, start: everwire_core::Moment) -> Option<std::time::Duration> {
    world.log.when(|output| matches!(output, Output::Abort(_))).map(|at| at.since(start))
}

#[test]
fn t2_death_is_declared_at_interval_plus_timeout_after_the_last_sign_of_life() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(17.0));
    world.receives("the last word");
    let last_life = world.now;
    world.passes(seconds(100.0));
    assert_eq!(died_after(&world, last_life), Some(seconds(40.0)));
    let cause = Cause::Dead { silent_for: seconds(40.0) };
    assert!(world.log.events().iter().any(|event| matches!(event, Event::Disconnected(end) if end.cause == cause)));
}

#[test]
fn t3_a_dead_connection_is_aborted_without_a_closing_handshake() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(40.0));
    assert_eq!(world.log.aborts().len(), 1);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
    assert!(matches!(world.state(), State::Disconnected { cause: Cause::Dead { .. }, .. }));
}

#[test]
fn t1_any_inbound_traffic_is_life() {
    let signs: [fn() -> TransportEvent; 4] = [
        || TransportEvent::Received(vec!["pong".into()]),
        || TransportEvent::Received(vec![everwire_core::Message::binary(vec![0_u8])]),
        || TransportEvent::Activity,
        || TransportEvent::Pong(Bytes::from_static(b"of someone else")),
    ];
    for sign in signs {
        let mut world = World::connected(Config::default());
        for _ in 0..20 {
            world.passes(seconds(39.9));
            world.transport(sign());
        }
        assert_eq!(world.state(), &State::Connected);
        assert_eq!(world.log.aborts(), []);
    }
}

#[test]
fn a_lively_peer_is_never_pinged() {
    let mut world = World::connected(Config::default());
    for _ in 0..100 {
        world.passes(seconds(29.0));
        world.receives("news");
    }
    assert_eq!(world.log.pings(), 0);
}

#[test]
fn an_idle_peer_that_answers_is_pinged_once_per_interval() {
    let mut world = World::connected(Config::default());
    for _ in 0..10 {
        world.passes(seconds(30.0));
        world.pongs();
    }
    assert_eq!(world.log.pings(), 10);
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn t16_a_paused_reader_never_declares_death() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(29.0));
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(3600.0));
    assert_eq!(world.state(), &State::Connected);
    world.transport(TransportEvent::ReadResumed);
    assert_eq!(world.log.pings(), 1, "what the pause could have hidden is probed");
    world.passes(seconds(9.9));
    world.pongs();
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn t16_after_a_pause_a_silent_peer_is_dead_within_the_timeout() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(60.0));
    world.transport(TransportEvent::ReadResumed);
    let resumed = world.now;
    world.passes(seconds(60.0));
    assert_eq!(died_after(&world, resumed), Some(seconds(10.0)));
}

#[test]
fn t16_a_pause_during_a_probe_suspends_its_verdict() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(35.0));
    assert_eq!(world.log.pings(), 1);
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(60.0));
    assert_eq!(world.log.aborts(), []);
    world.transport(TransportEvent::ReadResumed);
    world.passes(seconds(5.0));
    world.pongs();
    world.passes(seconds(20.0));
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn short_pauses_cost_no_pings() {
    let mut world = World::connected(Config::default());
    for _ in 0..1000 {
        world.transport(TransportEvent::ReadPaused);
        world.passes(seconds(0.001));
        world.transport(TransportEvent::ReadResumed);
        world.receives("news");
    }
    assert_eq!(world.log.pings(), 0);
}

#[test]
fn t16_a_stall_of_our_own_is_excused_with_a_fresh_probe() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(30.0));
    world.stalls(seconds(60.0));
    assert_eq!(world.log.aborts(), []);
    assert!(world.log.events().contains(&Event::Stalled { late_by: seconds(50.0) }));
    assert_eq!(world.log.pings(), 2);
    world.pongs();
    world.passes(seconds(29.0));
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn t16_a_stall_over_both_timers_still_gives_the_peer_its_whole_timeout() {
    let mut world = World::connected(Config::default());
    world.stalls(seconds(3600.0));
    assert_eq!(world.log.aborts(), []);
    assert_eq!(world.log.pings(), 1);
    let probed = world.now;
    world.passes(seconds(60.0));
    assert_eq!(died_after(&world, probed), Some(seconds(10.0)));
}

#[test]
fn a_machine_that_is_always_late_still_finds_the_dead() {
    let mut world = World::connected(Config::default());
    for _ in 0..4 {
        let (at, _) = world.machine.deadline().unwrap();
        world.now = at;
        world.stalls(seconds(5.0));
    }
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn a_timer_that_fires_while_life_lies_unread_does_no_harm() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(30.0));
    world.now = world.now + seconds(9.0);
    world.receives("just in time");
    world.passes(seconds(29.0));
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.log.pings(), 1);
}

#[test]
fn a_barrier_ping_that_is_unanswered_does_not_replace_the_heartbeat() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.flushes();
    let start = world.now;
    world.passes(seconds(100.0));
    assert_eq!(died_after(&world, start), Some(seconds(40.0)));
}

#[test]
fn without_a_heartbeat_silence_means_nothing() {
    let mut world = World::connected(config(|config| config.heartbeat.interval = None));
    world.passes(seconds(100_000.0));
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.log.pings(), 0);
}

#[test]
fn no_timer_runs_for_an_idle_connection_without_heartbeat() {
    let mut world = World::connected(config(|config| config.heartbeat.interval = None));
    world.passes(seconds(60.0));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_hint_during_a_pause_is_followed_when_reading_goes_on() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::ReadPaused);
    world.input(everwire_core::Input::Hint(everwire_core::Hint::Woke));
    assert_eq!(world.log.pings(), 0);
    world.transport(TransportEvent::ReadResumed);
    assert_eq!(world.log.pings(), 1);
    world.passes(seconds(3.0));
    assert_eq!(world.log.aborts().len(), 1);
}
