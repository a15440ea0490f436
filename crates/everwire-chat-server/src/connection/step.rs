//! What happens next to a connection: something to deliver, something the client has sent, or a time that is over.

use std::future::poll_fn;
use std::task::Poll;

use everwire_server::{CloseCode, Incoming, SocketError};
use tokio::time::Instant;

use super::heartbeat::OnSilence;
use super::{ALL_BUFFERS, ClientMessage, Connection, HIGH_WATER, LOWEST_HIGH_WATER, MOST_PENDING};
use crate::domain::Delivery;

impl Connection {
    /// When its client has to be told that the server is there.
    #[cfg(feature = "cluster")]
    pub(super) fn held_until(&self) -> Option<Instant> {
        let is_held = self.state.config.cluster.is_some() && self.pending.holds_answers();
        is_held.then(|| everwire_server::after(self.reassured, super::REASSURE))
    }

    /// A disk answers sooner.
    #[cfg(not(feature = "cluster"))]
    pub(super) fn held_until(&self) -> Option<Instant> {
        None
    }

    /// What happens next. Cancel-safe.
    ///
    /// The mailbox comes first: a member that sends without a pause still gets what waits for it. It can't keep the socket
    /// from being read, since it has to wait while the socket is full.
    pub(super) async fn step(&mut self) -> Step {
        poll_fn(|cx| {
            self.note_page();
            let (full, backpressured) = (self.is_full(), self.is_backpressured());
            let item = if full { self.mailbox.poll_end(cx) } else { self.mailbox.poll_next(cx) };
            if let Poll::Ready(item) = item {
                return Poll::Ready(Step::Delivery(item));
            }
            if !backpressured && !self.stalls() {
                if let Some(event) = self.said.pop_front() {
                    return Poll::Ready(Step::ClientMessage(event));
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

    /// We don't read what the client may say, and it is not the client's doing. Who rests is read until it has said
    /// something: so it is seen to leave.
    pub(super) fn stalls(&self) -> bool {
        self.pending.is_full()
            || self.pending.pending() >= MOST_PENDING
            || (self.rests_until.is_some() && !self.said.is_empty())
    }

    /// The mailbox has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.socket.buffered() > self.high_water()
    }

    /// Who does not take the answers asks no more.
    pub(super) fn is_backpressured(&self) -> bool {
        let most = (2 * self.high_water()).min(self.state.config.mailbox_bytes);
        self.page.is_some() || self.socket.buffered() > most
    }

    pub(super) fn high_water(&self) -> usize {
        (ALL_BUFFERS / self.state.members().max(1)).clamp(LOWEST_HIGH_WATER, HIGH_WATER)
    }

    /// The socket has taken a page that was asked for.
    pub(super) fn note_page(&mut self) {
        if self.socket.buffered() == 0 {
            self.page = None;
        }
    }

    /// Whether the client takes the page that it has asked for; one that does not makes room for others.
    pub(super) async fn on_page_due(&mut self) -> bool {
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

    /// Asks whether the client lives, and ends if it has been asked; whether the connection goes on.
    pub(super) fn on_silence(&mut self) -> bool {
        let (taken, is_behind) = (self.socket.written_total(), self.socket.buffered() > 0);
        match self.heartbeat.on_silence(Instant::now(), taken, is_behind) {
            OnSilence::Ping => return self.socket.queue_ping(b""),
            OnSilence::Wait => return true,
            OnSilence::End => {}
        }
        tracing::debug!(connection = self.id, "silent for too long");
        self.state.metrics.ended("silent");
        false
    }
}

pub(super) enum Step {
    ClientMessage(ClientMessage),
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
