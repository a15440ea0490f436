use std::time::Duration;

use everwire_calls::{DropReason, EndReason, Failure, OpenError, Output, Request, Role, Rule, codes};

use crate::support::{End, pair, pump, replied, unreplied};

#[test]
fn a_call_gets_its_reply_whatever_is_answered_first() {
    let (mut client, mut server) = pair();
    let one = client.open(Request::call("sum", "[1]"));
    let two = client.open(Request::call("sum", "[2]"));
    pump(&mut client, &mut server);
    assert_eq!(server.started(), [(one, "sum".to_owned()), (two, "sum".to_owned())]);
    server.reply(two, "2");
    server.reply(one, "1");
    pump(&mut client, &mut server);
    assert_eq!(client.take_told(), [replied(two, "2"), replied(one, "1")]);
    assert_eq!((client.endpoint.open_calls(), server.endpoint.running_calls()), (0, 0));
}

/// [C-8]
#[test]
fn a_second_reply_counts_for_nothing_and_a_second_result_is_not_sent() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::call("sum", ""));
    pump(&mut client, &mut server);
    server.reply(id, "1");
    server.reply(id, "2");
    assert_eq!(server.said, [format!("@r{id}\n1")]);
    pump(&mut client, &mut server);
    client.hear(&format!("@r{id}\n2"));
    client.hear(&format!("@e{id}{{\"code\":\"late\"}}"));
    assert_eq!(client.take_told(), [replied(id, "1")]);
}

/// [C-6], [C-7]
#[test]
fn an_id_that_was_used_before_is_not_run_again_and_ends_all_calls() {
    let mut server = End::new(Role::Server);
    server.hear(r#"@h{"instance":"a","number":1,"first":5,"last":4,"max_running":9}"#);
    server.hear("@c5 sum\n");
    server.take_said();
    assert_eq!(server.started().len(), 1);
    server.hear("@c5 sum\n");
    assert_eq!(server.breach(), Some(Rule::IdUsed));
    assert!(server.started().is_empty());
    assert_eq!(server.take_said(), [r#"@z{"rule":"C-6","to":"a"}"#]);
    server.hear("@c6 sum\n");
    assert!(server.started().is_empty() && server.said.is_empty(), "no calls any more");
}

/// [C-6]
#[test]
fn an_id_below_an_earlier_one_is_used_too_though_its_call_is_over() {
    let mut server = End::new(Role::Server);
    server.hear("@c5 sum\n");
    server.reply(5, "");
    server.hear("@c4 sum\n");
    assert_eq!(server.breach(), Some(Rule::IdUsed));
}

/// [C-9]
#[test]
fn an_error_takes_the_place_of_the_reply_with_code_message_and_data() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::call("sum", ""));
    pump(&mut client, &mut server);
    let failure = Failure::new("overdrawn", "not enough money").with_data(serde_json::json!({"missing": 5}));
    server.endpoint.reply(id, Err(&failure));
    pump(&mut client, &mut server);
    assert_eq!(client.take_told(), [unreplied(id, EndReason::Failed(failure))]);
}

/// [C-10]
#[test]
fn a_cancel_drops_the_handler_and_a_reply_that_crosses_it_counts_for_nothing() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::call("slow", ""));
    pump(&mut client, &mut server);
    server.take_told();
    client.endpoint.cancel(id, true);
    server.reply(id, "too late");
    pump(&mut client, &mut server);
    assert_eq!(client.take_told(), []);
    assert_eq!(server.take_told(), [], "it had ended: there is nothing to drop");

    let id = client.open(Request::call("slow", ""));
    pump(&mut client, &mut server);
    server.take_told();
    client.endpoint.cancel(id, true);
    pump(&mut client, &mut server);
    assert_eq!(server.take_told(), [Output::Drop(id, DropReason::Cancelled)]);
    server.reply(id, "nobody waits");
    assert_eq!(server.said, [""; 0]);
    assert_eq!(server.endpoint.running_calls(), 0);
}

