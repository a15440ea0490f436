//! Takes what arrives and what became of our messages, and brings the room up to date.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use everwire::{Client, Inbox, Message, MessageId, Outcome, State};
use everwire_chat_core::status::{Failure, Rejection, Status};
use everwire_chat_core::timeline::Change;
use everwire_chat_core::typing::TypingUsers;
use everwire_chat_core::wire::{
    Event, History, Notice, Position, Presence, ReadMark, Receipt, Sync, TextMessage, Token, Typing, User, parse,
};
use tokio::sync::{mpsc, watch};

use super::ChatEvent;
use super::platform::{Instant, sleep_until};
use super::returning::Returning;
use super::room::Room;
use super::tokens::{BoxError, TokenFuture, TokenSource};

/// What became of a message of ours, as far as the connection knows.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) id: String,
    /// Its number in the outbox.
    pub(super) number: MessageId,
    pub(super) outcome: Outcome,
}

/// After one message, at most this number of further ones is taken in before anything else is looked at.
const AT_ONCE: usize = 256;

/// How long receipts are collected before they are told.
const RECEIPT_DELAY: Duration = Duration::from_millis(50);

/// Runs until the client has closed and everything is taken in.
pub(super) async fn run(
    mut inbox: Inbox,
    mut states: watch::Receiver<State>,
    mut resolved: mpsc::Receiver<Resolved>,
    room: Arc<Room>,
    me: User,
    client: Client,
    tokens: Option<TokenSource>,
) {
    let mut task = Task {
        room: Arc::clone(&room),
        me,
        client,
        reported: Receipt::default(),
        report_at: None,
        returning: Returning::default(),
        typing: TypingUsers::default(),
        started: Instant::now(),
        stores: false,
        proven: HashSet::new(),
        tokens,
        renewing: None,
    };
    let (mut receiving, mut watching, mut resolving) = (true, true, true);
    while receiving || resolving {
        let expiry = task.typing.deadline().and_then(|at| task.started.checked_add(at));
        let missed_at = task.returning.deadline();
        tokio::select! {
            // What arrived before a message was proven is taken in before its outcome.
            biased;
            message = inbox.next(), if receiving => match message {
                Some(message) => {
                    task.on_message(&message);
                    // To wait again for everything else costs more than a message does, above all in a page.
                    for message in iter::from_fn(|| inbox.try_next()).take(AT_ONCE) {
                        task.on_message(&message);
                    }
                }
                None => receiving = false,
            },
            changed = states.changed(), if watching => match changed {
                Ok(()) => {
                    let state = states.borrow_and_update().clone();
                    // A client that connects again after the connection has ended for good receives again.
                    receiving |= !matches!(state, State::Closed(_));
                    task.on_state(state);
                }
                Err(_) => watching = false,
            },
            outcome = resolved.recv(), if resolving => match outcome {
                Some(outcome) => task.on_outcome(outcome),
                None => resolving = false,
            },
            () = async { sleep_until(expiry.unwrap_or(task.started)).await }, if expiry.is_some() => {
                task.expire_typing();
            }
            () = room.receipts.notified() => task.plan_report(),
            () = room.presence.notified() => task.declare(),
            () = async { sleep_until(task.report_at.unwrap_or(task.started)).await }, if task.report_at.is_some() => {
                task.report();
            }
            () = async { sleep_until(missed_at.unwrap_or(task.started)).await }, if missed_at.is_some() => task.miss(),
            token = next_token(&mut task.renewing), if task.renewing.is_some() => task.renew(token),
        }
    }
    task.finish();
}

async fn next_token(renewing: &mut Option<TokenFuture>) -> Result<String, BoxError> {
    match renewing {
        Some(token) => token.await,
        None => std::future::pending().await,
    }
}

struct Task {
    room: Arc<Room>,
    me: User,
    client: Client,
    /// What this connection's server has been told that we have.
    reported: Receipt,
    /// When it is told more, if there is more.
    report_at: Option<Instant>,
    returning: Returning,
    typing: TypingUsers,
    started: Instant,
    /// The server says of each message that it is stored; a proof of arrival alone is then not enough.
    stores: bool,
    /// Ids that the server has certainly received, and has not yet said more of.
    proven: HashSet<String>,
    tokens: Option<TokenSource>,
    /// A fresh token for the open connection, on its way.
    renewing: Option<TokenFuture>,
}

