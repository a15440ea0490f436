//! Options of messages in a session: what has a number can't be taken back.

use std::time::Duration;

use everwire_core::{
    CancelError, Config, DropPolicy, Guarantee, Message, MessageId, Outcome, Priority, ReplaceError, SendOptions,
    Stage, Timer,
    session::{ServerConfig, ServerInput},
};

use crate::pair::Pair;

/// A pair in which the server takes `window` messages before it acknowledges any, and acknowledges only when it is told to.
fn pair(window: u32) -> Pair {
    pair_with(window, |_| {})
}

fn pair_with(window: u32, set: impl FnOnce(&mut Config)) -> Pair {
    let mut config = ServerConfig::default();
    config.limits.messages = window;
    let mut pair = Pair::with(set, config);
    pair.run();
    pair.server_processes = false;
    pair
}

fn send_with(pair: &mut Pair, text: &str, options: SendOptions) -> MessageId {
    let id = pair.client.send_with(pair.now, Message::text(text.to_owned()), options).unwrap();
    pair.drain();
    id
}

fn server_send_with(pair: &mut Pair, text: &str, options: SendOptions) -> MessageId {
    let session = pair.session();
    let id = session.borrow_mut().send_with(pair.now, Message::text(text.to_owned()), options).unwrap();
    pair.server_input(ServerInput::Timer);
    id
}

fn ttl(seconds: u64) -> SendOptions {
    SendOptions::new().ttl(Duration::from_secs(seconds))
}

/// The server acknowledges all that it has got, again and again.
fn settle(pair: &mut Pair) {
    for _ in 0..10 {
        pair.run();
        pair.server_catches_up();
    }
    pair.run();
}

#[test]
fn a_message_with_a_number_does_not_expire_even_while_there_is_no_connection() {
    let mut pair = pair(1);
    let numbered = send_with(&mut pair, "numbered", ttl(1));
    let queued = send_with(&mut pair, "queued", ttl(1));
    pair.cut_last();
    pair.unreachable = true;
    pair.wait(Duration::from_secs(5));
    assert_eq!((pair.outcome(numbered), pair.outcome(queued)), (None, Some(Outcome::Expired)));
    pair.unreachable = false;
    pair.wait_for_dial();
    pair.send("next");
    settle(&mut pair);
    assert_eq!(pair.at_server, ["numbered", "next"], "no number is left out");
    assert_eq!(pair.outcome(numbered), Some(Outcome::Acknowledged));
}

#[test]
fn a_message_with_a_number_can_neither_be_cancelled_nor_replaced_nor_conflated() {
    let mut pair = pair(1);
    let numbered = send_with(&mut pair, "a1", SendOptions::new().key("a"));
    for connected in [true, false] {
        if !connected {
            pair.cut_last();
        }
        assert_eq!(pair.client.cancel(pair.now, numbered), Err(CancelError::Taken));
        assert_eq!(pair.client.replace(pair.now, numbered, "?".into()), Err(ReplaceError::Taken("?".into())));
    }
    let second = send_with(&mut pair, "a2", SendOptions::new().key("a"));
    let third = send_with(&mut pair, "a3", SendOptions::new().key("a"));
    assert_eq!(pair.outcome(second), Some(Outcome::Dropped(DropPolicy::Conflated)));
    pair.wait_for_dial();
    settle(&mut pair);
    assert_eq!(pair.at_server, ["a1", "a3"]);
    for id in [numbered, third] {
        assert_eq!(pair.outcome(id), Some(Outcome::Acknowledged));
    }
}

