//! Settings of TLS.

use std::sync::Arc;

use super::Builder;
use crate::TlsProvider;

impl Builder {
    /// A TLS configuration of one's own. Default: the platform's verifier, TLS 1.2 and 1.3, no client certificate, and
    /// `http/1.1` by ALPN. For single further roots and for a client certificate there are
    /// [`root_certificate`](Self::root_certificate) and [`client_certificate`](Self::client_certificate); they can't be
    /// combined with this. [`pin`](Self::pin) can.
    pub fn tls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls.config = Some(config);
        self
    }

    /// The library that does the cryptography of TLS, with the server and with an `https` proxy. Default:
    /// [`TlsProvider::Ring`]. Not with [`tls_config`](Self::tls_config), which has its own.
    ///
    /// With the feature `aws-lc-rs` there is a choice. It turns on rustls' feature of that name, and so a configuration of
    /// your own has to name its provider (`ClientConfig::builder_with_provider`), or the program has to install one
    /// (`CryptoProvider::install_default`): rustls' `ClientConfig::builder()` panics where it was built with two.
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

    /// Trusts a further root beside those of the platform: one certificate in DER, or any number in PEM. May be called
    /// several times. A server whose own certificate is among them is trusted for that very certificate, whoever issued it
    /// and also if it says that it is an authority's (as those that `openssl req -x509` makes do); its names and dates are
    /// checked as ever. It counts for an `https` proxy too. Not on Android, where the app's network security configuration
    /// is the place for it.
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

    /// Shows this certificate to servers that ask for one, never to a proxy. `chain` is the certificate, followed in PEM
    /// by those that lead to its root; in DER it is the certificate alone. `key` is its private key, not encrypted, in PEM
    /// (PKCS #8, PKCS #1 or SEC 1) or DER. A PEM text may hold both, and be given twice.
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

    /// Shows `watch` the certificates of each `wss` server and `https` proxy in a full handshake, its own first, before they
    /// are judged, so also those that are then refused. For tools that explain; it decides nothing. Not with
    /// [`tls_config`](Self::tls_config).
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

    /// Pins a public key: a `wss` server must have this one, or one of several calls' (for the change to a new key).
    /// Written as `sha256/` and the Base64 of the SHA-256 of the certificate's `SubjectPublicKeyInfo` in DER (RFC 7469
    /// section 2.4); curl's `sha256//` is understood too. To have it from a server:
    ///
    /// ```text
    /// openssl s_client -connect example.org:443 </dev/null | openssl x509 -pubkey -noout |
    ///   openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
    /// ```
    ///
    /// This is checked beside the usual verification, not instead, and before anything is sent over TLS; only a self-signed
    /// certificate needs no other trust than its pin, and then its names and dates are checked as ever (not with
    /// [`tls_config`](Self::tls_config), which decides for itself). It concerns the
    /// server's own certificate alone: pins of a root or an intermediate certificate match nothing, since which of those
    /// that a server shows were verified is the platform's secret. It holds for every server that a hook or a redirect
    /// leads to, and does not concern an `https` proxy. A mismatch is a failure in
    /// [`Phase::Tls`](crate::Phase::Tls), [`PinMismatch`](crate::OpenFailureKind::PinMismatch), and final. Default: none.
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
