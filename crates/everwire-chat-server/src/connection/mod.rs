//! One connection, from its upgrade to its end.
//!
//! - `join`, `latest`, `catch_up`: what a member gets first; `leaving`: the ways in and out
//! - `step`: what happens next; `incoming`: frames from the client; `events`: what it has said; `delivery`: what is for it
//! - `mailbox`: what waits for it; `pending_answers`: pings that wait for a commit
//! - `heartbeat`, `invalid_messages`, `cost` and `pay`: when it is silent, sends nonsense, or is too fast

mod catch_up;
mod cost;
mod delivery;
mod events;
mod heartbeat;
mod incoming;
mod invalid_messages;
mod join;
mod latest;
mod leaving;
mod mailbox;
mod pay;
mod pending_answers;
mod step;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use everwire_chat_core::wire::{Event, Position, Receipt, User};
use everwire_server::{CloseCode, Message, Socket, after};
use tokio::time::{Instant, timeout};

pub(crate) use cost::join as pay_to_join;
pub(crate) use join::{RecalledRoom, recall};

use self::heartbeat::Heartbeat;
use self::invalid_messages::InvalidMessages;
use self::mailbox::Mailbox;
use self::pending_answers::PendingAnswers;
use self::step::Step;
use crate::access::Admission;
use crate::budget::PagePermit;
use crate::domain::{ClientMode, ConnectionId};
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
    /// How many of the latest texts the client gets on joining. If it is more than zero, the client is also told who is
    /// here.
    pub(crate) history: u64,
}

/// The number of bytes in the socket's buffer above which the mailbox has to wait. Where there are many members it is
/// smaller, so that all buffers together hold [`ALL_BUFFERS`], but never below [`LOWEST_HIGH_WATER`].
const HIGH_WATER: usize = 256 << 10;
const LOWEST_HIGH_WATER: usize = 16 << 10;
const ALL_BUFFERS: usize = 96 << 20;

/// Who finds that too many pages are on their way to others asks again so much later.
const PAGE_AGAIN: Duration = Duration::from_millis(100);

/// Posts of one member that may wait to be stored: then it is not read, so that nobody fills the history's queue alone.
const MOST_PENDING: usize = 1024;

/// The shortest time between two changes of a client's presence: all members of the room are told of each, so a faster
/// change counts as an invalid message.
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
    said: VecDeque<ClientMessage>,
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
    /// How far our user's messages have come, as the client was told.
    receipt: Receipt,
    /// The user posts too fast: nothing of what it has said is looked at until then.
    rests_until: Option<Instant>,
    /// A page that the client has asked for is on its way: nothing more is looked at until the socket has taken it.
    page: Option<PageUnderWay>,
    invalid: InvalidMessages,
    said_goodbye: bool,
    /// A closing handshake has begun, and only what is left of it is to be read.
    is_parting: bool,
    /// When the client last said whether its user is away.
    presence_told: Option<Instant>,
    heartbeat: Heartbeat,
    /// When the client was last told that the server is there, while an answer is held.
    reassured: Instant,
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
enum ClientMessage {
    Event(Event),
    Binary(Message),
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
        receipt: Receipt::default(),
        rests_until: (!rests.is_zero()).then(|| after(Instant::now(), rests)),
        page: None,
        invalid: InvalidMessages::new(Instant::now()),
        said_goodbye: false,
        is_parting: false,
        presence_told: None,
        heartbeat: Heartbeat::new(Instant::now()),
        reassured: Instant::now(),
    };
    if let Some(admission) = admission
        && !connection.enter(admission).await
    {
        return connection.end().await;
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
    connection.end().await;
}

impl Connection {
    async fn run(&mut self) {
        let heartbeat = self.state.config.heartbeat;
        loop {
            let (rests_until, stalls) = (self.rests_until, self.stalls());
            let silent_until = self.heartbeat.deadline(heartbeat);
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
                self.heartbeat.excuse(Instant::now());
            }
            let goes_on = match step {
                Step::ClientMessage(ClientMessage::Event(event)) => self.on_event(event).await,
                Step::ClientMessage(ClientMessage::Binary(message)) => self.on_binary(message).await,
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
