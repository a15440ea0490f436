//! What a member says.

use std::future::poll_fn;

use everwire_chat_core::limits::{TEXT_BYTES, check_id, check_name, check_text};
use everwire_chat_core::wire::{
    Event, Presence, Problem, Receipt, Rejected, Speaker, TextMessage, Token, User, WireStatus, code, parse_plain,
};
use everwire_server::{CloseCode, Message};
use tokio::time::Instant;

use super::pending_answers::Answer;
use super::{ClientMessage, Connection, PRESENCE_PACE, STOPPING, cost};
use crate::access::Refusal;
use crate::id::new_id;
use crate::store::Append;

impl Connection {
    /// Takes one text message; whether the connection goes on.
    pub(super) async fn on_text(&mut self, text: &str) -> bool {
        self.unpaid += cost::of_bytes(text.len());
        let heard = parse_plain(text, Speaker { user: self.user.as_ref(), now: self.state.now(), new_id });
        if heard.ping {
            // Like the answer to a ping of the protocol, it speaks for all that came before.
            return self.on_ping(Answer::Text).await;
        }
        if let Some(reason) = heard.unknown {
            self.log_ignoring(&reason);
            if self.plain.errors && !self.tell(Fault::new(code::UNKNOWN_TYPE, reason)) {
                return false;
            }
        }
        for junk in heard.junk {
            if !self.on_invalid(Fault { id: junk.id, ..Fault::new(code::MALFORMED, junk.reason) }).await {
                return false;
            }
        }
        self.said.extend(heard.events.into_iter().map(ClientMessage::Event));
        true
    }

    /// Hands a binary message on; whether the connection goes on.
    pub(super) async fn on_binary(&mut self, message: Message) -> bool {
        let goes_on = self.pay(cost::MESSAGE).await && self.settle().await;
        if goes_on {
            self.state.rooms().binary(&self.room, self.id, &message);
        }
        goes_on
    }

    /// Whether the connection goes on.
    pub(super) async fn on_event(&mut self, event: Event) -> bool {
        // A message is counted once it is known whose it is.
        if !matches!(event, Event::Text(_)) && !self.pay(cost::of_event(&event)).await {
            return false;
        }
        match event {
            Event::Text(message) => self.on_line(message).await,
            Event::Typing(mut signal) => {
                let Some(user) = self.speaker(signal.user_id, signal.user_name) else {
                    return self.on_invalid(Fault::of_user(None)).await;
                };
                (signal.user_id, signal.user_name) = (user.user_id, user.user_name);
                let goes_on = self.settle().await;
                self.state.rooms().typing(&self.room, self.id, signal);
                goes_on
            }
            // We announce users ourselves; from a plain client this is how it says who it is.
            Event::UserJoined(notice) => {
                let known = self.speaker(notice.user_id, notice.user_name).is_some();
                known || self.on_invalid(Fault::of_user(None)).await
            }
            Event::UserLeft(notice) => {
                let own = self.user.as_ref().is_some_and(|user| user.user_id == notice.user_id);
                self.said_goodbye |= own;
                true
            }
            Event::Receipt(receipt) => {
                // Nobody has what was never said to them.
                let Receipt { delivered, read } = receipt;
                let receipt = Receipt { delivered: delivered.min(self.told), read: read.min(self.told) };
                self.state.rooms().receipt(&self.room, self.id, receipt);
                true
            }
            Event::Presence(presence) if self.extended => self.on_presence(presence).await,
            Event::Earlier(wish) if self.extended => self.on_earlier(wish).await,
            Event::Token(Token { token }) if self.extended => self.on_token(&token).await,
            // A server's words in a client's mouth mean nothing.
            _ => true,
        }
    }

    async fn on_presence(&mut self, presence: Presence) -> bool {
        if self.speaker(presence.user_id, presence.user_name).is_none() {
            return self.on_invalid(Fault::of_user(None)).await;
        }
        let now = Instant::now();
        let is_hasty = self.presence_told.is_some_and(|told| now.saturating_duration_since(told) < PRESENCE_PACE);
        self.presence_told = Some(now);
        self.state.rooms().set_away(&self.room, self.id, presence.away);
        !is_hasty || self.on_invalid(Fault::new(code::TOO_OFTEN, "presence changes too often")).await
    }

    /// A fresh token that was asked for. One that is not good changes nothing; another user's is not for this connection.
    async fn on_token(&mut self, token: &str) -> bool {
        let Some(access) = self.state.access.clone() else { return true };
        match access.renew_token(self.id, token).await {
            Some(Ok(name)) => self.on_name(name),
            Some(Err(refusal @ Refusal::OtherUser)) => self.close(refusal.close_code(), refusal.reason()).await,
            Some(Err(refusal)) => self.on_invalid(Fault::new(code::BAD_TOKEN, refusal.to_string())).await,
            None => self.on_invalid(Fault::new(code::TOKEN_NOT_ASKED, "no token was asked for")).await,
        }
    }

