use std::collections::VecDeque;

use everwire_core::Guarantee;
use proptest::prelude::*;

use super::{
    change::{Change, any_change, any_settings, apply, compare},
    model::{Model, Settings},
};
use crate::support::World;

#[derive(Clone, Debug)]
enum Step {
    Change(Change),
    Take(usize),
    Write(usize),
    Pong,
    Lose,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => any_change().prop_map(Step::Change),
        3 => (0..6_usize).prop_map(Step::Take),
        3 => (0..6_usize).prop_map(Step::Write),
        2 => Just(Step::Pong),
        1 => Just(Step::Lose),
    ]
}

/// What was taken, and what the model expects. After some losses, a backlog that is sent again may wait for proof in between, so
/// that less of it is taken than there is.
fn take(
    count: usize,
    world: &mut World,
    model: &mut Model,
    settings: &Settings,
    losses: usize,
) -> (Vec<String>, Vec<String>) {
    let before = world.wire.len();
    world.takes(count);
    let taken = world.wire[before..].to_vec();
    let may_wait = losses >= 2 && settings.guarantee == Guarantee::AtLeastOnce;
    let count = if may_wait { taken.len() } else { count };
    let expected = model.take(world.now, count);
    (taken, expected)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_outbox_agrees_with_the_naive_model(
        settings in any_settings(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::connected(settings.config());
        let mut model = Model::new(settings.clone());
        // What each unanswered ping proves: all that went before it on its connection.
        let mut pings = VecDeque::new();
        let (mut seen, mut losses) = (0, 0);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Change(change) => apply(change, number, &mut world, &mut model)?,
                Step::Take(count) => {
                    let (taken, expected) = take(count, &mut world, &mut model, &settings, losses);
                    prop_assert_eq!(taken, expected);
                }
                Step::Write(count) => {
                    world.writes(count);
                    model.write(count);
                }
                Step::Pong => {
                    if let Some(proven) = pings.pop_front() {
                        world.pongs();
                        model.prove(proven);
                    }
                }
                Step::Lose => {
                    world.loses_connection();
                    model.lose();
                    world.passes_until_attempt();
                    model.expire(world.now);
                    world.opens();
                    pings.clear();
                    (seen, losses) = (0, losses + 1);
                }
            }
            pings.extend(&world.pings_behind[seen..]);
            seen = world.pings_behind.len();
            prop_assert!(pings.iter().all(|proven| *proven <= model.provable()));
            prop_assert_eq!(pings.len(), world.pings.len());
            compare(&world, &model)?;
        }
    }

    #[test]
    fn messages_without_options_are_in_order_on_each_connection(
        settings in any_settings(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::connected(settings.config());
        let mut model = Model::new(settings.clone());
        let mut losses = 0;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Change(Change::SendWith(size, _) | Change::Replace(_, size)) => {
                    apply(Change::Send(size), number, &mut world, &mut model)?;
                }
                Step::Change(change) => apply(change, number, &mut world, &mut model)?,
                Step::Take(count) => {
                    take(count, &mut world, &mut model, &settings, losses);
                }
                Step::Write(_) | Step::Pong => {}
                Step::Lose => {
                    world.loses_connection();
                    model.lose();
                    world.passes_until_attempt();
                    model.expire(world.now);
                    world.opens();
                    losses += 1;
                }
            }
            prop_assert!(world.wire.is_sorted(), "{:?}", world.wire);
        }
    }
}
