//! Parsers for the values of options: durations, sizes, headers, codes, with errors that say how to write them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::ValueEnum;
use everwire::{CauseMatch, Guarantee, Jitter, OnNormalClose, Overflow};
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

/// A duration, or `None` for 'off'.
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

/// A size above zero.
pub(super) fn some_bytes(text: &str) -> Result<usize, String> {
    match bytes(text)? {
        0 => Err("zero: nothing could be received; write a size like 64KiB or 16MiB".to_owned()),
        size => Ok(size),
    }
}

/// A size, or `None` for 'off'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BytesOrOff(pub(crate) Option<usize>);

pub(super) fn bytes_or_off(text: &str) -> Result<BytesOrOff, String> {
    match text.trim() {
        "off" | "none" | "never" => Ok(BytesOrOff(None)),
        text => bytes(text).map(Some).map(BytesOrOff).map_err(|problem| format!("{problem}, or 'off'")),
    }
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
    if name.eq_ignore_ascii_case("host") && value.is_empty() {
        return Err("Host has no value; it must name the server".to_owned());
    }
    // The errors do not repeat the text: a secret may have been typed in the wrong place.
    http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "what stands before the colon can't be the name of a header".to_owned())?;
    http::HeaderValue::from_str(value).map_err(|_| "its value has characters that no header may carry".to_owned())?;
    Ok(Header { name: name.to_owned(), value: value.to_owned() })
}

/// A heartbeat by text messages: the text to send, and the reply to expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextPing {
    pub(crate) ping: String,
    pub(crate) pong: String,
}

pub(super) fn text_ping(text: &str) -> Result<TextPing, String> {
    match text.split_once('=') {
        Some((ping, pong)) if !ping.is_empty() && !pong.is_empty() => {
            Ok(TextPing { ping: ping.to_owned(), pong: pong.to_owned() })
        }
        _ => Err("write the text and its reply like 'ping=pong'".to_owned()),
    }
}

/// A close code or an HTTP status.
pub(super) fn cause(text: &str) -> Result<CauseMatch, String> {
    match text.trim().parse() {
        Ok(status @ 100..=199) => {
            Err(format!("HTTP status {status} refuses nothing; those that do go from 200 to 599"))
        }
        Ok(status @ 200..=599) => Ok(CauseMatch::Status(status)),
        Ok(code @ (1006 | 1015)) => Err(format!(
            "no server sends {code}: it stands for a connection that ended without a close frame, which is always followed by \
             another attempt"
        )),
        Ok(code @ 1000..=4999) => Ok(CauseMatch::CloseCode(code)),
        _ => Err("neither a close code (1000 to 4999) nor an HTTP status that refuses (200 to 599)".to_owned()),
    }
}

