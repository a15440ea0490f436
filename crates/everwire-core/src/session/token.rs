use std::fmt;

use subtle::ConstantTimeEq;

/// The proof that a client may resume a session: 256 bits, which the caller draws from the operating system's
/// randomness. Compared in constant time, and never shown by `Debug` ([S-18]).
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A token of these bits.
    #[must_use]
    pub fn new(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// The form on the wire: 64 hexadecimal digits.
    pub(crate) fn to_wire(&self) -> String {
        to_hex(&self.0)
    }

    /// Whether the client has shown this one.
    pub(crate) fn matches(&self, shown: &str) -> bool {
        self.to_wire().as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bits_match_and_nothing_is_shown() {
        let token = Token::new([0xa7; 32]);
        assert!(token.matches(&"a7".repeat(32)));
        assert!(!token.matches(&"a7".repeat(31)));
        assert!(!token.matches(&format!("{}a6", "a7".repeat(31))));
        assert!(!token.matches(""));
        assert_eq!(format!("{token:?}"), "Token");
    }
}
