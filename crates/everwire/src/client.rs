//! The handle of a client.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use everwire_core::{CancelError, Hint, Input, MessageId, Outcome, ReplaceError, SendError, SendOptions, Undelivered};
use everwire_ws::{CloseCode, CloseFrame, Message};
use tokio::sync::watch;

use crate::shared::Shared;
use crate::store::Recovered;
use crate::{Deliveries, Delivery, Events, Inbox, MaybeSend, Outcomes, State, Stats};

/// A WebSocket client that stays connected.
///
/// A handle; cloning it is cheap, and all clones are the same client. Dropping the last one ends everything at once:
/// the connection is dropped, messages that were not sent end as `Cancelled`, those that are not proven to have arrived
/// as `Unknown` (those that a [store](crate::store) has kept end as `Stored`), and the [`Inbox`] ends. An [`Inbox`], an
/// [`Events`] or a [`Delivery`] does not keep the client alive. To end in order, use [`close`](Self::close).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = doc_server().await;
/// use std::time::Duration;
///
/// use everwire::{Client, Outcome};
///
/// let client = Client::builder(url).build()?; // connects in the background
/// let mut inbox = client.messages();
///
/// let delivery = client.send("hello")?; // in order, whatever the network does
/// assert_eq!(inbox.next().await, Some("hello".into()));
/// assert_eq!(delivery.await, Outcome::Received); // a pong proves it
///
/// let left = client.close(Duration::from_secs(5)).await; // flushes
/// assert!(left.unsent.is_empty());
/// # Ok(()) }
/// # async fn doc_server() -> String {
/// #     use futures_util::StreamExt;
/// #     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// #     let url = format!("ws://{}/", listener.local_addr().unwrap());
/// #     tokio::spawn(async move {
/// #         let (stream, _) = listener.accept().await.unwrap();
/// #         let (sink, stream) = tokio_tungstenite::accept_async(stream).await.unwrap().split();
/// #         let _ = stream.forward(sink).await;
/// #     });
/// #     url
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

