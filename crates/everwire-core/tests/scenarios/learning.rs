//! Paths that drop idle connections teach the heartbeat's interval.

use everwire_core::{
    Config, Event, Guarantee, Input, LearnedInterval, Loss, PingProgress, PostMortem, Silence, State, TransportEvent,
};

use crate::support::{World, config, seconds};

/// How long a new connection is idle, once its first ping is answered, until something of ours goes out.
fn interval(world: &mut World) -> std::time::Duration {
    world.answers_first_ping();
    pings_after(world)
}

/// How long the present connection is idle until something of ours goes out.
fn pings_after(world: &mut World) -> std::time::Duration {
    let (start, before) = (world.now, world.log.pings());
    while world.log.pings() == before {
        let (at, _) = world.machine.deadline().expect("a ping is planned");
        world.passes(at.since(world.now));
    }
    world.now.since(start)
}

/// The peer has answered the first ping; the connection ends after it has been idle for so long, and the next one opens.
fn ends_idle_for(world: &mut World, idle: f64) -> PostMortem {
    world.answers_first_ping();
    ends_after(world, idle)
}

/// The connection ends after so long, and the next one opens.
fn ends_after(world: &mut World, time: f64) -> PostMortem {
    world.passes(seconds(time));
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
    let learned = LearnedInterval { silence: Silence::BothWays, idle: seconds(20.0), interval: seconds(14.0) };
    assert_eq!(end.learned, Some(learned));
    let words = end.to_string();
    assert!(words.contains("; the path drops connections idle for 20.0 s: pinging every 14.0 s; "), "{words}");
    assert_eq!(world.machine.stats().learned_interval, Some(learned));
    assert_eq!(interval(&mut world), seconds(14.0));
}

