//! JSON as the formats of Everwire are read and written: borrowed from its text where nothing in it is escaped, numbers as they
//! are written. A page carries it, so it knows neither fractions nor all that a type may want.

use std::borrow::Cow;
use std::fmt;

use hifijson::SliceLexer;
use hifijson::token::Lex;
use hifijson::value::{Value, parse_bounded};

/// A value.
pub type Json<'a> = Value<&'a str, Cow<'a, str>>;

/// An object's fields.
#[derive(Clone, Copy, Debug)]
pub struct Object<'j>(&'j [(Cow<'j, str>, Json<'j>)]);

/// An object that is being written, field by field. Names are written as they are: without quotes, backslashes and control
/// characters.
#[derive(Debug)]
pub struct Writer(String);

/// It is no JSON: what stands before this byte makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(usize);

/// The field of this name is missing, or not of the type that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong(pub &'static str);

/// Values in each other at most.
const DEPTH: usize = 128;

/// Reads a text.
///
/// # Errors
/// If it is no JSON.
pub fn read(text: &str) -> Result<Json<'_>, Malformed> {
    let mut lexer = SliceLexer::new(text.as_bytes());
    let read = lexer.exactly_one(Lex::ws_peek, |next, lexer| parse_bounded(DEPTH, next, lexer));
    read.map_err(|_| Malformed(text.len() - lexer.as_slice().len()))
}

impl<'j> Object<'j> {
    /// The fields of a value, if it is an object.
    #[must_use]
    pub fn of(json: &'j Json<'_>) -> Option<Self> {
        match json {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// The value of this name. Of several the last.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'j Json<'j>> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A text.
    ///
    /// # Errors
    /// If there is none.
    pub fn text(self, name: &'static str) -> Result<&'j str, Wrong> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Wrong(name)),
        }
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// If there is none.
    pub fn number(self, name: &'static str) -> Result<u64, Wrong> {
        self.digits(name)?.parse().map_err(|_| Wrong(name))
    }

    /// A whole number from 0, unless it is absent.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number_or(self, name: &'static str, absent: u64) -> Result<u64, Wrong> {
        self.get(name).map_or(Ok(absent), |_| self.number(name))
    }

    /// A whole number.
    ///
    /// # Errors
    /// If there is none.
    pub fn integer(self, name: &'static str) -> Result<i64, Wrong> {
        // A zero below zero is for fractions only.
        let digits = Some(self.digits(name)?).filter(|digits| *digits != "-0");
        digits.and_then(|digits| digits.parse().ok()).ok_or(Wrong(name))
    }

    /// A number as it is written, which is a fraction or too large if it is none for Rust.
    fn digits(self, name: &'static str) -> Result<&'j str, Wrong> {
        match self.get(name) {
            Some(Value::Number((digits, _))) => Ok(digits),
            _ => Err(Wrong(name)),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If there is neither.
    pub fn bool(self, name: &'static str) -> Result<bool, Wrong> {
        match self.get(name) {
            Some(Value::Bool(bool)) => Ok(*bool),
            _ => Err(Wrong(name)),
        }
    }

    /// Yes or no, unless it is absent.
    ///
    /// # Errors
    /// If it is something else.
    pub fn bool_or(self, name: &'static str, absent: bool) -> Result<bool, Wrong> {
        self.get(name).map_or(Ok(absent), |_| self.bool(name))
    }

    /// An object.
    ///
    /// # Errors
    /// If there is none.
    pub fn object(self, name: &'static str) -> Result<Self, Wrong> {
        self.get(name).and_then(Self::of).ok_or(Wrong(name))
    }

    /// The result of `read`, unless the value is absent or `null`.
    ///
    /// # Errors
    /// If `read` finds something wrong.
    pub fn optional<T>(
        self,
        name: &'static str,
        read: impl FnOnce(Self, &'static str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Wrong> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => read(self, name).map(Some),
        }
    }

    /// The results of `read` for each object in an array.
    ///
    /// # Errors
    /// If there is no array, or something else in it; and what `read` finds.
    pub fn objects<T>(self, name: &'static str, read: impl Fn(Self) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
        let Some(Value::Array(items)) = self.get(name) else { return Err(Wrong(name)) };
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            all.push(read(Self::of(item).ok_or(Wrong(name))?)?);
        }
        Ok(all)
    }
}

impl Writer {
    /// An object without fields.
    #[must_use]
    pub fn object() -> Self {
        Self("{".to_owned())
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        push_text(&mut self.0, text);
    }

    /// Adds a whole number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.json(name, &number.to_string());
    }

    /// Adds `true` or `false`.
    pub fn bool(&mut self, name: &str, bool: bool) {
        self.json(name, if bool { "true" } else { "false" });
    }

    /// Adds a value that is JSON already.
    pub fn json(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    /// Adds an array of values that are JSON already.
    pub fn array(&mut self, name: &str, items: impl Iterator<Item = String>) {
        self.name(name);
        self.0.push('[');
        let start = self.0.len();
        for item in items {
            if self.0.len() > start {
                self.0.push(',');
            }
            self.0.push_str(&item);
        }
        self.0.push(']');
    }

    /// The object's text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        self.0.push_str(if self.0.len() > 1 { ",\"" } else { "\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

fn push_text(json: &mut String, mut text: &str) {
    json.push('"');
    while let Some(at) = text.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, rest) = text.split_at(at);
        json.push_str(plain);
        let mut rest = rest.chars();
        match rest.next() {
            Some('\n') => json.push_str("\\n"),
            Some(letter @ ('"' | '\\')) => json.extend(['\\', letter]),
            control => {
                let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
                let control = control.map_or(0, u32::from);
                json.push_str("\\u00");
                json.extend([digit(control >> 4), digit(control & 15)]);
            }
        }
        text = rest.as_str();
    }
    json.push_str(text);
    json.push('"');
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON, at byte {}", self.0)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is missing or wrong", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DEPTH, Object, Writer, Wrong, read};

