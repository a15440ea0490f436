//! Calls in a session (`docs/calls.md`).

pub(crate) mod slot;
pub(crate) mod undelivered;

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use everwire_calls::Role;
use everwire_core::{Moment, Outcome, SendError};
use everwire_peer::{Arrived, BoxFuture, CallsMeter, Carrier, Fate, Link, Peer, SendFailed, Setup, Ticket};
use everwire_peer::{Call, CallOptions, CallStream, IntoPayload, Resumed};
use everwire_ws::Message;

use crate::shared::Shared;
use crate::sync::lock;
use crate::{Client, Delivery, Inbox, Progress, clock};

impl Client {
    /// Calls the server's handler of this name, in the client's [session](crate::Builder::session). The [`Call`]
    /// resolves to its one reply, through lost connections, or to an error; when the session is lost, the error says
    /// whether the handler may have run.
    ///
    /// It is sent at once, whether it is awaited or not; dropping the [`Call`] cancels it. From the first call on the
    /// client reads the received messages itself: see [`calls`](Self::calls).
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::{Client, Json, SessionMode};
    ///
    /// let client = Client::builder("wss://example.org/calls").session(SessionMode::Require).build()?;
    /// let sum: i64 = client.call("sum", Json([1, 2])).json().await?;
    /// # let _ = sum;
    /// # Ok(()) }
    /// ```
    pub fn call(&self, name: impl Into<String>, payload: impl IntoPayload) -> Call {
        self.calls().call(name, payload)
    }

    /// Like [`call`](Self::call), with [options](CallOptions): a deadline, a key.
    pub fn call_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> Call {
        self.calls().call_with(name, payload, options)
    }

    /// Opens a stream of the server's handler of this name: its items come in order, none twice and none missing,
    /// through lost connections. A stream whose items are not taken stops, and delays no other. Dropping the
    /// [`CallStream`] cancels it.
    pub fn stream(&self, name: impl Into<String>, payload: impl IntoPayload) -> CallStream {
        self.calls().stream(name, payload)
    }

    /// Like [`stream`](Self::stream), with [options](CallOptions): a deadline, a key, a window.
    pub fn stream_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> CallStream {
        self.calls().stream_with(name, payload, options)
    }

    /// The calls and streams with a [key](CallOptions::key) that are open and whose [`Call`] or [`CallStream`] was
    /// dropped. With a [store](crate::store) those of an earlier run of this program in the same session are among
    /// them: a stream goes on behind the last item that was processed. Each is returned once. It waits until the server
    /// has told which of them it still has. Cancel-safe.
    pub async fn resume_calls(&self) -> Vec<Resumed> {
        self.calls().resume_calls().await
    }

    /// The other end of the session as a [`Peer`], a handle that can be cloned and passed on. From the first use of
    /// calls on, and with [`Builder::calls`](crate::Builder::calls) from the beginning, the client reads the received
    /// messages itself: [`Peer::messages`] returns those that are no calls, and [`messages`](Self::messages) must not
    /// be called, since it would end all calls.
    ///
    /// Without a [session](crate::Builder::session) each call fails with [`CallError::Open`](crate::CallError::Open)
    /// and [`NotSupported`](crate::CallOpenError::NotSupported). So it does once a server has shown that it does not
    /// support calls; calls that are open then end with [`CallError::NotSupported`](crate::CallError::NotSupported). A
    /// `Peer` does not keep the client alive.
    pub fn calls(&self) -> Peer {
        self.shared().calls()
    }
}

impl Shared {
    fn poll_undelivered(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        let (poll, earlier) = inner.undelivered.poll(cx);
        drop(inner);
        drop(earlier);
        poll
    }

