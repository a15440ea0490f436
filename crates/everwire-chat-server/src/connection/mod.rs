//! One connection, from its upgrade to its end.

mod catch_up;
mod cost;
mod events;
mod join;
mod latest;
mod mailbox;
mod pay;
mod pending_answers;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use everwire_chat_core::wire::{Event, Position, User};
use everwire_server::{CloseCode, Incoming, Message, Phase, Socket, SocketError, after};
use tokio::time::{Instant, timeout};

pub(crate) use cost::join as pay_to_join;
pub(crate) use join::{RecalledRoom, recall};

use self::mailbox::Mailbox;
use self::pending_answers::{Answer, PendingAnswers};
use crate::access::{Admission, EXPIRED};
use crate::budget::PagePermit;
use crate::domain::{ClientMode, ConnectionId, Delivery};
use crate::state::AppState;
use crate::store::{Producer, StoreError};

/// What the address of a connection says.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) room: String,
    /// Known from the address, or later from the first message.
    pub(crate) user: Option<User>,
    /// The client understands the extensions, and this is what it has seen.
    pub(crate) after: Option<Option<Position>>,
    /// Nobody looks at the client.
    pub(crate) away: bool,
    pub(crate) plain: PlainOptions,
    /// What the user was let in by, unless everybody is.
    pub(crate) admission: Option<Admission>,
    /// How long the user has to wait until it is read.
    pub(crate) rests: Duration,
    /// Of the room, if nobody was in it.
    pub(crate) recalled: Option<RecalledRoom>,
}

/// What a plain client asks for in its address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainOptions {
    /// To be told of its invalid messages.
    pub(crate) errors: bool,
    /// To be told nothing but the four plain types, with their own fields.
    pub(crate) strict: bool,
    /// To get so many of the latest texts on joining, and who is here.
    pub(crate) history: u64,
}

/// Beyond so many bytes in the socket's buffer the mailbox has to wait; fewer where there are many members, so that all of
/// them together hold [`ALL_BUFFERS`].
const HIGH_WATER: usize = 256 << 10;
const LOWEST_HIGH_WATER: usize = 16 << 10;
const ALL_BUFFERS: usize = 96 << 20;

/// Who finds that too many pages are on their way to others asks again so much later.
const PAGE_AGAIN: Duration = Duration::from_millis(100);

/// Posts of one member that may wait to be stored: then it is not read, so that nobody fills the history's queue alone.
const MOST_PENDING: usize = 1024;

/// Invalid messages are counted anew after so long: some now and then are no flood.
const INVALID_PERIOD: Duration = Duration::from_secs(60);

/// Everybody in the room hears whether somebody looks: what changes faster than this is junk.
const PRESENCE_PACE: Duration = Duration::from_secs(1);

/// On a node of a cluster an answer may be held for as long as the cluster has no leader. So often its client is told meanwhile that the
/// server is there.
#[cfg(feature = "cluster")]
const REASSURE: Duration = Duration::from_secs(2);

/// How long a member may take for its closing handshake, and to take one page while it catches up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a member is sent away that comes or speaks while the history is being closed.
const STOPPING: &str = "the server is stopping";

pub(crate) struct Connection {
    id: ConnectionId,
    room: String,
    user: Option<User>,
    /// The client may not know how the others see its user.
    is_named: bool,
    extended: bool,
    plain: PlainOptions,
    /// It was logged that something of the client's was ignored.
    is_ignoring_logged: bool,
    state: Arc<AppState>,
    mailbox: Arc<Mailbox>,
    socket: Socket,
    /// The rest of what the client has said in one message: looked at before the next is read.
    said: VecDeque<Said>,
    /// What the bytes of that count, until it is counted.
    unpaid: f64,
    /// Posts of ours that the history has not answered, and the answers to pings that wait for them.
    pending: PendingAnswers,
    /// Us, as the store knows us.
    producer: Producer,
    /// Everything up to here has been sent by the catch-up.
    caught_up: u64,
    /// The furthest line of others that has been written to the client.
    told: u64,
    /// The user posts too fast: nothing of what it has said is looked at until then.
    rests_until: Option<Instant>,
    /// A page that the client has asked for is on its way: nothing more is looked at until the socket has taken it.
    page: Option<PageUnderWay>,
    invalid: usize,
    invalid_since: Instant,
    said_goodbye: bool,
    /// When the client last said whether somebody looks.
    presence_told: Option<Instant>,
    /// Since when nothing has come, and whether we have asked then.
    silent_since: Instant,
    pinged: bool,
    /// When the client was last told that the server is there, while an answer is held.
    reassured: Instant,
    /// When it was last silent for long: the bytes that had been taken, and whether others waited.
    taken: u64,
    behind: bool,
}

