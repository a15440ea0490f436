use super::*;
use crate::wire::Position;

#[test]
fn a_text_of_the_plain_format_is_read_and_an_absent_status_means_sent() {
    let parsed = parse(r#"{"type":"text","id":"1","userId":"u","userName":"U","text":"hi","timestamp":5,"x":[1]}"#);
    let message = TextMessage {
        id: "1".into(),
        user_id: "u".into(),
        user_name: "U".into(),
        text: "hi".into(),
        timestamp: 5,
        status: WireStatus::Sent,
        offset: None,
    };
    assert_eq!(parsed.events, [Event::Text(message)]);
}

#[test]
fn half_of_a_surrogate_pair_costs_one_character_and_not_the_message() {
    let cut = r#"{"type":"text","id":"1","userId":"u","userName":"U","text":"hi \ud83d\ude00 \ud83d","timestamp":5}"#;
    for batch in [cut.to_owned(), format!("[{cut}]")] {
        let parsed = parse(&batch);
        assert!(parsed.junk.is_empty(), "{parsed:?}");
        assert!(
            matches!(&parsed.events[..], [Event::Text(line)] if line.text == "hi \u{1f600} \u{fffd}"),
            "{parsed:?}"
        );
    }
}

#[test]
fn every_plain_event_is_written_with_exactly_the_plain_fields() {
    let notice = || Notice { id: "1".into(), user_id: "u".into(), user_name: "U".into(), timestamp: 5 };
    assert_eq!(
        Event::UserJoined(notice()).to_json(),
        r#"{"type":"user_joined","id":"1","userId":"u","userName":"U","timestamp":5}"#
    );
    assert!(Event::UserLeft(notice()).to_json().starts_with(r#"{"type":"user_left","#));
    let typing = Typing { id: "1".into(), user_id: "u".into(), user_name: "U".into(), is_typing: true, timestamp: 5 };
    assert_eq!(
        Event::Typing(typing).to_json(),
        r#"{"type":"typing","id":"1","userId":"u","userName":"U","isTyping":true,"timestamp":5}"#
    );
    let text = r#"{"type":"text","id":"1","userId":"u","userName":"U","text":"hi","timestamp":5,"status":"READ"}"#;
    assert_eq!(parse(text).events[0].to_json(), text);
}

#[test]
fn every_event_is_read_as_it_was_written() {
    for text in [
        r#"{"type":"sync","room":"r","epoch":"e","offset":7,"earlier":true,"users":[{"userId":"u","userName":"U"}]}"#,
        r#"{"type":"sync","room":"r","epoch":"e","offset":7,"earlier":true,"users":[],"read":3,"unread":4}"#,
        r#"{"type":"read_position","offset":9}"#,
        r#"{"type":"stored","id":"1","offset":9}"#,
        r#"{"type":"rejected","id":"1","reason":"too long"}"#,
        r#"{"type":"rejected","id":"1","reason":"too long","code":"text_too_long"}"#,
        r#"{"type":"receipt","delivered":9,"read":7}"#,
        r#"{"type":"earlier","before":51}"#,
        r#"{"type":"earlier","before":51,"limit":7}"#,
        r#"{"type":"history","before":2,"messages":[{"id":"1","userId":"u","userName":"U","text":"t","timestamp":5,"status":"SENT","offset":1}],"more":false}"#,
        r#"{"type":"status","id":"1","status":"DELIVERED"}"#,
        r#"{"type":"presence","userId":"u","userName":"U","away":true}"#,
        r#"{"type":"sync","room":"r","epoch":"e","offset":0,"earlier":false,"users":[{"userId":"u","userName":"U","away":true}]}"#,
        r#"{"type":"error","reason":"not JSON"}"#,
        r#"{"type":"error","reason":"not JSON","code":"malformed"}"#,
    ] {
        assert_eq!(parse(text).events[0].to_json(), text);
    }
}

#[test]
fn unknown_types_and_statuses_are_ignored_and_broken_objects_are_junk() {
    assert_eq!(parse(r#"{"type":"reaction","emoji":"+1"}"#), Parsed { unknown: 1, ..Parsed::default() });
    let later = r#"{"type":"text","id":"1","userId":"u","userName":"U","text":"hi","timestamp":5,"status":"EDITED"}"#;
    assert_eq!(parse(later).events.len(), 1);
    for junk in ["", "hello", "7", "{}", r#"{"type":"text","id":"9"}"#, r#"{"type":5}"#, "[1]", "\"ping\""] {
        let parsed = parse(junk);
        assert_eq!((parsed.events.len(), parsed.junk.len()), (0, 1), "{junk}");
    }
    assert_eq!(parse(r#"{"type":"text","id":"9"}"#).junk[0].id.as_deref(), Some("9"));
}

#[test]
fn ping_and_pong_are_bare_words() {
    assert!(parse("ping").ping);
    assert_eq!(parse("pong"), Parsed::default());
}

#[test]
fn r14_an_array_is_a_batch_in_order() {
    let one = |id| format!(r#"{{"type":"user_left","id":"{id}","userId":"u","userName":"U","timestamp":5}}"#);
    let parsed = parse(&format!(r#"[{},{{"type":"new"}},{}, 3]"#, one("a"), one("b")));
    let ids = parsed.events.iter().map(|event| match event {
        Event::UserLeft(notice) => notice.id.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((parsed.unknown, parsed.junk.len()), (1, 1));
}

#[test]
fn nested_beyond_reason_is_junk_not_a_crash() {
    assert_eq!(parse(&"[".repeat(100_000)).junk.len(), 1);
}

#[test]
fn a_position_is_read_as_it_is_written() {
    let position = Position { epoch: "a:b".into(), offset: 12 };
    assert_eq!(position.to_string().parse(), Ok(position));
    assert!("12".parse::<Position>().is_err() && "a:x".parse::<Position>().is_err());
}
