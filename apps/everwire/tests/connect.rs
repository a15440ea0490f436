//! `everwire connect` in pipes, against scripted servers.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::time::Duration;

use serde_json::Value;
use support::Everwire;
use support::server::{self, Heard, Nobody, Server, answer, close_with, greet};
use tokio_tungstenite::tungstenite::Message;

const FAST: &[&str] = &["--initial-delay", "20ms", "--max-delay", "100ms"];

fn connect<'a>(url: &'a str, more: &[&'a str]) -> Everwire {
    Everwire::start(&[&["connect", url], FAST, more].concat())
}

/// Waits for the line "connected", which "disconnected" is not.
fn until_connected(everwire: &mut Everwire) {
    everwire.err.until_line("connected", |line| line.ends_with(": connected"));
}

#[test]
fn lines_go_in_and_messages_come_out() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.url(), &[]);
    for line in ["один", "", "three"] {
        everwire.say(line);
    }
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["один", "", "three"]);
    assert!(everwire.err.text().contains("connected"), "{:?}", everwire.err.seen);
    assert!(!everwire.err.text().contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(server.next_close(), Some(1000), "it leaves in order");
}

#[test]
fn a_last_line_without_its_end_is_a_line() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.url(), &[]);
    everwire.write(b"no end");
    assert_eq!(everwire.finish(), 0);
    assert_eq!(everwire.out.seen, ["no end"]);
}

#[test]
fn an_address_without_a_scheme_is_completed_and_reported() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.address.to_string(), &[]);
    everwire.say("hi");
    assert_eq!(everwire.finish(), 0);
    assert_eq!(everwire.out.seen, ["hi"]);
    assert!(everwire.err.text().contains(&format!("using ws://{}/", server.address)), "{:?}", everwire.err.seen);
}

#[test]
fn without_a_server_it_gives_up_when_attempts_are_limited() {
    let nobody = Nobody::new();
    let url = nobody.url();
    // The line is read before the last attempt is made.
    let args = ["--max-attempts", "2", "--initial-delay", "1s", "--max-delay", "1s", "--jitter", "none"];
    let mut everwire = connect(&url, &args);
    everwire.say("lost");
    assert_eq!(everwire.exit_code(), 3);
    let last = everwire.err.seen.last().unwrap();
    assert!(last.contains("gave up after 2 attempts") && last.contains("refused") && last.contains("check"), "{last}");
    assert!(everwire.err.text().contains("line 1: "), "{:?}", everwire.err.seen);
}

#[test]
fn t6_attempts_at_a_server_that_accepts_then_closes_are_spread_not_a_storm() {
    let server = Server::start(close_with(1011));
    let url = server.url();
    let args =
        ["--receive-only", "--initial-delay", "100ms", "--max-delay", "5s", "--jitter", "none", "--max-attempts", "4"];
    let mut everwire = connect(&url, &args);
    assert_eq!(everwire.exit_code(), 3, "{:?}", everwire.err.seen);
    let arrivals = server.connections();
    assert_eq!(arrivals.len(), 4, "{:?}", everwire.err.seen);
    for (nth, pair) in arrivals.windows(2).enumerate() {
        let (gap, least) = (pair[1] - pair[0], Duration::from_millis(100).mul_f64(1.3_f64.powi(nth as i32)));
        assert!(gap >= least.mul_f32(0.95), "attempt {} came {gap:?} after the one before, not {least:?}", nth + 2);
    }
}

#[test]
fn a_server_that_does_not_speak_websocket_ends_it_with_advice() {
    for (response, parts, connections) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ["200", "check the path (that of"], 1),
        // A second connection checks whether the port speaks TLS.
        ("SSH-2.0-OpenSSH_9.2\r\n", ["not HTTP", "check the port and the path"], 2),
    ] {
        let server = Server::start(answer(response));
        // A second attempt would come much later than the end.
        let delay = ["--initial-delay", "1h", "--max-delay", "1h", "--jitter", "none"];
        let mut everwire = Everwire::start(&[&["connect", &server.url(), "--receive-only"], &delay[..]].concat());
        assert_eq!(everwire.exit_code(), 3, "{:?}", everwire.err.seen);
        let last = everwire.err.seen.last().unwrap();
        assert!(parts.iter().all(|part| last.contains(part)), "{last}");
        assert!(!everwire.err.text().contains("attempt 2"), "there is none: {:?}", everwire.err.seen);
        assert_eq!(server.connections().len(), connections);
    }
}