/// A page in the socket's buffer.
struct PageUnderWay {
    /// Its part of what all pages under way may take.
    _room: PagePermit,
    /// When it was last looked whether the client takes it, and what it had taken by then.
    since: Instant,
    taken: u64,
}

/// What a client has said.
enum Said {
    Event(Event),
    Binary(Message),
}

enum Step {
    Said(Said),
    Incoming(Result<Option<Incoming>, SocketError>),
    Delivery(Delivery),
    /// The socket has taken enough to go on.
    Drained,
    /// The user may post again.
    Rested,
    /// Nothing has come for long.
    Silence,
    /// It is time to look whether a page goes out.
    PageDue,
    /// An answer has been held for long.
    Held,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(mut socket: Socket, state: Arc<AppState>, request: JoinRequest) {
    let JoinRequest { room, user, after: seen, away, plain, admission, rests, recalled } = request;
    let id = state.next_connection();
    let mailbox =
        Arc::new(Mailbox::new(state.config.mailbox_frames, state.config.mailbox_bytes, Arc::clone(&state.mailboxes)));
    let extended = seen.is_some();
    let mode = ClientMode { extended, away, strict: plain.strict, lists_users: extended || plain.history > 0 };
    // A pong is a receipt for what was said before its ping: it waits until that is stored.
    socket.leave_pings(true);
    let here = match join::join(&state, &room, recalled, id, &mailbox, mode).await {
        Ok(here) => here,
        Err(error) => {
            let (code, reason) = unreadable(&error);
            let _ = timeout(PATIENCE, socket.close(code, reason)).await;
            return;
        }
    };
    let mut connection = Connection {
        id,
        room,
        user: None,
        is_named: false,
        extended,
        plain,
        is_ignoring_logged: false,
        state,
        mailbox,
        socket,
        said: VecDeque::new(),
        unpaid: 0.0,
        pending: PendingAnswers::default(),
        producer: Producer::new(id),
        caught_up: 0,
        told: 0,
        rests_until: (!rests.is_zero()).then(|| after(Instant::now(), rests)),
        page: None,
        invalid: 0,
        invalid_since: Instant::now(),
        said_goodbye: false,
        presence_told: None,
        silent_since: Instant::now(),
        pinged: false,
        reassured: Instant::now(),
        taken: 0,
        behind: false,
    };
    if let Some(admission) = admission
        && !connection.enter(admission).await
    {
        return connection.leave().await;
    }
    if let Some(user) = user {
        connection.identify(user);
    }
    let caught_up = match seen {
        Some(seen) => connection.catch_up(seen, here).await,
        None if plain.history > 0 => connection.send_latest(plain.history, here).await,
        None => true,
    };
    if caught_up {
        connection.run().await;
    }
    connection.leave().await;
}

impl Connection {
    async fn run(&mut self) {
        let heartbeat = self.state.config.heartbeat;
        loop {
            let (rests_until, stalls) = (self.rests_until, self.stalls());
            let silent_until = after(self.silent_since, heartbeat);
            let page_due = self.page.as_ref().map(|page| after(page.since, PATIENCE));
            let held_until = self.held_until();
            let step = tokio::select! {
                // What has come is looked at before it is said that nothing has.
                biased;
                step = self.step() => step,
                () = until(rests_until) => Step::Rested,
                () = until(page_due) => Step::PageDue,
                () = until(held_until) => Step::Held,
                () = tokio::time::sleep_until(silent_until) => Step::Silence,
            };
            if stalls {
                self.silent_since = Instant::now();
            }
            let goes_on = match step {
                Step::Said(Said::Event(event)) => self.on_event(event).await,
                Step::Said(Said::Binary(message)) => self.on_binary(message).await,
                Step::Incoming(incoming) => self.on_incoming(incoming).await,
                Step::Delivery(item) => self.on_delivery(item).await,
                Step::Drained => true,
                Step::Rested => {
                    self.rests_until = None;
                    true
                }
                Step::PageDue => self.on_page_due().await,
                Step::Held => {
                    self.reassured = Instant::now();
                    self.socket.queue_ping(b"")
                }
                // It can't answer, but writing shows whether there still is a connection.
                Step::Silence if stalls => self.socket.queue_ping(b""),
                Step::Silence => self.on_silence(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// When its client has to be told that the server is there.
    #[cfg(feature = "cluster")]
    fn held_until(&self) -> Option<Instant> {
        let is_held = self.state.config.cluster.is_some() && self.pending.holds_answers();
        is_held.then(|| after(self.reassured, REASSURE))
    }

    /// A disk answers sooner.
    #[cfg(not(feature = "cluster"))]
    fn held_until(&self) -> Option<Instant> {
        None
    }

    /// We don't read what the client may say, and it is not the client's doing. Who rests is read until it has said
    /// something: so it is seen to leave.
    fn stalls(&self) -> bool {
        self.pending.is_full()
            || self.pending.pending() >= MOST_PENDING
            || (self.rests_until.is_some() && !self.said.is_empty())
    }

    /// The mailbox has to wait.
    fn is_full(&self) -> bool {
        self.socket.buffered() > self.high_water()
    }

    /// Who does not take the answers asks no more.
    fn is_backpressured(&self) -> bool {
        let most = (2 * self.high_water()).min(self.state.config.mailbox_bytes);
        self.page.is_some() || self.socket.buffered() > most
    }

    fn high_water(&self) -> usize {
        (ALL_BUFFERS / self.state.members().max(1)).clamp(LOWEST_HIGH_WATER, HIGH_WATER)
    }

    /// The socket has taken a page that was asked for.
    fn note_page(&mut self) {
        if self.socket.buffered() == 0 {
            self.page = None;
        }
    }

    /// Whether the client takes the page that it has asked for; one that does not makes room for others.
    async fn on_page_due(&mut self) -> bool {
        let taken = self.socket.written_total();
        match &mut self.page {
            Some(page) if page.taken == taken => {
                self.state.metrics.ended("slow");
                self.close(CloseCode::TRY_AGAIN_LATER, "what was asked for is not taken: come back").await
            }
            Some(page) => {
                (page.since, page.taken) = (Instant::now(), taken);
                true
            }
            None => true,
        }
    }

    /// What happens next. Cancel-safe.
    ///
    /// The mailbox comes first: a member that sends without a pause still gets what waits for it. It can't keep the socket
    /// from being read, since it has to wait while the socket is full.
    async fn step(&mut self) -> Step {
        poll_fn(|cx| {
            self.note_page();
            let (full, backpressured) = (self.is_full(), self.is_backpressured());
            let item = if full { self.mailbox.poll_end(cx) } else { self.mailbox.poll_next(cx) };
            if let Poll::Ready(item) = item {
                return Poll::Ready(Step::Delivery(item));
            }
            if !backpressured && !self.stalls() {
                if let Some(event) = self.said.pop_front() {
                    return Poll::Ready(Step::Said(event));
                }
                if let Poll::Ready(incoming) = self.socket.poll_recv(cx) {
                    return Poll::Ready(Step::Incoming(incoming));
                }
            }
            if self.socket.buffered() > 0
                && let Poll::Ready(Err(error)) = self.socket.poll_flush(cx)
            {
                return Poll::Ready(Step::Incoming(Err(SocketError::Io(error))));
            }
            self.note_page();
            let drained = (full && !self.is_full()) || (backpressured && !self.is_backpressured());
            if drained { Poll::Ready(Step::Drained) } else { Poll::Pending }
        })
        .await
    }

    /// Asks whether the client lives, and ends if it has been asked; whether the connection goes on.
    fn on_silence(&mut self) -> bool {
        self.silent_since = Instant::now();
        let (taken, is_behind) = (self.socket.written_total(), self.socket.buffered() > 0);
        let takes = taken > std::mem::replace(&mut self.taken, taken);
        let was_behind = std::mem::replace(&mut self.behind, is_behind);
        if !std::mem::replace(&mut self.pinged, true) {
            return self.socket.queue_ping(b"");
        }
        // The ping is behind much else: until it is there, a sign of life is that something more was taken.
        if takes && (was_behind || is_behind) {
            return true;
        }
        tracing::debug!(connection = self.id, "silent for too long");
        self.state.metrics.ended("silent");
        false
    }

    /// Answers a ping, once what was said before is stored; whether the connection goes on.
    async fn on_ping(&mut self, answer: Answer) -> bool {
        if !self.pending.holds_answers() {
            self.reassured = Instant::now();
        }
        self.pending.ask(answer);
        self.answer_pings() && self.pay(cost::PING).await
    }

    /// Answers the pings before which nothing is left to be stored; whether the connection goes on.
    fn answer_pings(&mut self) -> bool {
        while let Some(answer) = self.pending.due() {
            let queued = match answer {
                Answer::Pong(payload) => self.socket.queue_pong(&payload),
                Answer::Text => self.socket.queue(&Message::from("pong")),
            };
            if !queued {
                return false;
            }
        }
        true
    }

    /// Waits until all posts of ours are stored and told, so that what follows does not overtake them. Whether the
    /// connection goes on.
    async fn settle(&mut self) -> bool {
        while self.pending.pending() > 0 {
            let item = poll_fn(|cx| self.mailbox.poll_next(cx)).await;
            if !self.on_delivery(item).await {
                return false;
            }
        }
        true
    }

    /// Whether the connection goes on.
    async fn on_incoming(&mut self, incoming: Result<Option<Incoming>, SocketError>) -> bool {
        self.silent_since = Instant::now();
        self.pinged = false;
        match incoming {
            Ok(Some(Incoming::Message(Message::Text(text)))) => self.on_text(&text).await,
            Ok(Some(Incoming::Message(message))) => {
                self.unpaid += cost::of_bytes(message.len());
                self.said.push_back(Said::Binary(message));
                true
            }
            Ok(Some(Incoming::Ping(payload))) => self.on_ping(Answer::Pong(payload)).await,
            Ok(Some(Incoming::Pong(_))) => true,
            Ok(Some(Incoming::Close(frame))) => {
                self.state.metrics.ended("left");
                // 1000 is meant; 1001 is a page that may be loading again.
                self.said_goodbye |= frame.is_none_or(|frame| frame.code == CloseCode::NORMAL);
                // The others need not wait until the client has let go of the connection.
                self.leave().await;
                let _ = timeout(PATIENCE, self.socket.recv()).await;
                false
            }
            Ok(None) => false,
            Err(SocketError::Protocol(error)) => {
                tracing::debug!(connection = self.id, %error, "closed for breaking the protocol");
                self.state.metrics.ended("protocol");
                let _ = timeout(PATIENCE, self.socket.recv()).await;
                false
            }
            Err(error) => {
                tracing::debug!(connection = self.id, %error, "the connection is lost");
                self.state.metrics.ended("lost");
                false
            }
        }
    }

    /// Whether the connection goes on.
    async fn on_delivery(&mut self, item: Delivery) -> bool {
        match item {
            Delivery::Frame(frame) => self.socket.queue_prepared(&frame),
            // Texts of one commit only, and the catch-up ends between commits: it has had all of these or none. If it could
            // end among them, they would all be sent, some for the second time.
            Delivery::Texts { last, .. } if last <= self.caught_up => true,
            Delivery::Texts { frame, last } => {
                self.told = self.told.max(last);
                self.socket.queue_prepared(&frame)
            }
            Delivery::Stored { messages, frame } => {
                self.pending.store(messages);
                frame.is_none_or(|frame| self.socket.queue(&frame)) && self.answer_pings()
            }
            Delivery::StoreFailed => {
                tracing::warn!(connection = self.id, "sent away, since its messages could not be stored");
                self.state.metrics.ended("storage");
                self.close(CloseCode::TRY_AGAIN_LATER, "messages can't be stored now: try again").await
            }
            Delivery::Close(code, reason) => {
                self.state.metrics.ended(match code {
                    CloseCode::SERVICE_RESTART => "restart",
                    CloseCode::POLICY_VIOLATION => "expelled",
                    _ if *reason == *EXPIRED => "expired",
                    _ => "slow",
                });
                self.close(code, &reason).await
            }
        }
    }

    /// Parts in order, within a time limit; false, for the end.
    async fn close(&mut self, code: CloseCode, reason: &str) -> bool {
        if self.socket.phase() == Phase::Open {
            let _ = timeout(PATIENCE, self.socket.close(code, reason)).await;
        }
        false
    }

    /// Comes in by this admission, unless it is worth nothing any more; whether the connection goes on.
    async fn enter(&mut self, admission: Admission) -> bool {
        let Some(access) = self.state.access.clone() else { return true };
        // In this order: what is changed after the question finds it among those that are in.
        access.enter(self.id, admission.clone());
        match access.judge(&admission).await {
            Ok(()) => true,
            Err(refusal) => self.close(refusal.close_code(), refusal.reason()).await,
        }
    }

    /// Leaves the room, once.
    async fn leave(&mut self) {
        let pending = self.pending.pending() > 0;
        self.pending.give_up();
        if pending {
            // The last line comes before the leaving.
            let _ = self.state.store.flush().await;
        }
        if let Some(access) = &self.state.access {
            access.leave(self.id);
        }
        let notice = self.state.new_notice();
        let leaving = self.state.rooms().leave(&self.room, self.id, self.said_goodbye, notice);
        if let Some(leaving) = leaving {
            let (state, room) = (Arc::clone(&self.state), self.room.clone());
            tokio::spawn(async move {
                tokio::time::sleep(state.config.presence_grace).await;
                let notice = state.new_notice();
                state.rooms().expire(&room, &leaving, notice);
            });
        }
    }
}

/// How a member is sent away that the history has no answer for.
fn unreadable(error: &StoreError) -> (CloseCode, &'static str) {
    match error {
        StoreError::Closed => (CloseCode::SERVICE_RESTART, STOPPING),
        error => {
            tracing::error!(%error, "the history can't be read");
            (CloseCode::TRY_AGAIN_LATER, "the history can't be read now: try again")
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
