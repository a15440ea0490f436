//! Certificates made here, and servers that show them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everwire::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use everwire::rustls::server::WebPkiClientVerifier;
use everwire::rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
};
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Server;

pub type Issuer = CertifiedIssuer<'static, KeyPair>;

static ISSUERS: AtomicUsize = AtomicUsize::new(0);

pub fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    // Two issuers of one name would be taken for each other.
    params.distinguished_name.push(DnType::CommonName, format!("issuer {}", ISSUERS.fetch_add(1, Ordering::Relaxed)));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate and its key.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    pub key: KeyPair,
}

impl Identity {
    /// For a server of this name.
    pub fn server(issuer: &Issuer, name: &str) -> Self {
        Self::new(issuer, CertificateParams::new(vec![name.to_owned()]).expect("a name"))
    }

    /// For a client.
    pub fn client(issuer: &Issuer) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Self::new(issuer, params)
    }

    fn new(issuer: &Issuer, params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        Self { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    /// `sha256/…` of the public key.
    pub fn pin(&self) -> String {
        use rcgen::PublicKeyData;
        pin_of(&self.key.subject_public_key_info())
    }
}

pub fn pin_of(public_key: &[u8]) -> String {
    use base64::Engine as _;
    let hash = ::ring::digest::digest(&::ring::digest::SHA256, public_key);
    format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(hash))
}

/// Which clients a server lets in.
#[derive(Clone, Copy)]
pub enum Clients<'a> {
    Any,
    /// Those with a certificate of this issuer.
    Of(&'a Issuer),
    /// The same, and those without any.
    OfOrNone(&'a Issuer),
}

pub fn acceptor(identity: &Identity, clients: Clients<'_>) -> TlsAcceptor {
    acceptor_by(ring::default_provider(), identity, clients)
}

pub fn acceptor_by(provider: CryptoProvider, identity: &Identity, clients: Clients<'_>) -> TlsAcceptor {
    let provider = || Arc::new(provider.clone());
    let verifier = |issuer| {
        let roots = Arc::new(roots(issuer));
        WebPkiClientVerifier::builder_with_provider(roots, provider())
    };
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("versions");
    let builder = match clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::Of(issuer) => builder.with_client_cert_verifier(verifier(issuer).build().expect("a verifier")),
        Clients::OfOrNone(issuer) => {
            let verifier = verifier(issuer).allow_unauthenticated().build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let mut config = builder.with_single_cert(vec![identity.certificate.clone()], key).expect("a usable certificate");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

pub fn roots(issuer: &Issuer) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("a root");
    roots
}

/// A client's configuration that trusts this issuer alone.
pub fn trusting(issuer: &Issuer) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots(issuer))
        .with_no_client_auth();
    Arc::new(config)
}

/// An echo server over TLS.
pub async fn echo(acceptor: TlsAcceptor) -> Server {
    Server::raw(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                echo_on(stream).await;
            }
        }
    })
    .await
}

pub async fn echo_on(stream: TlsStream<TcpStream>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            let _ = socket.send(message).await;
        }
    }
}

/// The `wss` URL of a server, by this host name.
pub fn url(server: &Server, host: &str) -> String {
    server.url.replace("ws://127.0.0.1", &format!("wss://{host}"))
}
