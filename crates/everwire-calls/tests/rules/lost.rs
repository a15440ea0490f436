use everwire_calls::{Config, DropReason, EndReason, Kind, Output, Request, Resumed, Role, Rule};

use crate::support::{End, pair, pump, replied, unreplied};

fn keyed(mut request: Request, key: &str) -> Request {
    request.key = Some(key.into());
    request
}

/// [C-13], [C-14]
#[test]
fn a_new_session_ends_what_the_old_one_has_had_and_runs_what_it_has_not() {
    let (mut client, mut server) = pair();
    let had = client.open(Request::call("had", ""));
    pump(&mut client, &mut server);
    let waiting = client.open(Request::call("waiting", ""));
    let mut next = End::seeded(Role::Server, Config::default(), 3);
    next.endpoint.hello();
    pump(&mut client, &mut next);
    assert_eq!(next.started(), [(waiting, "waiting".to_owned())]);
    assert_eq!(client.take_told(), [Output::Resumed(vec![]), unreplied(had, EndReason::Lost)]);
    next.reply(waiting, "here");
    pump(&mut client, &mut next);
    assert_eq!(client.take_told(), [replied(waiting, "here")]);
}

/// [C-14]
#[test]
fn a_hello_in_the_same_session_ends_nothing() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::call("had", ""));
    pump(&mut client, &mut server);
    client.endpoint.hello();
    pump(&mut client, &mut server);
    server.take_told();
    server.reply(id, "1");
    pump(&mut client, &mut server);
    assert_eq!(client.take_told(), [Output::Resumed(vec![]), replied(id, "1")]);
}

/// [C-14]
#[test]
fn a_client_s_handlers_for_an_earlier_session_are_dropped() {
    let (mut client, mut server) = pair();
    let id = server.open(keyed(Request::call("name", ""), "k"));
    pump(&mut client, &mut server);
    client.take_told();
    let mut next = End::seeded(Role::Server, Config::default(), 3);
    next.endpoint.hello();
    pump(&mut client, &mut next);
    assert!(client.take_told().contains(&Output::Drop(id, DropReason::Cancelled)));
    client.reply(id, "for nobody");
    assert!(client.said.is_empty());
}

/// [C-16]
#[test]
fn a_program_that_is_started_again_finds_its_calls_by_their_keys() {
    let (mut client, mut server) = pair();
    let lost = client.open(Request::call("unkeyed", ""));
    let call = client.open(keyed(Request::call("sum", ""), "the-sum"));
    let stream = client.open(keyed(Request::stream("tokens", ""), "the-tokens"));
    pump(&mut client, &mut server);
    server.take_told();
    for item in ["1", "2", "3"] {
        server.endpoint.item(stream, item.into()).unwrap();
    }
    pump(&mut client, &mut server);
    client.endpoint.processed(stream, 1);
    pump(&mut client, &mut server);
    server.reply(call, "6");
    pump(&mut client, &mut server);

    // The program has the reply and crashes before it has done with it.
    let mut again = End::seeded(Role::Client, Config::default(), 7);
    again.hear(&format!("@i{stream} 3\n3"));
    again.hear(&format!("@r{call}\n6"));
    assert_eq!(again.take_told(), [], "what is sent again to it before the answer counts for nothing");
    again.endpoint.hello();
    pump(&mut again, &mut server);
    assert!(server.take_told().contains(&Output::Drop(lost, DropReason::Cancelled)));
    let told = again.take_told();
    let found = |id, kind, name: &str, key: &str, processed| Resumed {
        id,
        kind,
        name: name.into(),
        key: key.into(),
        processed,
    };
    assert_eq!(
        told,
        [
            Output::Resumed(vec![
                found(call, Kind::Call, "sum", "the-sum", 0),
                found(stream, Kind::Stream, "tokens", "the-tokens", 1)
            ]),
            replied(call, "6"),
            Output::Item { id: stream, number: 2, item: "2".into() },
            Output::Item { id: stream, number: 3, item: "3".into() },
        ]
    );
    server.endpoint.item(stream, "4".into()).unwrap();
    server.endpoint.end(stream, Ok(()));
    pump(&mut again, &mut server);
    assert_eq!(
        again.take_told(),
        [Output::Item { id: stream, number: 4, item: "4".into() }, Output::Ended { id: stream, result: Ok(()) }]
    );
    again.endpoint.forget(call);
    again.endpoint.forget(stream);
    pump(&mut again, &mut server);
    assert_eq!((server.endpoint.running_calls(), server.endpoint.kept_bytes()), (0, 0));
}

