use std::fmt;
use std::pin::pin;
use std::time::Duration;

use everwire_ws::handshake::{self, Accepted};
use everwire_ws::{Config, Connection, Deflate, Limits, Role};
use http::{Extensions, Method, Request, Response, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::server::Bond;
use crate::{Origins, UpgradeRejection};

/// The stream below an accepted connection.
pub type Stream = TokioIo<Upgraded>;

/// An accepted WebSocket. All its methods are cancel-safe.
pub type Socket = everwire_tokio::Socket<Stream>;

/// A valid request for a WebSocket, by the rules of the opening handshake (RFC 6455 section 4.2.1).
///
/// It has not been answered yet: set what you want with the methods, then call [`on_upgrade`](Self::on_upgrade). If you
/// drop it instead, you can still answer the request in any other way.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::response::{IntoResponse, Response};
/// use everwire_server::{Deflate, Limits, Origins, Upgrade, UpgradeRejection};
///
/// async fn feed(upgrade: Upgrade) -> Result<Response, UpgradeRejection> {
///     let upgrade = upgrade
///         .origins(Origins::same())
///         .require_subprotocol(["feed.v2", "feed.v1"])
///         .limits(Limits { max_message: 64 << 10, ..Limits::default() })
///         .compression(Deflate::default());
///     upgrade.check()?; // before anything is set aside for the connection
///     Ok(upgrade.on_upgrade(async |mut socket| while let Ok(Some(_)) = socket.recv().await {}).into_response())
/// }
/// # }
/// ```
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    /// The server that the connection belongs to, if it is ours.
    bond: Option<Bond>,
    request: Request<()>,
    offered: Vec<String>,
    subprotocols: Vec<String>,
    subprotocol_required: bool,
    origins: Origins,
    opening_timeout: Duration,
    config: Config,
}

/// How long a connection may take to be handed over once its 101 response was given.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

impl Upgrade {
    /// Takes the upgrade out of the request's extensions, where hyper's server has put it.
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
        Self::new(head, request.extensions_mut())
    }

    pub(crate) fn new(head: Head, extensions: &mut Extensions) -> Result<Self, UpgradeRejection> {
        let request = head.into_request();
        let offered = handshake::check(&request)?.into_iter().map(str::to_owned).collect();
        Ok(Self {
            on_upgrade: extensions.remove().ok_or_else(UpgradeRejection::not_upgradable)?,
            bond: extensions.remove(),
            request,
            offered,
            subprotocols: Vec::new(),
            subprotocol_required: false,
            origins: Origins::default(),
            opening_timeout: OPENING_TIMEOUT,
            config: Config::default(),
        })
    }

    /// The request, without its body: its address, its headers.
    #[must_use]
    pub fn request(&self) -> &Request<()> {
        &self.request
    }

    /// The web pages that may connect. Default: those of the host that is connected to ([`Origins::same`]). Others are
    /// refused with 403.
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
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
    /// connection without a subprotocol.
    #[must_use]
    pub fn subprotocols<I, S>(mut self, ours: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.subprotocols = ours.into_iter().map(Into::into).collect();
        self
    }

    /// Like [`subprotocols`](Self::subprotocols), but a client that offers none of them is refused with 400, and the
    /// response lists them.
    #[must_use]
    pub fn require_subprotocol<I, S>(mut self, ours: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.subprotocol_required = true;
        self.subprotocols(ours)
    }

    /// The limits of what the peer may send. Default: [`Limits::default`].
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

    /// The time from the response to the open connection; default 10 s. A connection that takes longer is closed, and
    /// the handler never runs. Too short: clients on slow networks never get in. Too long: clients that do not read the
    /// response hold a connection for that long.
    #[must_use]
    pub fn opening_timeout(mut self, limit: Duration) -> Self {
        self.opening_timeout = limit;
        self
    }

    /// Checks for what [`on_upgrade`](Self::on_upgrade) would refuse, before the application prepares anything for the
    /// connection.
    ///
    /// # Errors
    /// If the page's origin is not allowed (403), or a required subprotocol was not offered (400).
    pub fn check(&self) -> Result<(), UpgradeRejection> {
        self.origins.check(&self.request).map_err(UpgradeRejection::foreign_origin)?;
        if self.subprotocol_required && self.subprotocol().is_none() {
            return Err(UpgradeRejection::no_subprotocol(&self.subprotocols));
        }
        Ok(())
    }

    /// Accepts the request, and returns the response for the server: 101, and once that has been sent, `handler` runs
    /// with the open socket in a separate task; or the refusal, if [`check`](Self::check) finds a reason.
    ///
    /// If the connection ends before the response was sent, or the response is not sent in time
    /// ([`opening_timeout`](Self::opening_timeout)), the handler never runs. When the handler returns, the connection
    /// is dropped: call [`Socket::close`](everwire_tokio::Socket::close) before, for a closing handshake. When a
    /// [`Server`](crate::Server) shuts down, the handler is dropped at the end of the server's
    /// [grace](crate::Server::grace).
    #[must_use = "the response has to be returned to the server"]
    pub fn on_upgrade<F, Fut>(mut self, handler: F) -> Response<String>
    where
        F: FnOnce(Socket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        if let Err(rejection) = self.check() {
            tracing::debug!(reason = rejection.reason(), "an upgrade is refused");
            return rejection.into_response();
        }
        let chosen = self.subprotocol().map(str::to_owned);
        let accepted = match handshake::accept_with(&self.request, |_| chosen, self.config.compression.as_ref()) {
            Ok(accepted) => accepted,
            Err(rejection) => return rejection.response,
        };
        let Accepted { extensions, response, .. } = accepted;
        self.config.extensions = extensions;
        let Self { on_upgrade, bond, opening_timeout, config, .. } = self;
        tokio::spawn(async move {
            let upgraded = match timeout(opening_timeout, on_upgrade).await {
                Ok(Ok(upgraded)) => upgraded,
                Ok(Err(error)) => return tracing::debug!(%error, "the connection ended before it was upgraded"),
                Err(_) => return tracing::debug!("the upgrade took too long"),
            };
            // Only clients mask, so a server's connection takes no seed.
            let connection = Connection::new(Role::Server, config, [0; 32]);
            let mut handled = pin!(handler(Socket::new(TokioIo::new(upgraded), connection)));
            tokio::select! {
                biased;
                () = &mut handled => {}
                () = Bond::cut(bond) => tracing::debug!("a WebSocket is cut, since its server has ended"),
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
