//! Messages, and what else is told to the room.

use everwire::State;
use everwire_chat_core::limits::check_text;
use everwire_chat_core::status::Status;
use everwire_chat_core::wire::{Event, TextMessage, Typing, User, WireStatus};

use super::event::{SendError, TakeBackError};
use super::{ChatClient, now_ms};
use crate::id::new_id;

impl ChatClient {
    /// Sends a message and returns its id. It is in the timeline when this returns, and goes out as soon as there is a
    /// connection.
    ///
    /// # Errors
    /// If the text is blank or longer than 16 KiB, too many messages are waiting, or the connection has ended for good.
    pub fn send(&self, text: impl Into<String>) -> Result<String, SendError> {
        let text = text.into();
        check_text(&text).map_err(SendError::Invalid)?;
        let User { user_id, user_name, .. } = self.me();
        let message = TextMessage {
            id: new_id(),
            user_id,
            user_name,
            text,
            timestamp: now_ms(),
            status: WireStatus::Sent,
            offset: None,
        };
        let id = message.id.clone();
        let json = Event::Text(message.clone()).to_json();
        self.room.update(|room| {
            // A signal that still waits would come after the line, and be wrong.
            if let Some(signal) = room.typing.take() {
                let _ = self.client.cancel(signal);
            }
            room.waiting.insert(id.clone(), self.submit(&id, json)?);
            Ok(room.timeline.echo(message))
        })?;
        Ok(id)
    }

    /// Sends a failed message again, with the same id.
    ///
    /// # Errors
    /// [`SendError::NotRetryable`] if it has not failed or was refused, and those of [`send`](Self::send).
    pub fn retry(&self, id: &str) -> Result<(), SendError> {
        self.room.update(|room| {
            let entry = room.timeline.get(id).filter(|entry| entry.own).ok_or(SendError::NotRetryable)?;
            if !matches!(&entry.status, Status::Failed(failure) if failure.is_retryable()) {
                return Err(SendError::NotRetryable);
            }
            let again = entry.to_message();
            room.waiting.insert(id.to_owned(), self.submit(id, Event::Text(again).to_json())?);
            Ok(room.timeline.advance(id, Status::Sending))
        })
    }

    /// Takes back a message of ours that waits to be sent, or deletes one that has failed: it leaves the timeline.
    ///
    /// # Errors
    /// [`TakeBackError::TooLate`] if this or an earlier connection was given the message, so that it may arrive;
    /// [`TakeBackError::Unknown`] if it has arrived, or no message of ours has this id.
    pub fn take_back(&self, id: &str) -> Result<(), TakeBackError> {
        self.room.update(|room| {
            let entry = room.timeline.get(id).filter(|entry| entry.own).ok_or(TakeBackError::Unknown)?;
            match &entry.status {
                Status::Failed(_) => {}
                Status::Sending => {
                    let waiting = room.waiting.get(id).ok_or(TakeBackError::TooLate)?;
                    self.client.withdraw(*waiting).map_err(|_| TakeBackError::TooLate)?;
                }
                Status::Sent | Status::Delivered | Status::Read => return Err(TakeBackError::Unknown),
            }
            Ok(room.timeline.remove(id))
        })
    }

    /// Tells the others that our user types, or has stopped. Without a connection it does nothing, since such a signal is
    /// worth nothing later. [`TypingSignal`](crate::signal::TypingSignal) tells when to call this.
    pub fn typing(&self, is_typing: bool) {
        if matches!(self.client.state(), State::Connected { .. }) {
            let User { user_id, user_name, .. } = self.me.clone();
            let signal = Typing { id: new_id(), user_id, user_name, is_typing, timestamp: now_ms() };
            let mut inner = self.room.lock();
            // Nobody waits for its outcome.
            inner.typing =
                self.client.send_volatile(Event::Typing(signal).to_json()).ok().map(|delivery| delivery.id());
        }
    }

    /// Tells the others whether our user is away from this client: `true` if nobody looks at it. A user whose clients are
    /// all away is shown as away. It holds until the next call, over lost connections too; default `false`.
    /// [`AwaySignal`](crate::signal::AwaySignal) tells when to call this.
    pub fn set_away(&self, away: bool) {
        self.room.lock().away = away;
        self.room.presence.notify_one();
    }
}
