//! The server's side of the opening handshake (RFC 6455 section 4.2).

use bytes::BytesMut;
use everwire_ws::handshake::{Accepted, Rejection, RequestError, ServerHandshake, accept, response_bytes};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version};

fn upgrade() -> Request<()> {
    Request::get("/chat")
        .header("host", "example.org")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap()
}

fn with(name: &'static str, value: &'static str) -> Request<()> {
    let mut request = upgrade();
    request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    request
}

fn without(name: &'static str) -> Request<()> {
    let mut request = upgrade();
    request.headers_mut().remove(name);
    request
}

fn none(_offered: &[&str]) -> Option<String> {
    None
}

fn rejected(request: &Request<()>) -> Rejection {
    *accept(request, none).unwrap_err()
}

fn choosing(request: &Request<()>, choice: &str) -> Accepted {
    accept(request, |_| Some(choice.to_owned())).unwrap()
}

#[test]
fn a_right_request_is_accepted_with_the_key_of_the_rfc() {
    let accepted = accept(&upgrade(), none).unwrap();
    assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(accepted.response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(accepted.response.headers()["upgrade"], "websocket");
    assert_eq!(accepted.response.headers()["connection"], "Upgrade");
    assert!(accept(&with("connection", "keep-alive, UPGRADE"), none).is_ok());
    assert!(accept(&with("upgrade", "WebSocket"), none).is_ok());
    assert!(accept(&with("content-length", "0"), none).is_ok());
}

#[test]
fn a_wrong_request_is_rejected_with_the_status_that_helps() {
    let mut post = upgrade();
    *post.method_mut() = Method::POST;
    assert_eq!(rejected(&post).response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(rejected(&post).response.headers()["allow"], "GET");

    let mut old = upgrade();
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(rejected(&old).response.status(), StatusCode::BAD_REQUEST);

    for request in [without("upgrade"), without("connection"), with("upgrade", "h2c"), with("connection", "close")] {
        let rejection = rejected(&request);
        assert_eq!(rejection.response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(rejection.response.headers()["upgrade"], "websocket");
    }
    for request in [without("sec-websocket-version"), with("sec-websocket-version", "8")] {
        let rejection = rejected(&request);
        assert_eq!(rejection.response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(rejection.response.headers()["sec-websocket-version"], "13");
    }
    for request in [
        without("host"),
        without("sec-websocket-key"),
        with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ"),
        with("sec-websocket-key", "c2hvcnQ="),
        with("content-length", "5"),
        with("transfer-encoding", "chunked"),
    ] {
        assert_eq!(rejected(&request).response.status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn a_field_that_may_stand_once_is_refused_twice() {
    for name in ["host", "sec-websocket-key", "sec-websocket-version"] {
        let mut request = upgrade();
        let value = request.headers()[name].clone();
        request.headers_mut().append(name, value);
        assert!(accept(&request, none).is_err(), "{name}");
    }
}

#[test]
fn the_subprotocol_is_chosen_among_those_offered_over_all_lines() {
    let mut request = with("sec-websocket-protocol", "a, b");
    request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_static("c"));
    let accepted = accept(&request, |offered| {
        assert_eq!(offered, ["a", "b", "c"]);
        Some("b".into())
    });
    let accepted = accepted.unwrap();
    assert_eq!(accepted.subprotocol.as_deref(), Some("b"));
    assert_eq!(accepted.response.headers()["sec-websocket-protocol"], "b");
}

#[test]
fn a_choice_that_was_not_offered_counts_as_none() {
    for request in [upgrade(), with("sec-websocket-protocol", "a")] {
        let accepted = choosing(&request, "x");
        assert_eq!(accepted.subprotocol, None);
        assert!(!accepted.response.headers().contains_key("sec-websocket-protocol"));
    }
}

#[test]
fn an_offer_that_is_no_list_of_distinct_tokens_is_rejected() {
    for offer in ["a b", "a/b", "a, a", "\"a\""] {
        assert_eq!(rejected(&with("sec-websocket-protocol", offer)).response.status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn offered_extensions_are_ignored() {
    let accepted = accept(&with("sec-websocket-extensions", "permessage-deflate"), none).unwrap();
    assert!(!accepted.response.headers().contains_key("sec-websocket-extensions"));
}

const RAW: &str = "GET /chat?x=1 HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_raw_request_is_read_in_any_pieces_and_frames_behind_it_stay() {
    for piece in [1, 7, 1000] {
        let mut handshake = ServerHandshake::new();
        let mut input = BytesMut::new();
        let mut request = None;
        for piece in RAW.as_bytes().chunks(piece) {
            assert!(request.is_none());
            input.extend_from_slice(piece);
            request = handshake.receive(&mut input).unwrap();
        }
        let request = request.expect("the last byte completes it");
        assert_eq!(request.uri(), "/chat?x=1");
        assert!(accept(&request, none).is_ok());
        assert!(input.is_empty());
    }
    let mut input = BytesMut::from(&[RAW.as_bytes(), b"\x81\x80abcd"].concat()[..]);
    assert!(ServerHandshake::new().receive(&mut input).unwrap().is_some());
    assert_eq!(input[..], *b"\x81\x80abcd");
}

#[test]
fn what_is_no_request_is_malformed_and_answered() {
    for garbage in
        ["\x16\x03\x01\x02\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", "G E T / HTTP/1.1 xxxx\r\n\r\n"]
    {
        let error = ServerHandshake::new().receive(&mut BytesMut::from(garbage)).unwrap_err();
        assert!(matches!(error, RequestError::Malformed(_)));
        assert_eq!(error.response().status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn too_large_a_request_is_refused_and_answered() {
    let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(20_000));
    for extra in [many, long] {
        let raw = RAW.replace("\r\n\r\n", &format!("\r\n{extra}\r\n"));
        let error = ServerHandshake::new().receive(&mut BytesMut::from(&raw[..])).unwrap_err();
        assert_eq!(error, RequestError::TooLarge);
        assert_eq!(error.response().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[test]
fn a_rejections_bytes_say_how_long_it_is_and_that_it_is_the_last() {
    let bytes = response_bytes(&rejected(&without("host")).response);
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    assert!(text.contains("\r\nconnection: close\r\n"));
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())));
}
