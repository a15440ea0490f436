//! What a plain client gets on joining if its address asks for it: the latest texts, and who is here.

use std::future::poll_fn;

use crate::id::new_id;
use everwire_chat_core::wire::{Event, Notice, TextMessage, User, WireStatus};
use everwire_server::Message;
use tokio::time::timeout;

use super::{Connection, PATIENCE};
use crate::store::{Page, PageRequest};

impl Connection {
    /// Sends `most` of the latest texts, or as many as a page holds, oldest first, and then who is here. What is said meanwhile
    /// waits in the mailbox. Whether the connection goes on.
    pub(super) async fn send_latest(&mut self, most: u64, here: Vec<User>) -> bool {
        // From the end: a page of long lines holds fewer of them.
        let (_room, Page { messages, end, .. }) = match self.missed_page(PageRequest::Before(u64::MAX, most)).await {
            Ok(page) => page,
            Err(goes_on) => return goes_on,
        };
        (self.caught_up, self.told) = (end, end);
        for message in messages {
            let message = Event::Text(self.as_told(message));
            let _ = self.socket.queue(&Message::from(message.to_json()));
        }
        let own = self.user.as_ref().map(|user| user.user_id.clone());
        for User { user_id, user_name, .. } in here.into_iter().filter(|user| own.as_ref() != Some(&user.user_id)) {
            let notice = Notice { id: new_id(), user_id, user_name, timestamp: self.state.now() };
            let _ = self.socket.queue(&Message::from(Event::UserJoined(notice).to_json()));
        }
        let Self { mailbox, socket, .. } = self;
        tokio::select! {
            biased;
            end = poll_fn(|cx| mailbox.poll_end(cx)) => self.on_delivery(end).await,
            flushed = timeout(PATIENCE, socket.flush()) => matches!(flushed, Ok(Ok(()))),
        }
    }

    /// With how far the client's own have come, which others would have told it.
    fn as_told(&self, mut message: TextMessage) -> TextMessage {
        if let Some(user) = self.user.as_ref().filter(|user| user.user_id == message.user_id) {
            let marks = self.state.rooms().marks(&self.room, &user.user_id);
            message.status = match message.offset {
                Some(offset) if offset <= marks.read => WireStatus::Read,
                Some(offset) if offset <= marks.delivered => WireStatus::Delivered,
                _ => WireStatus::Sent,
            };
        }
        if self.plain.strict {
            message.offset = None;
        }
        message
    }
}
