//! Close codes and the close frame's content (RFC 6455 section 7.4).

use std::fmt;

use bytestring::ByteString;

/// The reason why a connection is closed (RFC 6455 section 7.4 and the IANA registry of close codes).
///
/// ```
/// use everwire_ws::CloseCode;
///
/// assert!(CloseCode::GOING_AWAY.is_allowed_on_wire());
/// assert!(!CloseCode::ABNORMAL.is_allowed_on_wire());
/// assert_eq!(CloseCode(4000).to_string(), "4000 (application-defined)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a type of data that this endpoint does not accept (such as binary where only text is understood).
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: the peer's close frame had no code. Never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: the connection ended without a close frame. Never on the wire.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that is not what its type says (such as text that is not UTF-8).
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy forbids it; the general refusal.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big to be processed.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client needs an extension that the server did not negotiate.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: something unexpected stopped the server from fulfilling the request.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded, come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. Never on the wire.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// Returns `true` if the code may stand in a close frame: 1000-1003, 1007-1014 and 3000-4999.
    #[must_use]
    pub fn is_allowed_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// A few words for people, such as "going away".
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status received",
            1006 => "abnormal closure",
            1007 => "invalid payload",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension missing",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "TLS handshake failed",
            3000 => "unauthorized",
            3003 => "forbidden",
            3008 => "timeout",
            3001..=3999 => "registered with IANA",
            4000..=4999 => "application-defined",
            _ => "reserved",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.meaning())
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

/// Code and reason of a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The close code.
    pub code: CloseCode,
    /// The reason in words, for logs; at most 123 bytes on the wire, often empty.
    pub reason: ByteString,
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

/// The longest prefix of `reason` that fits a close frame (123 bytes) and ends at a character boundary.
pub(crate) fn fitting_reason(reason: &str) -> &str {
    const MAX: usize = crate::frame::MAX_CONTROL - 2;
    let mut end = reason.len().min(MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_registered_and_private_codes_may_stand_on_the_wire() {
        for code in 0..=u16::MAX {
            let registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].contains(&code);
            let expected = registered || (3000..5000).contains(&code);
            assert_eq!(CloseCode(code).is_allowed_on_wire(), expected, "{code}");
        }
    }

    #[test]
    fn every_named_code_has_its_own_meaning() {
        let named = [
            CloseCode::NORMAL,
            CloseCode::GOING_AWAY,
            CloseCode::PROTOCOL_ERROR,
            CloseCode::UNSUPPORTED_DATA,
            CloseCode::NO_STATUS,
            CloseCode::ABNORMAL,
            CloseCode::INVALID_PAYLOAD,
            CloseCode::POLICY_VIOLATION,
            CloseCode::MESSAGE_TOO_BIG,
            CloseCode::MANDATORY_EXTENSION,
            CloseCode::INTERNAL_ERROR,
            CloseCode::SERVICE_RESTART,
            CloseCode::TRY_AGAIN_LATER,
            CloseCode::BAD_GATEWAY,
            CloseCode::TLS_HANDSHAKE,
        ];
        let meanings: std::collections::BTreeSet<_> = named.iter().map(|c| c.meaning()).collect();
        assert_eq!(meanings.len(), named.len());
        assert!(!meanings.contains("reserved"));
        assert_eq!(CloseCode(1004).meaning(), "reserved");
        assert_eq!(CloseCode(2999).meaning(), "reserved");
        assert_eq!(CloseCode(5000).meaning(), "reserved");
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character_boundary() {
        let reason = "é".repeat(100);
        assert_eq!(fitting_reason(&reason).len(), 122);
        assert_eq!(fitting_reason("short"), "short");
    }

    #[test]
    fn a_close_frame_prints_its_reason_only_if_there_is_one() {
        let mut frame = CloseFrame { code: CloseCode::GOING_AWAY, reason: ByteString::new() };
        assert_eq!(frame.to_string(), "1001 (going away)");
        frame.reason = "drain".into();
        assert_eq!(frame.to_string(), "1001 (going away): drain");
    }
}