    /// The calls that there are, or their beginning.
    pub(crate) fn calls(self: &Arc<Self>) -> Peer {
        let mut settings = lock(&self.calls.0);
        if let Some(peer) = settings.peer.as_ref().filter(|peer| !peer.is_closed()) {
            return peer.clone();
        }
        let carrier = Arc::new(ClientCarrier(Arc::downgrade(self)));
        let meter = settings.meter.clone().unwrap_or_else(|| CallsMeter::client(""));
        if !settings.has_session {
            return settings.peer.insert(Setup::without_session(carrier, meter)).clone();
        }
        // Each beginning is an instance of its own.
        settings.seed = settings.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let (calls, seed) = (settings.handlers.clone(), settings.seed);
        let setup = Setup { calls, role: Role::Client, seed, session: None, meter };
        let (peer, task) =
            setup.start(InboxLink(Inbox::attach(Arc::clone(&self.mailbox)).acknowledged_by_hand()), carrier);
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(runtime) = &settings.runtime {
            runtime.spawn(task);
        }
        #[cfg(target_arch = "wasm32")]
        wasm_bindgen_futures::spawn_local(task);
        settings.peer.insert(peer).clone()
    }
}

/// It acknowledges when it is told to, so that an acknowledgement goes out with the next frame, and that of a call that runs in
/// order when its handler has ended.
struct InboxLink(Inbox);

impl Link for InboxLink {
    async fn recv(&mut self) -> Option<Arrived> {
        let message = self.0.next().await?;
        Some(Arrived { message, position: self.0.position(), sequence: None })
    }

    fn acknowledge(&mut self, position: u64) {
        self.0.acknowledge_at_once(position);
    }

    fn acknowledges_with_next(&self) -> bool {
        true
    }

    fn acknowledge_with_next(&mut self, position: u64) {
        self.0.acknowledge_with_next(position);
    }
}

/// It does not keep the client alive.
struct ClientCarrier(Weak<Shared>);

impl ClientCarrier {
    fn ticket(&self, sent: Result<Delivery, SendError>) -> Result<Option<Box<dyn Ticket>>, SendFailed> {
        match sent {
            Ok(delivery) => Ok(Some(Box::new(DeliveryTicket { delivery, shared: Weak::clone(&self.0) }))),
            Err(SendError::Full(message)) => Err(SendFailed::Full(message)),
            Err(SendError::TooLarge { message, limit }) => {
                // The machine knows the limit, so this does not happen.
                tracing::error!(size = message.len(), limit, "a frame of calls is larger than the outbox");
                Err(SendFailed::Closed)
            }
            Err(_) => Err(SendFailed::Closed),
        }
    }
}

impl Carrier for ClientCarrier {
    fn send(&self, message: Message) -> Result<Option<Box<dyn Ticket>>, SendFailed> {
        let shared = self.0.upgrade().ok_or(SendFailed::Closed)?;
        self.ticket(shared.send(message))
    }

    fn send_wait(&self, message: Message) -> BoxFuture<'static, Result<Option<Box<dyn Ticket>>, SendFailed>> {
        let this = Self(Weak::clone(&self.0));
        Box::pin(async move {
            let shared = this.0.upgrade().ok_or(SendFailed::Closed)?;
            this.ticket(shared.send_wait(message).await)
        })
    }

    fn now(&self) -> Moment {
        self.0.upgrade().map_or(Moment::MAX, |shared| shared.now())
    }

    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        Box::pin(clock::sleep(moment.since(self.now())))
    }

    fn poll_undelivered(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.upgrade().map_or(Poll::Pending, |shared| shared.poll_undelivered(cx))
    }
}

struct DeliveryTicket {
    delivery: Delivery,
    shared: Weak<Shared>,
}

impl Ticket for DeliveryTicket {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fate> {
        Poll::Ready(fate(ready!(Pin::new(&mut self.delivery).poll(cx))))
    }

    fn fate(&self) -> Option<Fate> {
        match self.delivery.progress() {
            Progress::Done(outcome) => Some(fate(outcome)),
            Progress::Queued | Progress::Written => None,
        }
    }

    fn withdraw(&self) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.withdraw(self.delivery.id()).is_ok())
    }
}

fn fate(outcome: Outcome) -> Fate {
    match outcome {
        Outcome::Acknowledged => Fate::Processed,
        Outcome::Received => Fate::Received,
        // The next client with the same store sends it.
        Outcome::Unknown(_) | Outcome::Stored => Fate::Unknown,
        // A call that is taken back no longer asks, so this is the client's end.
        Outcome::Cancelled => Fate::Closed,
        other => Fate::NotSent(other.to_string()),
    }
}
