//! What each input does in each state, as one table that a change must change knowingly.

use std::fmt::Write;

use bytes::Bytes;
use everwire_core::{
    CloseCode, CloseFrame, Config, Guarantee, Hint, Input, Jitter, Loss, OpenFailureKind, Output, PingProgress,
    TransportEvent,
};

use crate::support::{World, config, seconds};

#[test]
fn each_input_in_each_state() {
    let mut table = String::new();
    for (state, build) in states() {
        writeln!(table, "{state}").unwrap();
        for (input, apply) in inputs() {
            let mut world = build();
            let before = world.state().clone();
            world.log.clear();
            apply(&mut world);
            let outputs: Vec<_> = world.log.outputs().map(name).collect();
            let same = *world.state() == before && outputs.is_empty();
            if !same {
                writeln!(table, "  {input:<22} {}", outputs.join(", ")).unwrap();
            }
        }
        writeln!(table).unwrap();
    }
    insta::assert_snapshot!(table);
}

type Named<T> = (&'static str, T);

fn states() -> Vec<Named<fn() -> World>> {
    vec![
        ("Closed, initial", || World::new(settings())),
        ("Closed, disconnected", || {
            let mut world = connected();
            world.input(Input::Disconnect);
            world.settles();
            world.peer_closes(1000);
            world
        }),
        ("Closed, by the peer", || {
            let mut world = connected();
            world.peer_closes(1000);
            world
        }),
        ("Connecting", || {
            let mut world = World::new(settings());
            world.send("queued");
            world.input(Input::Connect);
            world
        }),
        ("Connected, nothing open", || World::connected(settings())),
        ("Connected, one written, one queued", connected),
        ("Connected, probing", || {
            let mut world = connected();
            world.passes(seconds(31.0));
            world
        }),
        ("Connected, reading paused", || {
            let mut world = connected();
            world.transport(TransportEvent::ReadPaused);
            world
        }),
        ("Disconnected", || {
            let mut world = connected();
            world.loses_connection();
            world
        }),
        ("Closing, peer closed", || {
            let mut world = connected();
            world.transport(TransportEvent::PeerClosed(None));
            world
        }),
        ("Closing, disconnect flushes", || {
            let mut world = connected();
            world.input(Input::Disconnect);
            world
        }),
        ("Closing, disconnect's handshake", || {
            let mut world = World::connected(settings());
            world.input(Input::Disconnect);
            world
        }),
        ("Closing, close flushes", || {
            let mut world = connected();
            world.close_within(seconds(60.0));
            world
        }),
        ("Closing, close waits for the next attempt", || {
            let mut world = connected();
            world.close_within(seconds(60.0));
            world.loses_connection();
            world
        }),
        ("Closing, close's handshake", || {
            let mut world = World::connected(settings());
            world.close_within(seconds(60.0));
            world
        }),
        ("Finished", || {
            let mut world = connected();
            world.close_within(seconds(0.0));
            world
        }),
    ]
}

fn inputs() -> Vec<Named<fn(&mut World)>> {
    vec![
        ("connect", |world| world.input(Input::Connect)),
        ("disconnect", |world| world.input(Input::Disconnect)),
        ("close", |world| world.close_within(seconds(50.0))),
        ("close, no time", |world| world.close_within(seconds(0.0))),
        ("hint: online", |world| world.hint(Hint::Online)),
        ("hint: offline", |world| world.hint(Hint::Offline)),
        ("hint: network changed", |world| world.hint(Hint::NetworkChanged)),
        ("hint: woke", |world| world.hint(Hint::Woke)),
        ("hint: retry now", |world| world.hint(Hint::RetryNow)),
        ("send", |world| {
            if let Err(error) = world.try_send("new".into()) {
                world.log.push(world.now, Output::Deliver(vec![format!("send refused: {error}").into()]));
            }
        }),
        ("opened", |world| event(world, TransportEvent::Opened { subprotocol: None })),
        ("opening failed", |world| {
            if world.has_dialled() {
                world.opening_fails(OpenFailureKind::Io);
            }
        }),
        ("received", |world| event(world, TransportEvent::Received(vec!["news".into()]))),
        ("activity", |world| event(world, TransportEvent::Activity)),
        ("ping", |world| event(world, TransportEvent::Ping)),
        ("pong", |world| {
            let payload = world.pings.pop_front().unwrap_or(Bytes::from_static(b"whatever"));
            event(world, TransportEvent::Pong(payload));
        }),
        ("own ping waits", |world| event(world, TransportEvent::OwnPing(PingProgress::Waits))),
        ("own ping sent", |world| event(world, TransportEvent::OwnPing(PingProgress::Sent))),
        ("written", |world| event(world, TransportEvent::Written(1))),
        ("read paused", |world| event(world, TransportEvent::ReadPaused)),
        ("read resumed", |world| event(world, TransportEvent::ReadResumed)),
        ("peer closed 1000", |world| event(world, closed(1000))),
        ("peer closed 1001", |world| event(world, closed(1001))),
        ("lost", |world| event(world, TransportEvent::Lost(Loss::Ended))),
        ("the next timer", |world| {
            if let Some((at, _)) = world.machine.deadline() {
                world.now = world.now.max(at);
                world.input(Input::Timer);
            }
        }),
    ]
}

fn settings() -> Config {
    config(|config| {
        config.retry.jitter = Jitter::None;
        config.guarantee = Guarantee::AtMostOnce;
    })
}

/// Message 1 is written, message 2 queued.
fn connected() -> World {
    let mut world = World::connected(settings());
    world.send("written");
    world.flushes();
    world.send("queued");
    world
}

fn event(world: &mut World, event: TransportEvent) {
    if world.has_dialled() {
        world.transport(event);
    }
}

fn closed(code: u16) -> TransportEvent {
    TransportEvent::PeerClosed(Some(CloseFrame { code: CloseCode(code), reason: "".into() }))
}

fn name(output: &Output) -> String {
    match output {
        Output::Open(_) => "Open".into(),
        Output::Abort(_) => "Abort".into(),
        Output::Ping(..) => "Ping".into(),
        Output::Probe(..) => "Probe".into(),
        Output::Control(..) => "Control".into(),
        Output::Close(..) => "Close".into(),
        Output::Ready(_) => "Ready".into(),
        Output::Deliver(messages) => format!("Deliver({})", messages[0].as_text().unwrap_or("binary")),
        Output::DeliverVolatile(_) => "DeliverVolatile".into(),
        Output::Outcome { first, last, outcome } => format!("Outcome({}..={} {outcome:?})", first.0, last.0),
        Output::Written { first, last } => format!("Written({}..={})", first.0, last.0),
        Output::State(state) => format!("State({})", brief(&format!("{state:?}"))),
        Output::Event(event) => format!("Event({})", brief(&format!("{event:?}"))),
        Output::Persist(..) => "Persist".into(),
        Output::Stored { first, last } => format!("Stored({}..={})", first.0, last.0),
        Output::Room => "Room".into(),
        Output::Reserve => "Reserve".into(),
        Output::Finished(left) => {
            format!("Finished({} unsent, {} unacknowledged)", left.unsent.len(), left.unacknowledged.len())
        }
    }
}

/// The variant, and that of what is in it.
fn brief(debug: &str) -> String {
    let words: Vec<_> = debug.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let variants = words.iter().filter(|word| word.starts_with(char::is_uppercase)).take(2);
    variants.copied().collect::<Vec<_>>().join(" ")
}
