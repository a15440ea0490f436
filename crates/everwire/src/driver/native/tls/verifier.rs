//! Which servers' certificates are trusted: what the platform's verifier accepts, and those that are trusted themselves.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::pins::Pins;

/// Is shown each server's certificates, its own first.
pub(crate) type Watch = Arc<dyn Fn(&[CertificateDer<'_>]) + Send + Sync>;

/// Trusts a server's certificate if it is one of those given, or self-signed with a pinned key; another verifier judges the
/// others. A self-signed one that is not for the server's name is refused for that, whatever else is wrong with it.
///
/// A self-signed certificate as `openssl req -x509` makes it says that it is an authority's (`CA:TRUE`), and no verifier of
/// chains takes that for a server's own. What is trusted here is this very certificate, which shows that the server has
/// its key; its names and dates are checked as ever.
pub(super) struct TrustVerifier {
    judge: Arc<dyn ServerCertVerifier>,
    given: Vec<CertificateDer<'static>>,
    pins: Arc<Pins>,
    watch: Option<Watch>,
}

impl TrustVerifier {
    pub(super) fn new(
        judge: Arc<dyn ServerCertVerifier>,
        given: Vec<CertificateDer<'static>>,
        pins: Arc<Pins>,
        watch: Option<Watch>,
    ) -> Self {
        Self { judge, given, pins, watch }
    }

    fn trusts(&self, certificate: &CertificateDer<'_>) -> bool {
        self.given.iter().any(|given| given.as_ref() == certificate.as_ref())
            || (self.pins.contain_key_of(certificate) && is_self_issued(certificate))
    }
}

/// As people make them, which is not always as RFC 5280 asks for.
fn parse(certificate: &CertificateDer<'_>) -> Option<CertificateInner<Raw>> {
    CertificateInner::from_der(certificate).ok()
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    parse(certificate).is_some_and(|parsed| parsed.tbs_certificate().issuer() == parsed.tbs_certificate().subject())
}

fn wrong_name(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Option<Error> {
    verify_server_name(&ParsedCertificate::try_from(leaf).ok()?, name).err()
}

/// RFC 5280 section 4.1.2.5: both ends belong to the period.
fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = parse(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let validity = parsed.tbs_certificate().validity();
    let time = |time: Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    let (not_before, not_after) = (time(validity.not_before), time(validity.not_after));
    if now < not_before {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { time: now, not_before }));
    }
    if now > not_after {
        return Err(Error::InvalidCertificate(CertificateError::ExpiredContext { time: now, not_after }));
    }
    Ok(())
}

impl ServerCertVerifier for TrustVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(watch) = &self.watch {
            let chain: Vec<_> = std::iter::once(leaf).chain(others).cloned().collect();
            watch(&chain);
        }
        if !self.trusts(leaf) {
            let judged = self.judge.verify_server_cert(leaf, others, name, ocsp, now);
            // A wrong name is what to mend first: trusting the certificate would not help.
            return judged.map_err(|error| match error {
                Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer)
                    if is_self_issued(leaf) =>
                {
                    wrong_name(leaf, name).unwrap_or(error)
                }
                error => error,
            });
        }
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        check_dates(leaf, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.judge.root_hint_subjects()
    }
}

/// The watch can't be shown.
impl fmt::Debug for TrustVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustVerifier").field("judge", &self.judge).field("pins", &self.pins).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_checked_to_the_second() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        let (first, last) = (1_577_836_800, 1_577_923_200);
        let check = |seconds| check_dates(certificate.der(), UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        assert!(matches!(
            check(first - 1),
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { .. }))
        ));
        assert_eq!((check(first), check(last)), (Ok(()), Ok(())));
        assert!(matches!(check(last + 1), Err(Error::InvalidCertificate(CertificateError::ExpiredContext { .. }))));
    }
}