#[test]
fn a_web_page_in_place_of_a_server_that_worked_is_retried() {
    let first = Server::start(server::sink);
    let address = first.address.to_string();
    let mut everwire = connect(&first.url(), &[]);
    until_connected(&mut everwire);
    drop(first);
    let page = Server::on(&address, answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    everwire.err.until("200 OK");
    drop(page);
    let _second = Server::on(&address, server::sink);
    until_connected(&mut everwire);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
}

#[test]
fn without_a_connection_it_fails() {
    let nobody = Nobody::new();
    let refusing = Server::start(answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"));
    for url in [nobody.url(), refusing.url()] {
        let mut everwire = connect(&url, &["--close-timeout", "200ms"]);
        assert_eq!(everwire.finish(), 3, "{:?}", everwire.err.seen);
        let last = everwire.err.seen.last().unwrap();
        assert!(last.contains("there never was a connection: "), "{last}");
    }
}

#[test]
fn it_waits_for_the_wanted_messages_and_fewer_are_a_failure() {
    // The messages come much later than the time that the client would stay otherwise.
    let late = Server::start(|stream, heard| {
        if let Ok(mut socket) = tokio_tungstenite::tungstenite::accept(stream) {
            std::thread::sleep(Duration::from_millis(300));
            let _ = socket.send(Message::from("late"));
            while socket.read().is_ok() {}
        }
        let _ = heard.send(Heard::Closed(None));
    });
    let mut everwire = connect(&late.url(), &["--once", "--linger", "0"]);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["late"]);

    let closing = Server::start(close_with(1000));
    let mut everwire = connect(&closing.url(), &["--messages", "3"]);
    assert_eq!(everwire.finish(), 5, "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("0 of 3 wanted messages received"), "{:?}", everwire.err.seen);
}

#[test]
fn t20_a_refusal_for_good_is_not_retried() {
    for (response, part) in [
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "check the credentials"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "check the path"),
    ] {
        let server = Server::start(answer(response));
        let mut everwire = connect(&server.url(), &["--receive-only"]);
        assert_eq!(everwire.exit_code(), 4, "{:?}", everwire.err.seen);
        assert!(everwire.err.text().contains(part), "{:?}", everwire.err.seen);
        assert_eq!(server.connections().len(), 1);
    }
}

#[test]
fn options_decide_which_codes_and_statuses_are_retried() {
    let of = |status: &'static str| Server::start(answer(status));
    let (missing, busy, page) = (
        of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        of("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    );
    let (policy, failing) = (Server::start(close_with(1008)), Server::start(close_with(1011)));
    for (server, option, code, exit, attempts) in [
        (&missing, "--retry-on", "404", 3, 2),
        (&page, "--retry-on", "200", 3, 2),
        (&policy, "--retry-on", "1008", 3, 2),
        (&busy, "--stop-on", "503", 4, 1),
        (&failing, "--stop-on", "1011", 4, 1),
    ] {
        let mut everwire = connect(&server.url(), &["--receive-only", "--max-attempts", "2", option, code]);
        assert_eq!(everwire.exit_code(), exit, "{option} {code}: {:?}", everwire.err.seen);
        assert_eq!(server.connections().len(), attempts, "{option} {code}: {:?}", everwire.err.seen);
    }
}

#[test]
fn a_message_may_be_as_long_as_the_option_says() {
    let long = Server::start(greet(vec![Message::from("x".repeat(2000))]));
    let mut everwire = connect(&long.url(), &["--once", "--max-message", "2000"]);
    assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
    let mut everwire = connect(&long.url(), &["--once", "--max-message", "1999", "--max-attempts", "1"]);
    assert_eq!(everwire.exit_code(), 3, "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("--max-message"), "{:?}", everwire.err.seen);
}

#[test]
fn a_text_ping_proves_what_was_sent() {
    let server = Server::start(|stream, _| {
        let Ok(mut socket) = tokio_tungstenite::tungstenite::accept(stream) else { return };
        while let Ok(message) = socket.read() {
            match message {
                Message::Text(text) if text.as_str() == "are you there?" => drop(socket.send(Message::from("I am"))),
                Message::Ping(_) => return,
                _ => {}
            }
        }
    });
    let mut everwire = connect(&server.url(), &["--text-ping", "are you there?=I am", "--linger", "0"]);
    everwire.say("hi");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert!(everwire.out.seen.is_empty(), "{:?}", everwire.out.seen);
}

#[test]
fn a_close_with_1000_ends_it_without_a_failure() {
    let server = Server::start(close_with(1000));
    for more in [&[][..], &["--receive-only", "--on-normal-close", "end"]] {
        let mut everwire = connect(&server.url(), more);
        assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
        assert!(everwire.err.text().contains("closed by the other side: as scripted"), "{:?}", everwire.err.seen);
    }
}

#[test]
fn with_receive_only_it_reconnects_after_a_close_with_1000() {
    for more in [&["--receive-only"][..], &["--on-normal-close", "reconnect"], &["--retry-on", "1000"]] {
        let server = Server::start(close_with(1000));
        let mut everwire = connect(&server.url(), &[more, &["--max-attempts", "3"]].concat());
        assert_eq!(everwire.exit_code(), 3, "{more:?}: {:?}", everwire.err.seen);
        assert_eq!(server.connections().len(), 3, "{more:?}");
    }
}

#[test]
fn lines_and_first_messages_are_sent_no_faster_than_the_send_rate() {
    let server = Server::start(server::sink);
    let (url, started) = (server.url(), std::time::Instant::now());
    let mut everwire = connect(&url, &["--send-rate", "20", "--first", "a", "--first", "b"]);
    for line in ["c", "d", "e"] {
        everwire.say(line);
    }
    for expected in ["a", "b", "c", "d", "e"] {
        assert_eq!(server.next_message(), Message::text(expected));
    }
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(50) * 4, "five messages at 20 a second within {elapsed:?}");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
}

#[test]
fn an_invalid_send_rate_is_a_usage_error() {
    let mut everwire = connect("ws://localhost:1", &["--send-rate", "0"]);
    assert_eq!(everwire.exit_code(), 2);
    assert!(everwire.err.text().contains("--send-rate: out of range"), "{:?}", everwire.err.seen);
}

#[test]
fn first_messages_are_sent_first_on_every_connection() {
    let first = Server::start(server::sink);
    let address = first.address.to_string();
    let args = ["--first", "login", "--first", "subscribe", "--initial-delay", "20ms", "--max-delay", "100ms"];
    let mut everwire = connect(&first.url(), &args);
    everwire.say("one");
    for expected in ["login", "subscribe", "one"] {
        assert_eq!(first.next_message(), Message::text(expected));
    }
    drop(first);
    everwire.err.until("disconnected");
    let second = Server::on(&address, server::sink);
    everwire.say("two");
    for expected in ["login", "subscribe", "two"] {
        assert_eq!(second.next_message(), Message::text(expected));
    }
    // It is random whether the first line was proven before the cut.
    let code = everwire.finish();
    assert!(code == 0 || code == 5, "{code}: {:?}", everwire.err.seen);
}

#[test]
fn lines_survive_a_server_that_is_killed_and_started_again() {
    let first = Server::start(server::sink);
    let (address, url) = (first.address.to_string(), first.url());
    let mut everwire = connect(&url, &["--guarantee", "at-least-once"]);
    for n in 0..100 {
        everwire.say(&format!("line {n}"));
    }
    assert_eq!(first.next_message(), Message::from("line 0"));
    drop(first);
    everwire.err.until("disconnected");
    for n in 100..200 {
        everwire.say(&format!("line {n}"));
    }
    let second = Server::on(&address, server::sink);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    let messages = second.heard.try_iter().filter_map(|heard| match heard {
        Heard::Message(Message::Text(text)) => Some(text.to_string()),
        _ => None,
    });
    let numbers: Vec<u32> = messages.filter_map(|text| text.strip_prefix("line ")?.parse().ok()).collect();
    let start = numbers[0];
    assert!(start <= 100, "those typed while nobody listened are all there: {numbers:?}");
    assert_eq!(numbers, (start..200).collect::<Vec<_>>(), "in order, none missing");
}

#[test]
fn unproven_messages_are_reported_with_exit_code_5() {
    let server = Server::start(server::black_hole);
    let mut everwire = connect(&server.url(), &["--close-timeout", "300ms"]);
    everwire.say("into the hole");
    everwire.say("this too");
    assert_eq!(everwire.finish(), 5, "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("lines 1-2: "), "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("2 messages are not known to have arrived"), "{:?}", everwire.err.seen);

    let mut everwire = connect(&server.url(), &["--close-timeout", "5s", "--guarantee", "unproven", "--linger", "0"]);
    everwire.say("written is enough");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
}

#[test]
fn lines_on_stdin_are_sent_though_enough_messages_came_first() {
    let server = Server::start(greet(vec![Message::from("welcome"), Message::from("more")]));
    let mut everwire = connect(&server.url(), &["--once", "-v"]);
    everwire.out.until_line("the greeting", |line| line == "welcome");
    everwire.say("late");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["welcome"]);
    assert_eq!(server.next_message(), Message::from("late"));
    assert!(everwire.err.text().contains("1 line in, 1 delivered"), "{:?}", everwire.err.seen);

    // Stdin that never ends delays nothing, and that is reported.
    let mut everwire = connect(&server.url(), &["--once"]);
    assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("stdin had not ended, and nothing of it was sent"), "{:?}", everwire.err.seen);
}

#[test]
fn a_ws_address_of_a_port_with_tls_is_answered_with_advice_to_use_wss() {
    // A request without TLS: HAProxy ends the connection, stunnel resets it, and nginx refuses it.
    for (refusal, expected) in
        [(Some(""), 3), (None, 3), (Some("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), 4)]
    {
        let server = support::secure::waiting_for_tls(refusal);
        let url = format!("ws://localhost:{}/", server.address.port());
        let mut everwire = connect(&url, &["--receive-only"]);
        assert_eq!(everwire.exit_code(), expected, "{:?}", everwire.err.seen);
        let advice = format!("; port {} speaks TLS: use wss:// instead of ws://", server.address.port());
        let last = everwire.err.seen.last().unwrap();
        assert!(last.ends_with(&advice) && last.matches(';').count() == 1, "nothing else is advised: {last}");
        assert!(!everwire.err.text().contains("attempt 2"), "the first failure ends it: {:?}", everwire.err.seen);
    }
}

#[test]
fn contradictory_options_are_usage_errors_that_name_them() {
    for (args, part) in [
        (&["--stop-on", "1006"][..], "no server sends 1006"),
        (&["--retry-on", "101"], "HTTP status 101 refuses nothing"),
        (&["--retry-on", "4001", "--stop-on", "4001"], "both to retry and to stop on close code 4001"),
        (&["--max-message", "0"], "zero"),
        (&["--resolve", "*:80:127.0.0.1"], "'*'"),
        (&["-H", "Host:"], "Host has no value"),
        (&["--initial-delay", "9s", "--max-delay", "1s"], "--max-delay: 1.0 s: it must not be below --initial-delay"),
        (&["--factor", "0.5"], "--factor: out of range"),
        (&["--outbox-bytes", "0"], "--outbox-bytes: zero"),
    ] {
        let mut everwire = Everwire::start(&[&["connect", "ws://localhost/"], args].concat());
        assert_eq!(everwire.finish(), 2, "{args:?}: {:?}", everwire.err.seen);
        assert!(everwire.err.text().contains(part), "{args:?}: {:?}", everwire.err.seen);
    }
}

#[test]
fn lines_that_were_sent_when_enough_has_come_are_accounted_for() {
    let server = Server::start(server::greeting_black_hole);
    // What goes missing goes missing at random.
    for _ in 0..5 {
        let mut everwire = connect(&server.url(), &["--once", "-v", "--close-timeout", "50ms"]);
        everwire.write(b"s\ns\ns\n");
        assert_eq!(everwire.finish(), 5, "{:?}", everwire.err.seen);
        assert_eq!(everwire.out.seen, ["welcome"]);
        let told = everwire.err.text();
        assert!(told.contains("3 lines in, 0 delivered"), "{told}");
        assert!(told.contains("3 messages are not known to have arrived"), "{told}");
        assert_eq!(told.matches("unknown: ").count(), 1, "each outcome is told once: {told}");
    }
}

#[test]
fn the_post_mortem_of_the_last_connection_comes_before_the_end() {
    for code in [1000, 4401] {
        let server = Server::start(close_with(code));
        // What goes missing goes missing at random.
        for _ in 0..5 {
            let mut everwire = connect(&server.url(), &["--json"]);
            everwire.exit_code();
            let told = everwire.out.seen.iter().filter(|line| line.contains("\"post_mortem\":{")).count();
            assert_eq!(told, 1, "{code}: {:?}", everwire.out.seen);
        }
    }
}

#[test]
fn json_lines_report_everything() {
    let server = Server::start(server::echo);
    let url = server.url();
    let mut everwire = connect(&url, &["--json", "-s", "unheard"]);
    // The echo server chooses no subprotocol, which is fine.
    everwire.say("a \"quoted\" line");
    let code = everwire.finish();
    let lines: Vec<Value> = everwire.out.seen.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(code, 0, "{lines:#?}");
    assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.ends_with('Z'))));
    assert!(everwire.out.seen.iter().all(|line| line.starts_with("{\"type\":")), "type comes first");
    let states: Vec<_> = all("state").iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(states[..2], ["connecting", "connected"]);
    let messages = all("message");
    assert_eq!(
        (messages.len(), &messages[0]["kind"], &messages[0]["text"]),
        (1, &"text".into(), &"a \"quoted\" line".into())
    );
    let outcomes = all("outcome");
    assert_eq!((&outcomes[0]["line"], &outcomes[0]["outcome"]), (&1.into(), &"received".into()));
    assert_eq!(outcomes[0]["delivered"], true);
    let end = lines.last().unwrap();
    assert_eq!((&end["type"], &end["exit"], &end["delivered"]), (&"end".into(), &0.into(), &1.into()));
    assert_eq!(everwire.err.text(), "", "everything is on stdout");
}

#[test]
fn json_returns_the_unsent_messages() {
    let nobody = Nobody::new();
    let url = nobody.url();
    let mut everwire = connect(&url, &["--json", "--close-timeout", "200ms"]);
    everwire.say("left");
    assert_eq!(everwire.finish(), 5, "{:?}", everwire.out.seen);
    let end: Value = serde_json::from_str(everwire.out.seen.last().unwrap()).unwrap();
    assert_eq!(end["unsent"][0]["text"], "left", "{end}");
    assert_eq!(end["undelivered"], 1, "{end}");
}

#[test]
fn binary_is_byte_for_byte_both_ways() {
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    let server = Server::start(server::sink);
    let mut everwire = connect(&server.url(), &["--binary"]);
    everwire.write(&bytes);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    let mut arrived = Vec::new();
    while arrived.len() < bytes.len() {
        match server.next_message() {
            Message::Binary(chunk) => arrived.extend_from_slice(&chunk),
            other => panic!("{other:?}"),
        }
    }
    assert!(arrived == bytes);

    let server = Server::start(greet(vec![Message::binary(vec![0xff, 0xfe, b'\n', b'x']), Message::from("text")]));
    let mut everwire = connect(&server.url(), &["--binary", "--messages", "2", "--receive-only"]);
    assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["\u{fffd}\u{fffd}", "xtext"], "nothing is added, not even line ends");
}

