//! The same model in a session.

use everwire_core::{
    Input, Message, TransportEvent,
    session::{Frame, Gone, Limits, Previous, SUBPROTOCOL, SessionConfig, Welcome},
};
use proptest::prelude::*;

use super::{
    change::{Change, any_change, any_settings, apply, compare},
    model::Model,
};
use crate::support::World;

#[derive(Clone, Debug)]
enum Step {
    Change(Change),
    Take(usize),
    Write(usize),
    /// The server has processed this many more.
    Ack(u64),
    /// The connection is lost, and the session is resumed: this many more were processed.
    Resume(u64),
    /// The session is gone as well; the server may know how many more it has processed.
    Gone(Option<u64>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let more = 0..4_u64;
    prop_oneof![
        10 => any_change().prop_map(Step::Change),
        4 => (0..6_usize).prop_map(Step::Take),
        3 => (0..6_usize).prop_map(Step::Write),
        3 => more.clone().prop_map(Step::Ack),
        1 => more.clone().prop_map(Step::Resume),
        1 => prop::option::of(more).prop_map(Step::Gone),
    ]
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (1..8_u32, 20..200_u64, 20..60_u64).prop_map(|(messages, bytes, message_bytes)| Limits {
        messages,
        bytes,
        message_bytes,
    })
}

/// The server welcomes the client, to a new session or to the one it had.
fn welcome(world: &mut World, limits: Limits, resumed: bool, processed: u64, previous: Option<Previous>) {
    world.opens_with(Some(SUBPROTOCOL));
    let (session, token) = (String::from("5e55"), String::from("70cc"));
    let welcome = Welcome { session, token, resumed, processed, limits, resume_within: 120_000, previous };
    world.transport(TransportEvent::Received(vec![Frame::Welcome(welcome).to_message()]));
}

/// The connection is lost, and the client dials again.
fn lose(world: &mut World, model: &mut Model) {
    world.loses_connection();
    model.detach();
    world.passes_until_attempt();
    model.expire(world.now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_outbox_of_a_session_agrees_with_the_naive_model(
        settings in any_settings(),
        limits in any_limits(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut config = settings.config();
        config.session = Some(SessionConfig::default());
        let mut world = World::new(config);
        let mut model = Model::new(settings);
        world.input(Input::Connect);
        welcome(&mut world, limits, false, 0, None);
        model.begin_session(limits);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Change(change) => apply(change, number, &mut world, &mut model)?,
                Step::Take(count) => {
                    let before = world.wire.len();
                    world.takes(count);
                    prop_assert_eq!(&world.wire[before..], &model.take(world.now, count));
                }
                Step::Write(count) => {
                    world.writes(count);
                    model.write(count);
                }
                Step::Ack(more) => {
                    let seq = processed(&model, more);
                    world.transport(TransportEvent::Received(vec![Message::text(format!("a{seq}"))]));
                    model.acknowledge(seq);
                }
                Step::Resume(more) => {
                    lose(&mut world, &mut model);
                    let seq = processed(&model, more);
                    welcome(&mut world, limits, true, seq, None);
                    model.acknowledge(seq);
                }
                Step::Gone(more) => {
                    lose(&mut world, &mut model);
                    let seq = more.map(|more| processed(&model, more));
                    let previous = Previous { reason: Gone::Restarted, processed: seq };
                    welcome(&mut world, limits, false, 0, Some(previous));
                    model.end_session(seq);
                }
            }
            compare(&world, &model)?;
        }
    }
}

fn processed(model: &Model, more: u64) -> u64 {
    let acked = model.session.as_ref().map_or(0, |session| session.acked);
    (acked + more).min(model.end_of_numbers())
}
