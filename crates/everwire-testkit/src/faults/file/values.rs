//! Durations, sizes and ranges as they are written.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// `250ms`, `1.5s`, `2m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

/// `1s`, or `1s..5s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times(pub(super) RangeInclusive<Duration>);

/// `100`, or `"100..500"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts(pub(super) RangeInclusive<u64>);

/// `65536`, or `"64KiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

const EXAMPLES: &str = "write it with its unit, like \"250ms\", \"1.5s\" or \"2m\"";

fn parse_time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.parse::<f64>().is_ok() {
        return Err(format!("{text:?} has no unit; {EXAMPLES}"));
    }
    let parsed: SignedDuration = text.parse().map_err(|_| format!("{text:?} is not a duration; {EXAMPLES}"))?;
    Duration::try_from(parsed).map_err(|_| format!("{text:?} is negative; a duration is zero or more"))
}

fn print_time(duration: Duration) -> String {
    // More than a few hundred thousand million years read the same.
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    format!("{signed:#}")
}

fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => 64,
    };
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1_u64.checked_shl(shift)?));
    size.ok_or_else(|| format!("{text:?} is not a size; write bytes, or like \"64KiB\" or \"1MiB\""))
}

/// Both ends of `a..b`, or `a` twice.
fn ends<T: Clone>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<RangeInclusive<T>, String> {
    match text.split_once("..") {
        Some((low, high)) => Ok(parse(low)?..=parse(high.strip_prefix('=').unwrap_or(high))?),
        None => parse(text).map(|one| one.clone()..=one),
    }
}

/// A value that may be written as a number or as text.
struct Written<T> {
    expecting: &'static str,
    number: fn(u64) -> Result<T, String>,
    text: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        (self.number)(number).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(format!("{number} is negative; it is zero or more"))),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.text)(text).map_err(E::custom)
    }
}

fn no_unit<T>(number: u64) -> Result<T, String> {
    Err(format!("{number} has no unit; {EXAMPLES}"))
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |text: &str| parse_time(text).map(Self);
        deserializer.deserialize_any(Written { expecting: "a duration like \"250ms\"", number: no_unit, text })
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |text: &str| ends(text, parse_time).map(Self);
        let expecting = "a duration like \"250ms\", or a range like \"1s..5s\"";
        deserializer.deserialize_any(Written { expecting, number: no_unit, text })
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = |number| Ok(Self(number..=number));
        let text = |text: &str| ends(text, parse_size).map(Self);
        let expecting = "a number, or a range like \"100..500\"";
        deserializer.deserialize_any(Written { expecting, number, text })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = |number| Ok(Self(number));
        let text = |text: &str| parse_size(text).map(Self);
        deserializer.deserialize_any(Written { expecting: "a number of bytes, or a size like \"64KiB\"", number, text })
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print_time(self.0))
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (low, high) = (*self.0.start(), *self.0.end());
        if low == high {
            return serializer.serialize_str(&print_time(low));
        }
        serializer.serialize_str(&format!("{}..{}", print_time(low), print_time(high)))
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (low, high) = (self.0.start(), self.0.end());
        if low == high {
            return serializer.serialize_u64(*low);
        }
        serializer.serialize_str(&format!("{low}..{high}"))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// For a field that is an `Option<Duration>`.
pub(super) mod optional_time {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Time;

    pub(in crate::faults::file) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Time).serialize(serializer)
    }

    pub(in crate::faults::file) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ends, parse_size, parse_time, print_time};

    #[test]
    fn durations_have_units_and_are_printed_as_they_are_read() {
        for millis in [0, 1, 250, 1_500, 90_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_time(&print_time(duration)), Ok(duration), "{}", print_time(duration));
        }
        assert!(parse_time("5").unwrap_err().contains("no unit"));
        assert!(parse_time("-5s").unwrap_err().contains("negative"));
        assert!(parse_time("soon").unwrap_err().contains("not a duration"));
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(parse_size("KiB").is_err() && parse_size("1 parsec").is_err() && parse_size("99999999999g").is_err());
    }

    #[test]
    fn a_range_has_two_ends_and_a_single_value_is_both() {
        assert_eq!(ends("1..5", parse_size), Ok(1..=5));
        assert_eq!(ends("1KiB..=2KiB", parse_size), Ok(1024..=2048));
        assert_eq!(ends("7", parse_size), Ok(7..=7));
        assert!(ends("1..", parse_size).is_err());
    }
}
