//! A TLS proxy in front of a server, which requires client certificates.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use everwire::rustls::crypto::ring;
use everwire::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use everwire::rustls::server::WebPkiClientVerifier;
use everwire::rustls::{RootCertStore, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    /// The root certificate that clients have to trust.
    pub(crate) root: String,
    /// Its public key.
    pub(crate) pin: String,
    /// The client certificate that it requires, with its key.
    pub(crate) client: String,
    _runtime: Runtime,
}

impl Gate {
    /// Forwards to this address; its files are written to this folder.
    pub(crate) fn before(server: &str, folder: &Path) -> Self {
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a writable folder");
            path.display().to_string()
        };
        let (roots, clients) = (issuer("roots"), issuer("clients"));
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = names.signed_by(&key, &roots).expect("a certificate");

        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate().expect("a key");
        let client = params.signed_by(&client_key, &clients).expect("a certificate");
        let client = file("client.pem", &format!("{}{}", client.pem(), client_key.serialize_pem()));

        let provider = || Arc::new(ring::default_provider());
        let mut store = RootCertStore::empty();
        store.add(clients.der().clone()).expect("a root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider()).build();
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_client_cert_verifier(verifier.expect("a verifier"));
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_single_cert(vec![certificate.der().clone()], der).expect("a usable certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(serve(listener, acceptor, server.to_owned()));
        Self { address, root: file("root.pem", &roots.pem()), pin: pin(&key), client, _runtime: runtime }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: String) {
    while let Ok((near, _)) = listener.accept().await {
        let (acceptor, server) = (acceptor.clone(), server.clone());
        tokio::spawn(async move {
            let Ok(mut near) = acceptor.accept(near).await else { return };
            let Ok(mut far) = TcpStream::connect(server).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

fn pin(key: &KeyPair) -> String {
    use base64::Engine as _;
    use rcgen::PublicKeyData;
    let hash = ::ring::digest::digest(&::ring::digest::SHA256, &key.subject_public_key_info());
    format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(hash))
}
