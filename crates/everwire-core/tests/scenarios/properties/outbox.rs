use std::collections::VecDeque;

use everwire_core::{Config, Guarantee, Message, Overflow};
use proptest::prelude::*;

use super::model::Model;
use crate::support::{World, config};

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Take(usize),
    Write(usize),
    Pong,
    Lose,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40_usize).prop_map(Step::Send),
        3 => (0..6_usize).prop_map(Step::Take),
        3 => (0..6_usize).prop_map(Step::Write),
        2 => Just(Step::Pong),
        1 => Just(Step::Lose),
    ]
}

fn any_settings() -> impl Strategy<Value = (Guarantee, Overflow, usize, usize)> {
    let guarantee = prop_oneof![Just(Guarantee::Unproven), Just(Guarantee::AtMostOnce), Just(Guarantee::AtLeastOnce)];
    let overflow = prop_oneof![Just(Overflow::Reject), Just(Overflow::DropOldest), Just(Overflow::DropNewest)];
    (guarantee, overflow, 1..12_usize, 1..100_usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_outbox_agrees_with_the_naive_model(
        (guarantee, overflow, max_messages, max_bytes) in any_settings(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::connected(settings(guarantee, overflow, max_messages, max_bytes));
        let mut model = Model::new(guarantee, overflow, max_messages, max_bytes);
        // What each unanswered ping proves, by the model.
        let mut pings = VecDeque::new();
        for step in steps {
            match step {
                Step::Send(size) => {
                    let sent = world.try_send(Message::binary(vec![b'x'; size])).ok().map(|id| id.0);
                    prop_assert_eq!(sent, model.send(size));
                }
                Step::Take(count) => prop_assert_eq!(world.takes(count), model.take(count).len()),
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
                    world.passes_until_attempt();
                    world.opens();
                    model.lose();
                    pings.clear();
                }
            }
            if pings.len() < world.pings.len() {
                pings.push_back(model.last_taken().unwrap());
            }
            prop_assert_eq!(world.log.outcomes(), model.outcomes.clone());
            let stats = world.machine.stats();
            prop_assert_eq!(stats.queued_messages + stats.unproven_messages, model.messages.len());
            prop_assert!(stats.queued_bytes + stats.unproven_bytes <= max_bytes);
            prop_assert!(model.messages.len() <= max_messages);
        }
    }

    #[test]
    fn what_goes_over_the_wire_is_in_order_on_each_connection(
        (guarantee, overflow, max_messages, _) in any_settings(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::connected(settings(guarantee, overflow, max_messages, 10_000));
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send(_) => {
                    let _ = world.try_send(Message::text(format!("{number}")));
                }
                Step::Take(count) => { world.takes(count); }
                Step::Write(count) => world.writes(count),
                Step::Pong => {
                    if !world.pings.is_empty() {
                        world.pongs();
                    }
                }
                Step::Lose => {
                    world.loses_connection();
                    world.passes_until_attempt();
                    world.opens();
                }
            }
            let numbers: Vec<u64> = world.wire.iter().map(|text| text.parse().unwrap()).collect();
            prop_assert!(numbers.is_sorted(), "{:?}", numbers);
        }
    }
}

fn settings(guarantee: Guarantee, overflow: Overflow, max_messages: usize, max_bytes: usize) -> Config {
    config(|config| {
        config.guarantee = guarantee;
        config.heartbeat.interval = None;
        config.outbox.max_messages = max_messages;
        config.outbox.max_bytes = max_bytes;
        config.outbox.overflow = overflow;
    })
}
