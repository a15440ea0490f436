//! The library that does the cryptography of TLS.

use rustls::crypto::{CryptoProvider, ring};

/// The library that does the cryptography of TLS, for [`Builder::tls_provider`](crate::Builder::tls_provider).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsProvider {
    /// [ring](https://docs.rs/ring): key exchange by X25519, P-256 or P-384. The default, with every set of features.
    #[default]
    Ring,
    /// [AWS-LC](https://docs.rs/aws-lc-rs), which also has the post-quantum key exchange X25519MLKEM768: what is recorded
    /// today can't be decrypted by a quantum computer that is built later. It is offered first, together with X25519, which
    /// a server that does not know it takes without a further round trip. Requires the feature `aws-lc-rs`.
    ///
    /// The client's first message (ClientHello) grows to some 1.5 KB and so to two packets; a few middleboxes and servers
    /// can't read it then, and the TLS handshake fails or times out there (<https://tldr.fail>).
    #[cfg(feature = "aws-lc-rs")]
    AwsLcRs,
}

impl TlsProvider {
    pub(super) fn provider(self) -> CryptoProvider {
        match self {
            Self::Ring => ring::default_provider(),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs => post_quantum_first(),
        }
    }
}

/// Whether X25519MLKEM768 is the first by default depends on a feature of rustls that any crate of a program may turn on.
#[cfg(feature = "aws-lc-rs")]
fn post_quantum_first() -> CryptoProvider {
    use rustls::crypto::aws_lc_rs::{default_provider, kx_group::X25519MLKEM768};

    let mut provider = default_provider();
    provider.kx_groups.retain(|group| group.name() != X25519MLKEM768.name());
    provider.kx_groups.insert(0, X25519MLKEM768);
    provider
}