/// The addresses to use for a host instead of looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// `HOST:PORT:ADDRESS[,ADDRESS…]`, as for curl's option; IPv6 addresses with or without brackets.
pub(super) fn resolved(text: &str) -> Result<Resolved, String> {
    const EXAMPLE: &str = "write it like example.org:443:192.0.2.1";
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(EXAMPLE.to_owned());
    };
    let port = port.parse().ok().filter(|port| *port > 0).ok_or("the port is not a number from 1 to 65535")?;
    let address = |text: &str| {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let address = bare.parse::<IpAddr>().map_err(|_| format!("'{text}' is not an address; {EXAMPLE}"))?;
        Ok::<_, String>(SocketAddr::new(address, port))
    };
    let addresses = addresses.split(',').map(address).collect::<Result<_, _>>()?;
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '%');
    match host {
        "" => Err(EXAMPLE.to_owned()),
        host if host.contains('*') => Err("'*' is not understood: name each host".to_owned()),
        host if !host.chars().all(is_name) => Err(format!("'{host}' is not the name of a host; {EXAMPLE}")),
        host => Ok(Resolved { host: host.to_owned(), port, addresses }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JitterArg {
    /// Random between (almost) zero and the whole delay: spreads clients best
    Full,
    /// Random between half of the delay and the whole
    Equal,
    /// Exactly the delay: all clients come back at the same moment
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
    /// Prove arrival; what is unproven when a connection is lost is reported as unknown, and never sent twice
    AtMostOnce,
    /// Prove arrival; what is unproven when a connection is lost is sent again, so that the server may get it twice
    AtLeastOnce,
    /// Prove nothing: a message is done when it was written to the socket
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
    /// Stop reading stdin until there is room: nothing is lost. What is typed is refused instead
    Wait,
    /// Refuse the new message, and report it
    Refuse,
    /// Drop the oldest queued message
    DropOldest,
    /// Drop the new message
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NormalCloseArg {
    /// End
    End,
    /// Reconnect, as after any lost connection
    Reconnect,
}

impl From<NormalCloseArg> for OnNormalClose {
    fn from(arg: NormalCloseArg) -> Self {
        match arg {
            NormalCloseArg::End => Self::End,
            NormalCloseArg::Reconnect => Self::Reconnect,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use everwire::CauseMatch;

    use super::{
        Header, OrOff, TextPing, bytes, cause, duration, duration_or_off, header, resolved, some_bytes, text_ping,
    };

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
        assert_eq!((some_bytes("1"), some_bytes("1k")), (Ok(1), Ok(1024)));
        assert!(some_bytes("0").unwrap_err().contains("zero") && some_bytes("0MiB").is_err());
        assert!(bytes("-1").is_err() && bytes("ten").is_err() && bytes("1parsec").is_err());
        assert!(bytes("99999999999999999999").is_err() && bytes("18446744073709551615k").is_err());
    }

    #[test]
    fn text_pings_codes_and_resolved_addresses_are_read() {
        assert_eq!(text_ping("a=b=c"), Ok(TextPing { ping: "a".into(), pong: "b=c".into() }));
        assert!(text_ping("ping").is_err() && text_ping("=pong").is_err() && text_ping("ping=").is_err());
        assert_eq!((cause("404"), cause("1008")), (Ok(CauseMatch::Status(404)), Ok(CauseMatch::CloseCode(1008))));
        assert!(cause("1006").unwrap_err().contains("no server sends 1006") && cause("1015").is_err());
        assert_eq!(cause("1005"), Ok(CauseMatch::CloseCode(1005)));
        assert!(cause("99").is_err() && cause("600").is_err() && cause("5000").is_err() && cause("x").is_err());
        let two = resolved("example.org:443:192.0.2.1,[2001:db8::7]").unwrap();
        assert_eq!((two.host.as_str(), two.port), ("example.org", 443));
        assert_eq!(two.addresses, ["192.0.2.1:443".parse().unwrap(), "[2001:db8::7]:443".parse().unwrap()]);
        assert_eq!(resolved("h:80:::1").unwrap().addresses, ["[::1]:80".parse().unwrap()]);
        for bad in
            ["h", "h:80", "h:0:127.0.0.1", "h:x:127.0.0.1", ":80:127.0.0.1", "h:80:name", "h:80:", "h/x:80:127.0.0.1"]
        {
            assert!(resolved(bad).is_err(), "{bad}");
        }
        assert!(resolved("*:443:127.0.0.1").unwrap_err().contains("'*'"));
    }

    #[test]
    fn headers_are_name_colon_value() {
        let parsed = header("X-Team:  blue: dark ").unwrap();
        assert_eq!(parsed, Header { name: "X-Team".into(), value: "blue: dark".into() });
        assert!(header("X-Team").unwrap_err().contains("no colon"));
        assert!(header("Host:").unwrap_err().contains("no value") && header("host:  ").is_err());
        assert_eq!(header("X-Empty:").map(|header| header.value), Ok(String::new()));
        assert!(header(": x").is_err() && header("a b: x").is_err() && header("a: x\r\ny: z").is_err());
    }
}
