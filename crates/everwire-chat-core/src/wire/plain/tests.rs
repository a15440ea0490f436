use proptest::prelude::*;

use super::*;
use crate::wire::parse;

fn new_id() -> String {
    "new".into()
}

const NOW: i64 = 1_763_856_000_000;

fn heard(text: &str) -> ParsedPlain {
    parse_plain(text, Speaker { user: None, now: NOW, new_id })
}

/// The only event, as it would be written.
fn only(text: &str) -> String {
    let heard = heard(text);
    assert!(heard.junk.is_empty() && heard.unknown.is_none(), "{text}: {heard:?}");
    assert_eq!(heard.events.len(), 1, "{text}");
    heard.events[0].to_json()
}

const TEXT: &str = r#"{"type":"text","id":"1","userId":"u","userName":"U","text":"hi","timestamp":5,"status":"SENT"}"#;

#[test]
fn half_of_a_surrogate_pair_costs_one_character_and_not_the_message() {
    let cut = TEXT.replace("hi", r"hi \ud83d\ude00 \ud83d");
    assert_eq!(only(&cut), TEXT.replace("hi", "hi \u{1f600} \u{fffd}"));
    let junk = heard(r#"{"type":"text","text":"\ud83d""#).junk;
    assert!(junk[0].reason.starts_with("not JSON"), "{junk:?}");
}

#[test]
fn what_has_no_type_is_what_its_fields_say() {
    assert_eq!(only(r#"{"id":"1","userId":"u","userName":"U","text":"hi","timestamp":5}"#), TEXT);
    assert_eq!(only(r#"{"type":null,"id":"1","userId":"u","userName":"U","text":"hi","timestamp":5}"#), TEXT);
    let typing = r#"{"type":"typing","id":"1","userId":"u","userName":"U","isTyping":true,"timestamp":5}"#;
    assert_eq!(only(r#"{"id":"1","userId":"u","userName":"U","isTyping":true,"timestamp":5}"#), typing);
    for mistakable in
        [r#"{"id":"1","userId":"u","userName":"U","timestamp":5}"#, r#"{"type":7,"text":"hi"}"#, r#"{"text":5}"#]
    {
        assert_eq!(heard(mistakable).junk.len(), 1, "{mistakable}");
    }
}

#[test]
fn a_type_may_be_a_class() {
    for class in ["TextMessage", "com.example.ChatMessage.TextMessage", "ChatMessage$TextMessage"] {
        assert_eq!(only(&TEXT.replacen("\"text\"", &format!("{class:?}"), 1)), TEXT);
    }
    for (class, kind) in [("UserJoined", "user_joined"), ("UserLeft", "user_left")] {
        let notice = format!(r#"{{"type":"x.{class}","id":"1","userId":"u","userName":"U","timestamp":5}}"#);
        assert_eq!(only(&notice), notice.replace(&format!("x.{class}"), kind));
    }
    let typing = r#"{"type":"a.TypingIndicator","id":"1","userId":"u","userName":"U","isTyping":false,"timestamp":5}"#;
    assert_eq!(only(typing), typing.replace("a.TypingIndicator", "typing"));
}

#[test]
fn a_timestamp_may_be_written_in_many_ways_and_absent_it_is_the_servers() {
    for written in ["5", "5.0", "5.9", "\"5\"", "\" 5 \"", "\"5.0\"", "5e0", "0.5e1"] {
        assert_eq!(only(&TEXT.replace(":5,", &format!(":{written},"))), TEXT, "{written}");
    }
    let servers = TEXT.replace(":5,", &format!(":{NOW},"));
    assert_eq!(only(&TEXT.replace("\"timestamp\":5,", "")), servers);
    assert_eq!(only(&TEXT.replace(":5,", ":null,")), servers);
    for written in ["\"yesterday\"", "\"\"", "true", "1e300", "\"inf\"", "\"NaN\"", "[5]"] {
        let wrong = heard(&TEXT.replace(":5,", &format!(":{written},")));
        assert_eq!(wrong.junk[0].reason, "\"timestamp\" is missing or wrong", "{written}");
    }
}

#[test]
fn a_status_and_an_offset_are_not_for_clients_to_say() {
    for status in ["null", "7", "\"sent\"", "{}", "\"READ\""] {
        assert_eq!(only(&TEXT.replace("\"SENT\"}", &format!("{status},\"offset\":\"x\"}}"))), TEXT, "{status}");
    }
}

#[test]
fn ids_may_be_numbers() {
    let numbers = TEXT.replace("\"id\":\"1\"", "\"id\":1").replace("\"u\"", "-7");
    assert_eq!(only(&numbers), TEXT.replace("\"u\"", "\"-7\""));
    assert_eq!(heard(&TEXT.replace("\"id\":\"1\"", "\"id\":1.5")).junk.len(), 1);
    assert_eq!(heard(r#"{"id":17,"text":"hi"}"#).junk[0].id.as_deref(), Some("17"), "it is told which one was wrong");
}

#[test]
fn names_that_are_absent_are_those_that_are_known() {
    let user = User::new("u", "U");
    let known = |text: &str| {
        let heard = parse_plain(text, Speaker { user: Some(&user), now: NOW, new_id });
        assert_eq!((heard.events.len(), heard.junk.len()), (1, 0), "{text}: {heard:?}");
        heard.events[0].to_json()
    };
    for names in ["", r#""userId":null,"userName":null,"#, r#""userId":"","userName":"","#, r#""userId":"u","#] {
        assert_eq!(known(&TEXT.replace(r#""userId":"u","userName":"U","#, names)), TEXT, "{names}");
    }
    assert_eq!(only(&TEXT.replace("\"userName\":\"U\",", "")), TEXT.replace("\"U\"", "\"u\""), "called by the id");
    let batch = heard(r#"[{"type":"user_joined","userId":"u","userName":"U"},{"id":"1","text":"hi","timestamp":5}]"#);
    assert_eq!(batch.events[1].to_json(), TEXT, "what is said in a batch holds in it");
    let nobody = heard(&TEXT.replace("\"userId\":\"u\",", ""));
    assert_eq!(nobody.junk[0].reason, "\"userId\" is missing or wrong");
}

#[test]
fn only_a_text_needs_an_id() {
    let typing = heard(r#"{"userId":"u","isTyping":true}"#);
    assert!(matches!(&typing.events[..], [Event::Typing(typing)] if !typing.id.is_empty()), "{typing:?}");
    assert_eq!(heard(&TEXT.replace("\"id\":\"1\",", "")).junk[0].reason, "\"id\" is missing or wrong");
}

#[test]
fn an_unknown_type_is_ignored_and_named() {
    let unknown = heard(r#"[{"type":"reaction"},{"type":"x"}]"#);
    assert_eq!(unknown, ParsedPlain { unknown: Some("unknown type \"reaction\"".into()), ..ParsedPlain::default() });
    assert!(heard(&format!(r#"{{"type":"{}"}}"#, "\\n".repeat(500))).unknown.unwrap().len() < 200);
}

#[test]
fn ping_pong_and_arrays_are_read_as_ever() {
    assert!(heard("ping").ping);
    assert_eq!(heard("pong"), ParsedPlain::default());
    let batch = heard(&format!("[{TEXT},7,{TEXT}]"));
    assert_eq!((batch.events.len(), batch.junk.len()), (2, 1));
    assert_eq!(heard(&"[".repeat(100_000)).junk.len(), 1);
}

proptest! {
    /// What the strict reader takes, this one takes as well, and it says the same, but for what clients can't say.
    #[test]
    fn what_is_in_the_format_is_read_as_it_stands(id in "[a-z0-9]{1,8}", text in any::<String>(), timestamp in any::<i64>(), is_typing: bool) {
        let user = || ("u".to_owned(), "U".to_owned());
        let (user_id, user_name) = user();
        let line = TextMessage { id: id.clone(), user_id, user_name, text, timestamp, status: WireStatus::Sent, offset: None };
        let (user_id, user_name) = user();
        let typing = Typing { id, user_id, user_name, is_typing, timestamp };
        for event in [Event::Text(line), Event::Typing(typing)] {
            let json = event.to_json();
            prop_assert_eq!(&heard(&json).events, &parse(&json).events);
            prop_assert_eq!(&heard(&json).events, &[event]);
        }
    }

    #[test]
    fn nothing_that_is_said_is_a_crash(text in r#"[\[\]{}:,"a-z0-9.eE+-]{0,40}"#) {
        let _ = heard(&text);
    }
}