/// Dropped with the last handle.
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Client {
    /// Starts to connect, in the background. It is needed only after [`disconnect`](Self::disconnect), after the client
    /// has ended (closed by the peer, refused, gave up), and with
    /// [`connect_on_build(false)`](crate::Builder::connect_on_build). Otherwise, and after [`close`](Self::close), it
    /// does nothing.
    pub fn connect(&self) {
        self.shared.tell(Input::Connect);
    }

    /// Closes the connection in order: the messages that are queued now are sent, then the closing handshake follows,
    /// each within 2 s ([`OpenConfig::close_timeout`](crate::OpenConfig::close_timeout)). What could not be sent stays
    /// in the outbox, and nothing reconnects until [`connect`](Self::connect).
    pub fn disconnect(&self) {
        self.shared.tell(Input::Disconnect);
    }

    /// Puts a message into the outbox. Messages go out in the order of the calls, whatever the network does; those of
    /// other threads may come between. Never waits. For a time to live, a priority, or a key of which only the latest
    /// message counts, see [`send_with`](Self::send_with).
    ///
    /// # Errors
    ///
    /// The message comes back: [`SendError::Full`] if there is no room in the outbox
    /// ([`send_wait`](Self::send_wait) waits for some), [`SendError::TooLarge`] if there never
    /// can be, [`SendError::Closed`] after the end.
    #[inline]
    pub fn send(&self, message: impl Into<Message>) -> Result<Delivery, SendError> {
        self.shared.send(message.into())
    }

    /// Like [`send`](Self::send), with [options](SendOptions): a time to live, a priority, a key to
    /// conflate by. They apply while a message waits for a connection, or for room in its buffer; once it
    /// is handed to a connection, it is sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use everwire::{Client, DropPolicy, Outcome, SendOptions};
    ///
    /// let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build()?;
    /// let price = SendOptions::new().key("EUR/USD").ttl(Duration::from_millis(20));
    /// let older = client.send_with("1.08", price.clone())?;
    /// let newer = client.send_with("1.09", price)?;
    /// assert_eq!(older.await, Outcome::Dropped(DropPolicy::Conflated));
    /// assert_eq!(newer.await, Outcome::Expired); // nobody has connected
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn send_with(&self, message: impl Into<Message>, options: SendOptions) -> Result<Delivery, SendError> {
        self.shared.send_with(message.into(), options)
    }

    /// Like [`send`](Self::send), but waits for room in the outbox. Waiting senders are served in the order in which
    /// they came. While 2,048 messages or more are queued, it also yields to the client's own task now and then, which
    /// makes sending faster.
    ///
    /// Cancel-safe in this sense: if the future is dropped before it is ready, nothing was sent. The message is dropped
    /// with it, so keep a clone (cheap) if you want to try again.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLarge`] and [`SendError::Closed`], also if the client ends meanwhile.
    #[inline]
    pub fn send_wait(
        &self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<Delivery, SendError>> + MaybeSend {
        self.shared.send_wait(message.into())
    }

    /// Like [`send_with`](Self::send_with), but waits for room in the outbox, as
    /// [`send_wait`](Self::send_wait) does, and as cancel-safe. The time to live begins when there is room.
    ///
    /// # Errors
    ///
    /// Those of [`send_wait`](Self::send_wait).
    pub async fn send_wait_with(
        &self,
        message: impl Into<Message>,
        options: SendOptions,
    ) -> Result<Delivery, SendError> {
        self.shared.send_wait_with(message.into(), Some(options)).await
    }

    /// Puts many messages into the outbox, several times as fast as one by one with [`send`](Self::send). They are taken
    /// from the front of `messages`, and their deliveries are added to `deliveries`; messages of other threads may fall
    /// between. Never waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::collections::VecDeque;
    ///
    /// use everwire::{Client, Deliveries, Message};
    ///
    /// let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build()?;
    /// let mut readings: VecDeque<Message> = (0..1000).map(|reading| Message::from(reading.to_string())).collect();
    /// let mut deliveries = Deliveries::new();
    /// client.send_many(&mut readings, &mut deliveries)?;
    /// assert!(readings.is_empty());
    /// assert_eq!(deliveries.len(), 1000);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), for the message that is then at the front of `messages`; those before it are sent.
    pub fn send_many(&self, messages: &mut VecDeque<Message>, deliveries: &mut Deliveries) -> Result<(), SendError> {
        self.shared.send_many(messages, deliveries)
    }

    /// Like [`send_many`](Self::send_many), but waits for room in the outbox, and lets the client's own task have its turns,
    /// as [`send_wait`](Self::send_wait) does.
    ///
    /// Cancel-safe: the deliveries of what was sent are in `deliveries`, and the rest is still in `messages`.
    ///
    /// # Errors
    ///
    /// Those of [`send_wait`](Self::send_wait), for the message that is then at the front of `messages`.
    pub async fn send_many_wait(
        &self,
        messages: &mut VecDeque<Message>,
        deliveries: &mut Deliveries,
    ) -> Result<(), SendError> {
        self.shared.send_many_wait(messages, deliveries).await
    }

    /// Cancels a message that is still queued in the outbox, by its delivery's [`id`](Delivery::id), and returns its
    /// outcome. That is [`Outcome::Cancelled`]: it has certainly not arrived and never will. But a message that an
    /// earlier connection has written may have arrived: it ends as [`Unknown`](Outcome::Unknown), and is not sent
    /// again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::{CancelError, Client, Outcome};
    ///
    /// let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build()?;
    /// let delivery = client.send("buy 100")?;
    /// client.replace(delivery.id(), "buy 10")?;
    /// assert_eq!(client.cancel(delivery.id()), Ok(Outcome::Cancelled));
    /// assert_eq!(client.cancel(delivery.id()), Err(CancelError::Ended));
    /// assert_eq!(delivery.await, Outcome::Cancelled);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CancelError::Taken`] if it was handed to the present connection (in a session, to any connection),
    /// [`CancelError::Ended`] if it has its outcome, [`CancelError::Unknown`] if there is no message with this number.
    pub fn cancel(&self, id: MessageId) -> Result<Outcome, CancelError> {
        self.shared.cancel(id)
    }

    /// Cancels a message only if it has certainly not arrived: it then ends as [`Outcome::Cancelled`] and never
    /// arrives. Unlike [`cancel`](Self::cancel), this leaves a message that an earlier connection may have written in
    /// its place in the queue, to be sent.
    ///
    /// # Errors
    ///
    /// [`CancelError::Taken`] if it was handed to a connection, the present or an earlier one, which may have written
    /// it; [`CancelError::Ended`] and [`CancelError::Unknown`] as in [`cancel`](Self::cancel).
    pub fn withdraw(&self, id: MessageId) -> Result<(), CancelError> {
        self.shared.withdraw(id)
    }

    /// Replaces a message that is still queued in the outbox. The new one has its place and its options, and its
    /// delivery reports the outcome of the new one.
    ///
    /// # Errors
    ///
    /// The new message comes back: [`ReplaceError::Taken`] if the old one was handed to a connection, which may have
    /// written it, [`ReplaceError::Ended`] and [`ReplaceError::Unknown`] as in [`cancel`](Self::cancel),
    /// [`ReplaceError::Full`] and [`ReplaceError::TooLarge`] if the outbox has no room for the difference.
    pub fn replace(&self, id: MessageId, message: impl Into<Message>) -> Result<(), ReplaceError> {
        self.shared.replace(id, message.into())
    }

    /// Sends a message that is worth something only now, such as a typing signal. With a connection it goes out behind
    /// what is queued; without one it is dropped. It is never sent again, and nothing proves its arrival: its outcome
    /// is [`Unknown(Written)`](crate::Outcome::Unknown) at best. At most 1,024 such messages and 1 MiB of them are
    /// queued; beyond that the oldest are dropped.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] after the end.
    pub fn send_volatile(&self, message: impl Into<Message>) -> Result<Delivery, SendError> {
        self.shared.send_volatile(message.into())
    }

    /// Moves to a new connection while the present one still works, for example to use fresh credentials from the
    /// request hook. No message is lost, doubled or delayed. If the new connection can't be opened, the old one stays,
    /// and the move is tried again later.
    ///
    /// Only a [session](crate::Builder::session) can move; without one this does nothing.
    pub fn migrate(&self) {
        self.shared.tell(Input::Migrate);
    }

    /// The received messages. They are one stream: a later call takes over everything that the earlier [`Inbox`] has
    /// not handed out, and the earlier one ends. In a session, asking the later one for its first message acknowledges
    /// what the earlier one has handed out.
    pub fn messages(&self) -> Inbox {
        Inbox::attach(Arc::clone(&self.shared.mailbox))
    }

    /// The messages that an earlier client with the same [`store`](crate::store) has left, oldest first, with their
    /// deliveries. Only the first call returns them; later calls, and calls without a store, return none.
    pub fn recovered(&self) -> Vec<Recovered> {
        self.shared.recovered()
    }

    /// The state of the client now.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// A receiver of the state. It keeps only the latest value; [`events`](Self::events) has every change. Waiting on
    /// it fails once the client has been dropped.
    ///
    /// ```no_run
    /// # async fn example(client: everwire::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::State;
    ///
    /// let mut states = client.watch_state();
    /// states.wait_for(|state| state.is_connected() || state.is_final()).await?;
    /// # Ok(()) }
    /// ```
    pub fn watch_state(&self) -> watch::Receiver<State> {
        self.shared.watch_state()
    }

    /// A stream of the events from now on, for logs and user interfaces.
    pub fn events(&self) -> Events {
        self.shared.events()
    }

    /// The outcomes of all messages from now on, as one stream, for a program that keeps its own list of them. They are
    /// one stream: a later call takes over everything that the earlier one has not handed out, and the earlier one
    /// ends. Call it before the first message is sent (with a [store](crate::store), before connecting) to miss none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::{Client, Outcome};
    ///
    /// let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build()?;
    /// let mut outcomes = client.outcomes();
    /// let id = client.send("buy 100")?.id();
    /// client.cancel(id)?;
    /// let ranges = outcomes.next(16).await.unwrap_or_default();
    /// assert_eq!((ranges[0].first, ranges[0].last, ranges[0].outcome), (id, id, Outcome::Cancelled));
    /// # Ok(()) }
    /// ```
    pub fn outcomes(&self) -> Outcomes {
        Outcomes::attach(Arc::clone(&self.shared))
    }

    /// Counters since the client was built, and the numbers of messages queued and in flight now.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Passes on a hint about the network, the machine or the user. Each [`Hint`] says what it does: an open connection
    /// is probed, or a client that waits for its next attempt tries at once, at most once a second. Harmless at any
    /// time.
    pub fn hint(&self, hint: Hint) {
        self.shared.tell(Input::Hint(hint));
    }

    /// Ends the client in order: sends what is in the outbox, waits for the evidence, performs the closing handshake,
    /// and releases everything, within `deadline`. Returns what was not sent and what is not proven to have arrived;
    /// both are empty if all is well. Afterwards no task, timer or socket is left.
    ///
    /// If a [store](crate::store) is in the middle of a commit, it waits for that up to 5 s beyond the deadline, so
    /// that the next program that opens the store finds it closed.
    ///
    /// Without a connection it waits for one, also no longer than the deadline. Messages received meanwhile still reach
    /// the [`Inbox`] as far as there is room in it.
    ///
    /// When it is called several times, all calls return when the client has ended; one of them
    /// gets what is left, the others an empty [`Undelivered`]. A later call can bring the end forward,
    /// not put it off.
    ///
    /// Cancel-safe: once the future was polled, closing goes on even if it is dropped, and a further call returns what
    /// is left.
    pub async fn close(&self, deadline: Duration) -> Undelivered {
        let deadline = self.shared.now().saturating_add(deadline);
        self.shared.tell(Input::Close { deadline });
        self.shared.finished().await
    }

    /// Sets the code and the reason of the closing handshake of the next [`disconnect`](Self::disconnect) or
    /// [`close`](Self::close), in place of 1000 without a reason. It does not change what is sent before, and a
    /// connection that is lost has no closing handshake.
    ///
    /// A code that an application may not send (all but 1000 and 3000 to 4999) counts as 1000; a reason is cut to the 123 bytes that fit
    /// into the frame.
    pub fn set_close_frame(&self, code: CloseCode, reason: &str) {
        let code = if matches!(code.0, 3000..=4999) { code } else { CloseCode::NORMAL };
        self.shared.lock().close_frame = Some(CloseFrame { code, reason: reason.into() });
    }

    #[cfg(feature = "calls")]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { _alive: Arc::new(Alive(Arc::clone(&shared))), shared }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}
