//! TLS, by rustls.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use everwire_core::{OpenFailure, Phase};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure;
use crate::sync::lock;
use crate::target::Target;

pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// The TLS settings of a client: the user's, or the default, which is made when it is needed.
#[derive(Debug)]
pub(crate) struct Tls(OnceLock<Arc<ClientConfig>>);

impl Tls {
    pub(crate) fn new(config: Option<Arc<ClientConfig>>) -> Self {
        Self(config.map_or_else(OnceLock::new, OnceLock::from))
    }

    /// Makes the configuration, if that is not done yet. Reads the system's root certificates.
    pub(crate) fn prepare(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.0.get() {
            return Ok(Arc::clone(config));
        }
        let config = platform_config()?;
        Ok(Arc::clone(self.0.get_or_init(|| config)))
    }

    pub(super) async fn connect(&self, tcp: TcpStream, target: &Target) -> Result<TlsStream, OpenFailure> {
        let config = self.prepare().map_err(|why| failure::io(Phase::Tls, format!("TLS can't be set up: {why}")))?;
        let name = ServerName::try_from(target.host().to_owned())
            .map_err(|_| failure::bad_request(format!("`{}` is not a name for a certificate", target.host())))?;
        TlsConnector::from(config).connect(name, tcp).await.map_err(|error| describe(&error))
    }
}

/// The default: TLS 1.2 and 1.3, certificates judged by the platform's verifier. Clients share it while there are any, and
/// the next one reads the system's root certificates anew.
fn platform_config() -> Result<Arc<ClientConfig>, String> {
    static SHARED: Mutex<Weak<ClientConfig>> = Mutex::new(Weak::new());

    let mut shared = lock(&SHARED);
    if let Some(config) = shared.upgrade() {
        return Ok(config);
    }
    let words = |error: rustls::Error| error.to_string();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider)).map_err(words)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(words)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A server that also speaks HTTP/2 must not choose that.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    *shared = Arc::downgrade(&config);
    Ok(config)
}

fn describe(error: &io::Error) -> OpenFailure {
    match failure::find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => failure::certificate(why.to_string()),
        Some(rustls::Error::InvalidMessage(_)) => {
            failure::not_web_socket(Phase::Tls, "the server does not speak TLS; is it ws:// rather than wss://?".into())
        }
        Some(rustls::Error::AlertReceived(alert)) => failure::io(Phase::Tls, alert_words(*alert)),
        Some(error) => failure::io(Phase::Tls, error.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            failure::io(Phase::Tls, "the server ended the connection during the TLS handshake".into())
        }
        None => failure::io(Phase::Tls, failure::io_words(error)),
    }
}

fn alert_words(alert: AlertDescription) -> String {
    format!("the server refused the TLS handshake ({alert:?})")
}
