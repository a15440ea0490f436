//! Paths that drop idle connections teach the heartbeat's interval.

use everwire_core::{Config, Event, Guarantee, Input, LearnedInterval, Loss, PostMortem, TransportEvent};

use crate::support::{World, config, seconds};

/// How long the present connection is idle until something of ours goes out.
fn pings_after(world: &mut World) -> std::time::Duration {
    let (start, before) = (world.now, world.log.pings());
    while world.log.pings() == before {
        let (at, _) = world.machine.deadline().expect("a ping is planned");
        world.passes(at.since(world.now));
    }
    world.now.since(start)
}

/// The connection ends after it has been idle for so long, and the next one opens.
fn ends_idle_for(world: &mut World, idle: f64) -> PostMortem {
    world.passes(seconds(idle));
    world.transport(TransportEvent::Lost(Loss::Ended));
    reopens(world)
}

fn reopens(world: &mut World) -> PostMortem {
    world.passes_until_attempt();
    world.opens();
    let end = world.log.events().into_iter().rev().find_map(|event| match event {
        Event::Disconnected(end) => Some(*end),
        _ => None,
    });
    end.expect("an end")
}

#[test]
fn a_path_that_cuts_idle_connections_twice_at_about_the_same_time_is_pinged_before_that() {
    let mut world = World::connected(Config::default());
    assert_eq!(ends_idle_for(&mut world, 20.0).learned, None, "once may be chance");
    let end = ends_idle_for(&mut world, 20.0);
    let learned = LearnedInterval { idle: seconds(20.0), interval: seconds(14.0) };
    assert_eq!(end.learned, Some(learned));
    let words = end.to_string();
    assert!(words.contains("; the path drops connections idle for 20.0 s: pinging every 14.0 s; "), "{words}");
    assert_eq!(world.machine.stats().learned_interval, Some(learned));
    assert_eq!(pings_after(&mut world), seconds(14.0));
}

#[test]
fn a_path_that_forgets_idle_connections_is_pinged_sooner_until_it_does_not() {
    let mut world = World::connected(Config::default());
    // The path lets a connection be idle for 16 s at most, and says nothing when it has forgotten one.
    let mut intervals = Vec::new();
    for _ in 0..8 {
        world.send("hello");
        world.settles();
        let idle = pings_after(&mut world);
        intervals.push(idle.as_millis());
        if idle < seconds(16.0) {
            world.pongs();
            continue;
        }
        world.pings.clear();
        world.passes(seconds(10.0));
        reopens(&mut world);
    }
    assert_eq!(intervals, [25_000, 25_000, 17_500, 17_500, 12_250, 12_250, 12_250, 12_250]);
}

#[test]
fn connections_that_are_lost_in_use_or_by_a_peer_that_never_answers_teach_nothing() {
    let mut busy = World::connected(config(|config| config.guarantee = Guarantee::Unproven));
    for _ in 0..3 {
        busy.passes(seconds(18.0));
        busy.send("news");
        busy.flushes();
        assert_eq!(ends_idle_for(&mut busy, 2.0).learned, None);
    }
    let mut mute = World::connected(Config::default());
    for _ in 0..3 {
        mute.passes(seconds(400.0));
        assert_eq!(reopens(&mut mute).learned, None);
    }
    assert_eq!(pings_after(&mut mute), seconds(25.0));
}

#[test]
fn what_another_client_has_learned_counts_from_the_next_connection_on() {
    let mut world = World::connected(Config::default());
    let learned = LearnedInterval { idle: seconds(20.0), interval: seconds(14.0) };
    world.input(Input::LearnedInterval { learned, age: seconds(3600.0) });
    assert_eq!(pings_after(&mut world), seconds(25.0));
    world.pongs();
    ends_idle_for(&mut world, 1.0);
    assert_eq!(pings_after(&mut world), seconds(14.0));
}

#[test]
fn a_heartbeat_that_is_not_adaptive_keeps_the_interval_that_is_set() {
    let mut world = World::connected(config(|config| config.heartbeat.adaptive = false));
    for _ in 0..4 {
        assert_eq!(ends_idle_for(&mut world, 20.0).learned, None);
    }
    assert_eq!(pings_after(&mut world), seconds(25.0));
}
