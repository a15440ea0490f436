//! `docs/calls-vectors.json`, replayed.

use std::time::Duration;

use everwire_calls::{Config, Failure, Frame, Message, Output, Request, Role};
use serde_json::{Value, json};

use crate::support::End;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/calls-vectors.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect("JSON")
}

fn as_json(frame: &Frame) -> Value {
    let text = |payload: &Message| payload.as_text().unwrap().to_owned();
    match frame {
        Frame::Hello(body) => json!({"hello": body}),
        Frame::Answer(body) => json!({"answer": body}),
        Frame::Call(call) => json!({
            "call": call.id, "kind": call.kind, "name": call.name, "deadline": call.deadline, "key": call.key,
            "traceparent": call.traceparent, "window": call.window, "payload": text(&call.payload),
        }),
        Frame::Reply(id, reply) => json!({"reply": id, "payload": text(reply)}),
        Frame::Error(id, failure) => json!({"error": id, "failure": failure}),
        Frame::Cancel(id) => json!({"cancel": id}),
        Frame::Item(id, number, item) => json!({"item": id, "number": number, "payload": text(item)}),
        Frame::Items(id, first, items) => {
            json!({"items": id, "number": first, "payloads": items.iter().map(text).collect::<Vec<_>>()})
        }
        Frame::Processed(id, number) => json!({"processed": id, "number": number}),
        Frame::End(id, items) => json!({"end": id, "items": items}),
        Frame::Forget(id) => json!({"forget": id}),
        Frame::Breach(body) => json!({"breach": body}),
        Frame::Plain(message) => json!({"plain": text(message)}),
    }
}

/// [C-1], [C-3]
#[test]
fn every_frame_is_read_as_the_vectors_say_and_written_so_that_it_is_read_the_same() {
    for vector in vectors()["frames"].as_array().unwrap() {
        let wire = vector["wire"].as_str().unwrap();
        let frame = Frame::parse(wire.into()).unwrap_or_else(|error| panic!("{wire}: {error}"));
        assert_eq!(as_json(&frame), vector["frame"], "{wire}");
        assert_eq!(Frame::parse(frame.to_message()), Ok(frame), "{wire}");
    }
}

/// [C-3], [C-4]
#[test]
fn what_is_no_frame_is_refused() {
    for wire in vectors()["not_frames"].as_array().unwrap() {
        let wire = wire.as_str().unwrap();
        assert!(Frame::parse(wire.into()).is_err(), "{wire}");
    }
}

#[test]
fn every_rule_that_the_vectors_name_exists() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/calls.md");
    let text = std::fs::read_to_string(path).expect(path);
    for conversation in vectors()["conversations"].as_array().unwrap() {
        for rule in conversation["rules"].as_array().unwrap() {
            assert!(text.contains(&format!("**[{}]**", rule.as_str().unwrap())), "{rule}");
        }
    }
}

#[test]
fn every_rule_of_the_document_has_a_test_that_names_it() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let document = std::fs::read_to_string(format!("{root}/docs/calls.md")).unwrap();
    let mut tests = String::new();
    for folder in ["crates/everwire-calls/tests/rules", "crates/everwire-server/tests/calls"] {
        for file in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            tests += &std::fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    let rules: Vec<_> = document.split("- **[C-").skip(1).filter_map(|text| text.split_once(']')).collect();
    assert_eq!(rules.len(), 22);
    for (number, _) in rules {
        assert!(tests.contains(&format!("[C-{number}]")), "no test names C-{number}");
    }
}

/// The server's, where a conversation says them.
fn limits(of: &Value) -> Config {
    let mut config = Config::default();
    let limit = |name: &str, default: usize| of[name].as_u64().map_or(default, |limit| limit.try_into().unwrap());
    config.max_running_bytes = limit("max_running_bytes", config.max_running_bytes);
    config.window_bytes = limit("window_bytes", config.window_bytes);
    config.max_kept_bytes = limit("max_kept_bytes", config.max_kept_bytes);
    config
}

/// The conversations are those of a server, whose peer is the script. Its own instance is written as `*`.
#[test]
fn a_server_takes_every_conversation_as_the_vectors_say() {
    for conversation in vectors()["conversations"].as_array().unwrap() {
        let name = conversation["name"].as_str().unwrap();
        let mut server = End::with(Role::Server, limits(&conversation["limits"]));
        for step in conversation["steps"].as_array().unwrap() {
            let (what, value) = step.as_object().unwrap().iter().next().unwrap();
            let parts = || (value[0].as_u64().unwrap(), value[1].as_str().unwrap());
            match what.as_str() {
                "client" => server.hear(value.as_str().unwrap()),
                "server" => {
                    let said = if server.said.is_empty() { String::new() } else { server.said.remove(0) };
                    assert_eq!(without_instance(&said), value.as_str().unwrap(), "{name}");
                }
                "reply" => server.reply(parts().0, parts().1),
                "item" => {
                    server.endpoint.item(parts().0, parts().1.into()).unwrap();
                    server.collect();
                }
                "waits" => assert!(!server.endpoint.may_send(value.as_u64().unwrap()), "{name}"),
                "items" => {
                    let items = value.as_array().unwrap()[1..].iter().map(|item| item.as_str().unwrap().into());
                    server.endpoint.items(value[0].as_u64().unwrap(), &mut items.collect());
                    server.collect();
                }
                "end" => {
                    server.endpoint.end(value.as_u64().unwrap(), Ok(()));
                    server.collect();
                }
                "fail" => {
                    server.endpoint.reply(parts().0, Err(&Failure::new(parts().1, "")));
                    server.collect();
                }
                "wait" => server.wait(Duration::from_millis(value.as_u64().unwrap())),
                "starts" => {
                    let at =
                        server.told.iter().position(|told| matches!(told, Output::Start(call) if call.id == parts().0));
                    let Output::Start(call) = server.told.remove(at.unwrap()) else { panic!("{name}") };
                    assert_eq!(call.name, parts().1, "{name}");
                }
                "drops" => {
                    let id = value.as_u64().unwrap();
                    let at =
                        server.told.iter().position(|told| matches!(told, Output::Drop(dropped, _) if *dropped == id));
                    server.told.remove(at.unwrap_or_else(|| panic!("{name}: {:?}", server.told)));
                }
                other => panic!("{name}: what is {other}?"),
            }
        }
        assert_eq!(server.said, [""; 0], "{name}");
        let unforeseen = server.told.iter().find(|told| matches!(told, Output::Start(_) | Output::Drop(..)));
        assert_eq!(unforeseen, None, "{name}");
    }
}

#[test]
fn a_call_of_a_client_is_written_as_the_vectors_say() {
    let mut client = End::new(Role::Client);
    let mut request = Request::stream("tokens", "a prompt");
    (request.key, request.window) = (Some("k".into()), Some(8));
    let id = client.open(request);
    assert_eq!(client.said, [format!("@s{id} tokens window=8 key=k\na prompt")]);
}

fn without_instance(wire: &str) -> String {
    match wire.split_once(r#""instance":""#) {
        Some((before, rest)) => format!(r#"{before}"instance":"*{}"#, &rest[rest.find('"').unwrap()..]),
        None => wire.to_owned(),
    }
}
