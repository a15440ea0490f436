//! A client whose outbox is kept in a store, and whose process ends at any moment.

use std::time::Duration;

use everwire_core::{
    Config, Event, Guarantee, Input, Machine, Message, Moment, Outcome, Output, SendOptions, Stage, State,
    session::{Registry, RegistryConfig, SessionConfig},
    store::Saved,
};

use crate::pair::Pair;

fn connected() -> Pair {
    let mut pair = Pair::durable(|_| {});
    pair.run();
    assert_eq!(pair.client.state(), &State::Connected);
    pair
}

fn manual(pair: &mut Pair) {
    pair.shelf.as_mut().unwrap().automatic = false;
}

fn send_with(pair: &mut Pair, text: &str, options: SendOptions) -> everwire_core::MessageId {
    let id = pair.client.send_with(pair.now, everwire_core::Message::text(text.to_owned()), options).unwrap();
    pair.drain();
    id
}

#[test]
fn what_was_stored_while_offline_is_sent_by_the_next_process() {
    let mut pair = Pair::durable_offline();
    pair.send("one");
    pair.send("two");
    assert_eq!(pair.shelf.as_ref().unwrap().told.len(), 2, "it was told that they are durable");
    pair.unreachable = false;
    pair.crash();
    pair.run();
    assert_eq!(pair.at_server, ["one", "two"]);
    assert!(pair.shelf.as_ref().unwrap().saved.messages.is_empty(), "what has arrived is kept no longer");
}

#[test]
fn a_message_goes_out_only_when_it_is_durable() {
    let mut pair = connected();
    manual(&mut pair);
    let id = pair.send("one");
    pair.run();
    assert!(pair.at_server.is_empty());
    assert!(pair.shelf.as_ref().unwrap().told.is_empty());
    pair.commit();
    pair.run();
    assert_eq!(pair.at_server, ["one"]);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
}

#[test]
fn messages_of_one_moment_share_a_batch() {
    let mut pair = connected();
    manual(&mut pair);
    for n in 0..100 {
        pair.send(&n.to_string());
    }
    pair.commit();
    pair.commit();
    assert_eq!(pair.shelf.as_ref().unwrap().told.len(), 100, "the first one went alone, and the rest together");
}

#[test]
fn a_restarted_client_resumes_its_session_and_nothing_comes_twice() {
    let mut pair = connected();
    pair.server_processes = false;
    let ids: Vec<_> = (0..5).map(|n| pair.send(&n.to_string())).collect();
    pair.run();
    assert_eq!(pair.at_server.len(), 5, "they have arrived, and are not acknowledged");
    pair.crash();
    pair.run();
    assert!(pair.events.iter().any(|event| matches!(event, Event::Session { resumed: true, resending: 5 })));
    pair.server_catches_up();
    pair.run();
    assert_eq!(pair.at_server, ["0", "1", "2", "3", "4"]);
    assert!(ids.iter().all(|id| pair.outcome(*id) == Some(Outcome::Acknowledged)));
    pair.server_processes = true;
    pair.send("next");
    pair.run();
    assert_eq!(pair.at_server.last().unwrap(), "next", "its numbers go on where those of the last process ended");
}

#[test]
fn numbers_go_on_though_nothing_is_left_of_those_before() {
    let mut pair = connected();
    pair.send("one");
    pair.run();
    pair.crash();
    pair.run();
    pair.send("two");
    pair.run();
    assert_eq!(pair.at_server, ["one", "two"]);
    assert!(!pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. })));
}

#[test]
fn the_server_is_told_of_processing_only_when_that_is_durable() {
    let mut pair = connected();
    manual(&mut pair);
    pair.server_send("one");
    pair.run();
    assert_eq!(pair.at_client, ["one"]);
    assert!(pair.server_outcomes.is_empty(), "a crash now would have it come again");
    pair.crash();
    pair.commit();
    pair.run();
    assert_eq!(pair.at_client, ["one", "one"], "as it does");
    for _ in 0..4 {
        pair.commit();
        pair.run();
    }
    assert_eq!(pair.server_outcomes.len(), 1);
    pair.crash();
    pair.run();
    assert_eq!(pair.at_client.len(), 2, "what is durably processed does not come again");
}

#[test]
fn a_cancelled_message_is_told_so_only_when_no_later_process_can_send_it() {
    let mut pair = Pair::durable_offline();
    manual(&mut pair);
    pair.commit();
    let id = pair.send("never mind");
    pair.commit();
    assert_eq!(pair.client.cancel(pair.now, id), Ok(Outcome::Cancelled));
    pair.drain();
    assert_eq!(pair.outcome(id), None, "a crash now would bring it back");
    pair.commit();
    assert_eq!(pair.outcome(id), Some(Outcome::Cancelled));
    pair.unreachable = false;
    pair.crash();
    pair.run();
    assert!(pair.at_server.is_empty());
}

#[test]
fn time_runs_out_over_a_restart() {
    let mut pair = Pair::durable_offline();
    let id = send_with(&mut pair, "news", SendOptions::new().ttl(Duration::from_secs(10)));
    pair.now = pair.now + Duration::from_secs(11);
    pair.unreachable = false;
    pair.crash();
    pair.wait(Duration::from_secs(1));
    assert_eq!(pair.outcome(id), Some(Outcome::Expired));
    assert!(pair.at_server.is_empty());
}

