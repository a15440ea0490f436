//! Calls in sessions (`docs/calls.md`).

use std::sync::Arc;

use everwire_calls::Role;
use everwire_core::{Moment, SendError};
use everwire_peer::{Arrived, BoxFuture, Calls, Carrier, Link, Peer, SendFailed, SessionName, Setup, Ticket};
use everwire_ws::Message;
use http::Response;
use tokio::time::Instant;

use super::handle::{Session, SessionSender};
use super::received::Received;
use super::sessions::Sessions;
use crate::Upgrade;
use crate::clock;

impl Sessions {
    /// Like [`accept`](Self::accept), for sessions whose messages are calls: each call of the client runs one of the
    /// handlers of `calls`. Handlers can call the client back by an argument of the type [`Peer`].
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # fn app() -> Result<axum::Router, Box<dyn std::error::Error>> {
    /// use axum::{Router, extract::State, routing::get};
    /// use everwire_server::{Calls, Json, Sessions, SessionsConfig, Upgrade};
    ///
    /// let sessions = Sessions::new(SessionsConfig::default())?;
    /// let calls = Calls::new().call("sum", async |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>()));
    /// let app = Router::new()
    ///     .route("/calls", get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
    ///         sessions.accept_calls(upgrade, "guest", calls)
    ///     }))
    ///     .with_state((sessions, calls));
    /// # Ok(app) }
    /// ```
    #[must_use = "the response has to be returned to the server"]
    pub fn accept_calls(&self, upgrade: Upgrade, principal: impl Into<String>, calls: Calls) -> Response<String> {
        self.accept_calls_with(upgrade, principal, calls, async |_| {})
    }

    /// Like [`accept_calls`](Self::accept_calls), with a task that runs beside the handlers in each session: it can
    /// call the client by the [`Peer`] that it gets, and take the messages that are no calls from [`Peer::messages`].
    /// The session goes on when the task returns; when the session is over, the task is dropped.
    #[must_use = "the response has to be returned to the server"]
    pub fn accept_calls_with<F, Fut>(
        &self,
        upgrade: Upgrade,
        principal: impl Into<String>,
        mut calls: Calls,
        beside: F,
    ) -> Response<String>
    where
        F: FnOnce(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (limits, outbox) = self.message_limits();
        calls.config_mut().max_message = limits;
        calls.config_mut().max_sent = calls.config_mut().max_sent.min(outbox);
        let meter = self.calls_meter();
        self.accept(upgrade, principal, async move |session| {
            let Some(seed) = seed() else { return };
            // Its hello of calls may come behind calls that are sent again.
            calls.config_mut().max_sent = calls.config_mut().max_sent.min(session.largest_message());
            let name = SessionName { id: session.id().to_string(), principal: session.principal().to_owned() };
            let carrier = Arc::new(SessionCarrier { sender: session.sender(), origin: Instant::now() });
            let setup = Setup { calls, role: Role::Server, seed, session: Some(name), meter };
            let (peer, task) = setup.start(SessionLink { session }, carrier);
            let beside = beside(peer);
            let beside = async {
                beside.await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = task => {}
                () = beside => {}
            }
        })
    }
}

/// None: there is no randomness, and the session ends.
fn seed() -> Option<u64> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .inspect_err(
            |error| tracing::error!(%error, "the operating system gives no randomness: a session with calls ends"),
        )
        .ok()?;
    Some(u64::from_le_bytes(seed))
}

struct SessionLink {
    session: Session,
}

impl Link for SessionLink {
    async fn recv(&mut self) -> Option<Arrived> {
        let Received { message, sequence, position } = self.session.recv_manual().await?;
        Some(Arrived { message, position, sequence })
    }

    fn acknowledge(&mut self, position: u64) {
        self.session.acknowledge_up_to(position);
    }
}

struct SessionCarrier {
    sender: SessionSender,
    /// `Moment::ZERO`.
    origin: Instant,
}

impl Carrier for SessionCarrier {
    fn send(&self, message: Message) -> Result<Option<Box<dyn Ticket>>, SendFailed> {
        sent(self.sender.send(message))
    }

    fn send_wait(&self, message: Message) -> BoxFuture<'static, Result<Option<Box<dyn Ticket>>, SendFailed>> {
        let sender = self.sender.clone();
        Box::pin(async move { sent(sender.send_wait(message).await) })
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(clock::after(self.origin, moment.since(Moment::ZERO))))
    }
}

fn sent(sent: Result<(), SendError>) -> Result<Option<Box<dyn Ticket>>, SendFailed> {
    match sent {
        Ok(()) => Ok(None),
        Err(SendError::Full(message)) => Err(SendFailed::Full(message)),
        Err(SendError::TooLarge { message, limit }) => {
            // The machine knows the limit, so this does not happen.
            tracing::error!(size = message.len(), limit, "a frame of calls is larger than the outbox");
            Err(SendFailed::Closed)
        }
        Err(_) => Err(SendFailed::Closed),
    }
}
