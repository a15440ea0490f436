//! The fault of a certificate, as a kind and in words.

use everwire_core::CertificateProblem;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

/// The kind of a fault.
pub(super) fn certificate_problem(error: &CertificateError) -> CertificateProblem {
    match error {
        CertificateError::UnknownIssuer => CertificateProblem::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateProblem::WrongName
        }
        CertificateError::Revoked => CertificateProblem::Revoked,
        _ => CertificateProblem::Other,
    }
}

/// One line. The libraries' own words where they have some; a name of theirs only where there is nothing better.
pub(super) fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its issuer is not trusted here: give that one's certificate, or the server's \
                                            own if it is self-signed, as a root certificate"
                .into()
        }
        CertificateError::BadEncoding => "it is not a valid certificate".into(),
        CertificateError::Expired => "it has expired".into(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it expired {} ago: the server needs a new one, or is the clock wrong?", since(*time, *not_after))
        }
        CertificateError::NotValidYet => "it is not valid yet: is the clock right?".into(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is not valid yet, only in {}: is the clock right?", since(*not_before, *time))
        }
        CertificateError::Revoked => "it was revoked".into(),
        CertificateError::UnhandledCriticalExtension => "it has a critical extension that is not understood".into(),
        CertificateError::UnknownRevocationStatus => "whether it was revoked can't be found out".into(),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "the list of revoked certificates has expired".into()
        }
        CertificateError::BadSignature => "its signature is not valid".into(),
        CertificateError::NotValidForName => "it is not for this name".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> = presented.iter().map(|name| bare_name(name)).collect();
            let expected = expected.to_str();
            match names.is_empty() {
                true => format!("it names no host, so it is not for {expected} (the common name does not count)"),
                false => format!("it is for {}, not for {expected}", names.join(", ")),
            }
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers".into()
        }
        CertificateError::InvalidOcspResponse => "the answer about its revocation is not valid".into(),
        CertificateError::ApplicationVerificationFailure => "it was not accepted".into(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed by an algorithm that is not supported, or no longer safe".into()
        }
        CertificateError::Other(other) => match other.to_string().as_str() {
            // Of rustls-webpki, whose errors have names and no words.
            "CaUsedAsEndEntity" => {
                "it is an authority's certificate (CA:TRUE), not a server's: if it is meant to be trusted \
                                    itself, give it as a root certificate, or pin its key"
                    .into()
            }
            "UnsupportedCertVersion" => "it is of another version than 3".into(),
            "MaximumSignatureChecksExceeded" | "MaximumPathBuildCallsExceeded" => {
                "the certificates that came with it are too many".into()
            }
            name => spelled_out(name),
        },
        other => {
            let words = other.to_string();
            if words.contains(' ') { words } else { spelled_out(&words) }
        }
    }
}

/// Any other failure of TLS; the libraries' names of values are spelled out.
pub(super) fn tls_problem(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "the key is not the one that the certificate is for".into(),
        error => {
            let words = error.to_string();
            words
                .split(' ')
                .map(|word| if is_name(word) { spelled_out(word) } else { word.into() })
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

/// `HandshakeFailure`: handshake failure.
pub(super) fn alert_words(alert: AlertDescription) -> String {
    spelled_out(&format!("{alert:?}"))
}

/// Whether it is a name of several words in one.
fn is_name(word: &str) -> bool {
    let capitals = word.chars().skip(1).filter(char::is_ascii_uppercase).count();
    capitals > 0
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.contains(|c: char| c.is_ascii_lowercase())
}

/// A name as rustls-webpki shows it: `DnsName("example.org")`, `IpAddress(127.0.0.1)`.
fn bare_name(shown: &str) -> &str {
    let within = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(shown);
    within.trim_matches('"')
}

/// The time from one moment to a later one, in days where there are some.
fn since(later: UnixTime, earlier: UnixTime) -> String {
    let seconds = later.as_secs().saturating_sub(earlier.as_secs());
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => "less than a minute".into(),
        (0, 0, 1) => "1 minute".into(),
        (0, 0, minutes) => format!("{minutes} minutes"),
        (0, 1, _) => "1 hour".into(),
        (0, hours, _) => format!("{hours} hours"),
        (1, ..) => "1 day".into(),
        (days, ..) => format!("{days} days"),
    }
}

/// `EndEntityUsedAsCa` is no word for people: end entity used as ca.
fn spelled_out(name: &str) -> String {
    let (mut words, mut before) = (String::new(), ' ');
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn what_a_certificate_is_for_and_until_when_is_told_in_words() {
        let at = |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400));
        let other_name = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("other.test").unwrap(),
            presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (error, words) in [
            (
                other_name(&["DnsName(\"example.org\")", "IpAddress(127.0.0.1)"]),
                "it is for example.org, 127.0.0.1, not for other.test",
            ),
            (other_name(&[]), "it names no host, so it is not for other.test (the common name does not count)"),
            (
                CertificateError::ExpiredContext { time: at(20_003), not_after: at(20_000) },
                "it expired 3 days ago: the server needs a new one, or is the clock wrong?",
            ),
            (
                CertificateError::NotValidYetContext { time: at(20_000), not_before: at(20_001) },
                "it is not valid yet, only in 1 day: is the clock right?",
            ),
        ] {
            assert_eq!(certificate_words(&error), words);
        }
    }

    #[test]
    fn no_name_of_a_library_is_left_in_what_is_said_of_tls() {
        for (error, words) in [
            (
                rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch),
                "the key is not the one that the certificate is for",
            ),
            (
                rustls::Error::PeerIncompatible(rustls::PeerIncompatible::NoCipherSuitesInCommon),
                "peer is incompatible: no cipher suites in common",
            ),
            (rustls::Error::DecryptError, "cannot decrypt peer's message"),
        ] {
            assert_eq!(tls_problem(&error), words);
        }
        assert_eq!(alert_words(AlertDescription::HandshakeFailure), "handshake failure");
        assert_eq!(alert_words(AlertDescription::UnknownCA), "unknown ca");
    }

    #[test]
    fn nothing_is_said_in_the_names_of_a_library() {
        let other =
            |name: &str| CertificateError::Other(rustls::OtherError(Arc::new(io::Error::other(name.to_owned()))));
        assert_eq!(certificate_words(&other("EndEntityUsedAsCa")), "end entity used as ca");
        assert_eq!(certificate_words(&other("it is a sentence")), "it is a sentence");
        for error in [
            CertificateError::UnknownIssuer,
            CertificateError::BadEncoding,
            CertificateError::Revoked,
            CertificateError::ExpiredRevocationList,
            CertificateError::ApplicationVerificationFailure,
            other("CaUsedAsEndEntity"),
        ] {
            let words = certificate_words(&error);
            assert!(words.contains(' ') && !words.contains("Other") && !words.contains("EndEntity"), "{words}");
        }
    }
}
