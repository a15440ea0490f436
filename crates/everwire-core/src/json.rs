//! JSON as the formats of Everwire are read: whatever else is in it, in one pass, and borrowed from its text where nothing
//! in it is escaped. Written by hand because a page carries it: with a general reader, which must know what a fraction is and
//! what any type may want, the page is 5 KB larger.

use std::borrow::Cow;
use std::fmt;

/// A value.
#[derive(Debug)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0.
    Number(u64),
    /// A whole number below 0.
    Negative(i64),
    /// A number with a fraction, an exponent, or beyond 64 bits: none of our formats has such.
    Fraction,
    /// A text.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// An object's fields.
#[derive(Debug)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// It is no JSON: what stands at this byte makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(usize);

/// The field of this name is missing, or not of the type that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong(pub &'static str);

/// Lists and objects in each other at most.
const DEPTH: usize = 127;

impl<'a> Json<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value()?;
        reader.skip_space();
        if reader.at < text.len() { Err(reader.malformed()) } else { Ok(value) }
    }

    /// An object's fields.
    #[must_use]
    pub fn object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl<'a> Object<'a> {
    /// The value of this name. Of several the last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A text.
    ///
    /// # Errors
    /// If there is none.
    pub fn text(&self, name: &'static str) -> Result<&str, Wrong> {
        match self.get(name) {
            Some(Json::Text(text)) => Ok(text),
            _ => Err(Wrong(name)),
        }
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// If there is none.
    pub fn number(&self, name: &'static str) -> Result<u64, Wrong> {
        match self.get(name) {
            Some(Json::Number(number)) => Ok(*number),
            _ => Err(Wrong(name)),
        }
    }

    /// A whole number from 0, unless it is absent.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number_or(&self, name: &'static str, absent: u64) -> Result<u64, Wrong> {
        self.get(name).map_or(Ok(absent), |_| self.number(name))
    }

    /// A whole number.
    ///
    /// # Errors
    /// If there is none.
    pub fn integer(&self, name: &'static str) -> Result<i64, Wrong> {
        match self.get(name) {
            Some(Json::Number(number)) => i64::try_from(*number).map_err(|_| Wrong(name)),
            Some(Json::Negative(number)) => Ok(*number),
            _ => Err(Wrong(name)),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If there is neither.
    pub fn bool(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.get(name) {
            Some(Json::Bool(bool)) => Ok(*bool),
            _ => Err(Wrong(name)),
        }
    }

    /// Yes or no, unless it is absent.
    ///
    /// # Errors
    /// If it is something else.
    pub fn bool_or(&self, name: &'static str, absent: bool) -> Result<bool, Wrong> {
        self.get(name).map_or(Ok(absent), |_| self.bool(name))
    }

    /// An object.
    ///
    /// # Errors
    /// If there is none.
    pub fn object(&self, name: &'static str) -> Result<&Object<'a>, Wrong> {
        self.get(name).and_then(Json::object).ok_or(Wrong(name))
    }

    /// What `read` makes of each object in an array.
    ///
    /// # Errors
    /// If there is no array, or something else in it; and what `read` finds.
    pub fn objects<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Object<'a>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let Some(Json::List(items)) = self.get(name) else { return Err(Wrong(name)) };
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            all.push(read(item.object().ok_or(Wrong(name))?)?);
        }
        Ok(all)
    }
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

/// Reads a text from its beginning.
struct Reader<'a> {
    text: &'a str,
    /// The next byte: at the beginning of a character, always.
    at: usize,
    /// How many lists and objects it is in.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Json<'a>, Malformed> {
        self.skip_space();
        match self.peek().ok_or(self.malformed())? {
            b'"' => Ok(Json::Text(self.string()?)),
            b'[' => {
                let mut list = Vec::new();
                self.items(b']', |reader| {
                    list.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Json::List(list))
            }
            b'{' => {
                let mut object = Vec::new();
                self.items(b'}', |reader| {
                    let name = reader.string()?;
                    reader.skip_space();
                    reader.expect(":")?;
                    object.push((name, reader.value()?));
                    Ok(())
                })?;
                Ok(Json::Object(Object(object)))
            }
            b't' => self.expect("true").map(|()| Json::Bool(true)),
            b'f' => self.expect("false").map(|()| Json::Bool(false)),
            b'n' => self.expect("null").map(|()| Json::Null),
            _ => self.number(),
        }
    }

    /// What stands between brackets: each item as `read` does it.
    fn items(&mut self, end: u8, mut read: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.malformed());
        }
        self.skip_space();
        if self.peek() != Some(end) {
            loop {
                self.skip_space();
                read(self)?;
                self.skip_space();
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
            }
        }
        self.depth -= 1;
        if self.peek() != Some(end) {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.expect("\"")?;
        let mut whole = Cow::Borrowed("");
        loop {
            let plain = plain(&self.text.as_bytes()[self.at..]);
            // Moves what there is so far only if something was escaped.
            whole += &self.text[self.at..self.at + plain];
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(whole);
                }
                Some(b'\\') => whole.to_mut().push(self.escape()?),
                _ => return Err(self.malformed()),
            }
        }
    }

    /// The character that is written behind a backslash.
    fn escape(&mut self) -> Result<char, Malformed> {
        self.at += 1;
        let byte = self.peek().ok_or(self.malformed())?;
        let character = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.malformed()),
        };
        self.at += 1;
        Ok(character)
    }

    /// `u` and four digits, or two of these for a character beyond 16 bits.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.unit()?;
        let mut units = [first, 0];
        let units = if matches!(first, 0xd800..=0xdbff) {
            self.expect("\\")?;
            units[1] = self.unit()?;
            &units[..]
        } else {
            &units[..1]
        };
        char::decode_utf16(units.iter().copied()).next().and_then(Result::ok).ok_or(self.malformed())
    }

    fn unit(&mut self) -> Result<u16, Malformed> {
        self.expect("u")?;
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or(self.malformed())?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Json<'a>, Malformed> {
        let start = self.at;
        let negative = self.skip(b'-');
        let zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if zero && digits > 1 {
            return Err(self.malformed());
        }
        let whole = &self.text[start..self.at];
        let mut fraction = false;
        if self.skip(b'.') {
            fraction = true;
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            fraction = true;
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Ok(if fraction || (negative && zero) {
            Json::Fraction
        } else if negative {
            whole.parse().map_or(Json::Fraction, Json::Negative)
        } else {
            whole.parse().map_or(Json::Fraction, Json::Number)
        })
    }

    /// How many there are; at least one.
    fn digits(&mut self) -> Result<usize, Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed()) } else { Ok(self.at - start) }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed());
        }
        self.at += word.len();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn malformed(&self) -> Malformed {
        Malformed(self.at)
    }
}

