//! The key exchange of TLS, by either library.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use everwire::rustls::crypto::aws_lc_rs::{self, kx_group};
use everwire::rustls::crypto::{CryptoProvider, ring};
use everwire::rustls::{HandshakeKind, NamedGroup};
use everwire::{BuildError, TlsProvider};
use support::secure::{self, Clients, Identity, acceptor_by, echo_on, issuer, trusting};
use support::{Server, assert_echo, hasty, soon};
use tokio::sync::mpsc::unbounded_channel;

/// What a server of this provider and a client of that one agree on.
async fn agreed(server: CryptoProvider, client: Option<TlsProvider>) -> (NamedGroup, HandshakeKind) {
    let issuer = issuer();
    let acceptor = acceptor_by(server, &Identity::server(&issuer, "localhost"), Clients::Any);
    let (agreed, mut all_agreed) = unbounded_channel();
    let server = Server::raw(move |stream, _| {
        let (acceptor, agreed) = (acceptor.clone(), agreed.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let connection = stream.get_ref().1;
            let group = connection.negotiated_key_exchange_group().map(|group| group.name());
            let _ = agreed.send(group.zip(connection.handshake_kind()));
            echo_on(stream).await;
        }
    })
    .await;
    let builder = hasty(secure::url(&server, "localhost")).root_certificate(issuer.pem());
    let builder = match client {
        Some(provider) => builder.tls_provider(provider),
        None => builder,
    };
    assert_echo(&builder.build().expect("good settings")).await;
    soon("the handshake", all_agreed.recv()).await.flatten().expect("a whole handshake")
}

/// Knows X25519MLKEM768 and the exchange of before.
fn both() -> CryptoProvider {
    let kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
    CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() }
}

#[tokio::test]
async fn by_aws_lc_a_server_that_knows_the_post_quantum_exchange_gets_it_in_one_round_trip() {
    let expected = (NamedGroup::X25519MLKEM768, HandshakeKind::Full);
    assert_eq!(agreed(both(), Some(TlsProvider::AwsLcRs)).await, expected);
}

#[tokio::test]
async fn by_aws_lc_a_server_that_does_not_know_it_is_asked_no_second_time() {
    let expected = (NamedGroup::X25519, HandshakeKind::Full);
    assert_eq!(agreed(ring::default_provider(), Some(TlsProvider::AwsLcRs)).await, expected);
}

#[tokio::test]
async fn the_feature_alone_changes_nothing() {
    for client in [None, Some(TlsProvider::Ring), Some(TlsProvider::default())] {
        assert_eq!(agreed(both(), client).await, (NamedGroup::X25519, HandshakeKind::Full), "{client:?}");
    }
}

#[tokio::test]
async fn a_provider_beside_a_whole_configuration_is_refused() {
    let builder = hasty("wss://localhost/").tls_config(trusting(&issuer())).tls_provider(TlsProvider::AwsLcRs);
    let refused = builder.build().expect_err("one of them would count for nothing");
    assert!(matches!(&refused, BuildError::Tls(why) if why.contains("tls_config")), "{refused}");
}
