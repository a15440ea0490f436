use std::collections::VecDeque;

use everwire_calls::{Config, EndReason, Failure, Message, Output, Request, Role, Rule};

use crate::support::{End, pair, pump};

fn items(end: &mut End) -> Vec<(u64, String)> {
    let items = end.take_told().into_iter().filter_map(|told| match told {
        Output::Item { number, item, .. } => Some((number, item.as_text().unwrap().to_owned())),
        _ => None,
    });
    items.collect()
}

/// Sends as many items as may be; returns how many.
fn flood(server: &mut End, id: u64, from: u64) -> u64 {
    let mut sent = 0;
    while server.endpoint.item(id, format!("{}", from + sent).into()).is_ok() {
        sent += 1;
    }
    server.collect();
    sent
}

fn windowed(window: u32) -> Request {
    let mut request = Request::stream("tokens", "");
    request.window = Some(window);
    request
}

/// [C-11]
#[test]
fn items_come_in_order_and_the_end_after_the_last() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::stream("tokens", "a prompt"));
    pump(&mut client, &mut server);
    for item in ["to", "be"] {
        server.endpoint.item(id, item.into()).unwrap();
    }
    server.endpoint.end(id, Ok(()));
    assert!(server.endpoint.item(id, "or".into()).is_err(), "nothing follows an end");
    pump(&mut client, &mut server);
    let told = client.take_told();
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], Output::Ended { id, result: Ok(()) });
    assert_eq!(server.endpoint.running_calls(), 0);
}

fn queue(numbers: std::ops::RangeInclusive<u64>) -> VecDeque<Message> {
    numbers.map(|number| number.to_string().into()).collect()
}

/// [C-21]
#[test]
fn items_that_are_there_at_once_share_a_frame_and_arrive_as_if_alone() {
    let (mut client, mut server) = pair();
    let id = client.open(windowed(100));
    pump(&mut client, &mut server);
    let mut waiting = queue(1..=150);
    assert_eq!(server.endpoint.items(id, &mut waiting), 100, "the window's");
    assert_eq!(waiting.front(), Some(&"101".into()));
    server.collect();
    assert!(server.said.len() < 4 && server.said.iter().all(|said| said.starts_with("@j")), "{:?}", server.said);
    pump(&mut client, &mut server);
    let expected: Vec<_> = (1..=100).map(|number| (number, number.to_string())).collect();
    assert_eq!(items(&mut client), expected);
    client.endpoint.processed(id, 100);
    pump(&mut client, &mut server);
    assert_eq!(server.endpoint.items(id, &mut waiting), 50);
    server.endpoint.end(id, Ok(()));
    pump(&mut client, &mut server);
    let told = client.take_told();
    assert_eq!((told.len(), told.last()), (51, Some(&Output::Ended { id, result: Ok(()) })));
}

