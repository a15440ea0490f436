//! Many messages at once are what they are one by one.

use std::collections::VecDeque;
use std::time::Duration;

use everwire_core::{Batching, Config, Input, Message, MessageId, SendError, State};
use proptest::prelude::*;

use super::change::any_settings;
use crate::support::World;

#[derive(Clone, Debug)]
enum Step {
    /// Sends messages of these sizes, at most this many.
    Send(Vec<usize>, usize),
    Take(usize),
    Write(usize),
    Pong,
    Open,
    Lose,
    Close,
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let sizes = prop::collection::vec(0..60_usize, 0..9);
    prop_oneof![
        6 => (sizes, prop_oneof![Just(usize::MAX), 0..9_usize]).prop_map(|(sizes, most)| Step::Send(sizes, most)),
        3 => (0..6_usize).prop_map(Step::Take),
        2 => (0..6_usize).prop_map(Step::Write),
        2 => Just(Step::Pong),
        2 => Just(Step::Open),
        1 => Just(Step::Lose),
        1 => Just(Step::Close),
        2 => (0..3_000_u64).prop_map(Step::Pass),
    ]
}

type Sent = (Vec<MessageId>, Result<(), SendError>, VecDeque<Message>);

fn one_by_one(world: &mut World, mut messages: VecDeque<Message>, most: usize) -> Sent {
    let mut ids = Vec::new();
    while ids.len() < most
        && let Some(message) = messages.pop_front()
    {
        match world.machine.send(world.now, message) {
            Ok(id) => ids.push(id),
            Err(refused) => {
                messages.push_front(refused.message().clone());
                return (ids, Err(refused), messages);
            }
        }
    }
    (ids, Ok(()), messages)
}

fn at_once(world: &mut World, mut messages: VecDeque<Message>, most: usize) -> Sent {
    let before = messages.len();
    let (accepted, sent) = world.machine.send_many(world.now, &mut messages, most);
    assert_eq!(before, accepted + messages.len(), "none is lost");
    let last = world.machine.last_id().0;
    ((last + 1 - accepted as u64..=last).map(MessageId).collect(), sent, messages)
}

fn step(world: &mut World, step: &Step, send: fn(&mut World, VecDeque<Message>, usize) -> Sent) -> Option<Sent> {
    let connected = matches!(world.state(), State::Connected);
    match step {
        Step::Send(sizes, most) => {
            let messages = sizes.iter().map(|size| Message::text("x".repeat(*size))).collect();
            return Some(send(world, messages, *most));
        }
        Step::Take(frames) if connected => drop(world.takes(*frames)),
        Step::Write(frames) if connected => world.writes(*frames),
        Step::Pong if connected && !world.pings.is_empty() => world.pongs(),
        Step::Open if matches!(world.state(), State::Connecting { .. }) => world.opens(),
        Step::Lose if connected => world.loses_connection(),
        Step::Close => world.close_within(Duration::from_secs(2)),
        Step::Pass(ms) => world.passes(Duration::from_millis(*ms)),
        Step::Take(_) | Step::Write(_) | Step::Pong | Step::Open | Step::Lose => {}
    }
    None
}

proptest! {
    #[test]
    fn many_at_once_are_what_they_are_one_by_one(
        settings in any_settings(),
        window in prop::option::weighted(0.2, 1..100_u64),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let of = || -> Config {
            let mut config = settings.config();
            config.batching = window.map(|window| {
                let mut batching = Batching::default();
                batching.window = Duration::from_millis(window);
                batching
            });
            config
        };
        let (mut one, mut many) = (World::new(of()), World::new(of()));
        for world in [&mut one, &mut many] {
            world.input(Input::Connect);
        }
        for what in &steps {
            prop_assert_eq!(step(&mut one, what, one_by_one), step(&mut many, what, at_once), "{:?}", what);
            for world in [&mut one, &mut many] {
                world.input(Input::Timer);
            }
            let said = [&mut one, &mut many].map(|world| format!("{:?}", world.log.clear()));
            prop_assert_eq!(&said[0], &said[1], "{:?}", what);
            prop_assert_eq!(one.machine.stats(), many.machine.stats());
            prop_assert_eq!(&one.wire, &many.wire);
        }
    }
}
