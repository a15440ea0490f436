use bytes::Bytes;
use everwire_core::{
    Cause, Config, EndedBy, Event, Guarantee, Loss, Outcome, Output, PingProgress, Stage, State, TransportEvent,
};

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
    assert_eq!(died_after(&world, last_life), Some(seconds(35.0)));
    let cause = Cause::Dead { silent_for: seconds(35.0) };
    assert!(world.log.events().iter().any(|event| matches!(event, Event::Disconnected(end) if end.cause == cause)));
}

#[test]
fn t3_a_dead_connection_is_aborted_without_a_closing_handshake() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(35.0));
    assert_eq!(world.log.aborts().len(), 1);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
    assert!(matches!(world.state(), State::Disconnected { cause: Cause::Dead { .. }, .. }));
}

#[test]
fn t1_any_inbound_traffic_is_life() {
    let signs: [fn() -> TransportEvent; 5] = [
        || TransportEvent::Received(vec!["pong".into()]),
        || TransportEvent::Received(vec![everwire_core::Message::binary(vec![0_u8])]),
        || TransportEvent::Activity,
        || TransportEvent::Ping,
        || TransportEvent::Pong(Bytes::from_static(b"of someone else")),
    ];
    for sign in signs {
        let mut world = World::connected(Config::default());
        for _ in 0..20 {
            world.passes(seconds(34.9));
            world.transport(sign());
        }
        assert_eq!(world.state(), &State::Connected);
        assert_eq!(world.log.aborts(), []);
    }
}

#[test]
fn a_peer_that_only_sends_still_hears_from_us_once_per_interval() {
    let mut world = World::connected(Config::default());
    let mut last_sent = world.now;
    for _ in 0..500 {
        world.passes(seconds(1.0));
        world.receives("news");
        if !world.pings.is_empty() {
            assert!(world.now.since(last_sent) <= seconds(25.0));
            last_sent = world.now;
            world.pongs();
        }
    }
    assert_eq!(world.log.pings(), 20);
}

#[test]
fn a_peer_that_sends_and_never_answers_a_ping_is_alive_and_still_hears_from_us() {
    let mut world = World::connected(Config::default());
    for _ in 0..500 {
        world.passes(seconds(1.0));
        world.receives("news");
    }
    assert_eq!((world.state(), world.log.pings()), (&State::Connected, 20));
}

#[test]
fn a_peer_that_only_receives_is_asked_for_a_sign_of_life_once_per_interval() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::Unproven));
    for _ in 0..500 {
        world.passes(seconds(1.0));
        world.send("news");
        world.flushes();
        if !world.pings.is_empty() {
            world.pongs();
        }
    }
    assert_eq!((world.state(), world.log.pings()), (&State::Connected, 20));
}

#[test]
fn what_goes_out_is_no_sign_of_the_peers_life() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::Unproven));
    let start = world.now;
    for _ in 0..40 {
        world.passes(seconds(1.0));
        world.send("news");
        if *world.state() == State::Connected {
            world.flushes();
        }
    }
    assert_eq!(died_after(&world, start), Some(seconds(35.0)));
}

#[test]
fn nobody_is_pinged_while_both_directions_are_lively() {
    let mut world = World::acquainted(config(|config| config.guarantee = Guarantee::Unproven));
    for _ in 0..100 {
        world.passes(seconds(24.0));
        world.send("question");
        world.flushes();
        world.receives("answer");
    }
    assert_eq!(world.log.pings(), 0);
}

#[test]
fn the_answers_to_the_peers_pings_keep_our_direction_alive() {
    let mut world = World::acquainted(Config::default());
    for _ in 0..100 {
        world.passes(seconds(20.0));
        world.transport(TransportEvent::Ping);
    }
    assert_eq!(world.log.pings(), 0);
}

#[test]
fn an_idle_peer_that_answers_is_pinged_once_per_interval_however_late_its_answers() {
    for round_trip in [0.0, 0.2, 4.0, 9.9] {
        let mut world = World::acquainted(Config::default());
        world.passes(seconds(25.0));
        for _ in 0..10 {
            world.passes(seconds(round_trip));
            world.pongs();
            world.passes(seconds(25.0 - round_trip));
        }
        assert_eq!(world.log.pings(), 11, "{round_trip} s");
        assert_eq!(world.state(), &State::Connected);
    }
}

