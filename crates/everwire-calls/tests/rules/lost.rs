use everwire_calls::{Config, EndReason, Kind, Output, Request, Resumed, Role, Rule};

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
    assert_eq!(client.take_told(), [unreplied(had, EndReason::Lost), Output::Resumed(vec![])]);
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
    assert!(client.take_told().contains(&Output::Drop(id)));
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
    assert!(server.take_told().contains(&Output::Drop(lost)));
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
    assert!(server.take_told().contains(&Output::Drop(900)));
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
    assert_eq!(server.take_told(), [unreplied(ours, EndReason::Lost), Output::Drop(theirs)]);
}
