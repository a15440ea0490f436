use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_core::ConfigError;
use everwire_core::session::{ComeBack, Registry, SUBPROTOCOL, ServerInput};
use http::{Response, StatusCode, header};
use tokio::time::Instant;

use super::admission;
use super::config::SessionsConfig;
use super::handle::{Session, SessionSender};
use super::shared::Shared;
use super::watermark::Watermarks;
use crate::Upgrade;
use crate::metrics::SessionsMeter;

/// All sessions of a server. Cloning it is cheap, and all clones are the same.
///
/// A session begins with a connection and outlives it: the client resumes it on the next one, and neither its messages
/// nor the server's are lost or doubled.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # fn app() -> Result<axum::Router, Box<dyn std::error::Error>> {
/// use axum::{Router, extract::State, routing::get};
/// use everwire_server::{Sessions, SessionsConfig, Upgrade};
///
/// let sessions = Sessions::new(SessionsConfig::default())?;
/// let app = Router::new()
///     .route("/orders", get(async |State(sessions): State<Sessions>, upgrade: Upgrade| {
///         sessions.accept(upgrade, "guest", async |mut session| {
///             while let Some(received) = session.recv().await {
///                 // … process it: exactly once, in order …
///                 let _ = session.send(received.message); // an error says that the session is over: `recv` ends then
///             }
///         })
///     }))
///     .with_state(sessions);
/// # Ok(app) }
/// ```
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

/// The counters of a server's sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionsStats {
    /// Sessions, with a connection or without.
    pub sessions: usize,
    /// The sessions without a connection.
    pub detached: usize,
    /// Payload bytes that the sessions without a connection hold: at most
    /// [`max_detached_bytes`](crate::RegistryConfig::max_detached_bytes).
    pub detached_bytes: usize,
}

impl Sessions {
    /// A server's sessions, of which there are none yet.
    ///
    /// # Errors
    /// If a setting is not valid; see [`SessionsConfig::check`].
    pub fn new(config: SessionsConfig) -> Result<Self, ConfigError> {
        Self::build(config, None)
    }

    /// Like [`new`](Self::new), for an application that stores which messages it has processed: then even a crash of
    /// the server neither loses nor doubles a message. See [`Watermarks`].
    ///
    /// # Errors
    /// If a setting is not valid; see [`SessionsConfig::check`].
    pub fn with_watermarks(config: SessionsConfig, watermarks: impl Watermarks) -> Result<Self, ConfigError> {
        Self::build(config, Some(Arc::new(watermarks)))
    }

