//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 section 4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The key that stands for a client's nonce.
pub(super) fn from_nonce(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// Whether a key is the base64 of 16 bytes.
pub(super) fn is_valid(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// What a server must answer to a key.
pub(super) fn accept_for(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds() {
        assert_eq!(from_nonce(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_valid("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!is_valid("dGhlIHNhbXBsZSBub25jZQ"));
        assert!(!is_valid("dGhlIHNhbXBsZSBub25jZXh4"));
        assert!(!is_valid("no base64 at all"));
        assert!(!is_valid(""));
    }
}
