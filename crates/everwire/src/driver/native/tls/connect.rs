//! The TLS handshake.

use std::io;
use std::sync::Arc;

use everwire_core::{CertificateProblem, OpenFailure, OpenFailureKind, Phase};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use tokio_rustls::TlsConnector;

use super::config::Tls;
use super::describe::{alert_words, certificate_problem, certificate_words, tls_problem};
use crate::driver::native::failure;
use crate::driver::native::stream::{Stream, TlsStream};
use crate::proxy::ProxyUrl;
use crate::target::Target;

impl Tls {
    pub(in crate::driver::native) async fn connect(
        &self,
        stream: Stream,
        target: &Target,
    ) -> Result<Stream, OpenFailure> {
        let config = self.prepare().map_err(|why| self.no_setup(Phase::Tls, &why))?;
        let stream = handshake(config, stream, target.host()).await?.map_err(|error| describe(&error, SERVER))?;
        // On the finished handshake rather than in the verifier, which a resumed session does not ask.
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        self.pins.check(leaf).map_err(|pin| {
            let pin = pin.map_or("unknown".to_owned(), |pin| pin.to_string());
            let detail = format!("the server's public key is none of those pinned: it is {pin}");
            OpenFailure { phase: Phase::Tls, kind: OpenFailureKind::PinMismatch, detail }
        })?;
        Ok(Stream::tls(stream))
    }

    /// With an `https` proxy itself.
    pub(in crate::driver::native) async fn connect_to_proxy(
        &self,
        stream: Stream,
        proxy: &ProxyUrl,
    ) -> Result<Stream, OpenFailure> {
        let config = self.prepare_for_proxy().map_err(|why| self.no_setup(Phase::Proxy, &why))?;
        let stream = handshake(config, stream, proxy.host()).await?.map_err(|error| describe(&error, PROXY))?;
        Ok(Stream::tls(stream))
    }

    /// TLS that is not needed before a redirect or a hook leads there is set up late. What the user has given stays as it
    /// is; what the system lacks may still come.
    fn no_setup(&self, phase: Phase, why: &str) -> OpenFailure {
        let detail = format!("TLS can't be set up: {why}");
        let kind = if self.is_as_given() { OpenFailureKind::BadRequest } else { OpenFailureKind::Io };
        OpenFailure { phase, kind, detail }
    }
}

/// A server that speaks TLS 1.3 tells only after the handshake that it does not take our certificate, or misses one.
pub(in crate::driver::native) fn refused_by_alert(error: &io::Error) -> Option<OpenFailure> {
    match failure::find::<rustls::Error>(error) {
        Some(rustls::Error::AlertReceived(alert)) => Some(refusal(*alert, SERVER)),
        _ => None,
    }
}

async fn handshake(
    config: Arc<ClientConfig>,
    stream: Stream,
    host: &str,
) -> Result<io::Result<TlsStream>, OpenFailure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| failure::bad_request(format!("`{host}` is not a name for a certificate")))?;
    Ok(TlsConnector::from(config).connect(name, stream).await)
}

/// Whom a handshake is with.
#[derive(Clone, Copy)]
struct Peer {
    name: &'static str,
    phase: Phase,
    /// The schemes without and with TLS.
    schemes: (&'static str, &'static str),
}

const SERVER: Peer = Peer { name: "the server", phase: Phase::Tls, schemes: ("ws", "wss") };
const PROXY: Peer = Peer { name: "the proxy", phase: Phase::Proxy, schemes: ("http", "https") };

fn describe(error: &io::Error, peer: Peer) -> OpenFailure {
    let Peer { name, phase, schemes: (plain, secure) } = peer;
    match failure::find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let detail = format!("{name}'s certificate: {}", certificate_words(why));
            failure::certificate(phase, certificate_problem(why), detail)
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            let detail = format!("{name} does not speak TLS; is it {plain}:// rather than {secure}://?");
            failure::not_web_socket(phase, detail)
        }
        Some(rustls::Error::AlertReceived(alert)) => refusal(*alert, peer),
        Some(error) => failure::io(phase, tls_problem(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            failure::io(phase, format!("{name} ended the connection during the TLS handshake"))
        }
        None => failure::io(phase, failure::io_words(error)),
    }
}

fn refusal(alert: AlertDescription, peer: Peer) -> OpenFailure {
    let Peer { name, phase, .. } = peer;
    match alert {
        AlertDescription::CertificateRequired => {
            failure::certificate(phase, CertificateProblem::OfClient, format!("{name} wants a client certificate"))
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => failure::certificate(
            phase,
            CertificateProblem::OfClient,
            format!("{name} does not accept the client certificate ({})", alert_words(alert)),
        ),
        _ => failure::io(phase, format!("{name} refused the TLS handshake ({})", alert_words(alert))),
    }
}