impl Task {
    fn on_message(&mut self, message: &Message) {
        let Message::Text(text) = message else {
            return self.room.tell(ChatEvent::Binary(message.payload().to_vec()));
        };
        let parsed = parse(text);
        for junk in parsed.junk {
            tracing::debug!(reason = junk.reason, "the server sent an invalid event");
        }
        for event in parsed.events {
            self.on_event(event);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Text(message) => self.on_text(message),
            Event::Typing(signal) => self.on_typing(signal),
            Event::UserJoined(notice) => self.on_joined(notice),
            Event::UserLeft(notice) => self.on_left(notice),
            Event::Sync(sync) => self.on_sync(sync),
            Event::Stored(stored) => {
                self.proven.remove(&stored.id);
                self.change(Some(stored.offset), |room| room.timeline.on_stored(&stored.id, stored.offset));
            }
            Event::Receipt(receipt) => self.change(None, |room| room.timeline.on_receipt(receipt)),
            Event::History(history) => self.on_history(history),
            Event::ReadPosition(ReadMark { offset }) => {
                let mut inner = self.room.lock();
                if inner.on_read_elsewhere(offset) {
                    self.room.tell(ChatEvent::ReadPosition(inner.read_position(0)));
                }
            }
            Event::TokenDue(_) => {
                if let (None, Some(tokens)) = (&self.renewing, &self.tokens) {
                    self.renewing = Some(tokens(true));
                }
            }
            Event::Presence(presence) => self.on_presence(presence),
            Event::Error(problem) => {
                tracing::warn!(reason = problem.reason, code = problem.code, "the server did not understand us")
            }
            Event::Rejected(rejected) => {
                self.proven.remove(&rejected.id);
                let failed = Status::Failed(Failure::Rejected(Rejection::new(rejected.code, rejected.reason)));
                self.change(None, |room| room.timeline.advance(&rejected.id, failed));
            }
            // `Status` is for clients that know no offsets; `Earlier` and `Token` only clients send; the rest is not known yet.
            _ => {}
        }
    }

    fn on_typing(&mut self, signal: Typing) {
        if signal.user_id != self.me.user_id && self.typing.on_signal(signal, self.now()) {
            self.tell_typing();
        }
    }

    fn on_text(&mut self, message: TextMessage) {
        if self.typing.on_gone(&message.user_id) {
            self.tell_typing();
        }
        let own = message.user_id == self.me.user_id;
        if own {
            self.proven.remove(&message.id);
        }
        let theirs = message.offset.filter(|_| !own);
        self.change(message.offset, |room| {
            room.had.delivered = room.had.delivered.max(theirs.unwrap_or(0));
            room.timeline.on_text(message, own)
        });
        if theirs.is_some() {
            self.plan_report();
        }
    }

    fn on_sync(&mut self, sync: Sync) {
        self.stores = true;
        let mut inner = self.room.lock();
        // The state between two connections may have gone unseen.
        inner.asked = None;
        // A history that ends before what we have seen of it was restored from a copy: it is another one.
        let continues = |seen: &Position| seen.epoch == sync.epoch && seen.offset <= sync.offset;
        if !inner.position().as_ref().is_some_and(continues) {
            let changes = inner.timeline.forget_offsets();
            changes.into_iter().for_each(|change| self.room.tell(ChatEvent::Timeline(change)));
            inner.had = Receipt::default();
            inner.recall_read(0);
            // Where there is nothing, we have everything; else what follows says where we stand.
            (inner.epoch, inner.seen) = (Some(sync.epoch.clone()), (sync.offset == 0).then_some(0));
        }
        let tells_read = inner.on_read_at_opening(&sync);
        let users: Vec<User> = sync.users.into_iter().filter(|user| user.user_id != self.me.user_id).collect();
        // If this server sees us by another name, it says so next.
        if inner.name.take().is_some() {
            self.room.tell(ChatEvent::Named(self.me.clone()));
        }
        let known = std::mem::replace(&mut inner.users, users);
        self.returning.on_sync(known, &inner.users, Instant::now());
        self.room.tell(ChatEvent::Synced { earlier: sync.earlier });
        if tells_read {
            self.room.tell(ChatEvent::ReadPosition(inner.read_position(0)));
        }
        drop(inner);
        // What was told to the connection before may never have arrived.
        self.reported = Receipt::default();
        self.plan_report();
        // It may have changed since the connection was asked for.
        self.declare();
    }

    fn on_history(&mut self, history: History) {
        let History { before, messages, more } = history;
        let loaded = messages.len();
        let me = self.me.user_id.clone();
        self.change(None, |room| {
            room.asked = None;
            room.timeline.on_page(before, messages, more, |user| user == me)
        });
        self.room.tell(ChatEvent::Earlier { loaded });
    }

    fn on_joined(&mut self, notice: Notice) {
        let Notice { user_id, user_name, .. } = notice;
        let user = User::new(user_id, user_name);
        let mut inner = self.room.lock();
        if user.user_id != self.me.user_id && inner.users.iter().all(|known| known.user_id != user.user_id) {
            inner.users.push(user.clone());
        }
        let is_back = self.returning.take(&user.user_id);
        self.room.tell(if is_back { ChatEvent::Back(user) } else { ChatEvent::Joined(user) });
    }

    /// Who has not come back after a server was lost has gone.
    fn miss(&mut self) {
        self.returning.expire(Instant::now()).for_each(|user| self.room.tell(ChatEvent::Left(user)));
    }