/// [C-6], [C-13]
#[test]
fn a_new_run_of_the_program_may_use_lower_ids() {
    let mut server = End::new(Role::Server);
    server.hear("@c900 sum\n");
    server.hear(r#"@h{"instance":"b","number":1,"first":5,"last":4,"max_running":5}"#);
    assert!(server.take_told().contains(&Output::Drop(900, DropReason::Cancelled)));
    server.hear("@c5 sum\n");
    assert_eq!(server.started().len(), 1);
    server.hear("@c5 sum\n");
    assert_eq!(server.breach(), Some(Rule::IdUsed));
}

/// [C-15]
#[test]
fn a_new_session_makes_calls_possible_again_after_a_breach() {
    let (mut client, mut server) = pair();
    client.hear("@q");
    assert_eq!(client.breach(), Some(Rule::Malformed));
    pump(&mut client, &mut server);
    let mut next = End::seeded(Role::Server, Config::default(), 3);
    next.endpoint.hello();
    pump(&mut client, &mut next);
    let id = client.open(Request::call("sum", ""));
    pump(&mut client, &mut next);
    assert_eq!(next.started(), [(id, "sum".to_owned())]);
}

#[test]
fn the_end_of_a_server_s_session_ends_its_calls_and_handlers() {
    let (mut client, mut server) = pair();
    let (theirs, ours) = (client.open(Request::call("a", "")), server.open(Request::call("b", "")));
    pump(&mut client, &mut server);
    server.take_told();
    server.endpoint.session_ended();
    server.collect();
    assert_eq!(server.take_told(), [unreplied(ours, EndReason::Lost), Output::Drop(theirs, DropReason::Cancelled)]);
}

/// [C-14]
#[test]
fn what_is_cancelled_or_forgotten_while_an_answer_is_on_its_way_is_not_found_again() {
    let (mut client, mut server) = pair();
    let (own, old) =
        (client.open(keyed(Request::call("a", ""), "own")), client.open(keyed(Request::call("a", ""), "old")));
    pump(&mut client, &mut server);
    client.endpoint.hello();
    client.collect();
    let hello = client.take_said();
    client.endpoint.cancel(own, true);
    hello.iter().for_each(|hello| server.hear(hello));
    for wire in server.take_said() {
        client.hear(&wire);
    }
    assert!(client.take_told().contains(&Output::Resumed(vec![])), "its own is cancelled");
    pump(&mut client, &mut server);
    server.reply(old, "");

    // The same for what an earlier run of the program has called: it cancels one and says hello at the same time.
    let mut again = End::seeded(Role::Client, Config::default(), 7);
    again.endpoint.hello();
    pump(&mut again, &mut server);
    again.take_told();
    again.endpoint.hello();
    again.collect();
    let hello = again.take_said();
    again.endpoint.forget(old);
    hello.iter().for_each(|hello| server.hear(hello));
    for wire in server.take_said() {
        again.hear(&wire);
    }
    assert_eq!(again.take_told(), [Output::Resumed(vec![])]);
    pump(&mut again, &mut server);
    assert_eq!(server.endpoint.running_calls(), 0);
}

/// [C-14]
#[test]
fn what_a_server_has_called_is_lost_with_the_program_and_not_run_by_the_next() {
    let (mut client, mut server) = pair();
    let id = server.open(Request::stream("tokens", ""));
    let call = server.said.clone();
    pump(&mut client, &mut server);
    client.take_told();
    client.endpoint.item(id, "1".into()).unwrap();
    pump(&mut client, &mut server);
    server.take_told();
    // The program crashes before the call's message is acknowledged: it comes again.
    let mut again = End::seeded(Role::Client, Config::default(), 7);
    again.endpoint.hello();
    call.iter().for_each(|wire| again.hear(wire));
    let later = server.open(Request::call("late", ""));
    pump(&mut again, &mut server);
    assert_eq!(again.take_told(), [Output::Resumed(vec![])], "neither runs");
    let ended = server.take_told();
    assert_eq!(ended, [Output::Ended { id, result: Err(EndReason::Lost) }, unreplied(later, EndReason::Lost)]);
    let next = server.open(Request::call("next", ""));
    pump(&mut again, &mut server);
    assert_eq!(again.started(), [(next, "next".to_owned())]);
}

/// [C-16]
#[test]
fn items_that_are_processed_after_the_end_has_come_do_not_come_again() {
    let (mut client, mut server) = pair();
    let id = client.open(keyed(Request::stream("tokens", ""), "k"));
    pump(&mut client, &mut server);
    server.endpoint.item(id, "1".into()).unwrap();
    server.endpoint.item(id, "2".into()).unwrap();
    server.endpoint.end(id, Ok(()));
    pump(&mut client, &mut server);
    client.endpoint.processed(id, 1);
    pump(&mut client, &mut server);
    let mut again = End::seeded(Role::Client, Config::default(), 7);
    again.endpoint.hello();
    pump(&mut again, &mut server);
    let told = again.take_told();
    assert!(matches!(&told[0], Output::Resumed(found) if found[0].processed == 1), "{told:?}");
    assert_eq!(told[1], Output::Item { id, number: 2, item: "2".into() });
}

/// [C-15]
#[test]
fn a_breach_that_was_said_to_an_earlier_run_of_the_program_counts_for_nothing_in_the_next() {
    let (mut client, mut server) = pair();
    client.said.push("@q".to_owned());
    for wire in client.take_said() {
        server.hear(&wire);
    }
    let mut next = End::seeded(Role::Client, Config::default(), 7);
    next.endpoint.hello();
    // The breach is on the way when the program is started again.
    for wire in server.take_said() {
        assert!(wire.starts_with(r#"@z{"rule":"C-4","to":"#), "{wire}");
        next.hear(&wire);
    }
    assert_eq!(next.breach(), None);
    pump(&mut next, &mut server);
    let id = next.open(Request::call("sum", ""));
    pump(&mut next, &mut server);
    assert_eq!(server.started(), [(id, "sum".to_owned())]);
}

/// [C-15]
#[test]
fn a_rule_that_is_broken_before_the_first_hello_is_that_instance_s() {
    let mut server = End::new(Role::Server);
    server.hear("@q");
    assert_eq!(server.breach(), Some(Rule::Malformed));
    assert_eq!(server.said, [""; 0], "nobody is known to whom it could be said");
    server.hear(r#"@h{"instance":"a","number":1,"first":7,"last":6,"max_running":9}"#);
    assert_eq!(server.take_said(), [r#"@z{"rule":"C-4","to":"a"}"#]);
    server.hear("@c7 sum\n");
    assert!(server.started().is_empty() && server.said.is_empty(), "the client has heard the breach, too");
    server.hear(r#"@h{"instance":"b","number":1,"first":17,"last":16,"max_running":9}"#);
    server.hear("@c17 sum\n");
    assert_eq!(server.started().len(), 1);
}

/// [C-14], [C-15]
#[test]
fn what_a_client_can_t_read_before_its_first_hello_is_answered_was_meant_for_an_earlier_run() {
    let (mut client, mut server) = (End::new(Role::Client), End::new(Role::Server));
    client.endpoint.hello();
    client.hear("@q");
    assert_eq!(client.breach(), None);
    pump(&mut client, &mut server);
    client.hear("@q");
    assert_eq!(client.breach(), Some(Rule::Malformed));
}
