use std::net::SocketAddr;
use std::time::Duration;

use everwire_core::{
    AddressResult, AdviceOverride, Cause, CauseMatch, CertificateProblem, CloseCode, CloseFrame, Closed, Config, Event,
    Guarantee, Input, Jitter, Loss, OnNormalClose, OpenFailure, OpenFailureKind, Output, Phase, RefusalReason, State,
    TransportEvent, TriedAddress,
    retry::{Advice, RETRY_AFTER_LIMIT, advice},
};

use crate::support::{World, config, seconds};

fn unspread(set: impl FnOnce(&mut Config)) -> Config {
    config(|config| {
        config.retry.jitter = Jitter::None;
        set(config);
    })
}

#[test]
fn delays_grow_by_1_3_up_to_half_the_cap_and_then_are_the_cap() {
    let mut world = World::new(unspread(|_| {}));
    world.input(Input::Connect);
    let mut delays = Vec::new();
    for _ in 0..8 {
        world.opening_fails(OpenFailureKind::Io);
        delays.push(world.passes_until_attempt().as_millis());
    }
    assert_eq!(delays, [1000, 1300, 1690, 2197, 2856, 3712, 4826, 10_000]);
}

#[test]
fn t8_a_fractional_factor_is_respected() {
    let mut world = World::new(unspread(|config| config.retry.factor = 1.5));
    world.input(Input::Connect);
    let mut delays = Vec::new();
    for _ in 0..4 {
        world.opening_fails(OpenFailureKind::Io);
        delays.push(world.passes_until_attempt().as_millis());
    }
    assert_eq!(delays, [1000, 1500, 2250, 3375]);
}

#[test]
fn t7_an_outage_of_weeks_neither_overflows_nor_storms() {
    let mut world = World::new(unspread(|_| {}));
    world.input(Input::Connect);
    for _ in 0..10_000 {
        world.opening_fails(OpenFailureKind::Io);
        let delay = world.passes_until_attempt();
        assert!(delay >= seconds(1.0) && delay <= seconds(10.0), "{delay:?}");
    }
    assert_eq!(world.state(), &State::Connecting { attempt: 10_001 });
}

#[test]
fn t9_full_jitter_spreads_delays_and_is_kept_at_the_cap() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let mut at_cap = Vec::new();
    for attempt in 0..500 {
        world.opening_fails(OpenFailureKind::Io);
        let delay = world.passes_until_attempt();
        assert!(delay >= seconds(0.1) && delay <= seconds(10.0), "{delay:?}");
        if attempt >= 8 {
            at_cap.push(delay.as_secs_f64());
        }
    }
    let mean = at_cap.iter().sum::<f64>() / at_cap.len() as f64;
    assert!((9.45..9.55).contains(&mean), "a spread over the last tenth of 10 s has a mean near 9.5 s: {mean}");
    for third in [9.0..9.333_f64, 9.333..9.667, 9.667..10.0] {
        let share = at_cap.iter().filter(|delay| third.contains(delay)).count() as f64 / at_cap.len() as f64;
        assert!((0.25..0.42).contains(&share), "{third:?} holds {share} of the delays");
    }
}

#[test]
fn t9_the_first_delay_at_the_cap_is_spread_over_all_of_it() {
    let mut thirds = [0; 3];
    for seed in 0..240 {
        let mut world = World::seeded(Config::default(), [seed; 32]);
        world.input(Input::Connect);
        let mut delay = Duration::ZERO;
        for _ in 0..8 {
            world.opening_fails(OpenFailureKind::Io);
            delay = world.passes_until_attempt();
        }
        thirds[(delay.as_secs_f64() * 0.3) as usize % 3] += 1;
    }
    assert!(thirds.iter().all(|count| (50..110).contains(count)), "{thirds:?}");
}

