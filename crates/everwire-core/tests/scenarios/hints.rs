use everwire_core::{Config, Event, Hint, Input, Jitter, OpenFailureKind, RefusalReason, State};

use crate::support::{World, config, seconds};

/// Waiting for an attempt that is 30 s away.
fn waiting() -> World {
    let mut world = World::new(config(|config| {
        (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0));
        config.retry.initial_delay = seconds(30.0);
    }));
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    world
}

#[test]
fn good_news_while_waiting_starts_an_attempt_at_once() {
    for hint in [Hint::Online, Hint::NetworkChanged, Hint::Woke, Hint::RetryNow] {
        let mut world = waiting();
        world.hint(hint);
        assert_eq!(world.state(), &State::Connecting { attempt: 2 }, "{hint:?}");
    }
}

#[test]
fn hints_never_open_a_second_socket() {
    let mut world = waiting();
    for hint in [Hint::RetryNow, Hint::RetryNow, Hint::Online, Hint::NetworkChanged, Hint::Woke] {
        world.hint(hint);
    }
    assert_eq!(world.log.opens().len(), 2);
    world.opens();
    for hint in [Hint::RetryNow, Hint::Online, Hint::NetworkChanged, Hint::Woke, Hint::Offline] {
        world.hint(hint);
    }
    assert_eq!(world.log.opens().len(), 2);
}

#[test]
fn hints_start_at_most_one_attempt_a_second_and_none_is_lost() {
    let mut world = waiting();
    for _ in 0..100 {
        world.hint(Hint::Online);
        if let State::Connecting { .. } = world.state() {
            world.opening_fails(OpenFailureKind::Io);
        }
        world.passes(seconds(0.1));
    }
    let dials = world.log.opens().len();
    assert!((10..=12).contains(&dials), "{dials} dials in 10 s of 100 hints");
}

#[test]
fn a_pause_that_the_server_asked_for_is_broken_only_by_the_user() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let retry_after = Some(seconds(60.0));
    world.opening_fails(OpenFailureKind::Refused {
        status: 429,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    });
    for hint in [Hint::Online, Hint::NetworkChanged, Hint::Woke] {
        world.hint(hint);
        assert!(matches!(world.state(), State::Disconnected { .. }), "{hint:?}");
    }
    world.passes(seconds(5.0));
    world.hint(Hint::RetryNow);
    assert!(matches!(world.state(), State::Connecting { .. }));
}

#[test]
fn offline_slows_attempts_to_the_pace_of_the_cap_but_never_stops_them() {
    let mut world =
        World::new(config(|config| (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0))));
    world.input(Input::Connect);
    world.hint(Hint::Offline);
    for _ in 0..10 {
        world.opening_fails(OpenFailureKind::Io);
        assert_eq!(world.passes_until_attempt(), seconds(30.0));
    }
}

#[test]
fn offline_while_waiting_puts_the_attempt_off_once() {
    let mut world =
        World::new(config(|config| (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0))));
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    for _ in 0..29 {
        world.hint(Hint::Offline);
        world.passes(seconds(1.0));
    }
    assert_eq!(world.log.opens().len(), 1);
    world.passes(seconds(1.0));
    assert_eq!(world.log.opens().len(), 2);
}

#[test]
fn a_doubtful_connection_is_probed_and_dropped_if_it_does_not_answer() {
    for hint in [Hint::Offline, Hint::NetworkChanged, Hint::Woke] {
        let mut world = World::connected(Config::default());
        world.hint(hint);
        assert_eq!(world.log.pings(), 1, "{hint:?}");
        world.passes(seconds(2.9));
        assert_eq!(world.state(), &State::Connected);
        world.passes(seconds(0.1));
        assert!(matches!(world.state(), State::Disconnected { .. }), "{hint:?}");
    }
}

#[test]
fn a_connection_that_is_lost_right_after_the_sleep_is_replaced_at_once() {
    let mut world = World::connected(Config::default());
    world.hint(Hint::Woke);
    world.loses_connection();
    assert!(matches!(world.state(), State::Connecting { .. }));
    world.opens();
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { .. }), "once for each sleep");
}

#[test]
fn a_connection_that_is_lost_long_after_the_sleep_is_replaced_in_its_time() {
    let mut world = World::connected(Config::default());
    world.hint(Hint::Woke);
    world.passes(seconds(1.0));
    world.pongs();
    world.passes(seconds(2.0));
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { .. }));
}

#[test]
fn a_doubtful_connection_that_answers_stays() {
    for hint in [Hint::Offline, Hint::NetworkChanged, Hint::Woke] {
        let mut world = World::connected(Config::default());
        world.hint(hint);
        world.passes(seconds(1.0));
        world.pongs();
        world.passes(seconds(20.0));
        assert_eq!(world.state(), &State::Connected, "{hint:?}");
    }
}