    fn on_left(&mut self, notice: Notice) {
        let Notice { user_id, user_name, .. } = notice;
        if self.typing.on_gone(&user_id) {
            self.tell_typing();
        }
        let mut inner = self.room.lock();
        inner.users.retain(|known| known.user_id != user_id);
        self.returning.take(&user_id);
        self.room.tell(ChatEvent::Left(User::new(user_id, user_name)));
    }

    fn on_presence(&mut self, presence: Presence) {
        let Presence { user_id, user_name, away } = presence;
        let mut inner = self.room.lock();
        if user_id == self.me.user_id {
            let known = inner.name.as_ref().unwrap_or(&self.me.user_name);
            if *known != user_name {
                inner.name = Some(user_name.clone());
                self.room.tell(ChatEvent::Named(User::new(user_id, user_name)));
            }
            return;
        }
        // Who is not known to be here is not known to be away either.
        let Some(user) = inner.users.iter_mut().find(|user| user.user_id == user_id) else { return };
        let now = User { user_id, user_name, away };
        if *user != now {
            user.clone_from(&now);
            self.room.tell(ChatEvent::Presence(now));
        }
    }

    fn on_state(&mut self, state: State) {
        if !matches!(state, State::Connected { .. }) {
            // What was asked for on a connection is answered on it or not at all.
            self.room.lock().asked = None;
        }
        self.room.tell(ChatEvent::Connection(state));
    }

    fn on_outcome(&mut self, Resolved { id, number, outcome }: Resolved) {
        let mut inner = self.room.lock();
        // A retry may wait under another number by now.
        if inner.waiting.get(&id) == Some(&number) {
            inner.waiting.remove(&id);
        }
        drop(inner);
        let status = match outcome {
            Outcome::Received | Outcome::Acknowledged if self.stores => {
                // The server's own word follows; only if the connection ends before it comes is the proof what counts.
                if self.room.lock().timeline.get(&id).is_some_and(|entry| entry.status == Status::Sending) {
                    self.proven.insert(id);
                }
                return;
            }
            Outcome::Received | Outcome::Acknowledged => Status::Sent,
            Outcome::Dropped(_) | Outcome::Expired => Status::Failed(Failure::Dropped),
            Outcome::Rejected(why) => {
                Status::Failed(Failure::Rejected(Rejection::new(None, Outcome::Rejected(why).to_string())))
            }
            Outcome::Cancelled => Status::Failed(Failure::Cancelled),
            _ => Status::Failed(Failure::Unknown),
        };
        self.change(None, |room| room.timeline.advance(&id, status));
    }

    /// The server answers pings only for what it has stored or refused, and all refusals have arrived by now.
    fn finish(&mut self) {
        for id in std::mem::take(&mut self.proven) {
            self.change(None, |room| room.timeline.advance(&id, Status::Sent));
        }
    }

    /// Changes the timeline, moves our position on to `offset`, and tells the listeners.
    fn change(&self, offset: Option<u64>, change: impl FnOnce(&mut super::room::Inner) -> Vec<Change>) {
        let mut inner = self.room.lock();
        inner.seen = inner.seen.max(offset);
        change(&mut inner).into_iter().for_each(|change| self.room.tell(ChatEvent::Timeline(change)));
    }

    /// Tells the server a little later what we have: one receipt then speaks for a burst.
    fn plan_report(&mut self) {
        if self.stores && self.room.lock().had != self.reported {
            self.report_at = self.report_at.or_else(|| Instant::now().checked_add(RECEIPT_DELAY));
        }
    }

    fn report(&mut self) {
        self.report_at = None;
        let had = self.room.lock().had;
        // A receipt that is lost is told again on the next connection, and says nothing about any other message.
        if self.client.send_volatile(Event::Receipt(had).to_json()).is_ok() {
            self.reported = had;
        }
    }

    /// Tells the server whether the user is away, if it does not know. A server that has not synced does not understand
    /// this.
    fn declare(&mut self) {
        let mut inner = self.room.lock();
        let is_connected = matches!(self.client.state(), State::Connected { .. });
        if !(self.stores && is_connected) || inner.declared_away == inner.away {
            return;
        }
        let User { user_id, user_name, .. } = self.me.clone();
        let presence = Event::Presence(Presence { user_id, user_name, away: inner.away });
        // One that is lost with its connection is said in the next one's address.
        if self.client.send_volatile(presence.to_json()).is_ok() {
            inner.declared_away = inner.away;
        }
    }

    /// Sends the server a fresh token for the open connection. If there is none, the connection ends with its old token,
    /// and the next attempt asks again.
    fn renew(&mut self, token: Result<String, BoxError>) {
        self.renewing = None;
        match token {
            // A connection that was opened meanwhile has a fresh one already.
            Ok(token) => drop(self.client.send_volatile(Event::Token(Token { token }).to_json())),
            Err(error) => tracing::debug!(%error, "there is no fresh token yet"),
        }
    }

    fn expire_typing(&mut self) {
        if self.typing.expire(self.now()) {
            self.tell_typing();
        }
    }

    fn tell_typing(&self) {
        self.room.tell(ChatEvent::Typing(self.typing.names()));
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
