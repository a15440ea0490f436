//! Options of the network path to a server: proxy, redirects, addresses, TLS.

use std::path::{Path, PathBuf};

use clap::Args;

use super::numbers;
use super::values::{self, Resolved};
use crate::exit::{Exit, Failure};

/// How the server is reached and authenticated.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Connect through this proxy: http, https, socks5 or socks5h, with USER:PASSWORD@ before the host if it requires
    /// them [default: from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY]
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Connect without a proxy, even if the environment names one
    #[arg(long, conflicts_with = "proxy")]
    pub(crate) no_proxy: bool,

    /// Connect to ADDRESS (several with commas) instead of looking HOST up, for connections to HOST:PORT, through a
    /// proxy too; may be repeated. The Host header and the certificate are still those of HOST
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = values::resolved)]
    pub(crate) resolve: Vec<Resolved>,

    /// Most HTTP redirects to follow
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = numbers::within(0..=255_u8))]
    pub(crate) max_redirects: u8,

    /// Also trust the root certificates in this file (PEM or DER); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Vec<PathBuf>,

    /// Client certificate for servers that ask for one (PEM with its chain, or DER)
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Private key of the client certificate (PEM or DER, not encrypted) [default: in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Accept only servers with this public key, as sha256/BASE64; may be repeated for further keys
    #[arg(long = "pin", value_name = "PIN")]
    pub(crate) pins: Vec<String>,
}

/// The options, with the contents of the files that they name.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    args: NetworkArgs,
    roots: Vec<Vec<u8>>,
    /// The client certificate and its private key.
    own: Option<(Vec<u8>, Vec<u8>)>,
}

impl NetworkArgs {
    /// Reads the files.
    ///
    /// # Errors
    /// One line that names the file that can't be read.
    pub(crate) fn read(&self) -> Result<Network, Failure> {
        let roots = self.cacert.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        let own = match &self.cert {
            Some(path) => Some((read(path)?, read(self.key.as_ref().unwrap_or(path))?)),
            None => None,
        };
        Ok(Network { args: self.clone(), roots, own })
    }
}

impl Network {
    /// Puts the options into the settings of a client.
    pub(crate) fn apply(&self, mut builder: everwire::Builder) -> everwire::Builder {
        builder = builder.max_redirects(self.args.max_redirects);
        for Resolved { host, port, addresses } in &self.args.resolve {
            builder = builder.resolve(host, *port, addresses.iter().copied());
        }
        if let Some(url) = &self.args.proxy {
            builder = builder.proxy(url);
        }
        if self.args.no_proxy {
            builder = builder.no_proxy();
        }
        for root in &self.roots {
            builder = builder.root_certificate(root.clone());
        }
        if let Some((certificate, key)) = &self.own {
            builder = builder.client_certificate(certificate.clone(), key.clone());
        }
        for pin in &self.args.pins {
            builder = builder.pin(pin);
        }
        builder
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::new(Exit::Failed, format!("can't read {}: {error}", path.display())))
}
