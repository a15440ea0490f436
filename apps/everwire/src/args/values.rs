//! Values of options: how they are written and what is wrong with them otherwise.

use std::time::Duration;

use clap::ValueEnum;
use everwire::{Guarantee, Jitter, Overflow};
use jiff::SignedDuration;

/// `1s`, `250ms`, `1m30s`, `0`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXAMPLES: &str = "write it with its unit, like 250ms, 1.5s or 2m";
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.parse::<f64>().is_ok() {
        return Err(format!("no unit; {EXAMPLES}"));
    }
    let parsed: SignedDuration = text.parse().map_err(|_| format!("not a duration; {EXAMPLES}"))?;
    Duration::try_from(parsed).map_err(|_| "negative; a duration is zero or more".to_owned())
}

/// A duration, or nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrOff(pub(crate) Option<Duration>);

pub(super) fn duration_or_off(text: &str) -> Result<OrOff, String> {
    match text.trim() {
        "off" | "none" | "never" => Ok(OrOff(None)),
        text => duration(text).map(Some).map(OrOff).map_err(|problem| format!("{problem}, or 'off'")),
    }
}

/// `65536`, `64KiB`, `16MiB`, `1GiB`; `k`, `M` and `G` mean the same.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    const EXAMPLES: &str = "not a size; write bytes, or like 64KiB or 16MiB";
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| EXAMPLES.to_owned())?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(EXAMPLES.to_owned()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| "larger than this machine can address".to_owned())
}

/// A header line, `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

pub(super) fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("no colon; write it like 'X-Team: blue'")?;
    let (name, value) = (name.trim(), value.trim());
    // It is not repeated: a secret may stand in the wrong place.
    http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "what stands before the colon can't be the name of a header".to_owned())?;
    http::HeaderValue::from_str(value).map_err(|_| "its value has characters that no header may carry".to_owned())?;
    Ok(Header { name: name.to_owned(), value: value.to_owned() })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JitterArg {
    /// Anywhere between (almost) nothing and the whole delay: spreads a herd best
    Full,
    /// Between half of the delay and the whole
    Equal,
    /// Exactly the delay: every client comes back at the same moment
    None,
}

impl From<JitterArg> for Jitter {
    fn from(arg: JitterArg) -> Self {
        match arg {
            JitterArg::Full => Self::Full,
            JitterArg::Equal => Self::Equal,
            JitterArg::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GuaranteeArg {
    /// Arrival is proven; what is unproven when a connection is lost is reported, never sent twice
    AtMostOnce,
    /// Arrival is proven; what is unproven when a connection is lost is sent again
    AtLeastOnce,
    /// Nothing is proven: written to the socket is all that is known
    Unproven,
}

impl From<GuaranteeArg> for Guarantee {
    fn from(arg: GuaranteeArg) -> Self {
        match arg {
            GuaranteeArg::AtMostOnce => Self::AtMostOnce,
            GuaranteeArg::AtLeastOnce => Self::AtLeastOnce,
            GuaranteeArg::Unproven => Self::Unproven,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverflowArg {
    /// Reading of the input pauses until there is room: nothing is lost. What is typed is refused instead
    Wait,
    /// The new message is refused, and that is said
    Refuse,
    /// The oldest waiting message makes room for the new one
    DropOldest,
    /// The new message is dropped
    DropNewest,
}

impl From<OverflowArg> for Overflow {
    fn from(arg: OverflowArg) -> Self {
        match arg {
            OverflowArg::Wait | OverflowArg::Refuse => Self::Reject,
            OverflowArg::DropOldest => Self::DropOldest,
            OverflowArg::DropNewest => Self::DropNewest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Header, OrOff, bytes, duration, duration_or_off, header};

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("5").unwrap_err().contains("no unit"));
        assert!(duration("-5s").unwrap_err().contains("negative"));
        assert!(duration("soon").unwrap_err().contains("not a duration"));
        assert!(duration("").is_err());
        assert_eq!(duration_or_off("off"), Ok(OrOff(None)));
        assert_eq!(duration_or_off("2m"), Ok(OrOff(Some(Duration::from_secs(120)))));
        assert!(duration_or_off("x").unwrap_err().contains("'off'"));
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(bytes("65536"), Ok(65536));
        assert_eq!(bytes("64KiB"), Ok(65536));
        assert_eq!(bytes("16 MiB"), Ok(16 << 20));
        assert_eq!(bytes("1g"), Ok(1 << 30));
        assert!(bytes("-1").is_err() && bytes("ten").is_err() && bytes("1parsec").is_err());
        assert!(bytes("99999999999999999999").is_err() && bytes("18446744073709551615k").is_err());
    }

    #[test]
    fn headers_are_name_colon_value() {
        let parsed = header("X-Team:  blue: dark ").unwrap();
        assert_eq!(parsed, Header { name: "X-Team".into(), value: "blue: dark".into() });
        assert!(header("X-Team").unwrap_err().contains("no colon"));
        assert!(header(": x").is_err() && header("a b: x").is_err() && header("a: x\r\ny: z").is_err());
    }
}
