//! What is held at either end is bounded in bytes.

use std::time::Duration;

use everwire_calls::{Config, EndReason, Message, OpenError, Output, Request, Role, Rule, codes};

use crate::support::{End, pair, pair_with, pump, unreplied};

fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

fn sum(bytes: usize) -> Request {
    Request::call("sum", "n".repeat(bytes))
}

/// [C-7]
#[test]
fn the_payloads_of_open_calls_are_bounded_by_either_end_s_limit_and_one_more_is_a_clear_error() {
    let own = (config(|config| config.max_open_bytes = 10), Config::default());
    let peer_s = (Config::default(), config(|config| config.max_running_bytes = 10));
    for (client, server) in [own, peer_s] {
        let (mut client, mut server) = pair_with(client, server);
        let first = client.open(sum(8));
        let error = client.endpoint.open(client.now, &sum(3)).unwrap_err();
        assert_eq!(error, OpenError::TooManyBytes { limit: 10 });
        assert!(error.is_retryable());
        assert_eq!(
            error.to_string(),
            "the payloads of open calls may have 10 bytes together: try again when one has ended"
        );
        client.open(sum(2));
        pump(&mut client, &mut server);
        assert_eq!(server.started().len(), 2);
        server.reply(first, "");
        pump(&mut client, &mut server);
        client.open(sum(8));
        pump(&mut client, &mut server);
        assert_eq!(server.started().len(), 1);
    }
}

/// [C-7]
#[test]
fn a_call_that_is_larger_than_the_limit_for_all_runs_alone() {
    let (mut client, mut server) = pair_with(Config::default(), config(|config| config.max_running_bytes = 10));
    let large = client.open(sum(100));
    assert_eq!(client.endpoint.open(client.now, &sum(1)), Err(OpenError::TooManyBytes { limit: 10 }));
    client.open(sum(0));
    pump(&mut client, &mut server);
    assert_eq!(server.started().len(), 2);
    client.endpoint.cancel(large, true);
    client.open(sum(10));
}

/// [C-7]
#[test]
fn a_callee_refuses_calls_with_too_many_bytes_until_others_have_ended_however_they_do() {
    for ending in ["reply", "@x1", "deadline"] {
        let mut server = End::with(Role::Server, config(|config| config.max_running_bytes = 10));
        server.hear("@c1 sum deadline=5 key=k\n12345678");
        server.hear("@c2 sum\n123");
        assert_eq!(server.started().len(), 1);
        assert!(server.said[0].starts_with("@e2{") && server.said[0].contains(codes::TOO_MANY), "{:?}", server.said);
        match ending {
            "reply" => server.reply(1, ""),
            "deadline" => server.wait(Duration::from_millis(5)),
            cancel => server.hear(cancel),
        }
        server.take_told();
        server.hear("@c3 sum\n1234567890");
        assert_eq!(server.started().len(), 1, "after {ending}");
    }
}

/// Sends a stream of `items` items and reads it until nothing more arrives. Returns the number of items that have arrived.
fn items_that_arrive(client: &mut End, server: &mut End, request: Request, item: &str, items: u64) -> u64 {
    let id = client.open(request);
    pump(client, server);
    let (mut sent, mut arrived) = (0, 0);
    loop {
        while sent < items && server.endpoint.item(id, item.into()).is_ok() {
            sent += 1;
        }
        pump(client, server);
        let told = client.take_told();
        let new = told.iter().filter(|told| matches!(told, Output::Item { .. })).count() as u64;
        if new == 0 {
            return arrived;
        }
        arrived += new;
        client.endpoint.processed(id, arrived);
        pump(client, server);
    }
}

/// [C-12]
#[test]
fn a_stream_of_items_that_fill_the_window_in_bytes_goes_on() {
    let (mut client, mut server) = pair();
    let large = "x".repeat(100_000);
    assert_eq!(items_that_arrive(&mut client, &mut server, Request::stream("files", ""), &large, 100), 100);
    for (theirs, ours) in [(20, 1 << 20), (1 << 20, 20)] {
        let limits = |bytes| config(|config| config.window_bytes = bytes);
        let (mut client, mut server) = pair_with(limits(theirs), limits(ours));
        assert_eq!(items_that_arrive(&mut client, &mut server, Request::stream("files", ""), "four", 100), 100);
    }
}

