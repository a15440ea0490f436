//! A certificate, and rustls with ring for both ends and all contenders.

use std::fmt::Write;
use std::sync::Arc;

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Done;

/// The server's end, and the certificate that the client has to trust. Tickets contain the session, so that any number of clients
/// can resume.
pub(crate) fn acceptor() -> Done<(TlsAcceptor, String)> {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der())?;
    let mut hex = String::new();
    for byte in certificate.iter() {
        write!(hex, "{byte:02x}")?;
    }
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.ticketer = ring::Ticketer::new()?;
    Ok((TlsAcceptor::from(Arc::new(config)), hex))
}

pub(crate) fn certificate(hex: &str) -> Done<CertificateDer<'static>> {
    let byte = |at: usize| hex.get(at..at.saturating_add(2)).and_then(|byte| u8::from_str_radix(byte, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    Ok(bytes.ok_or("no certificate")?.into())
}

pub(crate) fn connector(certificate: CertificateDer<'static>, resumes: bool) -> Done<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if !resumes {
        config.resumption = Resumption::disabled();
    }
    Ok(TlsConnector::from(Arc::new(config)))
}
