//! Sequences of anything at all, stale and absurd events among them.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use everwire_core::{
    Attempt, Batching, CloseCode, CloseFrame, Config, Guarantee, Hint, Input, Loss, MessageId, Moment, OpenFailure,
    OpenFailureKind, Output, Overflow, Phase, Priority, RefusalReason, SendOptions, State, TransportEvent,
};
use proptest::prelude::*;

use crate::support::{
    World, config,
    owned::{self, let_go, owned},
    seconds,
};

#[derive(Clone, Debug)]
enum Step {
    Send(&'static str),
    SendWith(&'static str, SendOptions),
    /// The message that lies so far back.
    Cancel(u64),
    Replace(u64),
    Take(usize),
    Connect,
    Disconnect,
    Close(u64),
    Hint(Hint),
    /// An event of the attempt that lies so far back (0 is the present one).
    Transport(u64, Told),
    Pong,
    Pass(u64),
    Stall(u64),
}

#[derive(Clone, Debug)]
enum Told {
    Opened,
    OpenFailed(u16),
    Received,
    Activity,
    Pong(u8),
    Written(usize),
    ReadPaused,
    ReadStalled,
    ReadResumed,
    PeerClosed(Option<u16>),
    Lost,
}

fn any_step() -> impl Strategy<Value = Step> {
    let hint = prop_oneof![
        Just(Hint::Online),
        Just(Hint::Offline),
        Just(Hint::NetworkChanged),
        Just(Hint::Woke),
        Just(Hint::RetryNow)
    ];
    let told = prop_oneof![
        8 => Just(Told::Opened),
        2 => prop_oneof![Just(0), Just(401), Just(503)].prop_map(Told::OpenFailed),
        2 => Just(Told::Received),
        1 => Just(Told::Activity),
        1 => any::<u8>().prop_map(Told::Pong),
        4 => prop_oneof![0..4_usize, Just(usize::MAX)].prop_map(Told::Written),
        1 => Just(Told::ReadPaused),
        1 => Just(Told::ReadStalled),
        1 => Just(Told::ReadResumed),
        2 => prop_oneof![Just(None), prop_oneof![Just(1000), Just(1001), Just(1009), any::<u16>()].prop_map(Some)]
            .prop_map(Told::PeerClosed),
        2 => Just(Told::Lost),
    ];
    let back = prop_oneof![8 => Just(0), 1 => 1..3_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        12 => prop_oneof![Just("{}"), Just("text")].prop_map(Step::Send),
        6 => (prop_oneof![Just("{}"), Just("text")], any_options()).prop_map(|(text, options)| Step::SendWith(text, options)),
        2 => (0..5_u64).prop_map(Step::Cancel),
        2 => (0..5_u64).prop_map(Step::Replace),
        8 => (0..5_usize).prop_map(Step::Take),
        4 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => (0..20_u64).prop_map(Step::Close),
        3 => hint.prop_map(Step::Hint),
        20 => (back, told).prop_map(|(back, told)| Step::Transport(back, told)),
        5 => Just(Step::Pong),
        6 => (0..40_000_u64).prop_map(Step::Pass),
        1 => (0..400_000_u64).prop_map(Step::Stall),
    ]
}

fn any_options() -> impl Strategy<Value = SendOptions> {
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Normal), Just(Priority::Low)];
    let key = prop::option::of(prop_oneof![Just("a"), Just("b")]);
    (prop::option::of(0..60_000_u64), priority, key).prop_map(|(ttl, priority, key)| {
        let mut options = SendOptions::new().priority(priority);
        if let Some(ttl) = ttl {
            options = options.ttl(Duration::from_millis(ttl));
        }
        if let Some(key) = key {
            options = options.key(key);
        }
        options
    })
}