/// [C-21]
#[test]
fn each_item_has_a_frame_of_its_own_for_a_caller_that_has_not_said_more_and_for_one_with_a_key() {
    let mut server = End::new(Role::Server);
    server.hear(r#"@h{"instance":"c1","number":1,"first":7,"last":6,"max_running":100}"#);
    server.hear("@s7 tokens\n");
    server.take_said();
    assert_eq!(server.endpoint.items(7, &mut queue(1..=2)), 2);
    server.collect();
    assert_eq!(server.take_said(), ["@i7 1\n1", "@i7 2\n2"]);
    let (mut client, mut server) = pair();
    let mut request = windowed(10);
    request.key = Some("story".into());
    let id = client.open(request);
    pump(&mut client, &mut server);
    assert_eq!(server.endpoint.items(id, &mut queue(1..=2)), 2);
    server.collect();
    assert_eq!(server.said, [format!("@i{id} 1\n1"), format!("@i{id} 2\n2")]);
}

/// [C-12], [C-21]
#[test]
fn items_in_one_frame_that_go_beyond_the_credit_or_leave_one_out_break_the_protocol() {
    for (frame, rule) in [("@j# 1 1 1 1\nabc", Rule::NoCredit), ("@j# 2 1 1\nab", Rule::BadNumber)] {
        let (mut client, mut server) = pair();
        let id = client.open(windowed(2));
        pump(&mut client, &mut server);
        client.hear(&frame.replace('#', &id.to_string()));
        assert_eq!(client.breach(), Some(rule), "{frame}");
    }
}

/// [C-12]
#[test]
fn a_stream_that_nobody_reads_waits_and_holds_up_no_other() {
    let (mut client, mut server) = pair();
    let (unread, read) = (client.open(windowed(4)), client.open(windowed(4)));
    pump(&mut client, &mut server);
    server.take_told();
    assert_eq!(flood(&mut server, unread, 1), 4);
    assert!(!server.endpoint.may_send(unread));
    for round in 0..5 {
        assert_eq!(flood(&mut server, read, 1 + round * 4), 4, "{round}");
        pump(&mut client, &mut server);
        assert!(items(&mut client).iter().any(|(number, _)| *number == 4 + round * 4));
        client.endpoint.processed(read, 4 + round * 4);
        pump(&mut client, &mut server);
        assert_eq!(server.take_told(), [Output::MaySend(read)]);
    }
    assert!(!server.endpoint.may_send(unread));
    client.endpoint.processed(unread, 4);
    pump(&mut client, &mut server);
    assert!(server.endpoint.may_send(unread));
}

/// [C-12]
#[test]
fn credit_is_told_for_half_a_window_at_once() {
    let (mut client, mut server) = pair();
    let id = client.open(windowed(10));
    pump(&mut client, &mut server);
    flood(&mut server, id, 1);
    pump(&mut client, &mut server);
    for number in 1..=4 {
        client.endpoint.processed(id, number);
    }
    client.collect();
    assert!(client.said.is_empty());
    client.endpoint.processed(id, 5);
    client.endpoint.processed(id, 5);
    client.collect();
    assert_eq!(client.said, [format!("@k{id} 5")]);
}

/// [C-12]
#[test]
fn an_item_without_credit_ends_all_calls() {
    let mut client = End::new(Role::Client);
    let id = client.open(windowed(2));
    for number in 1..=3 {
        client.hear(&format!("@i{id} {number}\n"));
    }
    assert_eq!(client.breach(), Some(Rule::NoCredit));
    assert_eq!(client.take_told().last(), Some(&Output::Ended { id, result: Err(EndReason::Breach) }));
}

/// [C-11]
#[test]
fn an_item_that_comes_twice_or_leaves_one_out_and_an_end_that_miscounts_end_all_calls() {
    for wrong in ["@i{} 1\n", "@i{} 3\n", "@d{} 0", "@d{} 2"] {
        let mut client = End::new(Role::Client);
        let id = client.open(windowed(8));
        client.hear(&format!("@i{id} 1\n"));
        client.hear(&wrong.replace("{}", &id.to_string()));
        assert_eq!(client.breach(), Some(Rule::BadNumber), "{wrong}");
    }
}

/// [C-11]
#[test]
fn to_have_processed_what_was_not_sent_ends_all_calls() {
    let mut server = End::new(Role::Server);
    server.hear("@s1 tokens window=8\n");
    server.endpoint.item(1, "a".into()).unwrap();
    server.hear("@k1 2");
    assert_eq!(server.breach(), Some(Rule::BadNumber));
}

/// [C-12]
#[test]
fn a_stream_waits_at_its_bound_in_bytes_which_one_item_may_exceed() {
    let mut config = Config::default();
    config.window_bytes = 15;
    let mut server = End::with(Role::Server, config);
    server.hear("@s1 tokens window=8\n");
    assert!(server.endpoint.item(1, "123456789".into()).is_ok());
    assert!(server.endpoint.item(1, "123456789".into()).is_ok());
    assert!(server.endpoint.item(1, "1".into()).is_err());
    server.hear("@k1 1");
    assert!(server.endpoint.item(1, "1".into()).is_ok());
}

#[test]
fn a_stream_that_fails_says_so_behind_its_items() {
    let (mut client, mut server) = pair();
    let id = client.open(Request::stream("tokens", ""));
    pump(&mut client, &mut server);
    server.endpoint.item(id, "to".into()).unwrap();
    let failure = Failure::new("tired", "");
    server.endpoint.end(id, Err(failure.clone()));
    pump(&mut client, &mut server);
    assert_eq!(client.take_told().last(), Some(&Output::Ended { id, result: Err(EndReason::Failed(failure)) }));
}