#[test]
fn t9_a_growing_delay_is_spread_over_its_upper_half_and_the_first_over_all_of_it() {
    let (mut first, mut third) = (Vec::new(), Vec::new());
    for seed in 0..240 {
        let mut world = World::seeded(Config::default(), [seed; 32]);
        world.input(Input::Connect);
        let mut delays = Vec::new();
        for _ in 0..3 {
            world.opening_fails(OpenFailureKind::Io);
            delays.push(world.passes_until_attempt().as_secs_f64());
        }
        first.push(delays[0]);
        third.push(delays[2] / 1.69);
    }
    let range = |parts: Vec<f64>| (parts.iter().copied().fold(1.0, f64::min), parts.into_iter().fold(0.0, f64::max));
    let ((shortest, longest), (least, most)) = (range(first), range(third));
    assert!((0.1..0.15).contains(&shortest) && (0.95..=1.0).contains(&longest), "{shortest} to {longest}");
    assert!((0.5..0.55).contains(&least) && (0.95..=1.0).contains(&most), "{least} to {most}");
}

#[test]
fn the_same_seed_gives_the_same_delays_and_another_seed_others() {
    let delays = |seed: u8| {
        let mut world = World::seeded(Config::default(), [seed; 32]);
        world.input(Input::Connect);
        let mut delays = Vec::new();
        for _ in 0..10 {
            world.opening_fails(OpenFailureKind::Io);
            delays.push(world.passes_until_attempt());
        }
        delays
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

/// How often a server is dialled within ten minutes that does this with every connection.
fn dials_in_ten_minutes(misbehave: impl Fn(&mut World)) -> usize {
    let mut world = World::new(Config::default());
    world.send("hello");
    world.input(Input::Connect);
    let start = world.now;
    while world.now.since(start) < seconds(600.0) {
        world.opens();
        misbehave(&mut world);
        world.passes_until_attempt();
    }
    world.log.opens().len()
}

#[test]
fn t6_backoff_is_not_reset_by_accept_then_close() {
    let dials = dials_in_ten_minutes(|world| world.peer_closes(1001));
    assert!(dials < 80, "{dials} dials in ten minutes");
}

#[test]
fn t6_backoff_is_not_reset_by_accept_then_reset() {
    let dials = dials_in_ten_minutes(World::loses_connection);
    assert!(dials < 80, "{dials} dials in ten minutes");
}

#[test]
fn t6_backoff_is_not_reset_by_a_greeting() {
    let dials = dials_in_ten_minutes(|world| {
        world.receives("welcome");
        world.passes(seconds(0.2));
        world.receives("try again later");
        world.peer_closes(1013);
    });
    assert!(dials < 80, "{dials} dials in ten minutes");
}

#[test]
fn t6_backoff_is_not_reset_by_a_pong_just_before_the_close() {
    let dials = dials_in_ten_minutes(|world| {
        world.send("hello");
        world.settles();
        world.passes(seconds(0.5));
        world.peer_closes(1001);
    });
    assert!(dials < 80, "{dials} dials in ten minutes");
}

#[test]
fn backoff_is_reset_by_a_stable_connection() {
    let mut world = World::new(unspread(|_| {}));
    world.input(Input::Connect);
    for _ in 0..5 {
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    world.opens();
    world.behaves(seconds(10.0));
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { attempt: 1, .. }), "{:?}", world.state());
    assert_eq!(world.passes_until_attempt(), seconds(1.0));
}

#[test]
fn backoff_is_reset_by_a_proven_message_after_a_second() {
    let mut world = World::new(unspread(|_| {}));
    world.input(Input::Connect);
    for _ in 0..5 {
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    world.opens();
    world.send("hello");
    world.settles();
    world.passes(seconds(1.0));
    world.loses_connection();
    assert_eq!(world.passes_until_attempt(), seconds(1.0));
}

#[test]
fn uptime_counts_even_if_a_stall_kept_the_timer_from_firing() {
    let mut world = World::new(unspread(|_| {}));
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    world.passes_until_attempt();
    world.opens();
    world.now = world.now + seconds(20.0);
    world.transport(TransportEvent::Activity);
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { attempt: 1, .. }));
}

