//! Control of the proxy over HTTP.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::command::start;
use super::http::{open, request};
use crate::support::server::{Server, echo};
use crate::support::{Everwire, PATIENCE};

struct Controlled {
    proxy: Everwire,
    address: String,
    control: String,
    _server: Server,
}

impl Controlled {
    fn start() -> Self {
        // A TCP server that sends every byte back.
        let server = Server::start(|mut stream, _| {
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let _ = stream.write_all(&buffer[..read]);
            }
        });
        let (proxy, address) = start(&["--to", &server.address.to_string(), "--control", "127.0.0.1:0"]);
        let control = proxy.out.text();
        let control = control.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { proxy, address, control, _server: server }
    }

    fn ask(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let (status, body) = request(&self.control, method, target, "", body);
        (status, serde_json::from_str(&body).expect(&body))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

fn round_trip(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

#[test]
fn the_status_has_switches_figures_and_open_connections() {
    let controlled = Controlled::start();
    let mut stream = controlled.connect();
    round_trip(&mut stream, b"hello");
    let (status, value) = controlled.ask("GET", "/status", "");
    assert_eq!(status, 200);
    assert_eq!(value["listen"], controlled.address);
    assert_eq!((&value["black-hole"], &value["refuse"], &value["rules"]), (&json!(false), &json!(false), &json!(0)));
    assert_eq!((&value["stats"]["connections"], &value["stats"]["to-server"]), (&json!(1), &json!(5)));
    assert_eq!((&value["open"][0]["connection"], &value["open"][0]["to-client"]), (&json!(1), &json!(5)));
}

#[test]
fn a_cut_resets_and_with_close_ends_in_order() {
    let mut controlled = Controlled::start();
    let mut stream = controlled.connect();
    round_trip(&mut stream, b"hello");
    assert_eq!(controlled.ask("POST", "/cut", ""), (200, json!({"cut": 1})));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut stream = controlled.connect();
    round_trip(&mut stream, b"hello");
    assert_eq!(controlled.ask("POST", "/cut?with=close", "").0, 200);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    controlled.proxy.out.until("control: cut, 1 connections");
}

#[test]
fn a_black_hole_holds_everything_and_lets_it_go() {
    let controlled = Controlled::start();
    let mut stream = controlled.connect();
    round_trip(&mut stream, b"before");
    assert_eq!(controlled.ask("POST", "/blackhole", ""), (200, json!({"black-hole": true})));
    stream.write_all(b"within").unwrap();
    let (_, status) = controlled.ask("GET", "/status", "");
    assert_eq!((&status["black-hole"], &status["stats"]["to-server"]), (&json!(true), &json!(6)));
    assert_eq!(controlled.ask("POST", "/blackhole?on=false", "").0, 200);
    let mut back = [0; 6];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"within");
}

#[test]
fn a_refusal_closes_the_port_and_opens_it_again() {
    let mut controlled = Controlled::start();
    let mut stream = controlled.connect();
    round_trip(&mut stream, b"before");
    assert_eq!(controlled.ask("POST", "/refuse?on=true", ""), (200, json!({"refuse": true})));
    controlled.proxy.out.until("refusing connections");
    assert_eq!(TcpStream::connect(&controlled.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    round_trip(&mut stream, b"lives on");
    controlled.ask("POST", "/refuse?on=false", "");
    controlled.proxy.out.until("listening again");
    round_trip(&mut controlled.connect(), b"after");
}

#[test]
fn another_schedule_can_be_put_and_read_back() {
    let controlled = Controlled::start();
    let toml = "[[rule]]\nfault = \"cut\"\nafter-bytes = 3\ncounted = \"to-server\"\n";
    assert_eq!(controlled.ask("PUT", "/schedule", toml), (200, json!({"rules": 1})));
    let mut stream = controlled.connect();
    stream.write_all(b"abcdef").unwrap();
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let (_, told) = controlled.ask("GET", "/schedule", "");
    assert_eq!(told["rule"][0]["after-bytes"], json!(3));
    let (status, told) = request(&controlled.control, "GET", "/schedule?as=toml", "", "");
    assert!(status == 200 && told.contains("fault = \"cut\""), "{told}");
    assert_eq!(controlled.ask("PUT", "/schedule", r#"{"rules": []}"#), (200, json!({"rules": 0})));
    round_trip(&mut controlled.connect(), b"abcdef");
}

#[test]
fn the_log_has_past_events_and_then_new_ones() {
    let controlled = Controlled::start();
    round_trip(&mut controlled.connect(), b"first");
    let (status, mut log) = open(&controlled.control, "GET", "/log", "", "");
    assert_eq!(status, 200);
    let mut next = |event: &str, connection: u64| {
        let mut line = String::new();
        while !line.contains(&format!("\"event\":\"{event}\",\"connection\":{connection}")) {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before {event} {connection}");
        }
        serde_json::from_str::<Value>(&line).expect(&line)
    };
    next("opened", 1);
    next("closed", 1);
    drop(controlled.connect());
    next("opened", 2);
    let (_, body) = request(&controlled.control, "GET", "/log?follow=false", "", "");
    assert!(body.lines().count() >= 3, "{body}");
}

#[test]
fn an_error_about_a_request_is_json() {
    let controlled = Controlled::start();
    for (method, target, body, expected, part) in [
        ("GET", "/", "", 404, "/blackhole"),
        ("GET", "/cut", "", 405, "POST /cut"),
        ("POST", "/cut?with=scissors", "", 400, "reset"),
        ("POST", "/blackhole?on=perhaps", "", 400, "true"),
        ("POST", "/refuse?on=perhaps", "", 400, "true"),
        ("GET", "/schedule?as=xml", "", 400, "toml"),
        ("GET", "/log?follow=perhaps", "", 400, "follow"),
        ("PUT", "/schedule", "[[rule]]\nfault = \"cat\"", 400, "line 2"),
        ("PUT", "/schedule", "{\"rules\": 5}", 400, "line 1"),
    ] {
        let (status, value) = controlled.ask(method, target, body);
        assert_eq!(status, expected, "{method} {target}: {value}");
        assert!(value["error"].as_str().unwrap().contains(part), "{method} {target}: {value}");
    }
    let large = "#".repeat((1 << 20) + 1);
    assert_eq!(request(&controlled.control, "PUT", "/schedule", "", &large).0, 413);
    let (status, body) = request(&controlled.control, "POST", "/cut", "Origin: https://example.org\r\n", "");
    assert!(status == 403 && body.contains("browser"), "{body}");
}

#[cfg(unix)]
#[test]
fn the_end_of_the_proxy_ends_a_log_that_is_being_followed() {
    let mut controlled = Controlled::start();
    let (_, mut log) = open(&controlled.control, "GET", "/log", "", "");
    controlled.proxy.signal("INT");
    let mut rest = String::new();
    let _ = log.read_to_string(&mut rest);
    assert_eq!(controlled.proxy.exit_code(), 0);
}

#[test]
fn a_websocket_client_comes_through_cuts_by_hand_without_a_loss() {
    let server = Server::start(echo);
    let (proxy, address) = start(&["--to", &server.address.to_string(), "--control", "127.0.0.1:0"]);
    let told = proxy.out.text();
    let control = told.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let url = format!("ws://{address}/");
    // A line that meets a cut is sent again.
    let mut client = Everwire::start(&["connect", &url, "--initial-delay", "10ms", "--guarantee", "at-least-once"]);
    for round in 0..5 {
        client.say(&format!("round {round}"));
        client.out.until(&format!("round {round}"));
        assert_eq!(request(control, "POST", "/cut", "", "").0, 200);
    }
    client.say("last");
    client.out.until("last");
    assert_eq!(client.finish(), 0);
}