#[test]
fn a_received_binary_message_is_one_line_too() {
    let server = Server::start(greet(vec![Message::binary(b"\x00\n\xff".to_vec()), Message::from("text")]));
    let mut everwire = connect(&server.url(), &["--messages", "2", "--receive-only"]);
    assert_eq!(everwire.exit_code(), 0);
    assert_eq!(everwire.out.seen, ["base64:AAr/", "text"]);
}

#[test]
fn stdin_that_is_not_utf8_ends_it_after_the_lines_before() {
    let server = Server::start(server::sink);
    let mut everwire = connect(&server.url(), &[]);
    everwire.write(b"fine\n\xff\xfe\nnever sent\n");
    assert_eq!(everwire.exit_code(), 1);
    assert!(everwire.err.text().contains("line 2 of stdin is not UTF-8"), "{:?}", everwire.err.seen);
    assert_eq!(server.next_message(), Message::from("fine"));
    assert_eq!(server.next_close(), Some(1000));
}

#[test]
fn a_line_too_long_is_refused_before_it_is_stored() {
    let server = Server::start(server::sink);
    let mut everwire = connect(&server.url(), &["--outbox-bytes", "1KiB"]);
    everwire.write(&[b'x'; 1025]);
    everwire.write(b"\n");
    assert_eq!(everwire.exit_code(), 1);
    assert!(everwire.err.text().contains("longer than 1024 bytes"), "{:?}", everwire.err.seen);
}