#[test]
fn a_peer_that_opens_connections_and_is_mute_is_given_up_after_as_many_as_are_allowed() {
    let greetings: [fn(&mut World); 2] = [|_| {}, |world| world.receives("welcome")];
    for greets in greetings {
        let mut world = World::new(config(|config| config.retry.max_attempts = Some(3)));
        world.input(Input::Connect);
        for attempt in 1..=3 {
            assert_eq!(world.state(), &State::Connecting { attempt });
            world.opens();
            greets(&mut world);
            match attempt {
                3 => world.passes(seconds(200.0)),
                _ => drop(world.passes_until_attempt()),
            }
        }
        assert!(matches!(world.state(), State::Closed(Closed::GaveUp { attempts: 3, .. })), "{:?}", world.state());
    }
}

#[test]
fn a_quiet_connection_is_useful_once_its_peer_has_answered_the_ping_that_asks_it() {
    let mut world = World::connected(unspread(|_| {}));
    world.passes(seconds(2.9));
    assert_eq!(world.log.pings(), 0);
    world.passes(seconds(0.2));
    world.pongs();
    world.passes(seconds(7.0));
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { attempt: 1, .. }), "{:?}", world.state());
}

#[test]
fn a_peer_that_is_heard_late_makes_its_connection_useful_then() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(20.0));
    world.receives("the first word");
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { attempt: 1, .. }), "{:?}", world.state());
}

#[test]
fn where_nobody_asks_for_signs_of_life_uptime_alone_makes_a_connection_useful() {
    let mut world = World::connected(config(|config| config.heartbeat.interval = None));
    world.passes(seconds(10.0));
    world.loses_connection();
    assert!(matches!(world.state(), State::Disconnected { attempt: 1, .. }), "{:?}", world.state());
}

