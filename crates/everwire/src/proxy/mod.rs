//! Which proxy leads to a server.
//!
//! - [`Proxies`]: the setting, and its answer for a server
//! - `url`: a proxy's URL, checked
//! - `environment`: the variables that name proxies
//! - `exceptions`: the hosts that no proxy is used for

mod environment;
mod exceptions;
mod url;

pub(crate) use self::environment::Environment;
pub(crate) use self::url::{Credentials, Kind, ProxyUrl};

use crate::target::Target;

/// Which servers are reached by which proxy.
#[derive(Clone, Debug)]
pub(crate) enum Proxies {
    /// As the environment says.
    Environment(Environment),
    /// All by this one.
    All(ProxyUrl),
    /// None.
    Direct,
}

impl Proxies {
    /// The proxy for a server, if it needs one. The error is that of a variable whose value can't be used.
    pub(crate) fn choose(&self, target: &Target) -> Result<Option<&ProxyUrl>, String> {
        match self {
            Self::Environment(environment) => environment.choose(target),
            Self::All(proxy) => Ok(Some(proxy)),
            Self::Direct => Ok(None),
        }
    }
}
