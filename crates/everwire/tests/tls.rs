//! wss, with certificates made here.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use everwire::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use everwire::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use everwire::{Cause, Client, OpenFailure, OpenFailureKind, Outcome, Phase};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Server, connected, first_cause, hasty, soon};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A client's configuration that trusts this issuer alone.
fn trusting(issuer: &Issuer) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// An echo server over TLS, and its `wss` URL by this host name.
async fn secure_echo(issuer: &Issuer, certified: &str, host: &str) -> (Server, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![certified.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a usable certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::raw(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            use futures_util::{SinkExt, StreamExt};
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    let _ = socket.send(message).await;
                }
            }
        }
    })
    .await;
    let url = server.url.replace("ws://127.0.0.1", &format!("wss://{host}"));
    (server, url)
}

async fn failure(client: Client) -> OpenFailure {
    match first_cause(&client).await {
        Cause::OpenFailed(failure) => failure,
        other => panic!("it opened: {other:?}"),
    }
}

#[tokio::test]
async fn messages_go_both_ways_over_tls_by_name_and_by_address() {
    let issuer = issuer();
    for host in ["localhost", "127.0.0.1"] {
        let (_server, url) = secure_echo(&issuer, host, host).await;
        let client = hasty(&url).tls_config(trusting(&issuer)).build().expect("good settings");
        let mut inbox = client.messages();
        connected(&client).await;
        let large = vec![7; 1 << 20];
        let deliveries = [client.send("small").expect("room"), client.send(large.clone()).expect("room")];
        assert_eq!(soon("the echo", inbox.next()).await, Some("small".into()));
        assert_eq!(soon("the echo", inbox.next()).await, Some(large.into()));
        for delivery in deliveries {
            assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
        }
        assert_eq!(client.close(support::SOON).await, everwire::Left::default());
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused() {
    let (_server, url) = secure_echo(&issuer(), "localhost", "localhost").await;
    let failure = failure(hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::Certificate), "{failure:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_the_names_are_told() {
    let issuer = issuer();
    let (_server, url) = secure_echo(&issuer, "example.org", "localhost").await;
    let failure = failure(hasty(&url).tls_config(trusting(&issuer)).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::Certificate), "{failure:?}");
    assert!(failure.detail.contains("not valid for name \"localhost\""), "{failure:?}");
    assert!(failure.detail.contains("example.org"), "{failure:?}");
}

#[tokio::test]
async fn wss_to_a_server_without_tls_is_told_apart() {
    let server = Server::raw(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut Vec::new()).await;
    })
    .await;
    let url = server.url.replace("ws://", "wss://");
    let failure = failure(hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::NotWebSocket), "{failure:?}");
    assert!(failure.detail.contains("is it ws:// rather than wss://?"), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_ends_during_the_tls_handshake_is_tried_again() {
    let server = Server::raw(|stream, _| async move { drop(stream) }).await;
    let url = server.url.replace("ws://", "wss://");
    let failure = failure(hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::Io), "{failure:?}");
}

#[tokio::test]
async fn by_default_the_platform_decides_and_it_does_not_know_our_issuer() {
    let (_server, url) = secure_echo(&issuer(), "localhost", "localhost").await;
    match hasty(&url).build() {
        Ok(client) => assert_eq!(failure(client).await.kind, OpenFailureKind::Certificate),
        // A system without root certificates.
        Err(error) => assert!(matches!(error, everwire::BuildError::Tls(_)), "{error}"),
    }
}