#[test]
fn t16_a_paused_reader_never_declares_death() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(24.0));
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(3600.0));
    assert_eq!(world.state(), &State::Connected);
    let pings = world.log.pings();
    world.transport(TransportEvent::ReadResumed);
    assert_eq!(world.log.pings(), pings + 1, "what the pause could have hidden is probed");
    world.passes(seconds(9.9));
    world.pongs();
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn a_reader_that_pauses_goes_on_to_ping_so_that_its_own_silence_costs_nothing() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(3600.0));
    assert_eq!(world.log.pings(), 3600 / 25);
    // The latest of them is answered when reading goes on; how long that took says nothing about the peer.
    world.transport(TransportEvent::ReadResumed);
    world.pings.drain(..world.pings.len() - 2);
    world.pongs();
    assert_eq!(world.machine.stats().round_trip, None);
    world.pongs();
    assert_eq!(world.machine.stats().round_trip, Some(seconds(0.0)));
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
    let mut world = World::acquainted(Config::default());
    world.passes(seconds(30.0));
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
fn t16_a_reader_that_holds_up_evidence_for_too_long_costs_the_connection_and_the_outcome_is_told() {
    let mut world = World::connected(Config::default());
    let id = world.send("x");
    world.flushes();
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(3600.0));
    assert_eq!(world.state(), &State::Connected, "nobody waits for what is not read");

    world.transport(TransportEvent::ReadStalled);
    let stalled = world.now;
    world.passes(seconds(34.9));
    assert_eq!(world.log.outcome(id), None);
    world.passes(seconds(0.2));
    assert_eq!(world.log.outcome(id), Some(Outcome::Unknown(Stage::Written)));
    let given_up = |output: &Output| matches!(output, Output::Event(Event::Disconnected(_)));
    assert_eq!(world.log.when(given_up), Some(stalled + seconds(35.0)));
    let Some(Event::Disconnected(post_mortem)) = world.log.events().into_iter().next() else { panic!("no end") };
    assert_eq!(post_mortem.cause, Cause::Lost(Loss::Unread { stalled_for: seconds(35.0) }));
    assert_eq!(post_mortem.ended_by(), EndedBy::Us);
    assert!(post_mortem.cause.is_retryable());
}

#[test]
fn t16_a_reader_that_takes_messages_in_time_costs_nothing() {
    for goes_on in [TransportEvent::ReadResumed, TransportEvent::ReadPaused] {
        let mut world = World::connected(Config::default());
        world.transport(TransportEvent::ReadStalled);
        world.passes(seconds(34.0));
        world.transport(goes_on);
        world.passes(seconds(1.5));
        assert_eq!((world.state(), world.log.aborts()), (&State::Connected, Vec::new()));
    }
    let mut world = World::connected(config(|config| config.heartbeat.interval = None));
    world.transport(TransportEvent::ReadStalled);
    world.passes(seconds(100_000.0));
    assert_eq!(world.state(), &State::Connected, "without a heartbeat nothing is given up");
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
    let mut world = World::acquainted(Config::default());
    world.passes(seconds(25.0));
    world.stalls(seconds(60.0));
    assert_eq!(world.log.aborts(), []);
    assert!(world.log.events().contains(&Event::Stalled { late_by: seconds(50.0) }));
    assert_eq!(world.log.pings(), 2);
    world.pongs();
    world.passes(seconds(24.0));
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
    let mut world = World::acquainted(Config::default());
    for _ in 0..4 {
        let (at, _) = world.machine.deadline().unwrap();
        world.now = at;
        world.stalls(seconds(5.0));
    }
    assert_eq!(world.log.aborts().len(), 1);
}

#[test]
fn a_timer_that_fires_while_life_lies_unread_does_no_harm() {
    let mut world = World::acquainted(Config::default());
    world.passes(seconds(25.0));
    world.now = world.now + seconds(9.0);
    world.receives("just in time");
    world.passes(seconds(15.0));
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.log.pings(), 1);
}

