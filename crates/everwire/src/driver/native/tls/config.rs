//! From the settings to rustls' configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::describe::tls_problem;
use super::pins::Pins;
use super::provider::TlsProvider;
use super::verifier::{TrustVerifier, Watch};
use crate::sync::lock;

/// What the user wants of TLS.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// A whole configuration.
    pub(crate) config: Option<Arc<ClientConfig>>,
    pub(crate) provider: Option<TlsProvider>,
    /// Further roots, each in PEM (several) or DER (one).
    pub(crate) roots: Vec<Vec<u8>>,
    /// A certificate with its chain, and its key, each in PEM or DER.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) pins: Vec<String>,
    /// Is shown each server's certificates.
    pub(crate) watch: Option<Watch>,
}

/// The TLS settings of a client. The configuration is made when it is needed.
pub(crate) struct Tls {
    provider: TlsProvider,
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    watch: Option<Watch>,
    pub(super) pins: Arc<Pins>,
    config: OnceLock<Arc<ClientConfig>>,
    to_proxies: OnceLock<Arc<ClientConfig>>,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// Checks the settings. The error is one line.
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let Settings { config, provider, roots, identity, pins, watch } = settings;
        if config.is_some() && provider.is_some() {
            return Err("the provider belongs into the configuration that `tls_config` was given".into());
        }
        if config.is_some() && (!roots.is_empty() || identity.is_some() || watch.is_some()) {
            return Err("root and client certificates, and who watches them, belong into the configuration that `tls_config` was given".into());
        }
        let roots = roots.iter().map(|root| certificates(root, "a root certificate")).collect::<Result<Vec<_>, _>>()?;
        let identity = match identity {
            Some((chain, key)) => {
                Some(Identity { chain: certificates(&chain, "the client certificate")?, key: private_key(&key)? })
            }
            None => None,
        };
        Ok(Self {
            provider: provider.unwrap_or_default(),
            roots: roots.concat(),
            identity,
            watch,
            pins: Arc::new(Pins::parse(&pins)?),
            config: config.map_or_else(OnceLock::new, OnceLock::from),
            to_proxies: OnceLock::new(),
        })
    }

    /// Whether there is anything of the user's in it that could be unusable.
    pub(super) fn is_as_given(&self) -> bool {
        !self.roots.is_empty() || self.identity.is_some()
    }

    /// Makes the configuration, if that is not done yet. Reads the system's root certificates.
    pub(crate) fn prepare(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = match &self.identity {
            None if self.roots.is_empty() && self.watch.is_none() && self.pins.is_empty() => {
                shared_config(self.provider)?
            }
            identity => {
                let watch = self.watch.clone();
                Arc::new(config(self.provider, &self.roots, &self.pins, identity.as_ref(), watch)?)
            }
        };
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    /// The same for a proxy: who we are is the server's business alone.
    pub(super) fn prepare_for_proxy(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.to_proxies.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = ClientConfig::clone(&*self.prepare()?);
        config.client_auth_cert_resolver = Arc::new(Anonymous);
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Arc::clone(self.to_proxies.get_or_init(|| Arc::new(config))))
    }
}

/// The key is not shown.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("roots", &self.roots.len()).field("pins", &self.pins).finish_non_exhaustive()
    }
}

/// The default: TLS 1.2 and 1.3, with certificates verified by the platform's verifier. Clients share it for as long as
/// one of them uses it; the next client after that reads the system's root certificates again.
fn shared_config(provider: TlsProvider) -> Result<Arc<ClientConfig>, String> {
    static SHARED: Mutex<BTreeMap<TlsProvider, Weak<ClientConfig>>> = Mutex::new(BTreeMap::new());

    let mut shared = lock(&SHARED);
    if let Some(config) = shared.get(&provider).and_then(Weak::upgrade) {
        return Ok(config);
    }
    let config = Arc::new(config(provider, &[], &Arc::default(), None, None)?);
    shared.insert(provider, Arc::downgrade(&config));
    Ok(config)
}