#[test]
fn t19_the_limit_on_attempts_ends_in_a_final_state_with_its_reason() {
    let mut world = World::new(unspread(|config| config.retry.max_attempts = Some(3)));
    world.input(Input::Connect);
    for _ in 0..2 {
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    world.opening_fails(OpenFailureKind::Io);
    let State::Closed(Closed::GaveUp { last, attempts: 3, elapsed }) = world.state() else {
        panic!("{:?}", world.state())
    };
    assert_eq!(last.to_string(), "connecting failed: scripted");
    assert_eq!(*elapsed, seconds(2.3));
    world.passes(seconds(1000.0));
    assert_eq!(world.log.opens().len(), 3);
}

#[test]
fn t19_the_limit_on_elapsed_time_ends_after_a_last_attempt_on_the_limit() {
    let mut world = World::new(unspread(|config| config.retry.max_elapsed = Some(seconds(3.8))));
    world.input(Input::Connect);
    let start = world.now;
    for _ in 0..3 {
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    assert_eq!(world.now.since(start), seconds(3.8));
    world.opening_fails(OpenFailureKind::Io);
    assert!(matches!(world.state(), State::Closed(Closed::GaveUp { attempts: 4, .. })), "{:?}", world.state());
}

#[test]
fn limits_count_from_the_last_useful_connection() {
    let mut world = World::new(unspread(|config| config.retry.max_attempts = Some(2)));
    world.input(Input::Connect);
    for _ in 0..10 {
        world.opens();
        world.behaves(seconds(25.0));
        world.loses_connection();
        world.passes_until_attempt();
        world.opening_fails(OpenFailureKind::Io);
        world.passes_until_attempt();
    }
    world.opening_fails(OpenFailureKind::Io);
    assert!(matches!(world.state(), State::Closed(Closed::GaveUp { .. })));
}

#[test]
fn connect_starts_anew_after_giving_up() {
    let mut world = World::new(unspread(|config| config.retry.max_attempts = Some(1)));
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    assert!(matches!(world.state(), State::Closed(Closed::GaveUp { .. })));
    world.input(Input::Connect);
    assert_eq!(world.state(), &State::Connecting { attempt: 1 });
    world.opens();
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn t20_what_the_request_is_to_blame_for_is_not_retried() {
    for status in [400, 401, 403, 404, 405, 407, 410, 426, 301, 302] {
        let mut world = World::new(Config::default());
        world.input(Input::Connect);
        world.refused(status);
        let State::Closed(Closed::Refused(cause)) = world.state() else { panic!("{status}: {:?}", world.state()) };
        assert_eq!(cause.code(), Some(status));
    }
}

/// This address has answered the upgrade with this status; the others were not needed.
fn refused_at(world: &mut World, port: u16, of: u16, status: u16) {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let tried = |port, result| TransportEvent::Address(TriedAddress::new(address(port), result));
    world.transport(tried(port, AddressResult::Failed(format!("{status}"))));
    for other in (1..=of).filter(|other| *other != port) {
        world.transport(tried(other, AddressResult::NotTried));
    }
    let kind =
        OpenFailureKind::Refused { status, retry_after: None, fresh_credentials: false, reason: RefusalReason::Status };
    let failure = OpenFailure { phase: Phase::Upgrade, kind, detail: "scripted".into() };
    world.transport(TransportEvent::OpenFailed(failure));
}

#[test]
fn a_refusal_at_one_of_several_addresses_is_final_when_all_of_them_have_refused() {
    for status in [400, 401, 404, 410] {
        let mut world = World::new(Config::default());
        world.input(Input::Connect);
        for port in 1..=2 {
            refused_at(&mut world, port, 3, status);
            assert!(matches!(world.state(), State::Disconnected { .. }), "{status}: {:?}", world.state());
            world.passes_until_attempt();
        }
        refused_at(&mut world, 3, 3, status);
        assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{status}: {:?}", world.state());
    }
}

#[test]
fn an_address_that_can_not_be_reached_has_no_say_and_one_that_may_heal_has() {
    let mut unreachable = World::new(Config::default());
    unreachable.input(Input::Connect);
    let address = SocketAddr::from(([127, 0, 0, 1], 2));
    let dead = TriedAddress::new(address, AddressResult::Failed("connection refused".into()));
    unreachable.transport(TransportEvent::Address(dead));
    refused_at(&mut unreachable, 1, 2, 404);
    assert!(matches!(unreachable.state(), State::Closed(Closed::Refused(_))), "{:?}", unreachable.state());

    let mut healing = World::new(Config::default());
    healing.input(Input::Connect);
    for _ in 0..5 {
        refused_at(&mut healing, 1, 2, 404);
        healing.passes_until_attempt();
        refused_at(&mut healing, 2, 2, 503);
        healing.passes_until_attempt();
    }
    healing.opens();
    assert_eq!(healing.state(), &State::Connected);
}

#[test]
fn what_the_user_has_decided_holds_at_the_first_of_several_addresses() {
    let stop = (CauseMatch::Status(404), AdviceOverride::Stop);
    let mut world = World::new(unspread(|config| config.retry.overrides.push(stop)));
    world.input(Input::Connect);
    refused_at(&mut world, 1, 2, 404);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{:?}", world.state());
}

#[test]
fn t20_what_heals_is_retried() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let mut world = World::new(Config::default());
        world.input(Input::Connect);
        world.refused(status);
        assert!(matches!(world.state(), State::Disconnected { .. }), "{status}: {:?}", world.state());
    }
}

#[test]
fn t20_with_fresh_credentials_a_401_is_retried_three_times_in_a_row() {
    let unauthorized = OpenFailureKind::Refused {
        status: 401,
        retry_after: None,
        fresh_credentials: true,
        reason: RefusalReason::Status,
    };
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    for _ in 0..3 {
        world.opening_fails(unauthorized.clone());
        world.passes_until_attempt();
    }
    world.opens();
    world.loses_connection();
    world.passes_until_attempt();
    for _ in 0..3 {
        world.opening_fails(unauthorized.clone());
        world.passes_until_attempt();
    }
    world.opening_fails(unauthorized);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))));
}

#[test]
fn t20_retry_after_is_a_minimum_with_the_spread_above_it() {
    let mut delays = Vec::new();
    for seed in 0..50 {
        let mut world = World::seeded(Config::default(), [seed; 32]);
        world.input(Input::Connect);
        let retry_after = Some(seconds(60.0));
        world.opening_fails(OpenFailureKind::Refused {
            status: 429,
            retry_after,
            fresh_credentials: false,
            reason: RefusalReason::Status,
        });
        delays.push(world.passes_until_attempt());
    }
    assert!(delays.iter().all(|delay| *delay >= seconds(60.0) && *delay <= seconds(61.0)), "{delays:?}");
    let spread = delays.iter().max().unwrap().saturating_sub(*delays.iter().min().unwrap());
    assert!(spread > seconds(0.5), "{spread:?}");
}

