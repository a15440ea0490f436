//! What is wrong with a certificate, in words.

use rustls::CertificateError;

/// One line. The libraries' own words where they have some; a name of theirs only where there is nothing better.
pub(super) fn certificate_problem(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its issuer is not trusted here: give that one's certificate, or the server's \
                                            own if it is self-signed, as a root certificate"
                .into()
        }
        CertificateError::BadEncoding => "it is not a valid certificate".into(),
        CertificateError::Expired => "it has expired".into(),
        CertificateError::NotValidYet => "it is not valid yet: is the clock right?".into(),
        CertificateError::Revoked => "it was revoked".into(),
        CertificateError::UnhandledCriticalExtension => "it has a critical extension that is not understood".into(),
        CertificateError::UnknownRevocationStatus => "whether it was revoked can't be found out".into(),
        CertificateError::ExpiredRevocationList => "the list of revoked certificates has expired".into(),
        CertificateError::BadSignature => "its signature is not valid".into(),
        CertificateError::NotValidForName => "it is not for this name".into(),
        CertificateError::InvalidPurpose => "it is not for servers".into(),
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

/// `EndEntityUsedAsCa` is no word for people: end entity used as ca.
fn spelled_out(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && words.ends_with(|before: char| before.is_ascii_lowercase()) {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn nothing_is_said_in_the_names_of_a_library() {
        let other =
            |name: &str| CertificateError::Other(rustls::OtherError(Arc::new(io::Error::other(name.to_owned()))));
        assert_eq!(certificate_problem(&other("EndEntityUsedAsCa")), "end entity used as ca");
        assert_eq!(certificate_problem(&other("it is a sentence")), "it is a sentence");
        for error in [
            CertificateError::UnknownIssuer,
            CertificateError::BadEncoding,
            CertificateError::Revoked,
            CertificateError::ExpiredRevocationList,
            CertificateError::ApplicationVerificationFailure,
            other("CaUsedAsEndEntity"),
        ] {
            let words = certificate_problem(&error);
            assert!(words.contains(' ') && !words.contains("Other") && !words.contains("EndEntity"), "{words}");
        }
    }
}
