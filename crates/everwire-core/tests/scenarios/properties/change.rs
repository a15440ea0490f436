//! What the user does, to the machine and to the model.

use std::time::Duration;

use everwire_core::{Config, Guarantee, Message, MessageId, Overflow};
use proptest::prelude::*;

use super::model::{Counts, LEVELS, Model, Settings, Special};
use crate::support::{World, config};

#[derive(Clone, Debug)]
pub(super) enum Change {
    Send(usize),
    SendWith(usize, Special),
    /// The message that lies so far back; beyond the latest, one that does not exist.
    Cancel(u64),
    Replace(u64, usize),
    Pass(u64),
    Stall(u64),
}

pub(super) fn any_change() -> impl Strategy<Value = Change> {
    let back = 0..12_u64;
    prop_oneof![
        4 => (4..40_usize).prop_map(Change::Send),
        6 => (4..40_usize, any_special()).prop_map(|(size, special)| Change::SendWith(size, special)),
        2 => back.clone().prop_map(Change::Cancel),
        2 => (back, 4..40_usize).prop_map(|(back, size)| Change::Replace(back, size)),
        2 => (0..3_000_u64).prop_map(Change::Pass),
        1 => (0..3_000_u64).prop_map(Change::Stall),
    ]
}

fn any_special() -> impl Strategy<Value = Special> {
    let ttl = prop::option::of((0..4_000_u64).prop_map(Duration::from_millis));
    let key = prop::option::of(prop::sample::select(vec!["a", "b", "c"]));
    (ttl, prop::sample::select(LEVELS.to_vec()), key).prop_map(|(ttl, level, key)| Special { ttl, level, key })
}

pub(super) fn any_settings() -> impl Strategy<Value = Settings> {
    let guarantee = prop_oneof![Just(Guarantee::Unproven), Just(Guarantee::AtMostOnce), Just(Guarantee::AtLeastOnce)];
    let overflow = prop_oneof![
        Just(Overflow::Reject),
        Just(Overflow::DropOldest),
        Just(Overflow::DropNewest),
        Just(Overflow::DropLowestPriority)
    ];
    let max_age = prop::option::weighted(0.2, (1..4_000_u64).prop_map(Duration::from_millis));
    (guarantee, overflow, 1..12_usize, 1..200_usize, max_age).prop_map(
        |(guarantee, overflow, max_messages, max_bytes, max_age)| Settings {
            guarantee,
            overflow,
            max_messages,
            max_bytes,
            max_age,
        },
    )
}

impl Settings {
    pub(super) fn config(&self) -> Config {
        config(|config| {
            config.guarantee = self.guarantee;
            config.heartbeat.interval = None;
            config.outbox.max_messages = self.max_messages;
            config.outbox.max_bytes = self.max_bytes;
            config.outbox.overflow = self.overflow;
            config.outbox.max_age = self.max_age;
        })
    }
}

/// Does it to both, and compares what they say at once. `number` makes each text another.
pub(super) fn apply(change: Change, number: usize, world: &mut World, model: &mut Model) -> Result<(), TestCaseError> {
    let text = |size: usize| format!("{number:04}{}", "x".repeat(size - 4));
    match change {
        Change::Send(size) => {
            let sent = world.try_send(Message::text(text(size))).ok().map(|id| id.0);
            prop_assert_eq!(sent, model.send(world.now, &text(size), Special::NONE));
        }
        Change::SendWith(size, special) => {
            let sent = world.try_send_with(Message::text(text(size)), special.options()).ok().map(|id| id.0);
            prop_assert_eq!(sent, model.send(world.now, &text(size), special));
        }
        Change::Cancel(back) => {
            let id = (model.last_id + 1).saturating_sub(back);
            prop_assert_eq!(world.cancel(MessageId(id)), model.cancel(id));
        }
        Change::Replace(back, size) => {
            let id = (model.last_id + 1).saturating_sub(back);
            let replaced = world.machine.replace(world.now, MessageId(id), Message::text(text(size)));
            prop_assert_eq!(replaced.is_ok(), model.replace(id, &text(size)), "{:?}", replaced);
        }
        Change::Pass(milliseconds) => {
            world.passes(Duration::from_millis(milliseconds));
            model.expire(world.now);
        }
        Change::Stall(milliseconds) => {
            world.stalls(Duration::from_millis(milliseconds));
            model.expire(world.now);
        }
    }
    Ok(())
}

/// What must agree at any time.
pub(super) fn compare(world: &World, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(world.log.outcomes(), model.outcomes.clone());
    let stats = world.machine.stats();
    prop_assert_eq!(stats.queued_messages + stats.unproven_messages, model.messages.len());
    prop_assert!(stats.queued_bytes + stats.unproven_bytes <= model.settings.max_bytes);
    prop_assert!(model.messages.len() <= model.settings.max_messages);
    let counts = Counts {
        dropped: stats.dropped,
        conflated: stats.conflated,
        expired: stats.expired,
        cancelled: stats.cancelled,
    };
    prop_assert_eq!(&counts, &model.counts);
    Ok(())
}