#[test]
fn retry_after_counts_on_any_refusal() {
    for (status, phase) in [
        (200, Phase::Upgrade),
        (302, Phase::Upgrade),
        (401, Phase::Upgrade),
        (403, Phase::Upgrade),
        (404, Phase::Upgrade),
        (407, Phase::Proxy),
        (418, Phase::Upgrade),
        (503, Phase::Upgrade),
    ] {
        let retry_after = Some(seconds(60.0));
        let kind =
            OpenFailureKind::Refused { status, retry_after, fresh_credentials: false, reason: RefusalReason::Status };
        let failure = OpenFailure { phase, kind, detail: String::new() };
        assert_eq!(advice(&Cause::OpenFailed(failure)), Advice::RetryNoSoonerThan(seconds(60.0)), "{status}");
    }
}

/// A world whose connection has been useful, and is lost.
fn lost_after_use() -> World {
    let mut world = World::connected(Config::default());
    world.behaves(seconds(20.0));
    world.loses_connection();
    world.passes_until_attempt();
    world
}

#[test]
fn what_refuses_a_client_that_was_in_before_is_asked_again_three_times() {
    for status in [403, 404, 409, 421] {
        let mut world = lost_after_use();
        for _ in 0..3 {
            world.refused(status);
            assert!(matches!(world.state(), State::Disconnected { .. }), "{status}: {:?}", world.state());
            world.passes_until_attempt();
        }
        world.refused(status);
        assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{status}: {:?}", world.state());
    }
    for status in [400, 401, 405, 410, 426] {
        let mut world = lost_after_use();
        world.refused(status);
        assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{status}: {:?}", world.state());
    }
}

#[test]
fn a_refusal_that_healed_is_believed_no_sooner_the_next_time() {
    let mut world = lost_after_use();
    for _ in 0..5 {
        world.refused(404);
        world.passes_until_attempt();
        world.opens();
        world.behaves(seconds(20.0));
        world.loses_connection();
        world.passes_until_attempt();
    }
}

#[test]
fn a_refusal_is_retried_at_the_pace_of_the_cap_and_a_proxys_is_not_retried() {
    let mut world = World::connected(unspread(|_| {}));
    world.behaves(seconds(20.0));
    world.loses_connection();
    world.passes_until_attempt();
    world.refused(404);
    assert_eq!(world.passes_until_attempt(), seconds(10.0));
    let kind = OpenFailureKind::Refused {
        status: 403,
        retry_after: None,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    };
    let failure = OpenFailure { phase: Phase::Proxy, kind, detail: String::new() };
    assert_eq!(advice(&Cause::OpenFailed(failure)), Advice::Stop);
}

#[test]
fn a_proxys_answer_is_final_only_if_it_is_about_the_client_or_the_proxys_rules() {
    let refused = |status| {
        let kind = OpenFailureKind::Refused {
            status,
            retry_after: None,
            fresh_credentials: false,
            reason: RefusalReason::Status,
        };
        advice(&Cause::OpenFailed(OpenFailure { phase: Phase::Proxy, kind, detail: String::new() }))
    };
    for status in [401, 403, 405, 407] {
        assert_eq!(refused(status), Advice::Stop, "{status}");
    }
    for status in [302, 400, 404, 409, 410, 418, 421, 429, 500, 502, 503, 504] {
        assert_eq!(refused(status), Advice::Retry, "{status}");
    }
}

#[test]
fn a_client_that_starts_anew_has_not_been_in_before() {
    let mut world = lost_after_use();
    world.input(Input::Disconnect);
    world.input(Input::Connect);
    world.refused(404);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{:?}", world.state());
}

