//! What is told of a connection that has ended: who, why, when last heard of, and what follows.

use everwire_core::{
    AddressResult, Cause, Closed, Config, EndedBy, Event, Guarantee, Input, Loss, Next, Output, PostMortem,
    TransportEvent, TriedAddress,
};

use crate::support::*;

/// The only end that was told of.
fn end(world: &World) -> PostMortem {
    let events = world.log.events();
    let mut ends = events.into_iter().filter_map(|event| match event {
        Event::Disconnected(end) => Some(*end),
        _ => None,
    });
    let end = ends.next().expect("an end");
    assert_eq!(ends.next(), None);
    end
}

#[test]
fn a_lost_connection_is_told_of_with_its_life_and_what_follows() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    world.passes(seconds(1.0));
    world.sends(["one", "two"]);
    world.settles();
    world.receives("hello");
    world.passes(seconds(2.0));
    world.send("three");
    world.flushes();
    world.passes(seconds(0.5));
    world.loses_connection();
    let end = end(&world);
    assert_eq!(end.ended_by(), EndedBy::Network);
    assert_eq!(end.cause, Cause::Lost(Loss::Io("reset".into())));
    assert_eq!((end.connection, end.sent, end.received, end.closing), (1, 3, 1, false));
    assert_eq!(end.uptime, seconds(3.5));
    assert_eq!((end.silent_for, end.last_sent), (seconds(2.5), Some(seconds(0.5))));
    assert_eq!((end.round_trips.count, end.unproven, end.queued), (1, 1, 1), "the third is to be sent again");
    let Next::Retry { after, asked: false } = end.next else { panic!("{end}") };
    assert!(after <= seconds(1.0), "{after:?}");
    let words = end.to_string();
    assert!(
        words.starts_with("connection 1 ended by the network after 3.5 s: the connection failed: reset; "),
        "{words}"
    );
    assert!(words.contains("3 out, 1 in") && words.ends_with("(back-off)"), "{words}");
}

#[test]
fn the_addresses_of_its_opening_are_named_and_what_became_of_them() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    for (address, result) in [
        ("192.0.2.1:80", AddressResult::Pending),
        ("192.0.2.2:80", AddressResult::Pending),
        ("192.0.2.3:80", AddressResult::Pending),
        ("192.0.2.2:80", AddressResult::Failed("connection refused".into())),
        ("192.0.2.3:80", AddressResult::Connected),
    ] {
        let address = address.parse().unwrap();
        world.transport(TransportEvent::Address(TriedAddress::new(address, result)));
    }
    world.opens();
    let told = world.log.events().into_iter().find_map(|event| match event {
        Event::Addresses(tried) => Some(tried),
        _ => None,
    });
    world.loses_connection();
    let end = end(&world);
    assert_eq!(told, Some(end.addresses.clone()));
    let words = "connection 1 (192.0.2.3:80; 192.0.2.1:80: no answer; 192.0.2.2:80: connection refused) ended by";
    assert!(end.to_string().starts_with(words), "{end}");
}

#[test]
fn an_opening_that_takes_too_long_names_the_addresses_that_it_tried() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let address = "192.0.2.1:80".parse().unwrap();
    world.transport(TransportEvent::Address(TriedAddress::new(address, AddressResult::Pending)));
    world.passes(seconds(10.0));
    let cause = world.log.events().into_iter().find_map(|event| match event {
        Event::AttemptFailed { cause, .. } => Some(cause.to_string()),
        _ => None,
    });
    let words = "preparing the request failed: no connection within 10.0 s (192.0.2.1:80: no answer)";
    assert_eq!(cause.as_deref(), Some(words));
    assert!(!world.log.events().iter().any(|event| matches!(event, Event::Addresses(_))), "there was no choice");
}

#[test]
fn it_is_told_before_the_state_that_follows() {
    let mut world = World::connected(Config::default());
    world.log.clear();
    world.loses_connection();
    let outputs = world.log.clear();
    let place = |what: fn(&Output) -> bool| outputs.iter().position(what).unwrap();
    let told = place(|output| matches!(output, Output::Event(Event::Disconnected(_))));
    assert!(told < place(|output| matches!(output, Output::State(_))));
}

#[test]
fn each_end_has_its_author_and_its_consequence() {
    let after = |happens: fn(&mut World)| {
        let mut world = World::connected(Config::default());
        happens(&mut world);
        let end = end(&world);
        (end.ended_by(), end.next)
    };
    let (by, next) = after(|world| world.peer_closes(1000));
    assert_eq!(by, EndedBy::Peer);
    assert!(matches!(next, Next::Nothing(Closed::ByPeer(Some(_)))), "{next}");
    let (by, next) = after(|world| world.peer_closes(1008));
    assert!(matches!((by, &next), (EndedBy::Peer, Next::Nothing(Closed::Refused(_)))), "{next}");
    let (by, next) = after(|world| world.passes(seconds(100.0)));
    assert!(matches!((by, &next), (EndedBy::Us, Next::Retry { .. })), "{next}");
    let (by, next) = after(|world| {
        world.input(Input::Disconnect);
        world.transport(TransportEvent::PeerClosed(None));
        world.transport(TransportEvent::Lost(Loss::Ended));
    });
    assert_eq!((by, next), (EndedBy::User, Next::Nothing(Closed::Disconnected)));
    let (by, next) = after(|world| world.close_within(seconds(0.0)));
    assert_eq!((by, next), (EndedBy::User, Next::Nothing(Closed::ByUser)));
}