    /// What our formats take of a value, beside what serde_json takes of it.
    fn check(text: &str) {
        let wrapped = format!("{{\"x\":{text}}}");
        let theirs = serde_json::from_str::<serde_json::Value>(&wrapped);
        let ours = read(&wrapped);
        let (ours, theirs) = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => (Object::of(ours).expect("an object"), &theirs["x"]),
            // How large a fraction may be is nothing to us.
            (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => return,
            _ => return assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}: {ours:?}, {theirs:?}"),
        };
        assert_eq!(ours.text("x").ok(), theirs.as_str(), "{text:?}");
        assert_eq!(ours.number("x").ok(), theirs.as_u64(), "{text:?}");
        assert_eq!(ours.integer("x").ok(), theirs.as_i64(), "{text:?}");
        assert_eq!(ours.bool("x").ok(), theirs.as_bool(), "{text:?}");
        assert_eq!(ours.object("x").is_ok(), theirs.is_object(), "{text:?}");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_others_read(
            text in r#"([\[\]{}:, 0-9.eE+-]|"|\\|\\u|d[89a-f]|[a-f0-9]{4}|true|null|\\[bfnrt/"u\\x]|[ -~]|é|😀|\x00){0,12}"#,
            number in prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<u64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| n.to_string())],
        ) {
            for text in [text.clone(), format!("\"{text}\""), format!("[{text}]"), number] {
                check(&text);
            }
        }
    }

    #[test]
    fn escapes_and_numbers_are_read_as_other_readers_read_them() {
        for text in [
            r#""\u0041\ud83d\ude00\/\b\f\n\r\t\"\\""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\u+041""#,
            r#""\u00e""#,
            "\"\u{7f}\"",
            "\"a\u{1f}\"",
            "-0",
            "0",
            "00",
            "01",
            "-01",
            "-",
            "1.",
            ".5",
            "1.5",
            "1.e5",
            "1e5",
            "1E-5",
            "1e+",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "[1,]",
            "[,]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            "{1:2}",
            "[1 2]",
            "[1}",
            "1 2",
            "nul",
            "nulls",
            "",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_others_read(text in r#"([\x00-\x1f"\\/ -~]|\x7f|é|😀|\u{2028}){0,12}"#, number: u64, bool: bool) {
            let mut inner = Writer::object();
            inner.text("t", &text);
            let inner = inner.end();
            let mut outer = Writer::object();
            outer.number("n", number);
            outer.bool("b", bool);
            outer.json("o", &inner);
            outer.array("a", [inner.clone(), inner.clone()].into_iter());
            outer.array("e", std::iter::empty());
            let theirs: serde_json::Value = serde_json::from_str(&outer.end()).expect("JSON");
            let object = serde_json::json!({"t": text});
            prop_assert_eq!(theirs, serde_json::json!({"n": number, "b": bool, "o": object, "a": [object, object], "e": []}));
        }
    }

    #[test]
    fn of_fields_of_one_name_the_last_counts() {
        let json = read(r#"{"a":1,"b":true,"a":2}"#).expect("JSON");
        let fields = Object::of(&json).expect("an object");
        assert_eq!((fields.number("a"), fields.number("c")), (Ok(2), Err(Wrong("c"))));
    }

    #[test]
    fn nested_beyond_reason_is_refused() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(DEPTH)).is_ok() && read(&nested(DEPTH + 1)).is_err());
        assert!(read(&"[".repeat(1_000_000)).is_err());
    }
}