/// [C-12]
#[test]
fn a_stream_whose_callee_sends_less_ahead_than_it_is_asked_for_goes_on() {
    let (mut client, mut server) = pair_with(Config::default(), config(|config| config.max_window = 4));
    let mut request = Request::stream("tokens", "");
    request.window = Some(4_000);
    assert_eq!(items_that_arrive(&mut client, &mut server, request, "x", 100), 100);
}

/// [C-12]
#[test]
fn a_callee_sends_no_more_bytes_ahead_than_the_caller_has_told() {
    let (mut client, mut server) = pair_with(config(|config| config.window_bytes = 5), Config::default());
    let id = client.open(Request::stream("tokens", ""));
    pump(&mut client, &mut server);
    let mut items = ["abc", "def", "g"].map(Message::from).into();
    assert_eq!(server.endpoint.items(id, &mut items), 2, "the last one may exceed them");
    assert!(server.endpoint.item(id, "g".into()).is_err());
    pump(&mut client, &mut server);
    client.endpoint.processed(id, 1);
    pump(&mut client, &mut server);
    server.endpoint.item(id, "g".into()).unwrap();
}

/// [C-12]
#[test]
fn items_beyond_the_bytes_that_the_caller_has_told_break_the_protocol() {
    let mut client = End::with(Role::Client, config(|config| config.window_bytes = 5));
    let id = client.open(Request::stream("tokens", ""));
    client.hear(&format!("@i{id} 1\nabc"));
    client.hear(&format!("@i{id} 2\ndef"));
    assert_eq!(client.breach(), None);
    client.hear(&format!("@i{id} 3\n"));
    assert_eq!(client.breach(), Some(Rule::NoCredit));
}

/// [C-16]
#[test]
fn what_was_sent_within_the_limits_of_an_earlier_run_of_the_program_breaks_nothing_in_the_next() {
    let mut server = End::new(Role::Server);
    server.hear(r#"@h{"instance":"a","number":1,"first":7,"last":6,"max_running":9}"#);
    server.hear("@s7 tokens key=k\n");
    for _ in 0..3 {
        server.endpoint.item(7, "abc".into()).unwrap();
    }
    server.collect();
    server.take_said();
    let mut client = End::with(Role::Client, config(|config| config.window_bytes = 1));
    client.endpoint.hello();
    pump(&mut client, &mut server);
    assert_eq!(client.breach(), None);
    assert_eq!(client.take_told().iter().filter(|told| matches!(told, Output::Item { .. })).count(), 3);
}

/// [C-16]
#[test]
fn a_reply_that_finds_no_room_to_be_kept_is_sent_and_an_error_is_kept_in_its_place() {
    let mut server = End::with(Role::Server, config(|config| config.max_kept_bytes = 20));
    server.hear("@c1 sum key=k\n");
    let reply = "n".repeat(200);
    server.reply(1, &reply);
    assert_eq!(server.take_said(), [format!("@r1\n{reply}")]);
    let mut client = End::new(Role::Client);
    client.endpoint.hello();
    pump(&mut client, &mut server);
    let told = client.take_told();
    let not_kept = |end: &EndReason| matches!(end, EndReason::Failed(failure) if failure.code == codes::NOT_KEPT);
    assert!(
        told.iter().any(|told| matches!(told, Output::Replied { id: 1, result: Err(end) } if not_kept(end))),
        "{told:?}"
    );
    assert!(server.endpoint.kept_bytes() < 150, "{}", server.endpoint.kept_bytes());
}

/// [C-7]
#[test]
fn ending_all_calls_gives_their_bytes_back() {
    let (mut client, mut server) = pair_with(config(|config| config.max_open_bytes = 10), Config::default());
    let id = client.open(sum(10));
    pump(&mut client, &mut server);
    client.take_told();
    server.endpoint.session_ended();
    client.hear(r#"@h{"instance":"next","number":1,"first":1,"last":0,"max_running":9}"#);
    // The client's own hello is the answer to that.
    let mut next = End::seeded(Role::Server, Config::default(), 9);
    next.hear(&client.said.pop().unwrap());
    client.hear(&next.said.pop().unwrap());
    assert!(client.take_told().contains(&unreplied(id, EndReason::Lost)));
    client.open(sum(10));
}