/// [C-17]
#[test]
fn a_deadline_ends_the_call_at_both_ends() {
    let (mut client, mut server) = pair();
    let mut request = Request::call("slow", "");
    request.deadline = Some(Duration::from_secs(1));
    let id = client.open(request);
    assert!(client.said[0].contains(" deadline=1000\n"), "{:?}", client.said);
    pump(&mut client, &mut server);
    server.take_told();
    assert_eq!(client.endpoint.deadline(), Some(client.now + Duration::from_secs(1)));
    client.wait(Duration::from_millis(999));
    assert_eq!(client.take_told(), []);
    client.wait(Duration::from_millis(1));
    assert_eq!(client.take_told(), [unreplied(id, EndReason::DeadlinePassed)]);
    assert_eq!(client.take_said(), [format!("@x{id}")], "in flight it is cancelled");
    // The cancel is held up; the callee sees to it by itself.
    server.wait(Duration::from_secs(1));
    assert_eq!(server.take_told(), [Output::Drop(id, DropReason::DeadlinePassed)]);
    assert!(server.said[0].contains(codes::DEADLINE));
    pump(&mut client, &mut server);
    assert_eq!(client.take_told(), [], "it was told before");
}

/// [C-4]
#[test]
fn a_frame_that_can_t_be_read_ends_all_calls_in_both_directions() {
    let (mut client, mut server) = pair();
    let (ours, theirs) = (client.open(Request::call("a", "")), server.open(Request::call("b", "")));
    pump(&mut client, &mut server);
    client.take_told();
    client.hear("@q1");
    assert_eq!(
        client.take_told(),
        [
            Output::Breach { rule: Rule::Malformed, told_by_peer: false },
            unreplied(ours, EndReason::Breach),
            Output::Drop(theirs, DropReason::Cancelled),
        ]
    );
    assert_eq!(client.endpoint.open(client.now, &Request::call("a", "")), Err(OpenError::Breach));
    server.take_told();
    pump(&mut client, &mut server);
    assert_eq!(
        server.take_told(),
        [
            Output::Breach { rule: Rule::Malformed, told_by_peer: true },
            unreplied(theirs, EndReason::Breach),
            Output::Drop(ours, DropReason::Cancelled),
        ]
    );
}

/// [C-2]
#[test]
fn messages_of_the_application_s_own_pass_by() {
    let (mut client, mut server) = pair();
    for own in ["hello", "@m\n@c1 sum\n", "@m\n"] {
        client.said.push(own.to_owned());
    }
    pump(&mut client, &mut server);
    assert_eq!(
        server.take_told(),
        [Output::Plain("hello".into()), Output::Plain("@c1 sum\n".into()), Output::Plain("".into())]
    );
}

/// [C-8]
#[test]
fn a_reply_to_a_stream_or_an_item_of_a_call_breaks_the_rules() {
    for wrong in ["@r{}\n", "@i{} 1\n", "@d{} 0"] {
        let mut client = End::new(Role::Client);
        let request = if wrong.starts_with("@r") { Request::stream("a", "") } else { Request::call("a", "") };
        let id = client.open(request);
        client.hear(&wrong.replace("{}", &id.to_string()));
        assert_eq!(client.breach(), Some(Rule::WrongKind), "{wrong}");
    }
}

#[test]
fn a_server_calls_its_client_once_that_has_said_hello() {
    let (mut client, mut server) = (End::new(Role::Client), End::new(Role::Server));
    server.endpoint.hello();
    let kept = server.open(Request::call("name", ""));
    let cancelled = server.open(Request::call("name", ""));
    server.endpoint.cancel(cancelled, true);
    assert!(server.said.iter().all(|wire| !wire.starts_with("@c")), "{:?}", server.said);
    client.endpoint.hello();
    pump(&mut client, &mut server);
    assert_eq!(client.started(), [(kept, "name".to_owned())]);
    client.reply(kept, "ana");
    pump(&mut client, &mut server);
    assert!(server.take_told().contains(&replied(kept, "ana")));
}
