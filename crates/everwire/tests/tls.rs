//! wss, with certificates made here.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use everwire::{BuildError, CertificateProblem, Client, OpenFailureKind, Outcome, Phase};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use support::secure::{self, Clients, Identity, Issuer, acceptor, issuer, trusting};
use support::{Server, assert_echo, connected, final_failure, first_failure, hasty, soon};
use tokio::io::AsyncWriteExt;

/// An echo server over TLS, and its `wss` URL by this host name.
async fn secure_echo(issuer: &Issuer, certified: &str, host: &str) -> (Server, String) {
    let server = secure::echo(acceptor(&Identity::server(issuer, certified), Clients::Any)).await;
    let url = secure::url(&server, host);
    (server, url)
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
        assert_eq!(client.close(support::SOON).await, everwire::Undelivered::default());
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused() {
    let (_server, url) = secure_echo(&issuer(), "localhost", "localhost").await;
    let failure = first_failure(&hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!(
        (failure.phase, &failure.kind),
        (Phase::Tls, &OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer)),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_the_names_are_told() {
    let issuer = issuer();
    let (_server, url) = secure_echo(&issuer, "example.org", "localhost").await;
    let failure = first_failure(&hasty(&url).tls_config(trusting(&issuer)).build().expect("good settings")).await;
    assert_eq!(
        (failure.phase, &failure.kind),
        (Phase::Tls, &OpenFailureKind::Certificate(CertificateProblem::WrongName)),
        "{failure:?}"
    );
    assert!(failure.detail.ends_with("it is for example.org, not for localhost"), "{failure:?}");
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
    let failure = first_failure(&hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::NotWebSocket), "{failure:?}");
    assert!(failure.detail.contains("is it ws:// rather than wss://?"), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_ends_during_the_tls_handshake_is_tried_again() {
    let server = Server::raw(|stream, _| async move { drop(stream) }).await;
    let url = server.url.replace("ws://", "wss://");
    let failure = first_failure(&hasty(&url).tls_config(trusting(&issuer())).build().expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::Io), "{failure:?}");
}

#[tokio::test]
async fn by_default_the_platform_decides_and_it_does_not_know_our_issuer() {
    let (_server, url) = secure_echo(&issuer(), "localhost", "localhost").await;
    match hasty(&url).build() {
        Ok(client) => assert_eq!(
            first_failure(&client).await.kind,
            OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer)
        ),
        // A system without root certificates.
        Err(error) => assert!(matches!(error, everwire::BuildError::Tls(_)), "{error}"),
    }
}

/// A client of this server that trusts its issuer beside the platform's roots.
fn with_root(url: &str, issuer: &Issuer) -> everwire::Builder {
    hasty(url).root_certificate(issuer.pem())
}

#[tokio::test]
async fn further_roots_are_trusted_in_pem_and_der_one_or_several() {
    let (known, other) = (issuer(), issuer());
    let (_server, url) = secure_echo(&known, "localhost", "localhost").await;
    let both = format!("{}{}", other.pem(), known.pem());
    for builder in [
        hasty(&url).root_certificate(known.pem()),
        hasty(&url).root_certificate(known.der()),
        hasty(&url).root_certificate(both),
        hasty(&url).root_certificate(other.der()).root_certificate(known.der()),
    ] {
        assert_echo(&builder.build().expect("good settings")).await;
    }
    let failure = first_failure(&with_root(&url, &other).build().expect("good settings")).await;
    assert_eq!(
        (failure.phase, &failure.kind),
        (Phase::Tls, &OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer)),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_gets_it() {
    let issuer = issuer();
    let server = Identity::server(&issuer, "localhost");
    let server = secure::echo(acceptor(&server, Clients::Of(&issuer))).await;
    let url = secure::url(&server, "localhost");
    let client = Identity::client(&issuer);
    let (pem, key) = (client.pem.clone(), client.key.serialize_pem());
    let both = format!("{key}{pem}");
    for builder in [
        with_root(&url, &issuer).client_certificate(&pem, &key),
        with_root(&url, &issuer).client_certificate(&client.certificate, client.key.serialize_der()),
        with_root(&url, &issuer).client_certificate(&both, &both),
    ] {
        assert_echo(&builder.build().expect("good settings")).await;
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_missing_or_not_accepted_is_told_in_the_tls_phase() {
    let issuer = issuer();
    let server = Identity::server(&issuer, "localhost");
    let server = secure::echo(acceptor(&server, Clients::Of(&issuer))).await;
    let url = secure::url(&server, "localhost");
    let stranger = Identity::client(&self::issuer());
    let builder = with_root(&url, &issuer);
    let missing = first_failure(&builder.build().expect("good settings")).await;
    let builder = with_root(&url, &issuer).client_certificate(&stranger.pem, stranger.key.serialize_pem());
    let strange = first_failure(&builder.build().expect("good settings")).await;
    for (failure, words) in
        [(missing, "the server wants a client certificate"), (strange, "does not accept the client certificate")]
    {
        assert_eq!(
            (failure.phase, &failure.kind),
            (Phase::Tls, &OpenFailureKind::Certificate(CertificateProblem::OfClient)),
            "{failure:?}"
        );
        assert!(failure.detail.contains(words), "{failure:?}");
    }
}

#[tokio::test]
async fn a_pinned_key_is_accepted_also_as_the_second_pin_and_with_a_configuration_of_ones_own() {
    let issuer = issuer();
    let (old, new) = (Identity::server(&issuer, "localhost"), Identity::server(&issuer, "localhost"));
    for identity in [&old, &new] {
        let server = secure::echo(acceptor(identity, Clients::Any)).await;
        let url = secure::url(&server, "localhost");
        let curls = new.pin().replacen('/', "//", 1);
        for builder in [with_root(&url, &issuer), hasty(&url).tls_config(trusting(&issuer))] {
            let client = builder.pin(old.pin()).pin(&curls).build().expect("good settings");
            assert_echo(&client).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_pinned_is_final_and_its_pin_is_told() {
    let issuer = issuer();
    let (identity, other) = (Identity::server(&issuer, "localhost"), Identity::server(&issuer, "localhost"));
    let server = secure::echo(acceptor(&identity, Clients::Any)).await;
    let url = secure::url(&server, "localhost");
    // The issuer's key is in the chain, but it is the server's that counts.
    let issuers = {
        use rcgen::PublicKeyData;
        secure::pin_of(&issuer.key().subject_public_key_info())
    };
    for builder in [with_root(&url, &issuer), hasty(&url).tls_config(trusting(&issuer))] {
        let client = builder.pin(other.pin()).pin(&issuers).build().expect("good settings");
        let failure = final_failure(&client).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::PinMismatch), "{failure:?}");
        assert!(failure.detail.contains(&identity.pin()), "{failure:?}");
    }
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_pin_replaces_no_verification() {
    let (known, other) = (issuer(), issuer());
    let identity = Identity::server(&other, "localhost");
    let server = secure::echo(acceptor(&identity, Clients::Any)).await;
    let builder = with_root(&secure::url(&server, "localhost"), &known).pin(identity.pin());
    let failure = first_failure(&builder.build().expect("good settings")).await;
    assert_eq!(
        (failure.phase, &failure.kind),
        (Phase::Tls, &OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer)),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_session_that_tls_resumes_is_pinned_too() {
    let issuer = issuer();
    let identity = Identity::server(&issuer, "localhost");
    let server = secure::echo(acceptor(&identity, Clients::Any)).await;
    let url = secure::url(&server, "localhost");
    // Both clients share the configuration, and with it the sessions that can be resumed.
    let config = trusting(&issuer);
    let client = hasty(&url).tls_config(config.clone()).pin(identity.pin()).build().expect("good settings");
    assert_echo(&client).await;
    let other = Identity::server(&issuer, "localhost").pin();
    let client = hasty(&url).tls_config(config.clone()).pin(other).build().expect("good settings");
    assert_eq!(final_failure(&client).await.kind, OpenFailureKind::PinMismatch);
    let client = hasty(&url).tls_config(config).pin(identity.pin()).build().expect("good settings");
    assert_echo(&client).await;
}

#[tokio::test]
async fn tls_settings_that_can_not_be_used_are_told_when_the_client_is_built() {
    let issuer = issuer();
    let (one, other) = (Identity::client(&issuer), Identity::client(&issuer));
    let (pem, key) = (&one.pem, one.key.serialize_pem());
    let new = || Client::builder("wss://localhost/");
    let cases = [
        (new().root_certificate("-----BEGIN CERTIFICATE-----\n"), "a root certificate is not in valid PEM"),
        (new().root_certificate(&key), "no certificate where a root certificate should be"),
        (new().root_certificate([1, 2, 3]), "a root certificate is neither PEM nor a certificate in DER"),
        (new().root_certificate(""), "a root certificate is neither PEM nor a certificate in DER"),
        (new().client_certificate(pem, pem), "the client certificate's key is no private key in PEM"),
        (new().client_certificate(pem, [1, 2, 3]), "the client certificate's key is neither PEM nor a private key"),
        (new().client_certificate(&key, &key), "no certificate where the client certificate should be"),
        (new().client_certificate(pem, other.key.serialize_pem()), "the client certificate and its key can't be used"),
        (new().tls_config(trusting(&issuer)).root_certificate(pem), "belong into the configuration"),
        (new().tls_config(trusting(&issuer)).client_certificate(pem, &key), "belong into the configuration"),
        (new().pin("sha256/abc"), "`sha256/abc` is not a pin: expected sha256/"),
    ];
    for (builder, words) in cases {
        let error = builder.build().expect_err(words);
        assert!(matches!(error, BuildError::Tls(_)), "{error:?}");
        assert!(error.to_string().contains(words) && !error.to_string().contains('\n'), "{words}: {error}");
    }
}

/// A self-signed certificate for these names, as `openssl req -x509` makes it: an authority's.
fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let params = params.as_mut().expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(params);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
}

#[tokio::test]
async fn a_self_signed_certificate_of_an_authority_is_trusted_for_itself() {
    let identity = self_signed(&["localhost"], |_| {});
    let server = secure::echo(acceptor(&identity, Clients::Any)).await;
    let url = secure::url(&server, "localhost");
    for builder in [
        hasty(&url).root_certificate(&identity.pem),
        hasty(&url).pin(identity.pin()),
        hasty(&url).root_certificate(&identity.pem).pin(identity.pin()),
        hasty(&url).root_certificate(self_signed(&["localhost"], |_| {}).pem).pin(identity.pin()),
    ] {
        assert_echo(&builder.build().expect("good settings")).await;
    }
    // Neither given nor pinned.
    let other = self_signed(&["localhost"], |_| {});
    for builder in [hasty(&url), hasty(&url).root_certificate(&other.pem)] {
        let failure = first_failure(&builder.build().expect("good settings")).await;
        assert_eq!(failure.phase, Phase::Tls, "{failure:?}");
        assert!(matches!(failure.kind, OpenFailureKind::Certificate(_)), "{failure:?}");
        assert!(!failure.detail.contains("Other") && !failure.detail.contains("EndEntity"), "{failure:?}");
    }
    let builder = hasty(&url).root_certificate(&identity.pem).pin(other.pin());
    assert_eq!(final_failure(&builder.build().expect("good settings")).await.kind, OpenFailureKind::PinMismatch);
}

#[tokio::test]
async fn a_self_signed_certificate_for_another_name_is_refused_for_its_name_first() {
    let identity = self_signed(&["elsewhere.test"], |_| {});
    let server = secure::echo(acceptor(&identity, Clients::Any)).await;
    let url = secure::url(&server, "localhost");
    let failure = first_failure(&hasty(&url).root_certificate(issuer().pem()).build().expect("good settings")).await;
    assert_eq!(failure.kind, OpenFailureKind::Certificate(CertificateProblem::WrongName), "{failure:?}");
    assert!(failure.detail.ends_with("it is for elsewhere.test, not for localhost"), "{failure:?}");
}

#[tokio::test]
async fn names_and_dates_of_a_certificate_that_is_trusted_itself_are_checked() {
    let expired = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    };
    let early = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(3000, 1, 1);
        params.not_after = rcgen::date_time_ymd(3000, 2, 1);
    };
    for (identity, problem, words) in [
        (
            self_signed(&["elsewhere.test"], |_| {}),
            CertificateProblem::WrongName,
            "it is for elsewhere.test, not for localhost",
        ),
        (self_signed(&[], |_| {}), CertificateProblem::WrongName, "it names no host"),
        (self_signed(&["localhost"], expired), CertificateProblem::Expired, "expired"),
        (self_signed(&["localhost"], early), CertificateProblem::NotYetValid, "not valid yet"),
    ] {
        let server = secure::echo(acceptor(&identity, Clients::Any)).await;
        let url = secure::url(&server, "localhost");
        for builder in [hasty(&url).root_certificate(&identity.pem), hasty(&url).pin(identity.pin())] {
            let failure = first_failure(&builder.build().expect("good settings")).await;
            assert_eq!(failure.kind, OpenFailureKind::Certificate(problem), "{failure:?}");
            assert!(failure.detail.contains(words), "{words}: {failure:?}");
        }
    }
}