/// A world in which a ping waits behind bytes of ours, from its start on.
fn uploading() -> World {
    let mut world = World::connected(Config::default());
    world.send("5 MB");
    world.takes(1);
    world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    world
}

#[test]
fn while_our_own_bytes_still_go_out_in_front_of_a_ping_the_peers_silence_is_no_death() {
    let mut world = uploading();
    for _ in 0..600 {
        world.passes(seconds(1.0));
        world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    }
    assert_eq!((world.state(), world.log.aborts()), (&State::Connected, vec![]));
    // From here on the answer can come, and has its usual time.
    world.transport(TransportEvent::OwnPing(PingProgress::Sent));
    let sent = world.now;
    world.passes(seconds(100.0));
    assert_eq!(died_after(&world, sent), Some(seconds(10.0)));
}

#[test]
fn an_answer_within_its_time_behind_a_long_upload_keeps_the_connection() {
    let mut world = uploading();
    for _ in 0..80 {
        world.passes(seconds(1.0));
        world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    }
    world.transport(TransportEvent::OwnPing(PingProgress::Sent));
    world.passes(seconds(9.9));
    world.pongs();
    world.passes(seconds(20.0));
    assert_eq!((world.state(), world.log.aborts()), (&State::Connected, vec![]));
}

#[test]
fn when_no_byte_of_ours_goes_out_any_more_the_peer_is_dead_after_interval_and_timeout() {
    let mut world = uploading();
    for _ in 0..60 {
        world.passes(seconds(1.0));
        world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    }
    let last_progress = world.now;
    world.passes(seconds(100.0));
    assert_eq!(died_after(&world, last_progress), Some(seconds(35.0)));
}

#[test]
fn pings_that_have_to_wait_for_a_moment_do_not_put_the_verdict_off() {
    let mut world = World::connected(config(|config| config.heartbeat.interval = Some(seconds(2.0))));
    let start = world.now;
    let mut pings = 0;
    while world.log.aborts().is_empty() {
        world.passes(seconds(0.5));
        assert!(world.now.since(start) < seconds(30.0), "it is dead");
        if world.log.pings() > pings {
            pings = world.log.pings();
            world.transport(TransportEvent::OwnPing(PingProgress::Waits));
            world.transport(TransportEvent::OwnPing(PingProgress::Sent));
        }
    }
    assert_eq!((died_after(&world, start), pings), (Some(seconds(12.0)), 6));
}

#[test]
fn a_probe_passes_a_message_that_is_written_in_part_and_proves_no_more_than_what_is_whole() {
    let mut world = World::connected(Config::default());
    let [whole, part] = world.sends(["whole", "part"]);
    world.takes(2);
    world.writes(1);
    let proof = world.pings.pop_back().unwrap();
    world.passes(seconds(25.0));
    assert_eq!(world.log.count(|output| matches!(output, Output::Probe(..))), 1);
    world.pongs();
    assert_eq!(world.log.outcome(whole), Some(everwire_core::Outcome::Received));
    assert_eq!(world.log.outcome(part), None);
    // The answer to the one that the probe has passed still counts.
    world.writes(1);
    world.transport(TransportEvent::Pong(proof));
    assert_eq!(world.log.outcome(part), Some(everwire_core::Outcome::Received));
}

#[test]
fn a_ping_that_waits_behind_a_large_message_does_not_stand_in_for_the_probe_that_passes_it() {
    let mut world = World::acquainted(Config::default());
    world.passes(seconds(20.0));
    world.send("5 MB");
    world.takes(1);
    world.transport(TransportEvent::OwnPing(PingProgress::Waits));
    let probes = |world: &World| world.log.count(|output| matches!(output, Output::Probe(..)));
    assert_eq!(probes(&world), 0);
    world.passes(seconds(5.0));
    assert_eq!(probes(&world), 1, "the peer has been silent for the interval");
}

#[test]
fn a_barrier_ping_that_is_unanswered_does_not_replace_the_heartbeat() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.flushes();
    let start = world.now;
    world.passes(seconds(100.0));
    assert_eq!(died_after(&world, start), Some(seconds(35.0)));
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
