use everwire_core::{Config, Input, Moment, Outcome, SendOptions, SendRate, State, Timer, Undelivered};

use crate::support::{World, config, seconds};

fn rate(per_second: f64, burst: u32) -> Config {
    config(|config| config.send_rate = Some(SendRate::per_second(per_second).burst(burst)))
}

/// The number of messages that go out within each of `periods` periods of `period` seconds.
fn goes_out(world: &mut World, periods: usize, period: f64) -> Vec<usize> {
    (0..periods)
        .map(|_| {
            let before = world.wire.len();
            world.behaves(seconds(period));
            world.wire.len() - before
        })
        .collect()
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
    let mut world = World::connected(rate(2.0, 3));
    for number in 0..9 {
        world.send(&number.to_string());
    }
    world.flushes();
    assert_eq!(world.wire.len(), 3);
    assert_eq!(world.machine.deadline().unwrap(), (world.now + seconds(0.5), Timer::SendRate));
    assert_eq!(goes_out(&mut world, 3, 1.0), [1, 2, 2]);
    world.behaves(seconds(1.0));
    assert_eq!(world.wire.len(), 9);
    assert_eq!(world.wire, (0..9).map(|number| number.to_string()).collect::<Vec<_>>(), "in order");
}

#[test]
fn the_driver_hears_of_a_message_that_waits_for_the_rate_only_when_it_may_go() {
    let mut world = World::connected(rate(1.0, 1));
    world.sends(["1", "2"]);
    world.flushes();
    world.log.clear();
    world.sends(["3", "4"]);
    world.passes(seconds(0.9));
    assert_eq!(world.log.readies(), 0);
    assert_eq!(world.takes(10), 0, "nor is there anything to take for a driver that asks all the same");
    world.passes(seconds(0.2));
    assert_eq!(world.log.readies(), 1);
    assert_eq!(world.takes(10), 1);
}

#[test]
fn the_rate_is_kept_over_connections() {
    let mut world = World::connected(rate(1.0, 4));
    for number in 0..20 {
        world.send(&number.to_string());
    }
    world.flushes();
    assert_eq!(world.wire.len(), 4);
    world.loses_connection();
    let waited = world.passes_until_attempt();
    world.opens();
    world.flushes();
    assert_eq!(world.wire.len(), waited.as_secs() as usize, "no second burst");
}

#[test]
fn a_hook_s_messages_count_and_wait() {
    let mut world = World::new(rate(2.0, 2));
    world.sends(["1", "2"]);
    world.input(Input::Connect);
    assert_eq!(world.machine.admit(world.now), Ok(()));
    assert_eq!(world.machine.admit(world.now), Ok(()));
    let at = world.machine.admit(world.now).unwrap_err();
    assert_eq!(at, world.now + seconds(0.5));
    world.passes(seconds(0.5));
    assert_eq!(world.machine.admit(world.now), Ok(()));
    world.opens();
    world.flushes();
    assert!(world.wire.is_empty(), "the hook has used it up");
    world.behaves(seconds(1.1));
    assert_eq!(world.wire, ["1", "2"]);
}

#[test]
fn without_a_rate_everything_is_admitted() {
    let mut world = World::connected(Config::default());
    assert!((0..10_000).all(|_| world.machine.admit(world.now).is_ok()));
}

#[test]
fn what_is_urgent_overtakes_what_waits_for_the_rate() {
    let mut world = World::connected(rate(1.0, 1));
    world.sends(["1", "2", "3"]);
    world.flushes();
    world.send_with("now", SendOptions::new().priority(everwire_core::Priority::High));
    world.behaves(seconds(3.2));
    assert_eq!(world.wire, ["1", "now", "2", "3"]);
}

#[test]
fn what_expires_while_it_waits_for_the_rate_uses_nothing_up() {
    let mut world = World::connected(rate(1.0, 1));
    world.send("1");
    let stale = world.send_with("stale", SendOptions::new().ttl(seconds(0.5)));
    world.send("2");
    world.behaves(seconds(1.2));
    assert_eq!(world.log.outcome(stale), Some(Outcome::Expired));
    assert_eq!(world.wire, ["1", "2"]);
}

#[test]
fn volatile_messages_count_and_wait() {
    let mut world = World::connected(rate(1.0, 1));
    world.send("1");
    world.machine.send_volatile(everwire_core::Message::text("gone")).unwrap();
    world.flushes();
    assert_eq!(world.wire, ["1"]);
    world.behaves(seconds(1.1));
    assert_eq!(world.wire, ["1", "gone"]);
}

#[test]
fn closing_keeps_to_the_rate_and_hands_back_what_its_deadline_leaves() {
    let mut world = World::connected(rate(1.0, 1));
    for number in 1..=5 {
        world.send(&number.to_string());
    }
    world.close_within(seconds(2.5));
    world.behaves(seconds(2.4));
    assert_eq!(world.wire, ["1", "2", "3"]);
    assert_eq!(*world.state(), State::Closing);
    world.passes(seconds(0.2));
    let left = world.log.finished().expect("the deadline is over");
    assert_eq!(left.unsent.len(), 2);
    assert_eq!(left.unacknowledged, Undelivered::default().unacknowledged);
}

#[test]
fn closing_with_time_enough_sends_everything_at_the_rate() {
    let mut world = World::connected(rate(1.0, 1));
    world.sends(["1", "2", "3"]);
    world.close_within(seconds(60.0));
    world.behaves(seconds(3.2));
    world.peer_closes(1000);
    assert_eq!(world.log.finished(), Some(&Undelivered::default()));
}

#[test]
fn a_lost_connection_leaves_no_timer_of_the_rate() {
    let mut world = World::connected(rate(0.001, 1));
    world.sends(["1", "2"]);
    world.flushes();
    assert_eq!(world.machine.deadline().map(|(_, timer)| timer), Some(Timer::Heartbeat));
    world.passes(seconds(5.0));
    world.loses_connection();
    let before: Moment = world.now;
    world.passes_until_attempt();
    world.opening_fails(everwire_core::OpenFailureKind::Io);
    world.passes_until_attempt();
    assert!(world.now.since(before) < seconds(100.0));
}

#[test]
fn a_rate_out_of_range_is_refused_by_name() {
    let error = rate(0.0, 1).check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "send_rate.per_second is out of range: it must be from 0.001 to 1,000,000 messages a second"
    );
}
