//! Servers that speak TLS.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use everwire::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use everwire::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_tungstenite::tungstenite::accept;

use super::server::{Heard, Server};

pub(crate) type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, "a company");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A `wss` server that answers pings, with a certificate of this issuer.
pub(crate) fn secure(issuer: &Issuer, name: &str, until: Option<(i32, u8, u8)>) -> Server {
    let config = config(issuer, name, until);
    Server::start(move |stream: TcpStream, _: &Sender<Heard>| serve(stream, &config))
}

/// The same; a request without TLS gets `refusal` and the end. With `None` it is not read, so that the end is a reset.
pub(crate) fn waiting_for_tls(refusal: Option<&'static str>) -> Server {
    /// The first byte of a handshake's record (RFC 8446 section 5.1).
    const HANDSHAKE: u8 = 22;
    let config = config(&issuer(), "localhost", None);
    Server::start(move |mut stream: TcpStream, _: &Sender<Heard>| {
        let mut first = [0];
        if matches!(stream.peek(&mut first), Ok(1)) && first == [HANDSHAKE] {
            return serve(stream, &config);
        }
        if let Some(refusal) = refusal {
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = stream.write_all(refusal.as_bytes());
        }
    })
}

fn config(issuer: &Issuer, name: &str, until: Option<(i32, u8, u8)>) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "the server");
    if let Some((year, month, day)) = until {
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2001, 1, 1), rcgen::date_time_ymd(year, month, day));
    }
    let certificate = params.signed_by(&key, issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a usable certificate");
    Arc::new(config)
}

fn serve(stream: TcpStream, config: &Arc<ServerConfig>) {
    let connection = ServerConnection::new(Arc::clone(config)).expect("a connection");
    if let Ok(mut socket) = accept(StreamOwned::new(connection, stream)) {
        while socket.read().is_ok() {}
    }
}
