//! What the room, the store and the server have for the client.

use std::future::poll_fn;

use everwire_chat_core::wire::{Event, Receipt};
use everwire_server::{CloseCode, Message};

use super::Connection;
use crate::access::EXPIRED;
use crate::domain::Delivery;

impl Connection {
    /// Whether the connection goes on.
    pub(super) async fn on_delivery(&mut self, item: Delivery) -> bool {
        match item {
            Delivery::Frame(frame) => self.socket.queue_prepared(&frame),
            // Texts of one commit only, and the catch-up ends between commits: it has had all of these or none. If it could
            // end among them, they would all be sent, some for the second time.
            Delivery::Texts { last, .. } if last <= self.caught_up => true,
            Delivery::Texts { frame, last } => {
                self.told = self.told.max(last);
                self.socket.queue_prepared(&frame)
            }
            Delivery::Receipt(receipt) => self.send_receipt(receipt),
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

    /// Tells how far our user's messages have come, unless the client knows that. Whether the connection goes on.
    pub(super) fn send_receipt(&mut self, receipt: Receipt) -> bool {
        let told = self.receipt;
        self.receipt = Receipt { delivered: told.delivered.max(receipt.delivered), read: told.read.max(receipt.read) };
        self.receipt == told || self.socket.queue(&Message::from(Event::Receipt(self.receipt).to_json()))
    }

    /// Waits until all posts of ours are stored and told, so that what follows does not overtake them. Whether the
    /// connection goes on.
    pub(super) async fn settle(&mut self) -> bool {
        while self.pending.pending() > 0 {
            let item = poll_fn(|cx| self.mailbox.poll_next(cx)).await;
            if !self.on_delivery(item).await {
                return false;
            }
        }
        true
    }
}
