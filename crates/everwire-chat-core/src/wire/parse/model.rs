//! The same as [`parse`] should find, told more simply: by way of a tree and the types' own derived reading.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::{Event, Parsed, Unrecognized, lone, parse};

/// The reasons are left empty: they may be said in other words.
fn model(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    match text {
        "ping" => parsed.ping = true,
        "pong" => {}
        _ => match serde_json::from_str(&lone::mended(text).unwrap_or_else(|| text.to_owned())) {
            Ok(Value::Array(items)) => items.iter().for_each(|item| read(&mut parsed, item)),
            Ok(item) => read(&mut parsed, &item),
            Err(_) => parsed.junk.push(Unrecognized { id: None, reason: String::new() }),
        },
    }
    parsed
}

fn read(parsed: &mut Parsed, item: &Value) {
    let kind = item.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| !TYPES.contains(&kind)) {
        parsed.unknown += 1;
    } else if let (Some(_), Ok(event)) = (kind, Event::deserialize(item)) {
        parsed.events.push(event);
    } else {
        let id = item.get("id").and_then(Value::as_str).map(str::to_owned);
        parsed.junk.push(Unrecognized { id, reason: String::new() });
    }
}

fn parsed_without_reasons(text: &str) -> Parsed {
    let mut parsed = parse(text);
    for junk in &mut parsed.junk {
        assert_ne!(std::mem::take(&mut junk.reason), "", "{text}");
    }
    parsed
}

const TYPES: [&str; 16] = [
    "text",
    "typing",
    "user_joined",
    "user_left",
    "sync",
    "stored",
    "rejected",
    "receipt",
    "earlier",
    "history",
    "status",
    "presence",
    "error",
    "token_due",
    "token",
    "read_position",
];

const TEXTS: [&str; 9] = ["id", "userId", "userName", "text", "room", "epoch", "reason", "code", "token"];
const NUMBERS: [&str; 8] = ["timestamp", "offset", "delivered", "read", "unread", "before", "limit", "seconds"];
const BOOLS: [&str; 4] = ["isTyping", "earlier", "away", "more"];

/// Any value but two: texts in front of a list, and a state as the only name in an object, from which derived types would be
/// read as well. They are no part of the format.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any_text(),
        any_number(),
        any::<bool>().prop_map(|bool| bool.to_string()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| list([vec!["[]".to_owned()], items].concat())),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|fields| object(fields.into_iter().chain([("\"x\"".into(), "1".into())]))),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        4 => Just(r#""\u0041\ud83d\ude00\/\n\"\\""#.to_owned()),
        // Half of a pair.
        1 => Just(r#""\ud800""#.to_owned()),
    ]
}

fn any_number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<u64>().prop_map(|number| number.to_string()),
        4 => any::<i64>().prop_map(|number| number.to_string()),
        1 => (-50.0..50.0_f64).prop_map(|number| format!("{number:e}")),
        1 => prop::sample::select(vec!["-0", "18446744073709551616", "-9223372036854775809", "1.0", "01", "1.", "-", "+1"])
            .prop_map(str::to_owned),
    ]
}

/// Mostly of all fields that any type has, most of them as they should be.
fn any_event() -> impl Strategy<Value = String> {
    any_object(prop::collection::vec(any_object(Just("[]".to_owned())), 0..3).prop_map(list))
}

fn any_object(nested: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    let field = |names: &'static [&'static str], value: BoxedStrategy<String>| {
        let field = |name: &'static str| {
            let name = Just(format!("\"{name}\""));
            prop_oneof![
                30 => (name.clone(), value.clone()).prop_map(Some),
                1 => (name, any_value()).prop_map(Some),
                1 => Just(None),
            ]
        };
        names.iter().copied().map(field).collect::<Vec<_>>()
    };
    let types =
        prop::sample::select([&TYPES[..], &["reaction", "Text"]].concat()).prop_map(|name| format!("\"{name}\""));
    let states = prop::sample::select(vec!["SENDING", "SENT", "DELIVERED", "READ", "FAILED", "EDITED", "sent"]);
    let numbers = prop_oneof![20 => (0..u64::from(u32::MAX)).prop_map(|number| number.to_string()), 1 => any_number()];
    let known = (
        field(&["type"], types.boxed()),
        field(&TEXTS, any_text().boxed()),
        field(&NUMBERS, numbers.boxed()),
        field(&BOOLS, any::<bool>().prop_map(|bool| bool.to_string()).boxed()),
        field(&["status"], states.prop_map(|name| format!("\"{name}\"")).boxed()),
        field(&["users", "messages"], nested.boxed()),
        prop::collection::vec((any_text(), any_value()), 0..3),
    );
    known.prop_map(|(kind, texts, numbers, bools, state, nested, unknown)| {
        let known = [texts, kind, numbers, bools, state, nested].concat().into_iter().flatten();
        object(known.chain(unknown))
    })
}

fn object(fields: impl IntoIterator<Item = (String, String)>) -> String {
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("{name} :{value}")).collect();
    format!("{{ {}}}", fields.join(","))
}

fn list(items: Vec<String>) -> String {
    format!("[{}\n]", items.join(", "))
}

proptest! {
    #[test]
    fn an_event_is_read_as_by_its_derived_types(text in any_event()) {
        prop_assert_eq!(parsed_without_reasons(&text), model(&text));
    }

    #[test]
    fn so_is_a_batch(items in prop::collection::vec(prop_oneof![4 => any_event(), 1 => any_value()], 0..5)) {
        let text = list(items);
        prop_assert_eq!(parsed_without_reasons(&text), model(&text));
    }

    #[test]
    fn so_is_what_was_cut_or_changed_on_its_way(text in any_event(), at in any::<prop::sample::Index>(), other in any::<Option<char>>()) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        match other {
            Some(other) => characters[at] = other,
            None => characters.truncate(at),
        }
        let text: String = characters.into_iter().collect();
        prop_assert_eq!(parsed_without_reasons(&text), model(&text));
    }
}
