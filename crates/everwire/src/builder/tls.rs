//! Settings of TLS.

use std::sync::Arc;

use super::Builder;
use crate::TlsProvider;

impl Builder {
    /// A TLS configuration of your own. Default: the platform's verifier, TLS 1.2 and 1.3, no client certificate, and
    /// `http/1.1` by ALPN. To add only roots or a client certificate there are
    /// [`root_certificate`](Self::root_certificate) and [`client_certificate`](Self::client_certificate), which can't
    /// be combined with this; [`pin`](Self::pin) can.
    pub fn tls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls.config = Some(config);
        self
    }

    /// The library that does the cryptography of TLS, with the server and with an `https` proxy. Default:
    /// [`TlsProvider::Ring`]. Not with [`tls_config`](Self::tls_config), which has its own.
    ///
    /// With the feature `aws-lc-rs` there is a choice. The feature turns on rustls' feature of the same name, so a
    /// rustls configuration of your own has to name its provider (`ClientConfig::builder_with_provider`), or the
    /// program has to install one (`CryptoProvider::install_default`): rustls' `ClientConfig::builder()` panics where
    /// it was built with two.
    ///
    /// ```no_run
    /// # #[cfg(feature = "aws-lc-rs")] async fn client() -> Result<everwire::Client, everwire::BuildError> {
    /// use everwire::{Client, TlsProvider};
    ///
    /// let client = Client::builder("wss://example.org/feed").tls_provider(TlsProvider::AwsLcRs).build()?;
    /// # Ok(client) }
    /// # fn main() {}
    /// ```
    pub fn tls_provider(mut self, provider: TlsProvider) -> Self {
        self.tls.provider = Some(provider);
        self
    }

    /// Trusts a further root besides those of the platform: one certificate in DER, or any number in PEM. May be called
    /// several times. A server whose own certificate is among them is trusted, regardless of who issued the certificate
    /// and even if it is marked as an authority's (as `openssl req -x509` makes them); its names and dates are still
    /// checked. It applies to an `https` proxy too. Android does not support it: use the app's network security
    /// configuration there. Default: none.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = everwire::Client::builder("wss://intranet.example/feed")
    ///     .root_certificate(std::fs::read("company-root.pem")?)
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn root_certificate(mut self, certificates: impl AsRef<[u8]>) -> Self {
        self.tls.roots.push(certificates.as_ref().to_vec());
        self
    }

    /// Shows this certificate to servers that ask for one, never to a proxy. `chain` in PEM is the certificate,
    /// followed by those that lead to its root; in DER it is the certificate alone. `key` is its private key, not
    /// encrypted, in PEM (PKCS #8, PKCS #1 or SEC 1) or DER. A PEM text that holds both may be passed for both.
    /// Default: none.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = everwire::Client::builder("wss://intranet.example/feed")
    ///     .client_certificate(std::fs::read("client.pem")?, std::fs::read("client.key")?)
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.tls.identity = Some((chain.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// Calls `watch` with the certificates of each `wss` server and `https` proxy in a full handshake, the peer's own
    /// first, before they are verified, so also with those that are then refused. It is for tools that explain
    /// failures, and has no influence on the verification. It can't be combined with [`tls_config`](Self::tls_config).
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .watch_certificates(|chain| eprintln!("{} certificates, {} bytes in the first", chain.len(), chain[0].len()))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn watch_certificates(
        mut self,
        watch: impl Fn(&[rustls::pki_types::CertificateDer<'_>]) + Send + Sync + 'static,
    ) -> Self {
        self.tls.watch = Some(Arc::new(watch));
        self
    }

    /// Pins a public key: a `wss` server must have this key, or with several calls one of their keys (for the change to
    /// a new key). It is written as `sha256/` and the Base64 of the SHA-256 of the certificate's `SubjectPublicKeyInfo`
    /// in DER (RFC 7469 section 2.4); curl's `sha256//` is understood too. To get it from a server:
    ///
    /// ```text
    /// openssl s_client -connect example.org:443 </dev/null | openssl x509 -pubkey -noout |
    ///   openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
    /// ```
    ///
    /// The pin is checked in addition to the usual verification, and before anything is sent over TLS. Only a
    /// self-signed certificate needs no other trust than its pin; its names and dates are checked all the same (with
    /// [`tls_config`](Self::tls_config) that configuration decides). A pin is compared with the server's own
    /// certificate alone: pins of a root or an intermediate certificate match nothing, since the platform does not tell
    /// which certificates it has verified. It applies to every server that a hook or a redirect leads to, and not to an
    /// `https` proxy. A mismatch is a failure in [`Phase::Tls`](crate::Phase::Tls),
    /// [`PinMismatch`](crate::OpenFailureKind::PinMismatch), and final. Default: none.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .pin("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    ///     .pin("sha256/ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=") // the next one
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn pin(mut self, pin: impl AsRef<str>) -> Self {
        self.tls.pins.push(pin.as_ref().to_owned());
        self
    }
}