#[test]
fn a_policy_violation_ends_a_client_only_if_its_connection_was_of_no_use_twice() {
    let mut world = World::connected(Config::default());
    world.behaves(seconds(20.0));
    world.peer_closes(1008);
    assert!(matches!(world.state(), State::Disconnected { .. }), "{:?}", world.state());
    world.passes_until_attempt();
    world.opens();
    world.behaves(seconds(20.0));
    world.peer_closes(1008);
    assert!(matches!(world.state(), State::Disconnected { .. }), "{:?}", world.state());
    world.passes_until_attempt();
    world.opens();
    world.peer_closes(1008);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{:?}", world.state());
}

#[test]
fn a_normal_close_after_a_stand_still_of_ours_is_retried() {
    // The process stood still: a timer that was due is late when the close is read.
    let mut world = World::connected(Config::default());
    world.passes(seconds(20.0));
    world.now = world.now + seconds(8.0);
    world.peer_closes(1000);
    assert!(matches!(world.state(), State::Disconnected { .. }), "{:?}", world.state());
    // The device slept, and our clock with it.
    for (later, retried) in [(seconds(1.0), true), (seconds(11.0), false)] {
        let mut world = World::connected(Config::default());
        world.input(Input::WallClock(1_000_000));
        world.input(Input::WallClock(1_065_000));
        world.receives("here I am");
        world.passes(later);
        world.peer_closes(1000);
        assert_eq!(matches!(world.state(), State::Disconnected { .. }), retried, "{:?}", world.state());
    }
}

#[test]
fn a_normal_close_after_an_outbound_silence_longer_than_the_interval_is_retried() {
    let quiet = |config: &mut Config| config.heartbeat.interval = None;
    for (silence, retried) in [(20.0, false), (26.0, true)] {
        let mut world = World::connected(config(quiet));
        world.passes(seconds(5.0));
        world.send("the last that goes out");
        world.settles();
        for _ in 0..2 {
            world.passes(seconds(silence / 2.0));
            world.receives("what comes in does not count");
        }
        world.peer_closes(1000);
        assert_eq!(matches!(world.state(), State::Disconnected { .. }), retried, "{silence}: {:?}", world.state());
    }
    // With the heartbeat there is no such silence.
    let mut world = World::connected(Config::default());
    for _ in 0..60 {
        world.passes(seconds(1.0));
        world.receives("tick");
    }
    world.peer_closes(1000);
    assert!(matches!(world.state(), State::Closed(Closed::ByPeer(_))), "{:?}", world.state());
}

#[test]
fn a_normal_close_is_followed_by_what_the_user_wants_and_never_by_a_storm() {
    let mut world = World::connected(unspread(|config| config.retry.on_normal_close = OnNormalClose::Reconnect));
    for delay in [1.0, 1.3, 1.69] {
        world.peer_closes(1000);
        assert_eq!(world.passes_until_attempt(), seconds(delay));
        world.opens();
    }
    world.behaves(seconds(20.0));
    world.peer_closes(1000);
    assert_eq!(world.passes_until_attempt(), seconds(1.0));
    // What is said of the code in particular counts more.
    let mut world = World::connected(config(|config| {
        config.retry.on_normal_close = OnNormalClose::Reconnect;
        config.retry.overrides = vec![(CauseMatch::CloseCode(1000), AdviceOverride::Stop)];
    }));
    world.peer_closes(1000);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))), "{:?}", world.state());
}

#[test]
fn later_is_in_5_s_or_half_of_the_longest_delay_and_never_beyond_that_delay() {
    for (max, least) in [(10.0, 5.0), (60.0, 5.0), (2.0, 1.0)] {
        let mut world = World::new(config(|config| config.retry.max_delay = seconds(max)));
        world.input(Input::Connect);
        let mut delays = Vec::new();
        for _ in 0..20 {
            world.opens();
            world.peer_closes(1013);
            delays.push(world.passes_until_attempt());
        }
        assert!(delays.iter().all(|delay| (seconds(least)..=seconds(max)).contains(delay)), "{delays:?}");
        let last = delays.last().unwrap();
        assert!(
            delays.iter().any(|delay| delay.abs_diff(*last) > seconds(0.01)),
            "those who hear it spread: {delays:?}"
        );
    }
    // What the server says itself is a demand.
    let mut world = World::connected(config(|config| config.retry.max_delay = seconds(2.0)));
    let reason = "busy; Retry-After: 30".into();
    world.transport(TransportEvent::PeerClosed(Some(CloseFrame { code: CloseCode(1013), reason })));
    world.transport(TransportEvent::Lost(Loss::Ended));
    assert!(world.passes_until_attempt() >= seconds(30.0));
}

