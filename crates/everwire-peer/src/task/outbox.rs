use std::task::Poll;

use super::Event;
use crate::hub::{Hub, Outgoing, Sent, What};
use crate::{BoxFuture, Fate, Ticket};

/// What only the task can wait for.
#[derive(Default)]
pub(super) struct Outbox {
    /// A message for which there was no room; all others wait behind it.
    sending: Option<(What, BoxFuture<'static, Sent>)>,
    /// What becomes of the last hello.
    hello: Option<(u64, Box<dyn Ticket>)>,
}

impl Outbox {
    /// Whether the session takes nothing now.
    pub(super) fn is_full(&self) -> bool {
        self.sending.is_some()
    }

    /// Takes over what is to be waited for.
    pub(super) fn take_over(&mut self, hub: &Hub, stuck: Option<Outgoing>, hello: Option<(u64, Box<dyn Ticket>)>) {
        if let Some(Outgoing { message, what }) = stuck {
            self.sending = Some((what, hub.carrier.send_wait(message)));
        }
        if hello.is_some() {
            self.hello = hello;
        }
    }

    /// The message that waited for room is sent.
    pub(super) fn sent(&mut self, hub: &Hub, sent: Sent) {
        if let Some((what, _)) = self.sending.take() {
            hub.unstuck(what, sent);
        }
    }

    /// What became of the last hello.
    pub(super) fn hello_ended(&mut self, hub: &Hub, fate: &Fate) {
        if let (Some((number, _)), Fate::Processed | Fate::Received) = (self.hello.take(), fate) {
            hub.hello_processed(number);
        }
    }

    /// A message that waited for room is sent, or a hello has come to its end, or messages have without arriving. Cancel-safe.
    pub(super) async fn next_event(&mut self, hub: &Hub) -> Event {
        std::future::poll_fn(|cx| {
            if hub.carrier.poll_undelivered(cx).is_ready() {
                return Poll::Ready(Event::Undelivered);
            }
            if let Some((_, sending)) = &mut self.sending
                && let Poll::Ready(sent) = sending.as_mut().poll(cx)
            {
                return Poll::Ready(Event::Sent(sent));
            }
            match &mut self.hello {
                Some((_, ticket)) => ticket.poll(cx).map(Event::Hello),
                None => Poll::Pending,
            }
        })
        .await
    }
}
