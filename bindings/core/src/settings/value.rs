//! A setting as another language gives it.

use super::{Guarantee, Header, Jitter, Overflow, SessionUse};
use crate::Payload;

/// A setting's value, for [`Settings::set`](super::Settings::set).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Off, or no limit.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text, or the name of a choice.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several.
    List(Vec<Value>),
    /// Names with values: headers.
    Pairs(Vec<(String, String)>),
}

/// What a setting can be made of; the error says what is expected.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, String>;
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Flag(flag) => Ok(flag),
            _ => Err("true or false".to_owned()),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Ok(number),
            _ => Err("a number".to_owned()),
        }
    }
}

/// From here on not every whole number has an `f64` of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Number(number) if number.fract() == 0.0 && (0.0..EXACT).contains(&number) => Ok(number as Self),
            _ => Err("a whole number from 0 up".to_owned()),
        }
    }
}

macro_rules! smaller {
    ($type:ty) => {
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                let whole = u64::from_value(value)?;
                Self::try_from(whole).map_err(|_| format!("a whole number up to {}", Self::MAX))
            }
        }
    };
}

smaller!(u32);
smaller!(u16);

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            _ => Err("a text".to_owned()),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some).map_err(|expected| expected + ", or null"),
        }
    }
}

fn list<T>(value: Value, each: fn(Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    match value {
        Value::List(values) => values
            .into_iter()
            .map(each)
            .collect::<Result<_, _>>()
            .map_err(|expected| format!("a list, each {expected}")),
        _ => Err("a list".to_owned()),
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value, String::from_value)
    }
}

impl FromValue for Vec<u16> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value, u16::from_value)
    }
}

impl FromValue for Vec<Vec<u8>> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value, |value| match value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Text(text) => Ok(text.into_bytes()),
            _ => Err("bytes or a text".to_owned()),
        })
    }
}

impl FromValue for Vec<Payload> {
    fn from_value(value: Value) -> Result<Self, String> {
        list(value, |value| match value {
            Value::Text(text) => Ok(Payload::Text(text)),
            Value::Bytes(bytes) => Ok(Payload::Binary(bytes)),
            _ => Err("a text or bytes".to_owned()),
        })
    }
}

impl FromValue for Vec<Header> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Pairs(pairs) => Ok(pairs.into_iter().map(|(name, value)| Header { name, value }).collect()),
            _ => Err("names with values".to_owned()),
        }
    }
}

macro_rules! choice {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                let found = match &value {
                    Value::Text(name) => Self::from_name(name),
                    _ => None,
                };
                found.ok_or_else(|| format!("one of {}", Self::NAMES.join(", ")))
            }
        }
    )*};
}

choice!(Guarantee, Jitter, Overflow, SessionUse);