#[test]
fn a_flood_of_hints_neither_floods_the_peer_nor_postpones_the_verdict() {
    let mut world = World::connected(Config::default());
    for _ in 0..35 {
        world.hint(Hint::NetworkChanged);
        world.hint(Hint::Woke);
        world.passes(seconds(0.1));
    }
    assert_eq!(world.log.pings(), 1);
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn a_probe_hastens_the_verdict_on_a_peer_that_is_silent_already() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(31.0));
    world.hint(Hint::NetworkChanged);
    world.passes(seconds(3.0));
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn probes_work_without_a_heartbeat() {
    let mut world = World::connected(config(|config| config.heartbeat.interval = None));
    world.hint(Hint::Woke);
    world.passes(seconds(3.0));
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn hints_do_nothing_to_what_is_closed() {
    let mut world = World::new(Config::default());
    for hint in [Hint::Online, Hint::Offline, Hint::NetworkChanged, Hint::Woke, Hint::RetryNow] {
        world.hint(hint);
    }
    assert_eq!(world.log.clear().len(), 0);
}

#[test]
fn a_hint_does_not_take_the_spread_from_a_pause_that_the_server_asked_for() {
    let mut world =
        World::new(config(|config| (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0))));
    world.input(Input::Connect);
    let retry_after = Some(seconds(60.0));
    world.opening_fails(OpenFailureKind::Refused {
        status: 503,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    });
    world.hint(Hint::Online);
    assert_eq!(world.passes_until_attempt(), seconds(61.0));
}

#[test]
fn a_connection_that_opens_refutes_offline() {
    let mut world =
        World::new(config(|config| (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0))));
    world.hint(Hint::Offline);
    world.input(Input::Connect);
    world.opens();
    world.loses_connection();
    assert_eq!(world.passes_until_attempt(), seconds(1.0));
}

#[test]
fn offline_slows_down_on_top_of_a_pause_that_the_server_asked_for() {
    let mut world =
        World::new(config(|config| (config.retry.jitter, config.retry.max_delay) = (Jitter::None, seconds(30.0))));
    world.input(Input::Connect);
    let retry_after = Some(seconds(60.0));
    world.opening_fails(OpenFailureKind::Refused {
        status: 503,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    });
    world.hint(Hint::Offline);
    assert_eq!(world.passes_until_attempt(), seconds(90.0));
}

/// The wall clock at the start of a world, in milliseconds since the Unix epoch.
const WALL: u64 = 1_700_000_000_000;

fn woken(world: &World) -> usize {
    world.log.events().iter().filter(|event| matches!(event, Event::Woke { .. })).count()
}

#[test]
fn a_wall_clock_that_has_run_ahead_means_that_the_device_slept() {
    let mut world = World::connected(Config::default());
    world.input(Input::WallClock(WALL));
    world.passes(seconds(2.0));
    let pings = world.log.pings();
    world.input(Input::WallClock(WALL + 2_000 + 3_600_000));
    assert_eq!(world.log.events().last(), Some(&Event::Woke { slept: seconds(3600.0) }));
    assert_eq!(world.log.pings(), pings + 1, "whether the connection is still there is asked at once");
    world.passes(seconds(4.0));
    let ended = world.log.events().iter().any(|event| matches!(event, Event::Disconnected(_)));
    assert!(ended, "and no answer is an answer");

    let mut world = waiting();
    world.input(Input::WallClock(WALL));
    world.input(Input::WallClock(WALL + 60_000));
    assert_eq!(world.state(), &State::Connecting { attempt: 2 });
}

#[test]
fn a_wall_clock_that_is_set_or_drifts_means_nothing() {
    let mut world = World::connected(Config::default());
    for (time, wall) in [
        (0.0, WALL),
        (1.0, WALL + 1_000),
        (1.0, WALL + 2_500),
        (1.0, WALL + 7_400),
        (1.0, WALL - 86_400_000),
        (1.0, WALL - 86_400_000 + 1_100),
        (3600.0, WALL - 86_400_000 + 3_601_100),
    ] {
        world.behaves(seconds(time));
        world.input(Input::WallClock(wall));
    }
    assert_eq!(woken(&world), 0);
}

#[test]
fn what_is_closed_sleeps_on() {
    let mut world = World::new(Config::default());
    world.input(Input::WallClock(WALL));
    world.log.clear();
    world.input(Input::WallClock(WALL + 3_600_000));
    assert_eq!(world.log.clear().len(), 0);
}
