use everwire_core::{
    Attempt, CloseCode, CloseFrame, Closed, Config, Input, Loss, OpenFailureKind, Output, State, TransportEvent,
};

use crate::support::{World, config, seconds};

#[test]
fn connect_is_idempotent() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.input(Input::Connect);
    world.opens();
    world.input(Input::Connect);
    assert_eq!(world.log.opens().len(), 1);
    assert_eq!(world.log.states(), [State::Connecting { attempt: 1 }, State::Connected]);
}

#[test]
fn t4_an_abandoned_attempt_never_becomes_the_connection() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let abandoned = world.attempt();
    world.passes(seconds(10.0));
    assert_eq!(world.log.aborts(), [abandoned]);
    world.input(Input::Transport(abandoned, TransportEvent::Opened { subprotocol: None }));
    assert!(matches!(world.state(), State::Disconnected { .. }));
    assert_eq!(world.log.aborts(), [abandoned, abandoned], "the late socket must not live on");
}

#[test]
fn t4_a_late_open_does_not_disturb_the_next_attempt() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let abandoned = world.attempt();
    world.passes(seconds(10.0));
    world.passes_until_attempt();
    world.opens();
    world.input(Input::Transport(abandoned, TransportEvent::Opened { subprotocol: None }));
    world.send("hello");
    world.settles();
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.wire, ["hello"]);
}

#[test]
fn t5_stale_events_never_touch_the_new_connection() {
    let mut world = World::connected(Config::default());
    let old = world.attempt();
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.send("hello");
    world.flushes();
    world.log.clear();
    world.input(Input::Transport(old, TransportEvent::Received(vec!["stale".into()])));
    world.input(Input::Transport(old, TransportEvent::Written(7)));
    let ping = world.pings[0].clone();
    world.input(Input::Transport(old, TransportEvent::Pong(ping)));
    world.input(Input::Transport(old, TransportEvent::PeerClosed(None)));
    world.input(Input::Transport(old, TransportEvent::Lost(Loss::Ended)));
    world.input(Input::Transport(Attempt(999), TransportEvent::Lost(Loss::Ended)));
    assert_eq!(world.log.clear().len(), 0);
    assert_eq!(world.state(), &State::Connected);
}

#[test]
fn t5_nothing_can_be_taken_for_an_old_attempt() {
    let mut world = World::connected(Config::default());
    let old = world.attempt();
    world.loses_connection();
    world.passes_until_attempt();
    world.opens();
    world.send("hello");
    assert_eq!(world.machine.take(world.now, old, &mut |_| true), 0);
    assert_eq!(world.takes(10), 1);
}

#[test]
fn a_second_open_of_the_same_attempt_is_ignored() {
    let mut world = World::connected(Config::default());
    world.log.clear();
    let attempt = Attempt(1);
    world.input(Input::Transport(attempt, TransportEvent::Opened { subprotocol: None }));
    assert_eq!(world.log.clear().len(), 0);
}

#[test]
fn t18_after_disconnect_nothing_reconnects_though_the_peer_is_unreachable() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    assert_eq!(world.state(), &State::Closing);
    world.passes(seconds(2.0));
    assert_eq!(world.state(), &State::Closed(Closed::Disconnected));
    assert_eq!(world.log.aborts().len(), 1);
    world.passes(seconds(10_000.0));
    assert_eq!(world.log.opens().len(), 1);
}

#[test]
fn t18_disconnect_while_opening_or_waiting_ends_it() {
    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    let attempt = world.attempt();
    world.input(Input::Disconnect);
    assert_eq!(world.log.aborts(), [attempt]);
    assert_eq!(world.state(), &State::Closed(Closed::Disconnected));

    let mut world = World::new(Config::default());
    world.input(Input::Connect);
    world.opening_fails(OpenFailureKind::Io);
    world.input(Input::Disconnect);
    assert_eq!(world.state(), &State::Closed(Closed::Disconnected));
    assert_eq!(world.machine.deadline(), None);
    assert_eq!(world.log.opens().len(), 1);
}

#[test]
fn t18_a_connection_lost_while_disconnecting_is_not_retried() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.flushes();
    world.input(Input::Disconnect);
    world.loses_connection();
    assert_eq!(world.state(), &State::Closed(Closed::Disconnected));
}

