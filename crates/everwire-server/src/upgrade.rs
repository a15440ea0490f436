use std::fmt;

use everwire_ws::handshake::{self, Accepted};
use everwire_ws::{Config, Connection, Deflate, Limits, Role};
use http::{Method, Request, Response, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::UpgradeRejection;

/// The stream below an accepted connection.
pub type Stream = TokioIo<Upgraded>;

/// An accepted WebSocket. All its methods are cancel-safe.
pub type Socket = everwire_tokio::Socket<Stream>;

/// A request that asks for a WebSocket and keeps the rules of the opening handshake (RFC 6455 section 4.2.1).
///
/// Nothing has been answered yet: choose with the methods, then call [`on_upgrade`](Self::on_upgrade). Dropped instead,
/// the request can still be answered in any other way.
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    request: Request<()>,
    offered: Vec<String>,
    subprotocols: Vec<String>,
    config: Config,
}

impl Upgrade {
    /// Takes the upgrade out of a request's extensions, where hyper's server has put it.
    ///
    /// # Errors
    /// If the request breaks a rule of the handshake, or its connection can't be upgraded.
    pub fn from_request<B>(request: &mut Request<B>) -> Result<Self, UpgradeRejection> {
        let head = Head {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
        };
        Self::new(head, request.extensions_mut().remove())
    }

    pub(crate) fn new(head: Head, on_upgrade: Option<OnUpgrade>) -> Result<Self, UpgradeRejection> {
        let request = head.into_request();
        let mut offered = Vec::new();
        handshake::accept(&request, |names| {
            offered = names.iter().map(|name| (*name).to_owned()).collect();
            None
        })?;
        let on_upgrade = on_upgrade.ok_or_else(UpgradeRejection::not_upgradable)?;
        Ok(Self { on_upgrade, request, offered, subprotocols: Vec::new(), config: Config::default() })
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn offered_subprotocols(&self) -> &[String] {
        &self.offered
    }

    /// The subprotocol that will be agreed on, as chosen by [`subprotocols`](Self::subprotocols).
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocols.iter().find(|ours| self.offered.contains(ours)).map(String::as_str)
    }

    /// Chooses the first of `ours` that the client offers. Default: none. A client that offers none of them gets a
    /// connection without a subprotocol; look at [`subprotocol`](Self::subprotocol) to refuse it instead.
    #[must_use]
    pub fn subprotocols<I, S>(mut self, ours: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.subprotocols = ours.into_iter().map(Into::into).collect();
        self
    }

    /// What the peer may cost. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Compresses messages (permessage-deflate, RFC 7692) if the client offers it in a form that these settings allow.
    /// Default: messages are not compressed.
    #[must_use]
    pub fn compression(mut self, settings: Deflate) -> Self {
        self.config.compression = Some(settings);
        self
    }

    /// The 101 response, to be returned to the server; once it has been sent, `handler` runs with the open socket in a
    /// task of its own.
    ///
    /// If the connection ends before the response was sent, the handler never runs. When the handler returns, the
    /// connection is dropped: call [`Socket::close`](everwire_tokio::Socket::close) in it to part in order.
    #[must_use = "the response has to be returned to the server"]
    pub fn on_upgrade<F, Fut>(mut self, handler: F) -> Response<String>
    where
        F: FnOnce(Socket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let chosen = self.subprotocol().map(str::to_owned);
        let accepted = match handshake::accept_with(&self.request, |_| chosen, self.config.compression.as_ref()) {
            Ok(accepted) => accepted,
            Err(rejection) => return rejection.response,
        };
        let Accepted { extensions, response, .. } = accepted;
        self.config.extensions = extensions;
        let (on_upgrade, config) = (self.on_upgrade, self.config);
        tokio::spawn(async move {
            match on_upgrade.await {
                Ok(upgraded) => {
                    // Only clients mask, so a server's connection takes no seed.
                    let connection = Connection::new(Role::Server, config, [0; 32]);
                    handler(Socket::new(TokioIo::new(upgraded), connection)).await;
                }
                Err(error) => tracing::debug!(%error, "the connection ended before it was upgraded"),
            }
        });
        response.map(|()| String::new())
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("offered", &self.offered).field("config", &self.config).finish_non_exhaustive()
    }
}

/// What the handshake looks at in a request.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: http::Uri,
    pub(crate) version: Version,
    pub(crate) headers: http::HeaderMap,
}

impl Head {
    fn into_request(self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers;
        request
    }
}
