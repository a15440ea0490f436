use std::time::Duration;

use everwire_calls::{Config, DropReason, EndReason, OpenError, Output, Request, Role, codes};

use crate::support::{End, pair, pump, unreplied};

/// [C-7]
#[test]
fn ten_thousand_calls_may_be_open_and_one_more_is_a_clear_error() {
    let mut client = End::new(Role::Client);
    for _ in 0..10_000 {
        client.open(Request::call("sum", ""));
    }
    let error = client.endpoint.open(client.now, &Request::call("sum", "")).unwrap_err();
    assert_eq!(error, OpenError::TooMany { limit: 10_000 });
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "10000 calls are open, which is the limit: try again when one has ended");
    let first = client.said[0].split_once(' ').unwrap().0[2..].to_owned();
    client.hear(&format!("@r{first}\n"));
    client.open(Request::call("sum", ""));
}

/// [C-7]
#[test]
fn a_callee_answers_calls_above_its_limit_without_running_them() {
    let mut config = Config::default();
    config.max_running = 2;
    let mut server = End::with(Role::Server, config);
    for id in 1..=3 {
        server.hear(&format!("@c{id} sum\n"));
    }
    assert_eq!(server.started().len(), 2);
    assert!(server.said[0].starts_with("@e3{") && server.said[0].contains(codes::TOO_MANY), "{:?}", server.said);
    server.reply(1, "");
    server.hear("@c4 sum\n");
    assert_eq!(server.started().len(), 1);
}

/// [C-7], [C-13]
#[test]
fn the_peer_s_limit_is_known_from_its_hello() {
    let mut config = Config::default();
    config.max_running = 1;
    let (mut client, mut server) = (End::new(Role::Client), End::with(Role::Server, config));
    server.endpoint.hello();
    pump(&mut client, &mut server);
    client.open(Request::call("sum", ""));
    assert_eq!(client.endpoint.open(client.now, &Request::call("sum", "")), Err(OpenError::TooMany { limit: 1 }));
}