fn config(
    provider: TlsProvider,
    roots: &[CertificateDer<'static>],
    pins: &Arc<Pins>,
    identity: Option<&Identity>,
    watch: Option<Watch>,
) -> Result<ClientConfig, String> {
    let words = |error: rustls::Error| error.to_string();
    let provider = Arc::new(provider.provider());
    let verifier = verifier(roots, &provider)?;
    let verifier = Arc::new(TrustVerifier::new(verifier, roots.to_vec(), Arc::clone(pins), watch));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(words)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| format!("the client certificate and its key can't be used: {}", tls_problem(&error)))?,
    };
    // A server that also speaks HTTP/2 must not choose that.
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(config)
}

const HTTP_1_1: &[u8] = b"http/1.1";

fn verifier(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let provider = Arc::clone(provider);
    if roots.is_empty() {
        let verifier = Verifier::new(provider).map_err(|error| no_roots(&error))?;
        #[cfg(target_os = "android")]
        ask_once(&verifier)?;
        return Ok(Arc::new(verifier));
    }
    #[cfg(target_os = "android")]
    return Err("on Android further roots belong into the app's network security configuration".into());
    #[cfg(not(target_os = "android"))]
    match Verifier::new_with_extra_roots(roots.iter().cloned(), provider) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => Err(format!("a root certificate can't be used: {error}")),
    }
}

fn no_roots(error: &rustls::Error) -> String {
    format!(
        "{error}; install the system's root certificates (most call the package ca-certificates), or give some by \
         `root_certificate` (--cacert)"
    )
}

/// Android's verifier asks the JVM, to which the app has to introduce it first; if it has not, the first question panics.
/// That had better be when the client is built, and an error.
#[cfg(any(target_os = "android", test))]
fn ask_once(verifier: &dyn ServerCertVerifier) -> Result<(), String> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rustls::pki_types::{IpAddr, ServerName, UnixTime};

    let nobody = ServerName::IpAddress(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED.into()));
    let none = CertificateDer::from(Vec::new());
    // What it says of a certificate that is none does not matter.
    let ask = || drop(verifier.verify_server_cert(&none, &[], &nobody, &[], UnixTime::now()));
    catch_unwind(AssertUnwindSafe(ask)).map_err(|_| {
        "on Android the app has to call `rustls_platform_verifier::android::init_with_env` before it builds a client".into()
    })
}

/// All certificates of a PEM text, or the one that these bytes are in DER.
fn certificates(bytes: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = if is_pem(bytes) {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        read.map_err(|error| format!("{what} is not in valid PEM: {error}"))?
    } else {
        vec![CertificateDer::from(bytes.to_vec())]
    };
    if chain.is_empty() {
        return Err(format!("there is no certificate where {what} should be"));
    }
    for certificate in &chain {
        rustls::server::ParsedCertificate::try_from(certificate)
            .map_err(|_| format!("{what} is neither PEM nor a certificate in DER"))?;
    }
    Ok(chain)
}

fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if is_pem(bytes) {
        PrivateKeyDer::from_pem_slice(bytes)
            .map_err(|_| "the client certificate's key is no private key in PEM, or it is encrypted".into())
    } else {
        PrivateKeyDer::try_from(bytes.to_vec())
            .map_err(|_| "the client certificate's key is neither PEM nor a private key in DER".into())
    }
}

fn is_pem(bytes: &[u8]) -> bool {
    const START: &[u8] = b"-----BEGIN ";
    bytes.windows(START.len()).any(|window| window == START)
}

/// Has no client certificate.
#[derive(Debug)]
struct Anonymous;

impl ResolvesClientCert for Anonymous {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified};
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, DigitallySignedStruct, Error};

    use super::*;

    /// As Android's is before and after it was introduced.
    #[derive(Debug)]
    struct Asked {
        introduced: bool,
    }

    impl ServerCertVerifier for Asked {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            assert!(self.introduced, "to be initialized");
            Err(CertificateError::BadEncoding.into())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            Vec::new()
        }
    }

    #[test]
    fn a_verifier_that_was_not_introduced_is_an_error_and_no_panic() {
        assert_eq!(ask_once(&Asked { introduced: true }), Ok(()));
        let problem = ask_once(&Asked { introduced: false }).expect_err("it panicked");
        assert!(problem.contains("init_with_env"), "{problem}");
    }

    #[test]
    fn without_roots_it_is_told_what_to_install() {
        let words = no_roots(&Error::General("No CA certificates were loaded from the system".into()));
        assert!(words.contains("ca-certificates") && words.contains("--cacert"), "{words}");
    }
}