#[test]
fn what_can_not_refuse_and_what_contradicts_itself_is_told_of_an_override_in_words() {
    let checked = |overrides: &[(CauseMatch, AdviceOverride)]| {
        config(|config| config.retry.overrides = overrides.to_vec()).check().map_err(|error| error.to_string())
    };
    for status in [100, 101, 199] {
        let error = checked(&[(CauseMatch::Status(status), AdviceOverride::Retry)]).unwrap_err();
        assert!(error.contains(&format!("HTTP status {status}: it refuses nothing")), "{error}");
    }
    assert_eq!(checked(&[(CauseMatch::Status(200), AdviceOverride::Retry)]), Ok(()));
    for (matched, words) in
        [(CauseMatch::CloseCode(4001), "on close code 4001"), (CauseMatch::Status(503), "on HTTP status 503")]
    {
        let error = checked(&[(matched, AdviceOverride::Retry), (matched, AdviceOverride::Stop)]).unwrap_err();
        assert!(error.ends_with(words), "{error}");
    }
}

#[test]
fn an_absurd_retry_after_is_cut() {
    let refused = |retry_after| OpenFailureKind::Refused {
        status: 503,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    };
    let failure = OpenFailure { phase: Phase::Upgrade, kind: refused(Some(Duration::MAX)), detail: String::new() };
    assert_eq!(advice(&Cause::OpenFailed(failure)), Advice::RetryNoSoonerThan(RETRY_AFTER_LIMIT));
}

#[test]
fn certificates_and_foreign_answers_are_retried_at_the_pace_of_the_cap() {
    for kind in [
        OpenFailureKind::Certificate(CertificateProblem::Expired),
        OpenFailureKind::NotWebSocket,
        OpenFailureKind::Compression,
    ] {
        let mut world = World::new(unspread(|_| {}));
        world.input(Input::Connect);
        world.opening_fails(kind);
        assert_eq!(world.passes_until_attempt(), seconds(10.0));
    }
}

#[test]
fn close_codes_say_what_follows() {
    let closed_by = |code: u16| {
        let mut world = World::connected(Config::default());
        world.peer_closes(code);
        world.state().clone()
    };
    for code in [1001, 1002, 1003, 1006, 1007, 1009, 1010, 1011, 1012, 1013, 1014, 3008, 4000, 4408] {
        assert!(matches!(closed_by(code), State::Disconnected { .. }), "{code}");
    }
    for code in [1008, 3000, 3003, 4401, 4403, 4404] {
        assert!(matches!(closed_by(code), State::Closed(Closed::Refused(_))), "{code}");
    }
    let normal = CloseFrame { code: CloseCode(1000), reason: "".into() };
    assert_eq!(closed_by(1000), State::Closed(Closed::ByPeer(Some(normal))));
}

#[test]
fn a_server_that_restarts_or_is_busy_may_say_when_to_come_back_in_its_reason() {
    let advised = |code: u16, reason: &str| {
        advice(&Cause::PeerClosed(Some(CloseFrame { code: CloseCode(code), reason: reason.into() })))
    };
    let no_sooner = |seconds| Advice::RetryNoSoonerThan(Duration::from_secs(seconds));
    assert_eq!(advised(1012, "the server restarts; Retry-After: 7"), no_sooner(7));
    assert_eq!(advised(1013, "Retry-After: 30, please"), no_sooner(30));
    assert_eq!(advised(1012, "Retry-After: 86400"), Advice::RetryNoSoonerThan(RETRY_AFTER_LIMIT));
    for reason in ["", "Retry-After: soon", "Retry-After: ", "Retry-After: 99999999999999999999", "Retry-After:7"] {
        assert_eq!(advised(1012, reason), Advice::Retry, "{reason}");
        assert_eq!(advised(1013, reason), Advice::RetryLater, "{reason}");
    }
    assert_eq!(advised(4000, "Retry-After: 7"), Advice::Retry, "what others mean by it nobody knows");
    let mut world = World::connected(unspread(|_| {}));
    let frame = CloseFrame { code: CloseCode(1012), reason: "Retry-After: 7".into() };
    world.transport(TransportEvent::PeerClosed(Some(frame)));
    world.transport(TransportEvent::Lost(Loss::Ended));
    assert_eq!(world.passes_until_attempt(), seconds(8.0), "and the usual delay");
}