#[test]
fn a_small_outbox_holds_stdin_back_and_loses_nothing() {
    let server = Server::start(server::sink);
    let mut everwire = connect(&server.url(), &["--outbox-messages", "2", "--linger", "0"]);
    for n in 0..500 {
        everwire.say(&n.to_string());
    }
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    for n in 0..500 {
        assert_eq!(server.next_message(), Message::from(n.to_string()));
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let messages = (0..5_000).map(|n| Message::from(format!("message {n} {}", "x".repeat(100)))).collect();
    let server = Server::start(greet(messages));
    let mut child = support::command(&["connect", &server.url(), "--receive-only"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let err = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(!err.contains("pipe") && !err.contains("panic"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let server = Server::start(server::echo);
        let mut everwire = connect(&server.url(), &[]);
        everwire.say("before");
        everwire.out.until("before");
        everwire.signal(signal);
        assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
        assert_eq!(server.next_close(), Some(1000));
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::start(server::black_hole);
    let mut everwire = connect(&server.url(), &[]);
    everwire.say("never proven");
    everwire.err.until("connected");
    everwire.signal("INT");
    everwire.err.until("closing");
    everwire.signal("INT");
    assert_eq!(everwire.exit_code(), 130, "{:?}", everwire.err.seen);
}

#[cfg(unix)]
#[test]
fn t20_a_token_is_fetched_again_for_every_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    std::fs::write(&count, "1").unwrap();
    let file = count.display().to_string();
    let command = format!("n=$(cat {file}); echo $((n + 1)) > {file}; echo token-$n");

    let refusing = Server::start(answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"));
    let (address, url) = (refusing.address.to_string(), refusing.url());
    let mut everwire = connect(&url, &["--token-command", &command, "--receive-only"]);
    let header = |server: &Server| loop {
        if let Heard::Header(header) = server.next() {
            return header.unwrap();
        }
    };
    assert_eq!(header(&refusing), "Bearer token-1");
    assert_eq!(header(&refusing), "Bearer token-2");
    drop(refusing);
    let accepting = Server::on(&address, server::tell_authorization);
    assert!(header(&accepting).starts_with("Bearer token-"));
    until_connected(&mut everwire);
    everwire.signal("INT");
    assert_eq!(everwire.exit_code(), 0, "{:?}", everwire.err.seen);
}

#[test]
fn a_bearer_file_and_headers_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "from-a-file\n").unwrap();
    let server = Server::start(server::tell_authorization);
    let mut everwire = connect(&server.url(), &["--bearer-file", &file.display().to_string()]);
    assert_eq!(everwire.finish(), 0);
    assert!(server.heard.try_iter().any(|heard| heard == Heard::Header(Some("Bearer from-a-file".into()))));

    let server = Server::start(server::tell_authorization);
    let mut everwire = connect(&server.url(), &["-H", "Authorization: Basic eDp5"]);
    assert_eq!(everwire.finish(), 0);
    assert!(server.heard.try_iter().any(|heard| heard == Heard::Header(Some("Basic eDp5".into()))));
}

#[test]
fn a_token_that_can_not_be_fetched_is_reported() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.url(), &["--bearer-file", "/does/not/exist", "--max-attempts", "1"]);
    let code = everwire.finish();
    assert!(code == 3 || code == 4, "{code}");
    assert!(everwire.err.text().contains("/does/not/exist"), "{:?}", everwire.err.seen);
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn with_quiet_it_prints_nothing_unless_it_fails() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.url(), &["--quiet"]);
    everwire.say("hi");
    assert_eq!((everwire.finish(), everwire.err.text().as_str()), (0, ""));

    let nobody = Nobody::new();
    let url = nobody.url();
    let mut everwire = connect(&url, &["--quiet", "--max-attempts", "2"]);
    assert_eq!(everwire.finish(), 3);
    assert_eq!(everwire.err.seen.len(), 1, "{:?}", everwire.err.seen);
}