fn any_config() -> impl Strategy<Value = Config> {
    let guarantee = prop_oneof![Just(Guarantee::Unproven), Just(Guarantee::AtMostOnce), Just(Guarantee::AtLeastOnce)];
    let overflow = prop_oneof![
        Just(Overflow::Reject),
        Just(Overflow::DropOldest),
        Just(Overflow::DropNewest),
        Just(Overflow::DropLowestPriority)
    ];
    let max_age = prop::option::weighted(0.2, 1..60_000_u64);
    let limits = (any::<bool>(), prop::option::of(1..5_u32), prop::option::of(1..100_u64));
    (guarantee, (overflow, max_age), any::<bool>(), 1..20_usize, limits).prop_map(
        |(guarantee, (overflow, max_age), batching, max_messages, (heartbeat, max_attempts, max_elapsed))| {
            config(|config| {
                config.guarantee = guarantee;
                config.outbox.overflow = overflow;
                config.outbox.max_age = max_age.map(Duration::from_millis);
                config.outbox.max_messages = max_messages;
                config.batching = batching.then(Batching::default);
                if !heartbeat {
                    config.heartbeat.interval = None;
                }
                config.retry.max_attempts = max_attempts;
                config.retry.max_elapsed = max_elapsed.map(Duration::from_secs);
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn whatever_happens_the_invariants_hold(config in any_config(), steps in prop::collection::vec(any_step(), 0..150)) {
        let max_messages = config.outbox.max_messages;
        let mut world = World::new(config);
        let mut accepted = 0;
        for step in steps {
            accepted += apply(&mut world, step);
            let stats = world.machine.stats();
            prop_assert!(stats.queued_messages + stats.unproven_messages <= max_messages);
            check_state(&world)?;
        }
        world.close_within(seconds(30.0));
        world.passes(seconds(31.0));
        check_log(&world)?;
        let left = world.log.finished().expect("it ends by its deadline");
        prop_assert!(left.unsent.len() <= max_messages && left.unacknowledged.len() <= max_messages);
        let outcomes = world.log.outcomes();
        prop_assert_eq!(outcomes.into_keys().collect::<Vec<_>>(), (1..=accepted).collect::<Vec<_>>());
        prop_assert_eq!(world.machine.deadline(), None);
    }

    #[test]
    fn whatever_happened_everything_gets_through_once_all_behave(
        config in any_config(),
        steps in prop::collection::vec(any_step(), 0..100),
    ) {
        let mut world = World::new(config);
        for step in steps {
            apply(&mut world, step);
        }
        if world.log.finished().is_none() && !matches!(world.state(), State::Closing) {
            world.input(Input::Connect);
            world.transport(TransportEvent::ReadResumed);
            world.behaves(seconds(80.0));
            world.input(Input::Connect);
            world.behaves(seconds(80.0));
            prop_assert_eq!(world.state(), &State::Connected);
            let stats = world.machine.stats();
            prop_assert_eq!((stats.queued_messages, stats.unproven_messages), (0, 0));
        }
    }

    #[test]
    fn no_message_is_dropped_within_a_call_and_none_is_kept_for_ever(
        config in any_config(),
        steps in prop::collection::vec(any_step(), 0..100),
    ) {
        let mut world = World::new(config);
        world.machine.keep_ended();
        world.message = owned;
        let mut ended = Vec::new();
        for step in steps {
            apply(&mut world, step);
            world.machine.take_ended(&mut ended);
        }
        world.close_within(seconds(0.0));
        world.machine.take_ended(&mut ended);
        let left = world.log.finished().map_or(0, |left| left.unsent.len() + left.unacknowledged.len());
        let_go(ended);
        let (alive, dropped_within) = owned::counts();
        let_go(world);
        prop_assert_eq!((alive, dropped_within, owned::counts()), (left, 0, (0, 0)));
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(config in any_config(), steps in prop::collection::vec(any_step(), 0..80)) {
        let run = || {
            let mut world = World::new(config.clone());
            for step in steps.clone() {
                apply(&mut world, step);
            }
            world.log.outputs().map(|output| format!("{output:?}")).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}

/// Returns how many messages were accepted.
fn apply(world: &mut World, step: Step) -> u64 {
    match step {
        Step::Send(text) => {
            let sent = world.try_send((world.message)(text));
            let accepted = u64::from(sent.is_ok());
            let_go(sent);
            return accepted;
        }
        Step::SendWith(text, options) => {
            let sent = world.try_send_with((world.message)(text), options);
            let accepted = u64::from(sent.is_ok());
            let_go(sent);
            return accepted;
        }
        Step::Cancel(back) => {
            let _ = world.cancel(MessageId(world.last_id().0.saturating_sub(back)));
        }
        Step::Replace(back) => {
            let_go(world.replace(MessageId(world.last_id().0.saturating_sub(back)), "replaced"));
        }
        Step::Take(count) => {
            if world.has_dialled() {
                world.takes(count);
            }
        }
        Step::Connect => world.input(Input::Connect),
        Step::Disconnect => world.input(Input::Disconnect),
        Step::Close(time) => world.close_within(seconds(time as f64)),
        Step::Hint(hint) => world.hint(hint),
        Step::Transport(back, told) => {
            let latest = if world.has_dialled() { world.attempt().0 } else { 0 };
            let attempt = Attempt(latest.wrapping_sub(back));
            world.input(Input::Transport(attempt, event(told)));
        }
        Step::Pong => {
            if let Some(payload) = world.pings.pop_front() {
                world.transport(TransportEvent::Pong(payload));
            }
        }
        Step::Pass(milliseconds) => world.passes(seconds(milliseconds as f64 / 1000.0)),
        Step::Stall(milliseconds) => world.stalls(seconds(milliseconds as f64 / 1000.0)),
    }
    0
}

fn event(told: Told) -> TransportEvent {
    match told {
        Told::Opened => TransportEvent::Opened { subprotocol: None },
        Told::OpenFailed(0) => failed(OpenFailureKind::Io),
        Told::OpenFailed(status) => failed(OpenFailureKind::Refused {
            status,
            retry_after: None,
            fresh_credentials: true,
            reason: RefusalReason::Status,
        }),
        Told::Received => TransportEvent::Received(vec!["news".into()]),
        Told::Activity => TransportEvent::Activity,
        Told::Pong(byte) => TransportEvent::Pong(Bytes::from(vec![byte; 8])),
        Told::Written(units) => TransportEvent::Written(units),
        Told::ReadPaused => TransportEvent::ReadPaused,
        Told::ReadStalled => TransportEvent::ReadStalled,
        Told::ReadResumed => TransportEvent::ReadResumed,
        Told::PeerClosed(code) => {
            TransportEvent::PeerClosed(code.map(|code| CloseFrame { code: CloseCode(code), reason: "scripted".into() }))
        }
        Told::Lost => TransportEvent::Lost(Loss::Ended),
    }
}

fn failed(kind: OpenFailureKind) -> TransportEvent {
    TransportEvent::OpenFailed(OpenFailure { phase: Phase::Upgrade, kind, detail: String::new() })
}

/// What must hold of all outputs.
fn check_log(world: &World) -> Result<(), TestCaseError> {
    // Each attempt is asked for once, and never while another lives.
    let mut live = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for output in world.log.outputs() {
        match output {
            Output::Open(attempt) => {
                prop_assert!(seen.insert(*attempt), "{:?} is asked for twice", attempt);
                live.insert(*attempt);
                prop_assert!(live.len() <= 1, "two live attempts: {:?}", live);
            }
            Output::Abort(attempt) => {
                live.remove(attempt);
            }
            Output::Event(everwire_core::Event::AttemptFailed { .. } | everwire_core::Event::Disconnected(_)) => {
                live.clear()
            }
            _ => {}
        }
    }
    // An outcome each, at most; nothing behind the end.
    world.log.outcomes();
    world.log.finished();
    Ok(())
}

/// What must hold at any time: what waits has a time to wait for.
fn check_state(world: &World) -> Result<(), TestCaseError> {
    match (world.state(), world.machine.deadline()) {
        (State::Disconnected { retry_at, .. }, Some((at, _))) => prop_assert!(at <= *retry_at),
        (State::Connecting { .. } | State::Disconnected { .. } | State::Closing, None) => {
            return Err(TestCaseError::fail("it waits for nothing"));
        }
        (_, deadline) => prop_assert!(deadline.is_none_or(|(at, _)| at > Moment::ZERO)),
    }
    Ok(())
}
