//! Pinned public keys.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;

/// The public keys that a server may have; none means any.
#[derive(Debug, Default)]
pub(super) struct Pins(Vec<Pin>);

/// The SHA-256 of a certificate's `SubjectPublicKeyInfo` in DER (RFC 7469 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Pin([u8; SHA256_OUTPUT_LEN]);

impl Pins {
    pub(super) fn parse(pins: &[String]) -> Result<Self, String> {
        pins.iter().map(|pin| Pin::parse(pin)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a certificate's key is one of those pinned.
    pub(super) fn contain_key_of(&self, certificate: &CertificateDer<'_>) -> bool {
        !self.0.is_empty() && Pin::of(certificate).is_some_and(|pin| self.0.contains(&pin))
    }

    /// The error is the certificate's own pin, as far as it has one.
    pub(super) fn check(&self, certificate: Option<&CertificateDer<'_>>) -> Result<(), Option<Pin>> {
        if self.0.is_empty() {
            return Ok(());
        }
        let pin = certificate.and_then(Pin::of);
        if pin.is_some_and(|pin| self.0.contains(&pin)) { Ok(()) } else { Err(pin) }
    }
}

/// Of the Base64.
const LENGTH: usize = 44;

impl Pin {
    fn parse(text: &str) -> Result<Self, String> {
        let hash = text.strip_prefix("sha256/");
        // A hash can begin with a slash itself.
        let hash = hash.map(|hash| if hash.len() > LENGTH { hash.strip_prefix('/').unwrap_or(hash) } else { hash });
        let hash = hash.and_then(|hash| STANDARD.decode(hash).ok()).and_then(|hash| hash.try_into().ok());
        hash.map(Self).ok_or_else(|| {
            format!(
                "`{}` is not a pin: expected sha256/ and the 44 characters of the Base64 of a public key's SHA-256",
                text.escape_debug()
            )
        })
    }

    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
        digest(&SHA256, &key).as_ref().try_into().ok().map(Self)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_as_sha256_and_base64_with_one_slash_or_two() {
        let text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let pin = Pin::parse(text).expect("a pin");
        assert_eq!(pin.to_string(), text);
        assert_eq!(Pin::parse(&text.replace('/', "//").replace("+//", "+/")), Ok(pin));
        let slash = "sha256//7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(Pin::parse(slash).expect("a hash that begins with a slash").to_string(), slash);
        assert_eq!(Pin::parse(&slash.replacen('/', "//", 1)), Pin::parse(slash));
        let good = text.strip_prefix("sha256/").expect("it starts so");
        for bad in ["", "sha256/", good, &text[..50], &format!("sha1/{good}"), &format!("{text}="), "sha256/YQ=="] {
            assert!(Pin::parse(bad).expect_err(bad).contains("is not a pin: expected sha256/"), "{bad:?}");
        }
    }

    #[test]
    fn without_pins_any_key_will_do_and_with_pins_no_certificate_will_not() {
        assert_eq!(Pins::default().check(None), Ok(()));
        let pins = Pins(vec![Pin([0; 32])]);
        assert_eq!(pins.check(None), Err(None));
        assert_eq!(pins.check(Some(&CertificateDer::from(vec![1, 2, 3]))), Err(None));
    }
}