#[test]
fn with_verbose_it_prints_events_outcomes_and_statistics() {
    let server = Server::start(server::echo);
    let mut everwire = connect(&server.url(), &["-v", "--color", "always"]);
    everwire.say("hi");
    assert_eq!(everwire.finish(), 0);
    let said = everwire.err.text();
    assert!(said.contains("line 1: ") && said.contains("1 line in, 1 delivered"), "{said}");
    assert!(said.contains("; opened in ") && said.contains(" ms: tcp "), "{said}");
    assert!(said.contains("\u{1b}[32mconnected"), "{said}");
}

#[test]
fn batches_are_one_json_array() {
    let server = Server::start(server::sink);
    let mut everwire = connect(&server.url(), &["--batch", "50ms"]);
    everwire.write(b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(server.next_message(), Message::from("[{\"a\":1},{\"a\":2},{\"a\":3}]"));
}

#[test]
fn a_line_that_waited_too_long_expires_and_one_without_room_can_be_refused() {
    let nobody = Nobody::new();
    let args =
        ["--max-age", "100ms", "--initial-delay", "1h", "--max-delay", "1h", "--close-timeout", "5s", "--receive-only"];
    let mut everwire = connect(&nobody.url(), &[&args[..8], &["-v"]].concat());
    everwire.say("stale");
    everwire.err.until("line 1: expired");
    everwire.kill();

    let args = ["--overflow", "refuse", "--outbox-messages", "2", "--initial-delay", "1h", "--max-delay", "1h"];
    let mut everwire = connect(&nobody.url(), &args);
    (0..4).for_each(|line| everwire.say(&line.to_string()));
    let said = everwire.err.until("too many lines wait already");
    assert!(!said.is_empty());
    everwire.kill();
}

#[test]
fn a_line_comes_back_from_the_echo_server_which_speaks_sessions_too() {
    let mut echo = Everwire::start(&["echo", "--listen", "127.0.0.1:0"]);
    let banner = echo.out.until("listening on");
    let url = banner.split_whitespace().find(|word| word.starts_with("ws://")).expect("its address").to_owned();
    let mut client = Everwire::start(&["connect", &url]);
    client.say("hello there");
    client.out.until("hello there");
    assert_eq!(client.finish(), 0, "{:?}", client.err.seen);
    let mut doctor = Everwire::start(&["doctor", &url]);
    let session = doctor.out.until("everwire.v1");
    assert!(session.starts_with("ok"), "{session}");
    assert_eq!(doctor.finish(), 0, "{:?}", doctor.out.seen);
    #[cfg(unix)]
    {
        echo.signal("TERM");
        assert_eq!(echo.exit_code(), 0, "{:?}", echo.err.seen);
    }
}
