//! What a member has missed, before it hears what is said now.

use std::future::poll_fn;

use everwire_chat_core::wire::{Earlier, Event, History, Position, Sync, User};
use everwire_server::{Message, after};
use tokio::time::{Instant, timeout};

use super::{ClientMessage, Connection, PAGE_AGAIN, PATIENCE, PageUnderWay, unreadable};
use crate::budget::PagePermit;
use crate::domain::batch;
use crate::store::{Page, PageRequest, ReadQuery, ReadState};

impl Connection {
    /// Sends where the room stands, and everything after what the client has `seen`. The mailbox collects what is said
    /// meanwhile; [`caught_up`](Connection::caught_up) tells which of that has been sent here already: the history reads between
    /// commits, and answers when all of the last one has been told. Whether the connection goes on.
    pub(super) async fn catch_up(&mut self, seen: Option<Position>, here: Vec<User>) -> bool {
        let mut known = seen.filter(|seen| seen.epoch == self.state.store.epoch());
        let mut start = match &known {
            Some(seen) => PageRequest::After(seen.offset),
            None => PageRequest::Latest(self.state.config.latest),
        };
        let mut first = true;
        // How far the client has everything, or knows that it has not.
        let mut told_to = 0;
        loop {
            let (_room, Page { messages, end, .. }) = match self.missed_page(start).await {
                Ok(page) => page,
                Err(goes_on) => return goes_on,
            };
            if first && known.as_ref().is_some_and(|seen| seen.offset > end) {
                // An older copy of the history was restored: what the client has seen is of no use.
                (known, start) = (None, PageRequest::Latest(self.state.config.latest));
                continue;
            }
            if std::mem::take(&mut first) {
                self.caught_up = end;
                // There is a gap between what the client has and what follows: too much to send, or removed meanwhile.
                let from = known.as_ref().map_or(0, |seen| seen.offset);
                let next = messages.first().and_then(|message| message.offset).unwrap_or(end + 1);
                let earlier = next > from + 1;
                // On an earlier connection it may have had everything.
                self.told = end;
                let reading = self.resume_reading(end).await;
                self.send_sync(end, earlier, here.clone(), reading);
                let _ = self.tell_own_name();
                if let Some(user) = &self.user {
                    let receipt = self.state.rooms().marks(&self.room, &user.user_id);
                    let _ = self.send_receipt(receipt);
                }
            } else if messages.first().and_then(|message| message.offset).unwrap_or(self.caught_up + 1) > told_to + 1 {
                // What was to follow has been removed meanwhile.
                self.send_sync(self.caught_up, true, here.clone(), None);
            }
            let last = messages.last().and_then(|message| message.offset);
            // What came while we were reading is in the mailbox.
            let missed = messages.into_iter().filter(|message| message.offset <= Some(self.caught_up));
            let missed: Vec<_> = missed.map(|message| Event::Text(message).to_json()).collect();
            for batch in batch::split(&missed, String::len) {
                let _ = self.socket.queue(&Message::from(batch::join(batch)));
            }
            let Self { mailbox, socket, .. } = self;
            tokio::select! {
                // Who has to leave gets no further page.
                biased;
                end = poll_fn(|cx| mailbox.poll_end(cx)) => return self.on_delivery(end).await,
                flushed = timeout(PATIENCE, socket.flush()) => if !matches!(flushed, Ok(Ok(()))) {
                    return false;
                }
            }
            match last {
                Some(last) if last < self.caught_up => (start, told_to) = (PageRequest::After(last), last),
                _ => return true,
            }
        }
    }

    /// A page of what the client has missed, with the room that it takes while it is on its way. Who has to leave meanwhile gets
    /// none: then, and if it can't be read, whether the connection goes on.
    pub(super) async fn missed_page(&mut self, request: PageRequest) -> Result<(Option<PagePermit>, Page), bool> {
        let Self { mailbox, state, room, .. } = self;
        let page = async {
            // As many pages as may be in memory are on their way to others: it is their turn, and PATIENCE bounds it.
            let permit = state.pages.wait_for_room().await;
            state.store.page(room, request).await.map(|page| (permit, page))
        };
        let read = tokio::select! {
            biased;
            end = poll_fn(|cx| mailbox.poll_end(cx)) => return Err(self.on_delivery(end).await),
            read = page => read,
        };
        match read {
            Ok(page) => Ok(page),
            Err(error) => {
                let (code, reason) = unreadable(&error);
                Err(self.close(code, reason).await)
            }
        }
    }

    /// Answers the wish for messages of before; whether the connection goes on.
    pub(super) async fn on_earlier(&mut self, wish: Earlier) -> bool {
        let Some(room) = self.state.pages.room() else {
            // Meanwhile it hears what is said now.
            self.said.push_front(ClientMessage::Event(Event::Earlier(wish)));
            self.rests_until = Some(after(Instant::now(), PAGE_AGAIN));
            return true;
        };
        let Earlier { before, limit } = wish;
        match self.state.store.page(&self.room, PageRequest::Before(before, limit)).await {
            Ok(Page { messages, more, .. }) => {
                let history = Event::History(History { before, messages, more });
                let goes_on = self.socket.queue(&Message::from(history.to_json()));
                self.page =
                    Some(PageUnderWay { _room: room, since: Instant::now(), taken: self.socket.written_total() });
                goes_on
            }
            Err(error) => {
                let (code, reason) = unreadable(&error);
                self.close(code, reason).await
            }
        }
    }

    /// How far our user has read the room, which ends there, and how much is unread.
    async fn resume_reading(&mut self, end: u64) -> Option<(u64, u64)> {
        let User { user_id, .. } = self.user.clone()?;
        let known = self.state.rooms().read_position(&self.room, &user_id);
        let query = ReadQuery { room: self.room.clone(), user: user_id.clone(), known, end };
        match self.state.store.read_state(query).await {
            Ok(ReadState { read, unread }) => {
                let offset = self.state.rooms().resume_reading(&self.room, &user_id, read, end);
                Some((offset, unread))
            }
            Err(error) => {
                tracing::warn!(connection = self.id, %error, "a user's read position can't be read");
                None
            }
        }
    }

    fn send_sync(&mut self, offset: u64, earlier: bool, users: Vec<User>, reading: Option<(u64, u64)>) {
        let epoch = self.state.store.epoch().to_owned();
        let (read, unread) = reading.unzip();
        let sync = Event::Sync(Sync { room: self.room.clone(), epoch, offset, earlier, users, read, unread });
        let _ = self.socket.queue(&Message::from(sync.to_json()));
    }
}
