//! The settings of a client.
//!
//! - [`Builder`]: each setting with its default
//! - `network` (proxies, redirects, TCP) and `tls`: those that there are more words about
//! - `build`: checks them all and starts the client; `once`: or opens a single connection
//! - [`BuildError`]: what can be wrong with them

use std::fmt;

use everwire_core::session::SessionMode;
use everwire_core::{Config, ConfigError};

use crate::RetryBudget;
use crate::client::Client;
use crate::driver::Hook;
#[cfg(not(target_arch = "wasm32"))]
use crate::driver::TlsSettings;
use crate::inbox::Bounds;
use crate::on_open::OnOpen;
use crate::store::Store;

mod build;
mod error;
mod hooks;
mod liveness;
#[cfg(not(target_arch = "wasm32"))]
mod network;
#[cfg(not(target_arch = "wasm32"))]
mod once;
mod queues;
mod retrying;
#[cfg(not(target_arch = "wasm32"))]
mod stream;
#[cfg(not(target_arch = "wasm32"))]
mod tls;

pub use self::error::BuildError;
#[cfg(not(target_arch = "wasm32"))]
use self::network::Network;
#[cfg(not(target_arch = "wasm32"))]
pub use self::stream::{ServerStream, StreamError};

/// The settings of a client. All are checked in [`build`](Self::build), none before.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
/// use std::time::Duration;
///
/// use everwire::{Client, Guarantee};
///
/// let client = Client::builder("wss://example.org/feed")
///     .subprotocol("feed.v2")
///     .max_delay(Duration::from_secs(10))
///     .guarantee(Guarantee::AtLeastOnce)
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    url: String,
    config: Config,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    websocket: everwire_ws::Config,
    inbox: Bounds,
    manual_acks: bool,
    #[cfg(feature = "calls")]
    calls: Option<everwire_peer::Calls>,
    #[cfg(not(target_arch = "wasm32"))]
    network: Network,
    #[cfg(not(target_arch = "wasm32"))]
    tls: TlsSettings,
    hook: Option<Hook>,
    on_open: Option<OnOpen>,
    store: Option<Box<dyn Store>>,
    budget: Option<RetryBudget>,
    /// What asks and what answers where pings of the protocol can't be sent.
    text_pings: Option<(String, String)>,
    #[cfg(target_arch = "wasm32")]
    factory: Option<crate::SocketFactory>,
    connect: bool,
}

impl Client {
    /// Starts the settings of a client of this `ws` or `wss` URL.
    pub fn builder(url: impl AsRef<str>) -> Builder {
        Builder::new(url.as_ref())
    }
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            config: Config::default(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            websocket: everwire_ws::Config::default(),
            inbox: Bounds { messages: 1024, bytes: 16 << 20 },
            manual_acks: false,
            #[cfg(feature = "calls")]
            calls: None,
            #[cfg(not(target_arch = "wasm32"))]
            network: Network::default(),
            #[cfg(not(target_arch = "wasm32"))]
            tls: TlsSettings::default(),
            hook: None,
            on_open: None,
            store: None,
            budget: None,
            text_pings: None,
            #[cfg(target_arch = "wasm32")]
            factory: None,
            connect: true,
        }
    }

    /// Replaces all settings of the state machine, those set before included. It is for settings without a method of
    /// their own, such as [`stable_after`](everwire_core::RetryConfig::stable_after) and
    /// [`probe_timeout`](everwire_core::OpenConfig::probe_timeout). A session's `limits` are not taken from here but
    /// follow from [`inbox`](Self::inbox) and [`limits`](Self::limits).
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// A header of every attempt's request. May be called several times, also for one name. The name is sent in the
    /// case in which it is written here. A `Host` given here is sent in place of the URL's host; the client still
    /// connects to the URL's host, and checks certificates for that. Default: only a `User-Agent`, `everwire/` and the
    /// version.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// A subprotocol to offer (RFC 6455 section 1.9). May be called several times, in the order of preference.
    /// [`State::Connected`](crate::State::Connected) tells which one the server chose.
    pub fn subprotocol(mut self, name: impl AsRef<str>) -> Self {
        self.subprotocols.push(name.as_ref().to_owned());
        self
    }

    /// A session that outlives connections: with a server that speaks `everwire.v1`, every message is processed exactly
    /// once and in order, in both directions, and its [`Delivery`](crate::Delivery) ends as
    /// [`Acknowledged`](crate::Outcome::Acknowledged). Default: none, for servers of any kind.
    ///
    /// The subprotocol is offered automatically. The inbox's bounds limit what the server may send ahead of
    /// acknowledgements. In a session no reliable message is discarded: if nobody reads the inbox, messages wait, and
    /// so does the server.
    ///
    /// It requires the feature `session`, which is on by default; without the feature [`build`](Self::build) refuses a
    /// session.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::{Client, Outcome, SessionMode};
    ///
    /// let client = Client::builder("wss://example.org/orders").session(SessionMode::Require).build()?;
    /// let outcome = client.send("order 7")?.await;
    /// assert_eq!(outcome, Outcome::Acknowledged); // processed by the server's application, once
    /// # Ok(()) }
    /// ```
    pub fn session(mut self, mode: SessionMode) -> Self {
        self.config.session.get_or_insert_default().mode = mode;
        self
    }

    /// Handlers for the server's calls, and limits of calls; the client then reads the received messages itself from
    /// the beginning ([`Client::calls`](crate::Client::calls)). It requires a [session](Self::session). Default: no
    /// handlers, and the default limits; the client can make calls of its own without this.
    #[cfg(feature = "calls")]
    pub fn calls(mut self, calls: everwire_peer::Calls) -> Self {
        self.calls = Some(calls);
        self
    }

    /// The factory of the WebSockets, where it is not the page's own constructor: see
    /// [`SocketFactory`](crate::SocketFactory).
    /// Default: none.
    #[cfg(target_arch = "wasm32")]
    pub fn socket_factory(mut self, factory: crate::SocketFactory) -> Self {
        self.factory = Some(factory);
        self
    }

    /// Sets whether [`build`](Self::build) connects, in the background. Default: true.
    pub fn connect_on_build(mut self, connect: bool) -> Self {
        self.connect = connect;
        self
    }
}

fn setting(setting: &'static str, problem: &str) -> BuildError {
    BuildError::Setting(ConfigError { setting, problem: problem.to_owned() })
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URL and headers may hold secrets.
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
