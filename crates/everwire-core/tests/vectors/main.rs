//! `docs/protocol-vectors.json`, replayed as either end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod client;
mod server;

use everwire_core::{Message, session::Frame};
use serde_json::{Value, json};

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol-vectors.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect("JSON")
}

fn conversations() -> Vec<Value> {
    let vectors = vectors();
    vectors["conversations"].as_array().expect("conversations").clone()
}

/// A frame as an end has sent it or should have: JSON bodies are compared by their meaning.
#[derive(Debug, PartialEq)]
enum Sent {
    Plain(String),
    Json(char, Value),
}

fn sent(frame: &str) -> Sent {
    match (frame.chars().next(), frame.get(1..).and_then(|body| serde_json::from_str(body).ok())) {
        (Some(letter @ ('h' | 'w' | 'g' | 'b')), Some(body)) => Sent::Json(letter, body),
        _ => Sent::Plain(frame.to_owned()),
    }
}

fn as_json(frame: &Frame) -> Value {
    let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    let body = || match sent(frame.to_message().as_text().expect("a text")) {
        Sent::Json(_, body) => body,
        Sent::Plain(text) => panic!("no JSON in {text}"),
    };
    match frame {
        Frame::Reliable(seq, payload) => json!({"reliable": seq, "payload": text(payload.payload())}),
        Frame::Volatile(payload) => json!({"volatile": true, "payload": text(payload.payload())}),
        Frame::Ack(seq) => json!({"ack": seq}),
        Frame::Ping(nonce) => json!({"ping": text(nonce)}),
        Frame::Pong(nonce) => json!({"pong": text(nonce)}),
        Frame::Hello(_) => json!({"hello": body()}),
        Frame::Welcome(_) => json!({"welcome": body()}),
        Frame::GoAway(_) => json!({"go_away": body()}),
        Frame::Bye(_) => json!({"bye": body()}),
    }
}

#[test]
fn every_frame_is_read_as_the_vectors_say_and_written_so_that_it_is_read_the_same() {
    for vector in vectors()["frames"].as_array().unwrap() {
        let wire = vector["wire"].as_str().unwrap();
        let frame = Frame::parse(Message::text(wire.to_owned())).unwrap_or_else(|error| panic!("{wire}: {error}"));
        assert_eq!(as_json(&frame), vector["frame"], "{wire}");
        assert_eq!(Frame::parse(frame.to_message()), Ok(frame), "{wire}");
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    for wire in vectors()["not_frames"].as_array().unwrap() {
        let wire = wire.as_str().unwrap();
        assert!(Frame::parse(Message::text(wire.to_owned())).is_err(), "{wire}");
    }
}

#[test]
fn every_rule_that_a_conversation_names_exists() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
    let text = std::fs::read_to_string(path).expect(path);
    for conversation in conversations() {
        for rule in conversation["rules"].as_array().unwrap() {
            assert!(text.contains(&format!("**[{}]**", rule.as_str().unwrap())), "{rule}");
        }
    }
}