#[test]
fn a_learned_interval_does_not_shorten_the_time_for_which_our_own_bytes_may_stand_still() {
    let mut world = World::connected(Config::default());
    ends_idle_for(&mut world, 10.0);
    assert!(ends_idle_for(&mut world, 10.0).learned.is_some());
    world.send("5 MB");
    world.takes(1);
    world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    // By the learned interval of 7 s it would be dead by now.
    world.passes(seconds(34.9));
    assert_eq!((world.state(), world.log.aborts()), (&State::Connected, vec![]));
    world.passes(seconds(0.2));
    assert_eq!(world.log.aborts().len(), 1);
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

/// A feed says something each second and answers each ping, until nothing of ours has gone out for `cut_after` seconds.
fn feeds(world: &mut World, cut_after: f64) {
    let mut quiet = 0.0;
    while quiet < cut_after {
        let before = world.log.pings();
        world.passes(seconds(1.0));
        quiet = if world.log.pings() > before { 0.0 } else { quiet + 1.0 };
        while !world.pings.is_empty() {
            world.pongs();
        }
        world.receives("news");
    }
}

#[test]
fn a_feed_that_a_path_cuts_for_our_silence_alone_is_pinged_before_that() {
    let mut world = World::connected(Config::default());
    feeds(&mut world, 20.0);
    assert_eq!(ends_after(&mut world, 0.5).learned, None, "once may be chance");
    feeds(&mut world, 20.0);
    let end = ends_after(&mut world, 0.3);
    let learned = LearnedInterval { silence: Silence::Outbound, idle: seconds(20.3), interval: seconds(14.21) };
    assert_eq!(end.learned, Some(learned));
    let words = end.to_string();
    assert!(
        words.contains("; the path drops connections on which we are silent for 20.3 s: pinging every 14.2 s; "),
        "{words}"
    );
    assert_eq!(interval(&mut world), seconds(14.21));
}

#[test]
fn a_feed_that_stops_when_we_have_been_silent_teaches_how_long_that_was() {
    let mut world = World::connected(Config::default());
    for taught in [false, true] {
        world.send("subscribe");
        world.settles();
        feeds(&mut world, 20.0);
        // Nothing comes any more, and the ping after 25 s is not answered.
        let end = dies(&mut world);
        assert_eq!(end.learned.is_some(), taught, "{end}");
    }
    let learned = LearnedInterval { silence: Silence::Outbound, idle: seconds(20.0), interval: seconds(14.0) };
    assert_eq!(world.machine.stats().learned_interval, Some(learned));
}

#[test]
fn connections_that_have_outlived_the_interval_and_are_lost_to_something_else_teach_nothing() {
    let mut world = World::connected(Config::default());
    for _ in 0..5 {
        world.behaves(seconds(60.0));
        // The network is gone: whatever the time, the next ping is not answered.
        assert_eq!(dies(&mut world).learned, None);
    }
    for _ in 0..5 {
        world.behaves(seconds(60.0));
        assert_eq!(ends_after(&mut world, 11.0).learned, None);
    }
    assert_eq!(world.machine.stats().learned_interval, None);
}

/// Nothing is heard any more, until the machine gives the connection up.
fn dies(world: &mut World) -> PostMortem {
    world.passes(seconds(40.0));
    world.pings.clear();
    reopens(world)
}

#[test]
fn a_server_that_ends_each_connection_at_some_age_and_answers_pings_late_teaches_nothing() {
    for age in [29.5, 31.0, 32.9, 55.0] {
        let mut world = World::connected(Config::default());
        world.send("hello");
        world.settles();
        for _ in 0..6 {
            let ends = world.now + seconds(age);
            let mut answers = None;
            while world.now < ends {
                world.passes(seconds(0.1));
                if answers.is_none() && !world.pings.is_empty() {
                    answers = Some(world.now + seconds(5.0));
                }
                if answers.is_some_and(|at| at <= world.now) {
                    world.pongs();
                    answers = None;
                }
            }
            assert_eq!(ends_after(&mut world, 0.0).learned, None, "after {age} s");
        }
        assert_eq!(interval(&mut world), seconds(25.0));
    }
}

#[test]
fn a_server_that_ends_each_connection_at_some_age_is_never_pinged_more_often_than_once_taught() {
    // At first nothing tells it from a path that drops idle connections; but pings that are answered in time do.
    let mut world = World::connected(Config::default());
    let mut taught = 0;
    for _ in 0..10 {
        world.behaves(seconds(20.0));
        taught += u32::from(ends_after(&mut world, 0.0).learned.is_some());
    }
    assert_eq!(taught, 1);
    assert_eq!(interval(&mut world), seconds(11.9));
}

#[test]
fn a_message_that_finds_the_connection_forgotten_tells_how_long_it_was_idle() {
    let mut world = World::connected(Config::default());
    for taught in [false, true] {
        world.send("hello");
        world.settles();
        world.passes(seconds(18.0));
        world.send("lost");
        world.flushes();
        let end = dies(&mut world);
        assert_eq!(end.learned.is_some(), taught, "{end}");
    }
    assert_eq!(interval(&mut world), seconds(12.6));
}

#[test]
fn a_stand_still_of_our_own_is_no_idleness() {
    let mut world = World::connected(Config::default());
    for _ in 0..3 {
        world.stalls(seconds(33.0));
        world.pings.clear();
        assert_eq!(ends_after(&mut world, 0.0).learned, None);
    }
}

#[test]
fn connections_that_are_lost_in_use_or_by_a_peer_that_never_answers_teach_nothing() {
    let mut busy = World::connected(config(|config| config.guarantee = Guarantee::Unproven));
    for _ in 0..3 {
        busy.passes(seconds(18.0));
        busy.send("news");
        busy.flushes();
        assert_eq!(ends_after(&mut busy, 2.0).learned, None);
    }
    let mut mute = World::connected(Config::default());
    for _ in 0..3 {
        mute.passes(seconds(400.0));
        assert_eq!(reopens(&mut mute).learned, None);
    }
    assert_eq!(mute.machine.stats().learned_interval, None);
}

#[test]
fn a_path_that_answers_the_first_ping_with_a_reset_teaches_a_client_that_only_listens() {
    let mut world = World::connected(Config::default());
    for taught in [false, true] {
        assert_eq!(interval(&mut world), seconds(25.0));
        world.pings.clear();
        world.passes(seconds(0.05));
        world.loses_connection();
        let end = reopens(&mut world);
        assert_eq!(end.learned.is_some(), taught, "{end}");
    }
    let learned = LearnedInterval { silence: Silence::BothWays, idle: seconds(25.0), interval: seconds(17.5) };
    assert_eq!(world.machine.stats().learned_interval, Some(learned));
    assert_eq!(interval(&mut world), seconds(17.5));
}

#[test]
fn a_path_that_forgets_silently_is_found_out_by_a_client_that_only_listens() {
    let mut world = World::connected(Config::default());
    // The path lets a connection be idle for 16 s at most, says nothing when it has forgotten one, and the server says nothing
    // but the answers to pings. So the first ping that the path lets through must not be the one that comes too late.
    let mut uptimes = Vec::new();
    for _ in 0..6 {
        let (opened, mut used) = (world.now, world.now);
        while *world.state() == State::Connected && world.now.since(opened) < seconds(200.0) {
            world.passes(seconds(0.1));
            if !world.pings.is_empty() && world.now.since(used) <= seconds(16.0) {
                used = world.now;
                world.pongs();
            }
        }
        uptimes.push(world.now.since(opened).as_secs());
        if *world.state() == State::Connected {
            break;
        }
        world.pings.clear();
        reopens(&mut world);
    }
    assert_eq!(uptimes, [38, 38, 30, 30, 200], "{:?}", world.machine.stats());
}

#[test]
fn a_server_that_answers_no_pings_and_ends_each_connection_at_some_age_teaches_at_most_once() {
    for (age, most) in [(25.5, 1), (28.0, 0), (31.0, 0), (34.9, 0)] {
        let mut world = World::connected(Config::default());
        let taught = (0..10).filter(|_| ends_after(&mut world, age).learned.is_some()).count();
        assert_eq!(taught, most, "after {age} s");
    }
}

#[test]
fn what_another_client_has_learned_counts_from_the_next_connection_on() {
    let mut world = World::connected(Config::default());
    let learned = LearnedInterval { silence: Silence::BothWays, idle: seconds(20.0), interval: seconds(14.0) };
    world.input(Input::LearnedInterval { learned, age: seconds(3600.0) });
    assert_eq!(interval(&mut world), seconds(25.0));
    world.pongs();
    ends_after(&mut world, 1.0);
    assert_eq!(interval(&mut world), seconds(14.0));
}

#[test]
fn a_heartbeat_that_is_not_adaptive_keeps_the_interval_that_is_set() {
    let mut world = World::connected(config(|config| config.heartbeat.adaptive = false));
    for _ in 0..4 {
        assert_eq!(ends_idle_for(&mut world, 20.0).learned, None);
    }
    assert_eq!(interval(&mut world), seconds(25.0));
}