#[test]
fn a_close_frame_without_a_code_is_retried() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::PeerClosed(None));
    world.transport(TransportEvent::Lost(Loss::Ended));
    assert!(matches!(world.state(), State::Disconnected { .. }));
}

#[test]
fn overrides_replace_the_table() {
    let config = config(|config| {
        config.retry.overrides = vec![
            (CauseMatch::CloseCode(1000), AdviceOverride::Retry),
            (CauseMatch::CloseCode(4000), AdviceOverride::Stop),
            (CauseMatch::Status(404), AdviceOverride::Retry),
            (CauseMatch::Status(503), AdviceOverride::Stop),
        ];
    });
    let mut world = World::connected(config.clone());
    world.peer_closes(1000);
    assert!(matches!(world.state(), State::Disconnected { .. }));
    let mut world = World::connected(config.clone());
    world.peer_closes(4000);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))));
    let mut world = World::new(config.clone());
    world.input(Input::Connect);
    world.refused(404);
    assert!(matches!(world.state(), State::Disconnected { .. }));
    let mut world = World::new(config);
    world.input(Input::Connect);
    world.refused(503);
    assert!(matches!(world.state(), State::Closed(Closed::Refused(_))));
}

#[test]
fn each_failed_attempt_is_told_with_its_number() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Hook);
    world.passes_until_attempt();
    world.opening_fails(OpenFailureKind::Io);
    let numbers: Vec<_> = world
        .log
        .events()
        .into_iter()
        .map(|event| match event {
            Event::AttemptFailed { attempt, .. } => attempt,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn an_opening_that_takes_too_long_is_abandoned_and_retried() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.transport(TransportEvent::Reached(Phase::Tls));
    let attempt = world.attempt();
    world.passes(seconds(9.99));
    assert_eq!(world.log.aborts(), []);
    world.passes(seconds(0.01));
    assert_eq!(world.log.aborts(), [attempt]);
    let State::Disconnected { cause, .. } = world.state() else { panic!("{:?}", world.state()) };
    assert_eq!(cause.to_string(), "the TLS handshake failed: no connection within 10.0 s");
}

#[test]
fn an_opening_that_has_no_request_in_time_says_what_it_waited_for() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.passes(seconds(10.0));
    let State::Disconnected { cause, .. } = world.state() else { panic!("{:?}", world.state()) };
    let words = "preparing the request failed: the sign-in, token command or hook did not finish within 10.0 s";
    assert_eq!(cause.to_string(), words);
}

#[test]
fn the_messages_that_wait_when_it_gives_up_get_their_outcome() {
    let mut world = World::new(config(|config| {
        config.retry.max_attempts = Some(1);
        config.guarantee = Guarantee::AtLeastOnce;
    }));
    world.send("a");
    world.send("b");
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    assert_eq!(world.log.outcomes().len(), 2);
    assert_eq!(world.log.count(|output| matches!(output, Output::State(State::Closed(_)))), 1);
}

#[test]
fn t20_a_pause_beyond_the_limit_on_elapsed_time_is_not_cut_short_but_ends_it() {
    let mut world = World::new(config(|config| config.retry.max_elapsed = Some(seconds(30.0))));
    world.input(Input::Connect);
    let retry_after = Some(seconds(60.0));
    world.opening_fails(OpenFailureKind::Refused {
        status: 503,
        retry_after,
        fresh_credentials: false,
        reason: RefusalReason::Status,
    });
    assert!(matches!(world.state(), State::Closed(Closed::GaveUp { .. })));
}