    fn build(config: SessionsConfig, watermarks: Option<Arc<dyn Watermarks>>) -> Result<Self, ConfigError> {
        config.check()?;
        let registry = Mutex::new(Registry::new(config.registry.clone())?);
        let shared = Shared {
            config,
            watermarks,
            origin: Instant::now(),
            registry,
            links: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            meter: Arc::new(SessionsMeter::new()),
            #[cfg(feature = "calls")]
            calls_meter: everwire_peer::CallsMeter::server(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Accepts a request for a WebSocket, and returns the response to it. `principal` is the user as your
    /// authentication has identified them in this request: only the same principal can resume a session.
    ///
    /// `handler` runs in a task of its own, once for each new session. When it returns, the session ends as soon as the
    /// client has processed what was sent to it, or has acknowledged none of it for
    /// [`resume_within`](crate::ServerConfig::resume_within). A connection that resumes a session continues with the
    /// handler that the session has.
    ///
    /// A client that does not speak `everwire.v1` is answered with 400 (a route that serves both kinds can check
    /// whether [`offered_subprotocols`](Upgrade::offered_subprotocols) has [`SUBPROTOCOL`](crate::SUBPROTOCOL)). While
    /// the server [drains](Self::drain), every client is answered with 503.
    #[must_use = "the response has to be returned to the server"]
    pub fn accept<F, Fut>(&self, upgrade: Upgrade, principal: impl Into<String>, handler: F) -> Response<String>
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        if self.shared.draining.load(Ordering::Relaxed) {
            let mut response = Response::new("this server is shutting down: try again in a moment\n".to_owned());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
            return response;
        }
        let upgrade = upgrade.require_subprotocol([SUBPROTOCOL]).limits(self.shared.config.frames());
        let upgrade = match self.shared.config.compression {
            Some(settings) => upgrade.compression(settings),
            None => upgrade,
        };
        let (shared, principal) = (Arc::clone(&self.shared), principal.into());
        upgrade.on_upgrade(async move |socket| {
            admission::admit(shared, socket, principal, |session| {
                tokio::spawn(handler(session));
            })
            .await;
        })
    }

    /// The largest message that clients may send, and the largest that there is ever room for.
    #[cfg(feature = "calls")]
    pub(super) fn message_limits(&self) -> (usize, usize) {
        let session = &self.shared.config.session;
        (usize::try_from(session.limits.message_bytes).unwrap_or(usize::MAX), session.outbox.max_bytes)
    }

    /// Where calls in these sessions are counted.
    #[cfg(feature = "calls")]
    pub(super) fn calls_meter(&self) -> everwire_peer::CallsMeter {
        self.shared.calls_meter.clone()
    }

    /// A sender for each session.
    #[must_use]
    pub fn all(&self) -> Vec<SessionSender> {
        self.shared.registry().iter().map(|(_, _, entry)| SessionSender::new(Arc::clone(&entry.slot))).collect()
    }

    /// Ends all sessions of a principal that is not allowed any more (see [`SessionSender::ban`]), and returns how
    /// many.
    ///
    /// It is up to your authentication to refuse later connections.
    pub fn ban(&self, principal: &str) -> usize {
        let banned: Vec<_> = {
            let registry = self.shared.registry();
            let theirs = registry.iter().filter(|(_, owner, _)| *owner == principal);
            theirs.map(|(_, _, entry)| SessionSender::new(Arc::clone(&entry.slot))).collect()
        };
        banned.iter().for_each(SessionSender::ban);
        banned.len()
    }

    /// Prepares for a shutdown: new connections are refused, and clients are told to move to a new connection within
    /// this time (they may find another server at their address). Then the sessions that are left end, and their
    /// clients are told what was processed, so that no message is uncertain. If a client does not answer that within 2
    /// s, its connection is closed all the same.
    ///
    /// Draining begins when the future is first polled, and can't be undone: if the future is dropped, no further
    /// session is ended, but no new one begins either.
    pub async fn drain(&self, within: Duration) {
        self.shared.draining.store(true, Ordering::Relaxed);
        for session in self.all() {
            session.tell(ServerInput::GoAway { within, url: None });
        }
        let begun = Instant::now();
        while !self.shared.registry().is_empty() && begun.elapsed() < within {
            tokio::time::sleep(DRAIN_STEP.min(within)).await;
        }
        let left = self.all();
        let over = EACH.saturating_mul(u32::try_from(left.len()).unwrap_or(u32::MAX));
        end_paced(&left, Duration::ZERO, over, "the server is shutting down");
    }

    /// Ends all sessions as [`SessionSender::end`] does, and spreads the return of their clients: each is given a
    /// different time to come back, evenly spaced over a period of `over` that begins after `away`.
    pub fn end_all(&self, away: Duration, over: Duration, reason: &str) {
        end_paced(&self.all(), away, over, reason);
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> SessionsStats {
        let registry = self.shared.registry();
        SessionsStats {
            sessions: registry.len(),
            detached: registry.detached_len(),
            detached_bytes: registry.detached_bytes(),
        }
    }
}

fn end_paced(sessions: &[SessionSender], away: Duration, over: Duration, reason: &str) {
    let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
    let each = over.checked_div(count).unwrap_or_default();
    for (place, session) in (0..).zip(sessions) {
        let back = away.saturating_add(each.saturating_mul(place));
        session.end(ComeBack::At(back), reason);
    }
}

/// What a server that drains allows for each client that comes back: 1,000 a second, wherever they go.
const EACH: Duration = Duration::from_millis(1);
/// How often a server that drains looks whether all have gone.
const DRAIN_STEP: Duration = Duration::from_millis(50);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