#[test]
fn numbers_are_given_by_priority_and_kept() {
    let mut pair = pair(2);
    pair.send("n1");
    send_with(&mut pair, "l1", SendOptions::new().priority(Priority::Low));
    pair.send("n2");
    send_with(&mut pair, "h1", SendOptions::new().priority(Priority::High));
    pair.cut_last();
    pair.wait_for_dial();
    settle(&mut pair);
    assert_eq!(pair.at_server, ["n1", "l1", "h1", "n2"]);
    assert!(pair.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
    assert_eq!(pair.outcomes.len(), 4);
}

#[test]
fn what_waits_for_the_peers_limit_can_be_cancelled_and_replaced() {
    let mut pair = pair(1);
    pair.send("1");
    let cancelled = pair.send("2");
    let replaced = pair.send("3");
    assert_eq!(pair.client.cancel(pair.now, cancelled), Ok(Outcome::Cancelled));
    assert_eq!(pair.client.replace(pair.now, replaced, "three".into()), Ok(()));
    pair.drain();
    settle(&mut pair);
    assert_eq!(pair.at_server, ["1", "three"]);
    assert_eq!(pair.outcome(cancelled), Some(Outcome::Cancelled));
}

#[test]
fn with_the_session_gone_its_messages_are_queued_ones_again() {
    let mut pair = pair_with(10, |config| config.guarantee = Guarantee::AtLeastOnce);
    let numbered = send_with(&mut pair, "numbered", ttl(200));
    pair.cut_last();
    pair.server_input(ServerInput::Kill {
        gone: everwire_core::session::Gone::Expired,
        code: everwire_core::CloseCode::NORMAL,
        reason: "",
    });
    // The server does not know what it has processed.
    pair.registry = everwire_core::session::Registry::new(Default::default()).unwrap();
    pair.server_config.limits.messages = 1;
    pair.send("in front of it at the next");
    let cut = pair.client.cancel(pair.now, numbered);
    assert_eq!(cut, Err(CancelError::Taken), "the session may still be there");
    pair.wait_for_dial();
    // The hello and the welcome; then it is sent once more, in the new session.
    pair.run();
    assert_eq!(pair.at_server.last().map(String::as_str), Some("numbered"));
    settle(&mut pair);
    assert_eq!(pair.outcome(numbered), Some(Outcome::Acknowledged));
}

#[test]
fn what_the_lost_session_may_have_processed_does_not_end_as_expired() {
    let mut pair = pair_with(2, |config| config.guarantee = Guarantee::AtLeastOnce);
    pair.send("0");
    let written = send_with(&mut pair, "written", ttl(1));
    let queued = send_with(&mut pair, "queued", ttl(1));
    pair.wait(Duration::from_millis(10));
    pair.registry = everwire_core::session::Registry::new(Default::default()).unwrap();
    pair.server_config.limits.messages = 1;
    pair.cut_last();
    // A new session, which has room for one message only.
    pair.wait_for_dial();
    pair.run();
    pair.wait(Duration::from_secs(2));
    assert_eq!(pair.outcome(written), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(pair.outcome(queued), Some(Outcome::Expired));
}

#[test]
fn a_server_has_the_same_options() {
    let mut pair = Pair::connected();
    pair.client_processes = false;
    pair.cut_last();
    let low = server_send_with(&mut pair, "low", SendOptions::new().priority(Priority::Low));
    let short = server_send_with(&mut pair, "short", ttl(1));
    let old = server_send_with(&mut pair, "a1", SendOptions::new().key("a"));
    let new = server_send_with(&mut pair, "a2", SendOptions::new().key("a"));
    assert_eq!(pair.session().borrow().deadline().unwrap().1, Timer::Expiry);
    pair.unreachable = true;
    pair.wait(Duration::from_secs(1));
    pair.unreachable = false;
    pair.wait_for_dial();
    pair.run();
    assert_eq!(pair.at_client, ["a2", "low"]);
    let outcome = |id: MessageId| pair.server_outcomes.iter().find(|(other, _)| *other == id.0).map(|(_, it)| *it);
    assert_eq!(outcome(short), Some(Outcome::Expired));
    assert_eq!(outcome(old), Some(Outcome::Dropped(DropPolicy::Conflated)));
    assert_eq!((outcome(new), outcome(low)), (None, None));
}

#[test]
fn a_servers_messages_share_an_age_unless_they_have_a_time_of_their_own() {
    let mut config = ServerConfig::default();
    config.outbox.max_age = Some(Duration::from_secs(3));
    let mut pair = Pair::with(|_| {}, config);
    pair.run();
    pair.client_processes = false;
    let numbered = pair.server_send("numbered");
    pair.run();
    pair.cut_last();
    pair.unreachable = true;
    let aged = pair.server_send("aged");
    let shorter = server_send_with(&mut pair, "shorter", ttl(1));
    let longer = server_send_with(&mut pair, "longer", ttl(60));
    let outcome = |pair: &Pair, id: MessageId| {
        pair.server_outcomes.iter().find(|(other, _)| *other == id.0).map(|(_, outcome)| *outcome)
    };
    pair.wait(Duration::from_secs(2));
    assert_eq!((outcome(&pair, shorter), outcome(&pair, aged)), (Some(Outcome::Expired), None));
    pair.wait(Duration::from_secs(2));
    assert_eq!((outcome(&pair, aged), outcome(&pair, longer)), (Some(Outcome::Expired), None));
    pair.unreachable = false;
    pair.wait_for_dial();
    pair.run();
    assert_eq!(pair.at_client, ["numbered", "longer"], "what has a number does not expire");
    assert_eq!(outcome(&pair, numbered), None);
}

#[test]
fn a_servers_age_of_nothing_is_refused() {
    let mut config = ServerConfig::default();
    config.outbox.max_age = Some(Duration::ZERO);
    assert_eq!(config.check().unwrap_err().setting, "outbox.max_age");
}
