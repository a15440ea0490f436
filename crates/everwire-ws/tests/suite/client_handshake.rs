//! The client's side of the opening handshake (RFC 6455 section 4.1).

use bytes::BytesMut;
use everwire_ws::handshake::{Accepted, ClientHandshake, HandshakeError, HeaderCase, Refused};
use http::{HeaderValue, Method, Request, StatusCode};

const NONCE: [u8; 16] = *b"the sample nonce";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn request_to(url: &str) -> Request<()> {
    Request::get(url).body(()).unwrap()
}

fn head(request: &Request<()>, subprotocols: &[&str]) -> Result<Vec<String>, HandshakeError> {
    let subprotocols: Vec<String> = subprotocols.iter().map(|&s| s.to_owned()).collect();
    let handshake = ClientHandshake::new(request, &subprotocols, NONCE)?;
    let bytes = handshake.request_bytes();
    let text = std::str::from_utf8(&bytes).unwrap().strip_suffix("\r\n\r\n").unwrap();
    Ok(text.split("\r\n").map(str::to_owned).collect())
}

fn host_of(url: &str) -> String {
    let lines = head(&request_to(url), &[]).unwrap();
    lines.iter().find_map(|line| line.strip_prefix("Host: ")).unwrap().to_owned()
}

fn refusal_of(url: &str) -> String {
    match head(&request_to(url), &[]) {
        Err(HandshakeError::BadRequest(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

#[test]
fn the_request_has_all_that_the_rfc_asks_for() {
    let mut request = request_to("wss://example.org/chat?room=a%20b");
    request.headers_mut().append("x-tag", HeaderValue::from_static("1"));
    request.headers_mut().append("x-tag", HeaderValue::from_static("2"));
    request.headers_mut().append("origin", HeaderValue::from_static("https://example.org"));
    let lines = head(&request, &["v2.chat", "v1.chat"]).unwrap();
    assert_eq!(
        lines,
        [
            "GET /chat?room=a%20b HTTP/1.1",
            "Host: example.org",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol: v2.chat, v1.chat",
            "X-Tag: 1",
            "X-Tag: 2",
            "Origin: https://example.org",
        ]
    );
}

#[test]
fn names_of_headers_are_written_as_they_were_given() {
    let mut request = request_to("ws://example.org/");
    request.headers_mut().insert("x-mbx-apikey", HeaderValue::from_static("k"));
    request.headers_mut().insert("appkey", HeaderValue::from_static("a"));
    request.headers_mut().insert("user-agent", HeaderValue::from_static("u"));
    request.extensions_mut().insert(HeaderCase::new(["X-MBX-APIKEY", "appKey", "x-mbx-apikey"]));
    assert_eq!(head(&request, &[]).unwrap()[6..], ["X-MBX-APIKEY: k", "appKey: a", "User-Agent: u"]);
}

#[test]
fn a_host_that_is_given_stands_in_for_that_of_the_url() {
    let mut request = request_to("ws://127.0.0.1:9001/");
    request.headers_mut().insert("host", HeaderValue::from_static("feed.example"));
    let lines = head(&request, &[]).unwrap();
    let hosts: Vec<_> = lines.iter().filter(|line| line.to_ascii_lowercase().starts_with("host:")).collect();
    assert_eq!(hosts, ["Host: feed.example"]);
    request.headers_mut().append("host", HeaderValue::from_static("other.example"));
    assert!(matches!(head(&request, &[]), Err(HandshakeError::BadRequest(why)) if why.contains("twice")));
}

#[test]
fn characters_beyond_ascii_are_percent_encoded() {
    assert_eq!(head(&request_to("ws://example.org/é?q=ü"), &[]).unwrap()[0], "GET /%C3%A9?q=%C3%BC HTTP/1.1");
}

#[test]
fn a_zone_is_never_told() {
    assert_eq!(host_of("ws://[fe80::1%25eth0]:9001/"), "[fe80::1]:9001");
    assert_eq!(host_of("ws://[fe80::1%eth0]/"), "[fe80::1]");
}

#[test]
fn the_request_target_is_never_empty() {
    assert_eq!(head(&request_to("ws://example.org"), &[]).unwrap()[0], "GET / HTTP/1.1");
    assert_eq!(head(&request_to("ws://example.org?a=b"), &[]).unwrap()[0], "GET /?a=b HTTP/1.1");
}

#[test]
fn the_host_names_the_port_unless_it_is_the_schemes_own() {
    assert_eq!(host_of("ws://example.org:80/"), "example.org");
    assert_eq!(host_of("ws://example.org:443/"), "example.org:443");
    assert_eq!(host_of("wss://example.org:443/"), "example.org");
    assert_eq!(host_of("wss://example.org:80/"), "example.org:80");
    assert_eq!(host_of("http://example.org:8080/"), "example.org:8080");
    assert_eq!(host_of("https://example.org/"), "example.org");
    assert_eq!(host_of("ws://[::1]/"), "[::1]");
    assert_eq!(host_of("ws://[2001:db8::1]:9001/"), "[2001:db8::1]:9001");
    assert_eq!(host_of("ws://user:secret@example.org:9001/"), "example.org:9001");
    assert_eq!(host_of("ws://user@[::1]:80/"), "[::1]");
}

#[test]
fn credentials_in_the_url_become_a_basic_authorization() {
    let authorization = |request: &Request<()>| -> Vec<String> {
        let lines = head(request, &[]).unwrap();
        lines.into_iter().filter(|line| line.to_lowercase().starts_with("authorization")).collect()
    };
    let mut request = request_to("ws://Aladdin:open%20sesame@example.org/");
    assert_eq!(authorization(&request), ["Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer x"));
    assert_eq!(authorization(&request), ["Authorization: Bearer x"], "an explicit one wins");
    assert_eq!(authorization(&request_to("ws://ana@example.org/")), ["Authorization: Basic YW5hOg=="]);
}

#[test]
fn impossible_urls_are_refused_with_the_reason() {
    assert!(refusal_of("/only/a/path").contains("no host"));
    assert!(refusal_of("ftp://example.org/").contains("ftp"));
    assert!(refusal_of("ws://example.org:0/").contains("port"));
    assert!(refusal_of("ws://example.org:99999/").contains("port"));
}

#[test]
fn headers_of_the_handshake_itself_are_refused() {
    for name in [
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "content-length",
        "transfer-encoding",
    ] {
        let mut request = request_to("ws://example.org/");
        request.headers_mut().insert(name, HeaderValue::from_static("x"));
        let refused = head(&request, &[]);
        assert!(matches!(&refused, Err(HandshakeError::BadRequest(why)) if why.contains(name)), "{refused:?}");
    }
    let mut post = request_to("ws://example.org/");
    *post.method_mut() = Method::POST;
    assert!(matches!(head(&post, &[]), Err(HandshakeError::BadRequest(_))));
}

#[test]
fn subprotocols_that_are_no_distinct_tokens_are_refused() {
    let request = request_to("ws://example.org/");
    for bad in [&[""][..], &["a b"], &["a,b"], &["a\r\nx: y"], &["ä"], &["a", "b", "a"]] {
        assert!(matches!(head(&request, bad), Err(HandshakeError::BadRequest(_))), "{bad:?}");
    }
}

fn handshake(subprotocols: &[&str]) -> ClientHandshake {
    let subprotocols: Vec<String> = subprotocols.iter().map(|&s| s.to_owned()).collect();
    ClientHandshake::new(&request_to("ws://example.org/"), &subprotocols, NONCE).unwrap()
}

fn answer(subprotocols: &[&str], response: &str) -> Result<Accepted, HandshakeError> {
    let whole = handshake(subprotocols).receive(&mut BytesMut::from(response), true);
    let mut bytewise = handshake(subprotocols);
    let mut input = BytesMut::new();
    for byte in response.bytes() {
        input.extend_from_slice(&[byte]);
        match bytewise.receive(&mut input, false) {
            Ok(None) => {}
            outcome => {
                assert_eq!(format!("{outcome:?}"), format!("{whole:?}"));
                break;
            }
        }
    }
    whole.map(|accepted| accepted.expect("the stream has ended"))
}

fn switching(extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n{extra}\r\n"
    )
}

fn invalid(subprotocols: &[&str], response: &str) -> String {
    match answer(subprotocols, response) {
        Err(HandshakeError::Invalid(why)) => why.into_owned(),
        other => panic!("{other:?}"),
    }
}

fn refused(response: &str) -> Refused {
    match answer(&[], response) {
        Err(HandshakeError::Refused(refused)) => *refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_right_answer_is_accepted_with_all_its_headers() {
    let accepted = answer(&["a", "b"], &switching("Sec-WebSocket-Protocol: b\r\nX-Node: 7\r\n")).unwrap();
    assert_eq!(accepted.subprotocol.as_deref(), Some("b"));
    assert_eq!(accepted.response.headers()["x-node"], "7");
    assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(answer(&["a"], &switching("")).unwrap().subprotocol, None);
}

#[test]
fn names_of_upgrade_and_connection_have_no_case_and_may_stand_in_a_list() {
    let response = format!(
        "HTTP/1.1 101 Sure\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n"
    );
    assert!(answer(&[], &response).is_ok());
}

#[test]
fn frames_behind_the_answer_stay_in_the_input() {
    let mut input = BytesMut::from(&switching("")[..]);
    input.extend_from_slice(b"\x81\x02hi");
    assert!(handshake(&[]).receive(&mut input, false).unwrap().is_some());
    assert_eq!(input[..], *b"\x81\x02hi");
}

#[test]
fn an_answer_that_breaks_a_rule_is_invalid() {
    let without = |line: &str| switching("").replace(line, "");
    assert!(invalid(&[], &without("Upgrade: websocket\r\n")).contains("Upgrade"));
    assert!(invalid(&[], &without("Connection: Upgrade\r\n")).contains("Connection"));
    assert!(invalid(&[], &without(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n"))).contains("no Sec-WebSocket-Accept"));
    assert!(invalid(&[], &switching("").replace(ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")).contains("wrong"));
    assert!(invalid(&[], &switching(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n"))).contains("wrong"));
    assert!(invalid(&[], &switching("").replace("websocket", "h2c")).contains("Upgrade"));
    assert!(invalid(&[], &switching("").replace("HTTP/1.1", "HTTP/1.0")).contains("HTTP/1.1"));
}

#[test]
fn a_subprotocol_or_extension_nobody_asked_for_is_invalid() {
    let unasked = invalid(&[], &switching("Sec-WebSocket-Protocol: v1.xmpp\r\n"));
    assert_eq!(unasked, "the subprotocol \"v1.xmpp\" was not offered");
    assert!(invalid(&["a"], &switching("Sec-WebSocket-Protocol: b\r\n")).contains("subprotocol"));
    assert!(invalid(&["a"], &switching("Sec-WebSocket-Protocol: A\r\n")).contains("subprotocol"));
    assert!(invalid(&["a", "b"], &switching("Sec-WebSocket-Protocol: a, b\r\n")).contains("subprotocol"));
    let twice = switching("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n");
    assert!(invalid(&["a", "b"], &twice).contains("subprotocol"));
    assert!(invalid(&[], &switching("Sec-WebSocket-Extensions: permessage-deflate\r\n")).contains("extension"));
}

#[test]
fn a_refusal_gives_status_headers_and_the_bodys_start() {
    let refused = refused("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\ntry later");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "7");
    assert_eq!(refused.body, "try later");
}

#[test]
fn a_refusals_promised_body_is_waited_for_until_the_stream_ends() {
    let mut handshake = handshake(&[]);
    let mut input = BytesMut::from("HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nwho");
    assert!(matches!(handshake.receive(&mut input, false), Ok(None)));
    input.extend_from_slice(b" are you");
    assert!(matches!(handshake.receive(&mut input, false), Ok(None)));
    match handshake.receive(&mut input, true) {
        Err(HandshakeError::Refused(refused)) => assert_eq!(refused.body, "who are you"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_whose_length_and_chunks_contradict_each_other_keeps_its_status_and_headers() {
    let head = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n";
    // Transfer-Encoding counts (RFC 9112 section 6.3); what is no chunk then has no body.
    for (body, read) in [("9\r\ntry later\r\n0\r\n\r\n", "try later"), ("try later", ""), ("", "")] {
        let mut input = BytesMut::from(&format!("{head}{body}")[..]);
        let Err(HandshakeError::Refused(refused)) = handshake(&[]).receive(&mut input, false) else {
            panic!("{body:?}")
        };
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{body:?}");
        assert_eq!((&refused.headers["retry-after"], &*refused.body), (&"7".parse().unwrap(), read.as_bytes()));
    }
}

#[test]
fn redirects_and_old_versions_are_refusals_too() {
    assert_eq!(refused("HTTP/1.1 302 Found\r\nLocation: wss://b/\r\n\r\n").headers["location"], "wss://b/");
    assert_eq!(refused("HTTP/1.0 404 Not Found\r\n\r\n").status, StatusCode::NOT_FOUND);
}

#[test]
fn a_body_of_unknown_length_is_what_has_arrived_with_the_head() {
    for body in ["\r\n\r\nsorry", "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsorry\r\n0\r\n\r\n"] {
        let mut input = BytesMut::from(&format!("HTTP/1.1 200 OK{body}")[..]);
        match handshake(&[]).receive(&mut input, false) {
            Err(HandshakeError::Refused(refused)) => assert_eq!(refused.body, "sorry"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn interim_answers_are_skipped() {
    let response = format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{}", switching(""));
    assert!(answer(&[], &response).is_ok());
    let endless = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    assert!(matches!(answer(&[], &endless), Err(HandshakeError::TooLarge)));
}

#[test]
fn what_is_no_http_is_malformed_and_a_cut_answer_incomplete() {
    for garbage in
        ["SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03\x00\x00\x00\x00\x00"]
    {
        assert!(matches!(answer(&[], garbage), Err(HandshakeError::Malformed(_))), "{garbage:?}");
    }
    assert!(matches!(answer(&[], ""), Err(HandshakeError::Incomplete)));
    assert!(matches!(answer(&[], "HTTP/1.1 101 Switching Protocols\r\nUpgr"), Err(HandshakeError::Incomplete)));
}

#[test]
fn too_large_a_head_is_refused() {
    let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
    assert!(matches!(answer(&[], &switching(&many)), Err(HandshakeError::TooLarge)));
    let long = format!("x: {}\r\n", "y".repeat(20_000));
    assert!(matches!(answer(&[], &switching(&long)), Err(HandshakeError::TooLarge)));
}

#[test]
fn only_what_may_change_is_retryable() {
    let retryable = |status: &str| match answer(&[], &format!("HTTP/1.1 {status}\r\n\r\n")) {
        Err(error) => error.is_retryable(),
        Ok(_) => panic!("refused"),
    };
    for status in ["408 x", "425 x", "429 x", "500 x", "502 x", "503 x", "504 x"] {
        assert!(retryable(status), "{status}");
    }
    for status in ["200 x", "301 x", "400 x", "401 x", "403 x", "404 x", "426 x", "501 x", "505 x"] {
        assert!(!retryable(status), "{status}");
    }
    assert!(HandshakeError::Incomplete.is_retryable());
    assert!(!HandshakeError::Invalid("x".into()).is_retryable());
}

#[test]
fn a_reason_is_told_as_the_server_wrote_it() {
    let refused = refused("HTTP/1.1 500 Unable to connect\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        (refused.reason.as_str(), refused.status_line().as_str()),
        ("Unable to connect", "500 Unable to connect")
    );
    let bare = self::refused("HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((bare.reason.as_str(), bare.status_line().as_str()), ("", "503 Service Unavailable"));
}
