//! The server's certificate.

use std::sync::{Arc, Mutex, PoisonError};

use everwire::rustls::pki_types::CertificateDer;
use jiff::Timestamp;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// The certificate that was seen last; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Certificate>>>);

/// The facts about a server's own certificate that the report shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The names and addresses that it is valid for.
    pub(super) names: Vec<String>,
    /// Seconds since the Unix epoch.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// The number of other certificates that the server has sent.
    pub(super) others: usize,
}

impl Seen {
    pub(super) fn remember(&self, chain: &[CertificateDer<'_>]) {
        let seen = chain.first().and_then(|own| Certificate::read(own, chain.len() - 1));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Certificate {
    /// Parses a certificate in DER; `None` if it can't be parsed.
    fn read(own: &[u8], others: usize) -> Option<Self> {
        let certificate = CertificateInner::<Raw>::from_der(own).ok()?;
        let certificate = certificate.tbs_certificate();
        let names = certificate.get_extension::<SubjectAltName>().ok().flatten();
        let names = names.map(|(_, SubjectAltName(names))| names.iter().filter_map(name).collect());
        let seconds = |time: Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: seconds(certificate.validity().not_before),
            not_after: seconds(certificate.validity().not_after),
            others,
        })
    }

    /// The days until it expires; negative if it has expired.
    pub(super) fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(86_400)
    }

    /// Whether one of its names is this host's.
    pub(super) fn is_for(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().map(|name| name.to_ascii_lowercase()).any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => name == host,
        })
    }

    pub(super) fn is_its_own_issuer(&self) -> bool {
        self.subject == self.issuer
    }

    pub(super) fn words(&self) -> String {
        let names = match self.names.len() {
            0 => String::new(),
            1..=4 => format!(" for {}", self.names.join(", ")),
            more => format!(" for {} and {} more", self.names[..3].join(", "), more - 3),
        };
        let subject = if self.subject.is_empty() { "no subject" } else { &self.subject };
        format!(
            "certificate of {subject}{names}, issued by {}, valid {} to {}",
            self.issuer,
            day(self.not_before),
            day(self.not_after)
        )
    }
}

/// The present time, in seconds since the Unix epoch.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => match *octets.as_bytes() {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            ref octets => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_string()),
        },
        _ => None,
    }
}

fn day(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(at) => at.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a time beyond all calendars".to_owned(),
    }
}
