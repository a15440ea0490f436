//! A budget of retries that several clients share.

use std::time::Duration;

use everwire_core::{Config, Event, Hint, Input, Moment, OpenFailureKind, Output, State, retry::Budget};
use proptest::prelude::*;

use crate::support::{World, config, seconds};

fn budgeted() -> Config {
    config(|config| config.retry.budgeted = true)
}

fn asks(world: &World) -> usize {
    world.log.count(|output| matches!(output, Output::Reserve))
}

/// Its first attempt has failed, and the time of the second has come.
fn due() -> World {
    let mut world = World::new(budgeted());
    world.input(Input::Connect);
    assert_eq!(asks(&world), 0, "a first attempt needs no place");
    world.opening_fails(OpenFailureKind::Io);
    let State::Disconnected { retry_at, held: false, .. } = *world.state() else { panic!("{:?}", world.state()) };
    world.now = retry_at;
    world.input(Input::Timer);
    assert_eq!(asks(&world), 1);
    assert!(matches!(world.state(), State::Disconnected { .. }), "it waits for the answer");
    world
}

#[test]
fn a_retry_starts_at_once_while_the_budget_has_room() {
    let mut world = due();
    world.input(Input::Reserved(world.now));
    assert_eq!(world.state(), &State::Connecting { attempt: 2 });
}

#[test]
fn a_retry_beyond_the_budget_waits_for_its_place_and_says_so() {
    let mut world = due();
    let place = world.now + seconds(7.0);
    world.input(Input::Reserved(place));
    assert!(
        matches!(*world.state(), State::Disconnected { retry_at, held: true, attempt: 2, .. } if retry_at == place)
    );
    let told = Output::Event(Event::HeldBack { wait: seconds(7.0) });
    assert_eq!(world.log.count(|output| format!("{output:?}") == format!("{told:?}")), 1);
    world.passes(seconds(6.9));
    assert!(matches!(world.state(), State::Disconnected { .. }));
    world.passes(seconds(0.1));
    assert_eq!(world.state(), &State::Connecting { attempt: 2 });
    assert_eq!(asks(&world), 1);
}

#[test]
fn hints_do_not_jump_the_queue_and_the_user_does() {
    let mut world = due();
    world.input(Input::Reserved(world.now + seconds(7.0)));
    for hint in [Hint::Online, Hint::NetworkChanged, Hint::Woke, Hint::Offline, Hint::Online] {
        world.passes(seconds(1.1));
        world.hint(hint);
        assert!(matches!(world.state(), State::Disconnected { held: true, .. }), "{hint:?}: {:?}", world.state());
    }
    world.hint(Hint::RetryNow);
    assert_eq!(world.state(), &State::Connecting { attempt: 2 });
}

#[test]
fn a_hint_that_brings_a_retry_forward_asks_the_budget() {
    let mut world = World::new(budgeted());
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    world.hint(Hint::Online);
    assert_eq!(asks(&world), 1);
    world.hint(Hint::Woke);
    assert_eq!(asks(&world), 1, "asked once");
    world.input(Input::Reserved(world.now));
    assert_eq!(world.state(), &State::Connecting { attempt: 2 });
}

#[test]
fn an_answer_that_nobody_waits_for_is_harmless() {
    let mut world = due();
    world.input(Input::Disconnect);
    world.input(Input::Reserved(world.now));
    assert!(matches!(world.state(), State::Closed(_)));
    let mut world = World::connected(budgeted());
    world.input(Input::Reserved(world.now));
    assert_eq!(world.state(), &State::Connected);
}

/// A thousand clients of one process lose their network for a minute, and a hint tells all that it is back.
#[test]
fn a_process_full_of_clients_does_not_dial_more_than_its_budget_allows() {
    let mut budget = Budget::new(20, seconds(1.0)).unwrap();
    let mut dials: Vec<Moment> = Vec::new();
    let mut worlds: Vec<World> = (0..1000_u16)
        .map(|client| {
            let mut seed = [0; 32];
            seed[..2].copy_from_slice(&client.to_le_bytes());
            let mut world = World::seeded(budgeted(), seed);
            world.input(Input::Connect);
            world.opens();
            world.loses_connection();
            world
        })
        .collect();
    let start = worlds[0].now;
    let back = start + seconds(60.0);
    let mut told = false;
    let mut connected = 0;
    while connected < worlds.len() {
        let due =
            |world: &World| world.machine.deadline().map(|(at, _)| at).filter(|_| world.state() != &State::Connected);
        let next = (0..worlds.len()).filter_map(|index| Some((due(&worlds[index])?, index))).min().unwrap();
        if !told && next.0 >= back {
            told = true;
            for world in &mut worlds {
                world.now = back;
                world.hint(Hint::Online);
                serve(world, &mut budget, back, &mut dials, &mut connected);
            }
            continue;
        }
        let world = &mut worlds[next.1];
        world.now = world.now.max(next.0);
        world.input(Input::Timer);
        serve(world, &mut budget, back, &mut dials, &mut connected);
    }
    dials.sort_unstable();
    let busiest = dials.windows(41).map(|window| window[40].since(window[0])).min().unwrap();
    assert!(busiest >= seconds(1.0), "41 dials within {busiest:?}");
    let all = dials.last().unwrap().since(back);
    assert!(all <= seconds(60.0), "the last is back after {all:?}, and 1,000 of them take 50 s");
}

/// What the driver does: asks the budget, and dials.
fn serve(world: &mut World, budget: &mut Budget, back: Moment, dials: &mut Vec<Moment>, connected: &mut usize) {
    loop {
        if world.log.clear().iter().any(|output| matches!(output, Output::Reserve)) {
            let place = budget.reserve(world.now);
            world.input(Input::Reserved(place));
        } else if matches!(world.state(), State::Connecting { .. }) {
            dials.push(world.now);
            if world.now < back {
                world.opening_fails(OpenFailureKind::Io);
            } else {
                world.opens();
                *connected += 1;
            }
        } else {
            return;
        }
    }
}

proptest! {
    /// However they are asked for, no more places lie in any period than the bucket and its refill hold, and none is
    /// wasted: a retry waits only while the budget is spent.
    #[test]
    fn places_are_as_many_as_the_budget_says(
        retries in 1..20_u32, per in 1..10_000_u64, gaps in prop::collection::vec(0..500_u64, 1..300),
    ) {
        let per = Duration::from_millis(per);
        let mut budget = Budget::new(retries, per).unwrap();
        let (mut now, mut places) = (Moment::ZERO, Vec::new());
        for gap in gaps {
            now = now + Duration::from_millis(gap);
            let place = budget.reserve(now);
            prop_assert!(place >= now);
            prop_assert!(places.last().is_none_or(|before| *before <= place), "first come, first served");
            let recent = places.iter().filter(|before| now.since(**before) < per).count();
            prop_assert!(place == now || recent >= retries as usize, "{recent} of {retries} were given out");
            places.push(place);
        }
        let most = 2 * retries as usize;
        for window in places.windows(most + 1) {
            prop_assert!(window[most].since(window[0]) >= per - per / 100, "{most} + 1 places within {per:?}");
        }
    }
}