    /// The user is called so from now on. Whether the connection goes on.
    fn on_name(&mut self, name: String) -> bool {
        let Some(shown) = self.state.rooms().rename(&self.room, self.id, &name) else { return true };
        let Some(user) = self.user.as_mut().filter(|user| user.user_name != shown) else { return true };
        user.user_name = shown;
        self.tell_own_name()
    }

    /// Tells the client how the others see its user, where that may not be what the client says. Whether the connection goes
    /// on.
    pub(super) fn tell_own_name(&mut self) -> bool {
        let Some(User { user_id, user_name, .. }) = self.user.clone().filter(|_| self.is_named && self.extended) else {
            return true;
        };
        let presence = Event::Presence(Presence { user_id, user_name, away: false });
        self.socket.queue(&Message::from(presence.to_json()))
    }

    async fn on_line(&mut self, mut message: TextMessage) -> bool {
        if let Err((code, reason)) = check(&message) {
            return self.on_invalid(Fault { id: Some(message.id), ..Fault::new(code, reason) }).await;
        }
        let Some(user) = self.speaker(message.user_id, message.user_name) else {
            return self.on_invalid(Fault::of_user(Some(message.id))).await;
        };
        // A client can't speak for another user, and can't set the status or the offset of its own message.
        (message.user_id, message.user_name) = (user.user_id, user.user_name);
        (message.status, message.offset) = (WireStatus::Sent, None);
        if !self.pay(cost::MESSAGE).await {
            return false;
        }
        // Who speaks is here, whatever was said before.
        self.said_goodbye = false;
        let append = Append { room: self.room.clone(), message, producer: self.producer.clone() };
        self.pending.post();
        let Self { mailbox, state, .. } = self;
        tokio::select! {
            biased;
            taken = state.store.append(append) => taken || self.close(CloseCode::SERVICE_RESTART, STOPPING).await,
            // Who has to leave does not wait for room in the history's queue.
            end = poll_fn(|cx| mailbox.poll_end(cx)) => self.on_delivery(end).await,
        }
    }

    /// The user for whom this connection speaks: the first one that it has named. `None` if that one is not valid.
    fn speaker(&mut self, user_id: String, user_name: String) -> Option<User> {
        if self.user.is_none() {
            check_id(&user_id).and_then(|()| check_name(&user_name)).ok()?;
            self.identify(User::new(user_id, user_name));
            let _ = self.tell_own_name();
        }
        self.user.clone()
    }

    pub(super) fn identify(&mut self, user: User) {
        let notice = self.state.new_notice();
        let shown = self.state.rooms().identify(&self.room, self.id, user.clone(), notice);
        self.is_named = self.state.access.is_some() || shown != user;
        self.user = Some(shown);
    }

    /// Ignores an invalid message, until there are too many.
    async fn on_invalid(&mut self, fault: Fault) -> bool {
        let count = self.invalid.add(Instant::now());
        self.state.metrics.invalid_messages.inc();
        tracing::debug!(
            connection = self.id,
            count,
            code = fault.code,
            reason = fault.reason,
            "invalid message ignored"
        );
        self.log_ignoring(&fault.reason);
        if count > self.state.config.max_invalid_messages {
            tracing::warn!(connection = self.id, count, "closed for sending too many invalid messages");
            self.state.metrics.ended("invalid_messages");
            return self.close(CloseCode::POLICY_VIOLATION, "too many invalid messages").await;
        }
        !(self.extended || self.plain.errors) || self.tell(fault)
    }

    /// Whether the connection goes on.
    fn tell(&mut self, fault: Fault) -> bool {
        let Fault { id, code, reason } = fault;
        let code = Some(code.to_owned());
        let answer = match id {
            Some(id) => Event::Rejected(Rejected { id, reason, code }),
            None => Event::Error(Problem { reason, code }),
        };
        self.socket.queue(&Message::from(answer.to_json()))
    }

    /// Logs this once for each connection: the developer of a client finds it, and no client can fill the log.
    fn log_ignoring(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.is_ignoring_logged, true) {
            let (connection, room) = (self.id, &self.room);
            tracing::info!(
                connection,
                ?room,
                reason,
                "ignored an invalid message; more from this connection are not logged"
            );
        }
    }
}

/// What is wrong with something that a member has said.
struct Fault {
    /// That of the message.
    id: Option<String>,
    code: &'static str,
    reason: String,
}

impl Fault {
    fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { id: None, code, reason: reason.into() }
    }

    fn of_user(id: Option<String>) -> Self {
        Self { id, ..Self::new(code::BAD_USER, "the user's id or name breaks a limit") }
    }
}

/// Whether a line may be said.
fn check(message: &TextMessage) -> Result<(), (&'static str, &'static str)> {
    let of_text = if message.text.len() > TEXT_BYTES { code::TEXT_TOO_LONG } else { code::TEXT_BLANK };
    check_id(&message.id).map_err(|reason| (code::BAD_ID, reason))?;
    check_text(&message.text).map_err(|reason| (of_text, reason))
}