#[test]
fn disconnect_is_a_closing_handshake() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(_, code, _) if code.0 == 1000)), 1);
    world.peer_closes(1000);
    assert_eq!(world.state(), &State::Closed(Closed::Disconnected));
    assert_eq!(world.log.aborts(), []);
}

#[test]
fn disconnect_keeps_the_outbox_and_connect_goes_on() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    world.peer_closes(1000);
    let id = world.send("later");
    assert_eq!(world.log.outcome(id), None);
    world.input(Input::Connect);
    world.opens();
    world.settles();
    assert_eq!(world.wire, ["later"]);
}

#[test]
fn disconnect_flushes_what_was_sent_before_it_and_no_more() {
    let mut world = World::connected(Config::default());
    let before = world.send("before");
    world.input(Input::Disconnect);
    let after = world.send("after");
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
    world.settles();
    assert_eq!(world.wire, ["before"]);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 1);
    world.peer_closes(1000);
    assert!(world.log.outcome(before).is_some());
    assert_eq!(world.log.outcome(after), None);
}

#[test]
fn connect_during_the_flush_of_a_disconnect_stays_connected() {
    let mut world = World::connected(Config::default());
    world.send("hello");
    world.input(Input::Disconnect);
    world.input(Input::Connect);
    assert_eq!(world.state(), &State::Connected);
    world.settles();
    world.passes(seconds(5.0));
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
}

#[test]
fn connect_during_the_closing_handshake_opens_anew_once_it_is_over() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    world.input(Input::Connect);
    assert_eq!(world.log.opens().len(), 1, "never two at a time");
    world.peer_closes(1000);
    assert_eq!(world.log.opens().len(), 2);
    assert_eq!(world.state(), &State::Connecting { attempt: 1 });
}

#[test]
fn a_peer_that_closes_but_leaves_the_transport_open_is_dropped() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::PeerClosed(None));
    assert_eq!(world.state(), &State::Closing);
    world.passes(seconds(2.0));
    assert_eq!(world.log.aborts().len(), 1);
    assert!(matches!(world.state(), State::Disconnected { .. }));
}

#[test]
fn an_early_timer_is_harmless() {
    let mut world = World::connected(Config::default());
    world.log.clear();
    for _ in 0..10 {
        world.input(Input::Timer);
    }
    assert_eq!(world.log.clear().len(), 0);
}

#[test]
fn t15_received_messages_are_handed_on_in_order() {
    let mut world = World::connected(Config::default());
    for batch in [vec!["a".into(), "b".into()], vec![], vec!["c".into()]] {
        world.transport(TransportEvent::Received(batch));
    }
    assert_eq!(world.log.delivered(), ["a", "b", "c"]);
}

#[test]
fn t15_what_arrives_during_our_closing_handshake_is_still_handed_on() {
    let mut world = World::connected(Config::default());
    world.input(Input::Disconnect);
    world.receives("a last word");
    world.peer_closes(1000);
    assert_eq!(world.log.delivered(), ["a last word"]);
}

#[test]
fn disconnect_and_connect_do_not_get_around_what_the_peer_said() {
    let mut world = World::connected(Config::default());
    let frame = CloseFrame { code: CloseCode(1013), reason: "".into() };
    world.transport(TransportEvent::PeerClosed(Some(frame)));
    world.input(Input::Disconnect);
    world.input(Input::Connect);
    world.transport(TransportEvent::Lost(Loss::Ended));
    assert!(world.passes_until_attempt() >= seconds(5.0));
}

#[test]
fn nothing_is_asked_to_be_taken_while_the_connection_ends() {
    let mut world = World::connected(Config::default());
    world.transport(TransportEvent::PeerClosed(None));
    world.send("hello");
    assert_eq!(world.log.readies(), 0);
    assert_eq!(world.takes(10), 0);
}

#[test]
fn the_end_of_one_connection_leaves_no_timer_behind_for_the_next() {
    let mut world = World::new(config(|config| config.retry.initial_delay = seconds(0.1)));
    world.input(Input::Connect);
    world.opens();
    world.peer_closes(1001);
    world.passes_until_attempt();
    world.opens();
    world.passes(seconds(20.0));
    assert_eq!(world.state(), &State::Connected);
    assert_eq!(world.log.count(|output| matches!(output, Output::Close(..))), 0);
}