/// [C-5]
#[test]
fn a_peer_that_has_processed_the_hello_and_says_nothing_knows_no_calls() {
    let mut client = End::new(Role::Client);
    client.endpoint.hello();
    client.collect();
    let id = client.open(Request::call("sum", ""));
    client.wait(Duration::from_secs(3600));
    assert_eq!(client.take_told(), [], "without a connection nothing is known");
    client.endpoint.hello_processed(client.now, 1);
    client.wait(Duration::from_millis(9_999));
    assert_eq!(client.take_told(), []);
    client.wait(Duration::from_millis(1));
    assert_eq!(client.take_told(), [unreplied(id, EndReason::NotSupported)]);
    assert_eq!(client.endpoint.open(client.now, &Request::call("sum", "")), Err(OpenError::NotSupported));
    client.hear(r#"@h{"instance":"s","number":1,"first":1,"last":0,"max_running":5}"#);
    client.open(Request::call("sum", ""));
}

/// [C-5]
#[test]
fn a_server_s_call_to_a_client_that_says_no_hello_fails_in_time() {
    let mut server = End::new(Role::Server);
    server.endpoint.hello();
    let id = server.open(Request::call("name", ""));
    server.wait(Duration::from_secs(10));
    assert_eq!(server.take_told(), [unreplied(id, EndReason::NotSupported)]);
    assert_eq!(server.said.len(), 1, "the hello alone");
}

/// [C-5]
#[test]
fn a_peer_that_sends_everything_back_is_no_danger() {
    let mut client = End::new(Role::Client);
    client.endpoint.hello();
    let id = client.open(Request::call("sum", ""));
    for _ in 0..20 {
        for wire in client.take_said() {
            client.hear(&wire);
        }
    }
    assert!(client.said.len() < 4, "{:?}", client.said);
    assert_eq!(client.take_told(), [unreplied(id, EndReason::NotSupported)]);
}

#[test]
fn names_keys_and_traces_are_checked_before_anything_is_sent() {
    let mut client = End::new(Role::Client);
    for name in ["", "a b", "é", "a\nb", &"n".repeat(129)] {
        assert_eq!(client.endpoint.open(client.now, &Request::call(name, "")), Err(OpenError::BadName), "{name}");
    }
    let mut request = Request::call("sum", "");
    request.key = Some("k".repeat(65));
    assert_eq!(client.endpoint.open(client.now, &request), Err(OpenError::BadKey));
    assert_eq!(client.endpoint.open_calls(), 0);
}

/// [C-16]
#[test]
fn what_is_kept_for_calls_with_a_key_is_bounded() {
    let mut config = Config::default();
    (config.max_keyed, config.max_kept_bytes) = (3, 16);
    let mut server = End::with(Role::Server, config);
    for id in 1..=4 {
        server.hear(&format!("@s{id} tokens key=k{id}\n"));
    }
    assert_eq!(server.started().len(), 3);
    assert!(server.said[0].contains(codes::TOO_MANY));
    server.endpoint.item(1, "0123456789".into()).unwrap();
    assert!(server.endpoint.item(2, "0".into()).is_err(), "all together");
    assert_eq!(server.endpoint.kept_bytes(), 16, "header and payload");
    server.hear("@k1 1");
    let told = server.take_told();
    assert!(told.contains(&Output::MaySend(2)) && told.contains(&Output::MaySend(3)), "{told:?}");
    server.endpoint.end(1, Ok(()));
    server.hear("@f1");
    server.hear("@x2");
    server.hear("@x3");
    assert_eq!((server.endpoint.running_calls(), server.endpoint.kept_bytes()), (0, 0));
}

/// [C-16]
#[test]
fn a_key_that_is_in_use_is_refused_at_either_end() {
    let (mut client, mut server) = pair();
    let keyed = || {
        let mut request = Request::call("sum", "");
        request.key = Some("k".into());
        request
    };
    let id = client.open(keyed());
    assert_eq!(client.endpoint.open(client.now, &keyed()), Err(OpenError::KeyInUse));
    pump(&mut client, &mut server);
    server.reply(id, "");
    pump(&mut client, &mut server);
    assert_eq!(client.endpoint.open(client.now, &keyed()), Err(OpenError::KeyInUse), "until it is done with");
    client.endpoint.forget(id);
    pump(&mut client, &mut server);
    client.open(keyed());
}

/// [C-20]
#[test]
fn what_the_session_does_not_carry_is_an_error_for_who_waits_for_it() {
    let mut config = Config::default();
    config.max_message = 100;
    let mut client = End::with(Role::Client, config.clone());
    let mut server = End::with(Role::Server, config);
    server.endpoint.hello();
    pump(&mut client, &mut server);
    let error = client.endpoint.open(client.now, &Request::call("sum", "n".repeat(100))).unwrap_err();
    assert!(matches!(error, OpenError::TooLarge { size: 101.., limit: 100 }), "{error}");
    assert!(!error.is_retryable());

    let (call, stream) = (client.open(Request::call("sum", "")), client.open(Request::stream("tokens", "")));
    client.endpoint.hello();
    pump(&mut client, &mut server);
    client.take_told();
    server.take_told();
    server.reply(call, &"n".repeat(100));
    server.endpoint.item(stream, "n".into()).unwrap();
    server.endpoint.item(stream, "n".repeat(100).into()).unwrap();
    server.collect();
    assert_eq!(server.take_told(), [Output::Drop(stream, DropReason::TooLarge)]);
    pump(&mut client, &mut server);
    let told = client.take_told();
    let too_large = |end: &EndReason| matches!(end, EndReason::Failed(failure) if failure.code == codes::TOO_LARGE);
    assert!(matches!(&told[0], Output::Replied { result: Err(end), .. } if too_large(end)), "{told:?}");
    assert!(matches!(&told[2], Output::Ended { result: Err(end), .. } if too_large(end)), "{told:?}");
    assert_eq!(server.endpoint.running_calls(), 0);
}