#[test]
fn keys_and_priorities_survive_a_restart() {
    let mut pair = Pair::durable_offline();
    send_with(&mut pair, "old price", SendOptions::new().key("price"));
    pair.send("normal");
    send_with(&mut pair, "urgent", SendOptions::new().priority(everwire_core::Priority::High));
    pair.crash();
    send_with(&mut pair, "new price", SendOptions::new().key("price"));
    pair.unreachable = false;
    pair.crash();
    pair.run();
    assert_eq!(pair.at_server, ["urgent", "new price", "normal"]);
}

#[test]
fn a_store_that_fails_is_told_of_and_tried_again_and_the_connection_lives_on() {
    let mut pair = connected();
    manual(&mut pair);
    let id = pair.send("one");
    pair.refuse();
    let failed = |pair: &Pair| pair.events.iter().filter(|event| matches!(event, Event::StoreFailed { .. })).count();
    assert_eq!(failed(&pair), 1);
    pair.server_send("still here");
    pair.run();
    assert_eq!(pair.at_client, ["still here"]);
    pair.wait(Duration::from_millis(600));
    pair.refuse();
    assert_eq!(failed(&pair), 2);
    pair.wait(Duration::from_secs(2));
    pair.commit();
    pair.run();
    assert!(pair.events.contains(&Event::StoreRecovered));
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    assert_eq!(pair.at_server, ["one"]);
}

#[test]
fn what_is_left_at_the_close_stays_for_the_next_process() {
    let mut pair = Pair::durable_offline();
    let kept = pair.send("kept");
    manual(&mut pair);
    let under_way = pair.send("under way");
    let fresh = pair.send("too late for the store");
    let now = pair.now;
    pair.input(Input::Close { deadline: now });
    assert_eq!(pair.outcome(kept), Some(Outcome::Stored));
    assert_eq!(pair.outcome(under_way), Some(Outcome::Unknown(Stage::Queued)));
    assert_eq!(pair.outcome(fresh), Some(Outcome::Cancelled));
    pair.unreachable = false;
    pair.shelf.as_mut().unwrap().automatic = true;
    pair.crash();
    pair.run();
    assert_eq!(pair.at_server, ["kept"]);
}

#[test]
fn a_close_in_order_leaves_nothing_behind() {
    let mut pair = connected();
    let id = pair.send("one");
    pair.run();
    let deadline = pair.now + Duration::from_secs(5);
    pair.input(Input::Close { deadline });
    pair.run();
    assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    let saved = &pair.shelf.as_ref().unwrap().saved;
    assert!(saved.session.is_none() && saved.messages.is_empty(), "{saved:?}");
    assert!(pair.sent.iter().any(|frame| frame.starts_with('b')), "the server was told goodbye");
}

#[test]
fn the_last_word_waits_for_the_store() {
    let mut pair = connected();
    manual(&mut pair);
    pair.send("one");
    pair.commit();
    pair.run();
    let deadline = pair.now + Duration::from_secs(5);
    pair.input(Input::Close { deadline });
    pair.run();
    let goodbye = |pair: &Pair| pair.sent.iter().any(|frame| frame.starts_with('b'));
    assert!(!goodbye(&pair), "a crash now would send the message in a session that the server has forgotten");
    for _ in 0..3 {
        pair.commit();
        pair.run();
    }
    assert!(goodbye(&pair));
}

#[test]
fn a_session_that_was_lost_while_the_client_was_away_ends_by_the_rules() {
    for (guarantee, expected) in
        [(Guarantee::AtMostOnce, Outcome::Unknown(Stage::Written)), (Guarantee::AtLeastOnce, Outcome::Acknowledged)]
    {
        let mut pair = Pair::durable(|config| config.guarantee = guarantee);
        pair.run();
        pair.server_processes = false;
        let id = pair.send("maybe");
        pair.run();
        pair.registry = Registry::new(RegistryConfig::default()).unwrap();
        pair.server_processes = true;
        pair.crash();
        pair.wait(Duration::from_secs(60));
        assert_eq!(pair.outcome(id), Some(expected), "{guarantee:?}");
    }
}

#[test]
fn after_the_end_the_stores_word_changes_nothing() {
    let mut config = Config::default();
    config.session = Some(SessionConfig::default());
    let now = Moment::from_nanos(1);
    let mut machine = Machine::restore(config, [7; 32], Saved::default(), now, 0).unwrap();
    machine.send(now, Message::text("kept")).unwrap();
    machine.handle(now, Input::Connect);
    let persist = |machine: &mut Machine| {
        let outputs = std::iter::from_fn(|| machine.poll_output());
        let batches = outputs.filter_map(|output| match output {
            Output::Persist(batch, ops) => Some((batch, ops)),
            _ => None,
        });
        batches.last().expect("a batch")
    };
    let (batch, ops) = persist(&mut machine);
    machine.handle(now, Input::PersistFailed { batch, ops, reason: "the disk is full".into() });
    let now = now + Duration::from_secs(1);
    machine.handle(now, Input::Timer);
    let (batch, _) = persist(&mut machine);
    machine.handle(now, Input::Close { deadline: now });
    while machine.poll_output().is_some() {}
    machine.handle(now, Input::Persisted(batch));
    assert!(machine.poll_output().is_none() && machine.deadline().is_none());
}
