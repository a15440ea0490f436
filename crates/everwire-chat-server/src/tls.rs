//! TLS by certificate files, which are read again when they change. The only file that names rustls.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::stamp::Stamp;

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that lead to its root, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// The reason why TLS can't be offered.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read, or is not PEM.
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// A file holds no certificate, or no private key, in PEM form.
    Missing {
        /// The file.
        file: PathBuf,
        /// What it does not hold.
        what: &'static str,
    },
    /// The certificate and the key do not fit, or are of a kind that is not supported.
    Certificate {
        /// The file of the certificate.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// TLS as it is offered now.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// The files that were last looked at, whether they could be used or not.
    changed: Changed,
}

/// Each of the files as it was.
type Changed = [Option<Stamp>; 2];

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Current::read(&files)?;
        Ok(Self { files, current: Mutex::new(current) })
    }

    /// Speaks TLS on a connection, with the certificate of this moment.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.lock().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Reads the files again if they have changed; what can't be used leaves things as they were. Blocks on the disk.
    pub(crate) fn renew(&self) {
        let changed = self.files.changed();
        if changed == self.lock().changed {
            return;
        }
        match Current::read(&self.files) {
            Ok(new) => {
                tracing::info!(file = %self.files.certificate.display(), "the certificate was read again");
                *self.lock() = new;
            }
            // The other file may come a moment later, and is a change then.
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "the certificate stays as it was");
                self.lock().changed = changed;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsFiles {
    fn changed(&self) -> Changed {
        [&self.certificate, &self.key].map(|file| Stamp::of(file))
    }
}

impl Current {
    fn read(TlsFiles { certificate, key }: &TlsFiles) -> Result<Self, TlsError> {
        // Before the reading: what is written meanwhile is read again.
        let changed = TlsFiles { certificate: certificate.clone(), key: key.clone() }.changed();
        let failed = |file: &Path, what| {
            let file = file.to_owned();
            move |source| match source {
                pem::Error::NoItemsFound => TlsError::Missing { file, what },
                source => TlsError::File { file, source },
            }
        };
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(failed(certificate, "certificate"))?;
        if chain.is_empty() {
            return Err(failed(certificate, "certificate")(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key, "private key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|source| TlsError::Certificate { file: certificate.clone(), source })?;
        // WebSockets begin with HTTP/1.1 (RFC 6455 section 1.2).
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The client keeps its session, so that any number of them can come back without a signature each.
        match rustls::crypto::ring::Ticketer::new() {
            Ok(ticketer) => config.ticketer = ticketer,
            Err(error) => tracing::warn!(%error, "TLS sessions can only be resumed from this server's memory"),
        }
        Ok(Self { config: Arc::new(config), changed })
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, .. } => write!(f, "{} can't be used for TLS", file.display()),
            Self::Missing { file, what } => {
                write!(f, "{} holds no {what} in PEM form (-----BEGIN …-----)", file.display())
            }
            Self::Certificate { file, source: rustls::Error::InconsistentKeys(_) } => {
                write!(f, "the key is not the one that the certificate {} is for", file.display())
            }
            Self::Certificate { file, .. } => {
                write!(f, "the certificate {} can't be used with its key", file.display())
            }
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            // The words say it, and its own are names of a library.
            Self::Missing { .. } | Self::Certificate { source: rustls::Error::InconsistentKeys(_), .. } => None,
            Self::Certificate { source, .. } => Some(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConnection};

    use super::*;

    /// Writes both files, as of another time than before.
    fn write(files: &TlsFiles, age: u64) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        for (path, text) in [(&files.certificate, cert.pem()), (&files.key, signing_key.serialize_pem())] {
            std::fs::write(path, text).unwrap();
            touch(path, age);
        }
    }

    fn touch(path: &Path, age: u64) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }

    #[test]
    fn a_file_that_lacks_its_certificate_or_its_key_is_named_with_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        write(&TlsFiles { certificate: cert.clone(), key: key.clone() }, 0);
        for (certificate, key, lacks) in
            [(&key, &key, "key.pem holds no certificate in"), (&cert, &cert, "cert.pem holds no private key in")]
        {
            let error = Tls::open(TlsFiles { certificate: certificate.clone(), key: key.clone() }).unwrap_err();
            assert!(error.to_string().contains(lacks), "{error}");
        }
    }

    #[test]
    fn what_can_not_be_used_leaves_the_old_certificate_at_work_and_what_can_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        write(&files, 900);
        let tls = Tls::open(files.clone()).unwrap();
        let at_work = || Arc::as_ptr(&tls.lock().config);
        let first = at_work();
        tls.renew();
        assert_eq!(at_work(), first, "nothing has changed");

        std::fs::write(&files.certificate, "half a certific").unwrap();
        touch(&files.certificate, 800);
        tls.renew();
        assert_eq!(at_work(), first);
        assert_eq!(tls.lock().changed, files.changed(), "it is told once, not every second");

        write(&files, 700);
        tls.renew();
        let second = at_work();
        assert_ne!(second, first);

        // A build or a copy that sets the times.
        #[cfg(unix)]
        {
            let times =
                [&files.certificate, &files.key].map(|file| std::fs::metadata(file).unwrap().modified().unwrap());
            write(&files, 600);
            for (file, time) in [&files.certificate, &files.key].into_iter().zip(times) {
                std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
            }
            tls.renew();
            assert_ne!(at_work(), second);
        }
    }

    /// One handshake between these two, to its end: how it went.
    fn handshake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Option<HandshakeKind> {
        let mut client = ClientConnection::new(Arc::clone(client), "localhost".try_into().unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        while client.wants_write() || server.wants_write() {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut up).unwrap();
            }
            server.read_tls(&mut &up[..]).unwrap();
            server.process_new_packets().unwrap();
            while server.wants_write() {
                server.write_tls(&mut down).unwrap();
            }
            client.read_tls(&mut &down[..]).unwrap();
            client.process_new_packets().unwrap();
        }
        client.handshake_kind()
    }

    #[test]
    fn a_client_that_comes_back_after_more_others_than_a_server_remembers_resumes_its_session() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        write(&files, 0);
        let tls = Tls::open(files.clone()).unwrap();
        let server = Arc::clone(&tls.lock().config);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
        let client = || {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            Arc::new(builder.with_root_certificates(roots.clone()).with_no_client_auth())
        };
        let first = client();
        assert_eq!(handshake(&first, &server), Some(HandshakeKind::Full));
        for _ in 0..300 {
            assert_eq!(handshake(&client(), &server), Some(HandshakeKind::Full));
        }
        assert_eq!(handshake(&first, &server), Some(HandshakeKind::Resumed));
    }
}