/// How many bytes there are in front of the next one that means more than itself in a string: eight are looked at together.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The lowest of the bytes that are below `limit` has its highest bit set, and none before it.
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes & (ONES << 7);
    let (chunks, rest) = text.as_chunks::<8>();
    for (chunk, at) in chunks.iter().zip((0..).step_by(8)) {
        let bytes = u64::from_le_bytes(*chunk);
        let (quote, backslash) = (ONES * u64::from(b'"'), ONES * u64::from(b'\\'));
        let special = below(bytes, u64::from(b' ')) | below(bytes ^ quote, 1) | below(bytes ^ backslash, 1);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
    }
    let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
    text.len() - rest.len() + special.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{DEPTH, Json};

    fn is_same(read: &Json<'_>, value: &Value) -> bool {
        match (read, value) {
            (Json::Null, Value::Null) => true,
            (Json::Bool(read), Value::Bool(value)) => read == value,
            (Json::Number(read), Value::Number(value)) => Some(*read) == value.as_u64(),
            (Json::Negative(read), Value::Number(value)) => Some(*read) == value.as_i64() && *read < 0,
            (Json::Fraction, Value::Number(value)) => value.is_f64(),
            (Json::Text(read), Value::String(value)) => read == value,
            (Json::List(read), Value::Array(value)) => {
                read.len() == value.len() && read.iter().zip(value).all(|(read, value)| is_same(read, value))
            }
            (Json::Object(read), Value::Object(value)) => {
                let same = |(name, value): (&String, &Value)| read.get(name).is_some_and(|read| is_same(read, value));
                // A name may have come twice.
                read.0.len() >= value.len() && value.iter().all(same)
            }
            _ => false,
        }
    }

    fn check(text: &str) {
        match (Json::read(text), serde_json::from_str::<Value>(text)) {
            (Ok(read), Ok(value)) => assert!(is_same(&read, &value), "{text:?}: {read:?}"),
            // How large a fraction may be is nothing to us.
            (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
            (read, value) => assert_eq!(read.is_ok(), value.is_ok(), "{text:?}: {read:?}, {value:?}"),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<Option<bool>>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((".{0,9}", inner), 0..8).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(value in any_value()) {
            check(&value.to_string());
            check(&format!(" {value:#}\r\n\t"));
        }

        #[test]
        fn what_was_cut_or_changed_is_read_or_refused_as_by_others(
            value in any_value(), at in any::<prop::sample::Index>(), other in r#"[ -~]|\n|\t|\x00|é|😀"#, longer in any::<bool>(),
        ) {
            let mut text: Vec<char> = value.to_string().chars().collect();
            let at = at.index(text.len());
            text.splice(at..at + usize::from(!longer), other.chars());
            check(&text.iter().collect::<String>());
            check(&text[..at].iter().collect::<String>());
        }

        #[test]
        fn so_is_what_only_looks_like_json(text in r#"([\[\]{}:, 0-9.eE+-]|"|\\|\\u|d[89a-f]|[a-f0-9]{4}|true|null|\\[bfnrt/"u\\x]){0,12}"#) {
            check(&text);
            check(&format!("\"{text}\""));
            check(&format!("[{text}]"));
        }
    }

    #[test]
    fn escapes_numbers_and_repeated_names() {
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
            "-",
            "1.",
            ".5",
            "1.5",
            "1e5",
            "1E-5",
            "1e+",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            r#"{"a":1,"a":2}"#,
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

    #[test]
    fn nested_beyond_reason_is_refused() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::read(&nested(DEPTH)).is_ok() && Json::read(&nested(DEPTH + 1)).is_err());
        check(&nested(DEPTH));
        check(&nested(DEPTH + 1));
        assert!(Json::read(&"[{\"a\":".repeat(100_000)).is_err());
    }
}
