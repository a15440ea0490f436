//! The settings of a client.
//!
//! - [`Builder`]: each setting with its default
//! - `network` (proxies, redirects, TCP) and `tls`: those that there are more words about
//! - `build`: checks them all and starts the client; `once`: or opens a single connection
//! - [`BuildError`]: what can be wrong with them

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use everwire_core::session::SessionMode;
use everwire_core::{
    AdviceOverride, Batching, CauseMatch, Config, ConfigError, Guarantee, Jitter, OnNormalClose, Overflow, SendRate,
};
#[cfg(not(target_arch = "wasm32"))]
use everwire_ws::Deflate;
use everwire_ws::Limits;

use crate::client::Client;
use crate::driver::Hook;
#[cfg(not(target_arch = "wasm32"))]
use crate::driver::TlsSettings;
use crate::inbox::Bounds;
use crate::on_open::{self, OnOpen};
use crate::store::Store;
use crate::{AttemptRequest, MaybeSend, MaybeSync, NewConnection, RetryBudget};

mod build;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod network;
#[cfg(not(target_arch = "wasm32"))]
mod once;
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

    /// Keeps the outbox in a store, so that it outlives this process: see [`store`](crate::store). Default: none.
    ///
    /// Without [`session(SessionMode::Require)`](Self::session) it takes [`Guarantee::AtLeastOnce`]: after a crash nobody
    /// knows what was written, so what is kept is sent again.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// All settings of the state machines at once; it replaces those set before. The place for those without a method of
    /// their own, like [`stable_after`](everwire_core::RetryConfig::stable_after) and
    /// [`probe_timeout`](everwire_core::OpenConfig::probe_timeout). A session's `limits` are not taken from here but follow
    /// from [`inbox`](Self::inbox) and [`limits`](Self::limits).
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// A header of every attempt's request. May be called several times, also for one name. The name is sent in the case
    /// in which it is written here. `Host` stands in for the host of the URL, which is still what is connected to and what
    /// certificates are for. Without a `User-Agent` it is `everwire/` and the version.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// A subprotocol to offer (RFC 6455 section 1.9); the first call is the first preference.
    /// [`State::Connected`](crate::State::Connected) tells which one the server chose.
    pub fn subprotocol(mut self, name: impl AsRef<str>) -> Self {
        self.subprotocols.push(name.as_ref().to_owned());
        self
    }

    /// A session that outlives connections: with a server that speaks `everwire.v1`, every message is processed exactly
    /// once and in order, in both directions, and its [`Delivery`](crate::Delivery) ends as
    /// [`Acknowledged`](crate::Outcome::Acknowledged). Default: none, for servers of any kind.
    ///
    /// The subprotocol is offered by itself. The inbox's bounds are what the server is told it may have under way. In a
    /// session nothing that was sent reliably is discarded: what nobody reads waits, and the server with it.
    ///
    /// Requires the feature `session`, which is on by default: [`build`](Self::build) refuses a session without it.
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

    /// In a session, a message counts as processed when you say so ([`Inbox::acknowledge`](crate::Inbox::acknowledge)),
    /// and not when you come for the next one. For those who process in batches or in a transaction. Default: off.
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.manual_acks = manual;
        self
    }

    /// Handlers for the server's calls, and limits of calls; the client then reads its messages itself from the beginning
    /// ([`Client::calls`](crate::Client::calls)). Requires a [session](Self::session). Default: no handlers; calls of one's own are
    /// possible without.
    #[cfg(feature = "calls")]
    pub fn calls(mut self, calls: everwire_peer::Calls) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Delay before the first retry, before jitter. Default: 1 s.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.config.retry.initial_delay = delay;
        self
    }

    /// What each further delay is multiplied by, until it is more than half of the longest one, which then follows. Default:
    /// 1.3; 1.0 keeps it the same.
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.config.retry.factor = factor;
        self
    }

    /// The longest delay, before jitter. Default: 10 s.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.config.retry.max_delay = delay;
        self
    }

    /// How delays are spread, so that many clients do not return at once. Default:
    /// [`Jitter::Full`].
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.config.retry.jitter = jitter;
        self
    }

    /// Attempts without a useful connection after which the client gives up. A connection is useful when it has held for
    /// 10 s and the peer has shown itself, or when a message of ours has arrived. Default: unlimited.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.config.retry.max_attempts = Some(attempts);
        self
    }

    /// Time without a useful connection after which the client gives up. Default: unlimited.
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.config.retry.max_elapsed = Some(elapsed);
        self
    }

    /// Has the retries of this client, and of all others that are given a clone of it, share a [`RetryBudget`]. Default:
    /// none; each client has its own delays only.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Silence, in either direction, after which a ping goes out: it keeps the connection alive with servers and proxies
    /// that cut idle ones, and asks the peer for a sign of life. Default: 25 s, since the strictest of common servers
    /// closes after 30 s. The first ping of a connection that is quiet goes out after 3 s, to see whether the peer is there.
    /// `None` turns the heartbeat off: a peer that vanished is then noticed only by what TCP reports, which may take many
    /// minutes, or for ever if nothing is sent.
    pub fn heartbeat_interval(mut self, interval: Option<Duration>) -> Self {
        self.config.heartbeat.interval = interval;
        self
    }

    /// Further silence of the peer after which it counts as dead. Default: 10 s.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat.timeout = timeout;
        self
    }

    /// Whether connections that are lost while idle, twice after about the same time, make later ones ping more often: at
    /// 7/10 of that time, at least every 5 s. What is learned counts for all clients of this process that go to the same
    /// host, and is tried anew after a day; [`PostMortem::learned`](crate::PostMortem::learned) and
    /// [`MachineStats::learned_interval`](crate::MachineStats::learned_interval) tell it. Default: true.
    pub fn adaptive_heartbeat(mut self, adaptive: bool) -> Self {
        self.config.heartbeat.adaptive = adaptive;
        self
    }

    /// How long a whole opening may take: request hook, name, TCP, proxy, TLS and upgrade, redirects
    /// included. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.open.timeout = timeout;
        self
    }

    /// Messages that may wait in the outbox for sending or for evidence. Default: 65,536.
    pub fn outbox_messages(mut self, messages: usize) -> Self {
        self.config.outbox.max_messages = messages;
        self
    }

    /// Payload bytes that may wait in the outbox. Default: 16 MiB.
    pub fn outbox_bytes(mut self, bytes: usize) -> Self {
        self.config.outbox.max_bytes = bytes;
        self
    }

    /// What happens to a message for which the outbox has no room. Default: [`Overflow::Reject`], which is also for those
    /// who wait by [`Client::send_wait`](crate::Client::send_wait).
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.config.outbox.overflow = overflow;
        self
    }

    /// How long a message may wait for a socket, if it has no [`SendOptions::ttl`](crate::SendOptions::ttl) of its own;
    /// then it ends as [`Expired`](crate::Outcome::Expired). Default: as long as it takes.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.config.outbox.max_age = Some(age);
        self
    }

    /// How far delivery is proven, and what happens to what is unproven when a connection is
    /// lost. Default: [`Guarantee::AtMostOnce`].
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.config.guarantee = guarantee;
        self
    }

    /// Sends text messages that are JSON objects as JSON arrays of what came within a window.
    /// Other messages go by themselves. Default: off.
    pub fn batching(mut self, batching: Batching) -> Self {
        self.config.batching = Some(batching);
        self
    }

    /// How fast messages go out, for a server that closes connections which send faster than it allows: what waits after an
    /// outage would else go out in one burst, on each new connection again. The messages of [`on_open`](Self::on_open) count
    /// too. Default: as fast as the connection takes them.
    ///
    /// [`Client::close`](crate::Client::close) keeps to it too: give it the time that the outbox needs.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// use everwire::{Client, SendRate};
    ///
    /// // The server allows 5 messages a second.
    /// let client = Client::builder("wss://example.org/orders").send_rate(SendRate::per_second(4.5)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn send_rate(mut self, rate: SendRate) -> Self {
        self.config.send_rate = Some(rate);
        self
    }

    /// What the peer may cost us. Default: 64 MiB a frame and a message, 2^20 fragments a message.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.websocket.limits = limits;
        self
    }

    /// Offers permessage-deflate (RFC 7692): messages over a threshold go compressed if the server
    /// agrees. Default: not offered. It costs time for each message, and compressing secrets
    /// together with what an attacker chooses can reveal them by their length.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn compression(mut self, settings: Deflate) -> Self {
        self.websocket.compression = Some(settings);
        self
    }

    /// How many messages, and payload bytes, may be received and not yet consumed; then the
    /// socket is not read until the user catches up. Bytes may be exceeded by one message, and both by far while something
    /// that was sent has no outcome yet: [`Inbox`](crate::Inbox) says how far.
    /// Default: 1,024 messages, 16 MiB.
    pub fn inbox(mut self, messages: usize, bytes: usize) -> Self {
        self.inbox = Bounds { messages, bytes };
        self
    }

    /// Replaces the [advice](crate::advice) on whether to retry after one HTTP status or close code. May be called several
    /// times; contradictions are refused by [`build`](Self::build). Default: none.
    pub fn override_advice(mut self, on: CauseMatch, advice: AdviceOverride) -> Self {
        self.config.retry.overrides.push((on, advice));
        self
    }

    /// What follows when the server closes with 1000. Default: [`OnNormalClose::End`].
    pub fn on_normal_close(mut self, what: OnNormalClose) -> Self {
        self.config.retry.on_normal_close = what;
        self
    }

    /// A hook that is called before every attempt and may change its URL, headers and
    /// subprotocols: the place for a fresh token. It counts into
    /// [`connect_timeout`](Self::connect_timeout). If it fails, so does the attempt, and the next one comes after the usual
    /// delay, unless the error is [`PermanentError`](crate::PermanentError). If it panics, the client ends.
    ///
    /// With a hook a 401 is retried, since the next token may be better; without one it is final.
    ///
    /// ```no_run
    /// # async fn fetch_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .before_attempt(async |mut request| {
    ///         let token = format!("Bearer {}", fetch_token().await?);
    ///         request.headers.insert("authorization", token.parse()?);
    ///         Ok(request)
    ///     })
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn before_attempt<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(AttemptRequest) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<AttemptRequest, Box<dyn Error + Send + Sync>>> + MaybeSend + 'static,
    {
        self.hook = Some(Box::new(move |request| Box::pin(hook(request))));
        self
    }

    /// A hook that has each new connection to itself, before anything that waits in the outbox is sent on it: the place to
    /// log in and to subscribe, with a server that forgets both when a connection ends. The client is connected, and sends,
    /// when the hook's future is done. It counts into [`connect_timeout`](Self::connect_timeout). If it panics, the client
    /// ends. Default: none.
    ///
    /// If it fails, the attempt has failed, and the next one comes after the usual delay, unless the error is
    /// [`PermanentError`](crate::PermanentError); if the server closes the connection meanwhile, its close code decides
    /// ([`ConnectionEnded`](crate::ConnectionEnded)). What the hook leaves unread goes to the [`Inbox`](crate::Inbox). Not for [sessions](Self::session), which
    /// have nothing to repeat. What it sends counts into the [`send_rate`](Self::send_rate), and waits for it.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// use everwire::PermanentError;
    ///
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .on_open(async |mut connection| {
    ///         connection.send(r#"{"op":"login","key":"secret"}"#).await?;
    ///         match connection.recv().await?.as_text() {
    ///             Some(r#"{"login":"ok"}"#) => {}
    ///             Some(r#"{"login":"denied"}"#) => return Err(PermanentError::new("the key is not valid").into()), // ends the client
    ///             other => return Err(format!("the server says {other:?}").into()), // is tried again
    ///         }
    ///         Ok(connection.send(r#"{"op":"subscribe","to":"prices"}"#).await?)
    ///     })
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn on_open<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(NewConnection) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + MaybeSend + 'static,
    {
        self.on_open = Some(on_open::talk(hook));
        self
    }

    /// The text messages by which a server without sessions is asked for a sign of life, and answers: each `ping` by one
    /// `pong`, in order with everything else; the answers are not in the [`Inbox`](crate::Inbox). They stand in for the
    /// protocol's pings, where those are not answered, or by an endpoint that is not the application: then they are the
    /// heartbeat, and the evidence that what was sent before has been read. Default: none; pings of the protocol are used.
    ///
    /// A page can't send those (RFC 6455 section 5.5.2 leaves pings to endpoints, and browsers offer none): without a
    /// session and without these texts it has neither heartbeat nor evidence.
    pub fn text_pings(mut self, ping: impl Into<String>, pong: impl Into<String>) -> Self {
        self.text_pings = Some((ping.into(), pong.into()));
        self
    }

    /// What makes the WebSockets, where it is not the page's own constructor: see [`SocketFactory`](crate::SocketFactory).
    /// Default: none.
    #[cfg(target_arch = "wasm32")]
    pub fn socket_factory(mut self, factory: crate::SocketFactory) -> Self {
        self.factory = Some(factory);
        self
    }

    /// Whether [`build`](Self::build) connects, in the background. Default: true.
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
