//! Lines on their way to the server, and what becomes of them.

use std::convert::Infallible;

use everwire::{Delivery, Message, MessageId};
use everwire_chat_core::wire::{Event, parse};
use tokio::sync::oneshot;

use super::event::SendError;
use super::{ChatClient, task};

impl ChatClient {
    /// Takes over lines that another client of this user in this room has left in its store, as that store's
    /// [`load`](everwire::store::Store::load) gives them: shown and sent under their own ids, so that the server stores
    /// each once, even if another client sends it too. Lines of other users, and those that are in the timeline already,
    /// are passed over.
    ///
    /// Returns when all are in this client's own store; from then on they may be removed from the other one. Without a store
    /// of its own it returns when they have arrived or failed. Cancel-safe: what was taken over stays so.
    ///
    /// # Errors
    /// Those of [`send`](Self::send); the lines before were taken.
    pub async fn take_over(&self, messages: impl IntoIterator<Item = Message>) -> Result<(), SendError> {
        let mut kept = Vec::new();
        let mut taken = Ok(());
        for message in messages {
            let text = message.as_text().unwrap_or_default();
            let Some(Event::Text(line)) = parse(text).events.pop() else { continue };
            if line.user_id != self.me.user_id {
                continue;
            }
            let id = line.id.clone();
            let shown = self.room.update(|room| {
                if room.timeline.get(&id).is_none() {
                    let delivery = self.hand_over(Event::Text(line.clone()).to_json())?;
                    room.waiting.insert(id.clone(), delivery.id());
                    kept.push(self.follow_from_store(&id, delivery));
                }
                Ok(room.timeline.echo(line))
            });
            if shown.is_err() {
                taken = shown;
                break;
            }
        }
        for kept in kept {
            // Fails only if the client has ended, and then nothing is known.
            kept.await.map_err(|_| SendError::Closed("the client has ended".into()))?;
        }
        taken
    }

    /// Hands a message to the connection and has its outcome told to the task. Called with the room locked, so that the
    /// order on the wire is the order of the echoes.
    pub(super) fn submit(&self, id: &str, json: String) -> Result<MessageId, SendError> {
        let delivery = self.hand_over(json)?;
        let number = delivery.id();
        self.follow(id, delivery);
        Ok(number)
    }

    pub(super) fn hand_over(&self, json: String) -> Result<Delivery, SendError> {
        self.client.send(json).map_err(|error| match error {
            everwire::SendError::Full(_) => SendError::Full,
            everwire::SendError::TooLarge { .. } => SendError::Invalid("the message is too long"),
            other => SendError::Closed(other.to_string()),
        })
    }

    /// Has the delivery's outcome told to the task, and before that, that it is stored or over.
    pub(super) fn follow_from_store(&self, id: &str, mut delivery: Delivery) -> oneshot::Receiver<()> {
        let (store, stored) = oneshot::channel();
        let (number, id, outcomes) = (delivery.id(), id.to_owned(), self.outcomes.clone());
        self.spawner.detached(async move {
            // An error is the outcome, which follows.
            let _ = delivery.stored().await;
            let _ = store.send(());
            let outcome = delivery.await;
            let _ = outcomes.send(task::Resolved { id, number, outcome }).await;
        });
        stored
    }

    /// Has the delivery's outcome told to the task.
    pub(super) fn follow(&self, id: &str, delivery: Delivery) {
        let (number, id, outcomes) = (delivery.id(), id.to_owned(), self.outcomes.clone());
        self.spawner.detached(async move {
            let outcome = delivery.await;
            // Fails only if the client was dropped, and then nobody is left to tell.
            let _ = outcomes.send(task::Resolved { id, number, outcome }).await;
        });
    }

    /// Shows what an earlier client with the same store has left, and follows it.
    pub(super) fn take_up(&self) {
        for recovered in self.client.recovered() {
            let text = recovered.message.as_text().unwrap_or_default();
            let Some(Event::Text(message)) = parse(text).events.pop() else { continue };
            let id = message.id.clone();
            let shown = self.room.update(|room| {
                room.waiting.insert(id.clone(), recovered.delivery.id());
                Ok::<_, Infallible>(room.timeline.echo(message))
            });
            match shown {
                Ok(()) => self.follow(&id, recovered.delivery),
            }
        }
    }
}
