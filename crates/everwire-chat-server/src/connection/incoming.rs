//! Frames from the client.

use everwire_server::{CloseCode, Incoming, Message, SocketError};
use tokio::time::Instant;

use super::pending_answers::Answer;
use super::{ClientMessage, Connection, cost};

impl Connection {
    /// Whether the connection goes on.
    pub(super) async fn on_incoming(&mut self, incoming: Result<Option<Incoming>, SocketError>) -> bool {
        self.heartbeat.on_life(Instant::now());
        match incoming {
            Ok(Some(Incoming::Message(Message::Text(text)))) => self.on_text(&text).await,
            Ok(Some(Incoming::Message(message))) => {
                self.unpaid += cost::of_bytes(message.len());
                self.said.push_back(ClientMessage::Binary(message));
                true
            }
            Ok(Some(Incoming::Ping(payload))) => self.on_ping(Answer::Pong(payload)).await,
            Ok(Some(Incoming::Pong(_))) => true,
            Ok(Some(Incoming::Close(frame))) => {
                self.state.metrics.ended("left");
                // 1000 is meant; 1001 is a page that may be loading again.
                self.said_goodbye |= frame.is_none_or(|frame| frame.code == CloseCode::NORMAL);
                self.is_parting = true;
                false
            }
            Ok(None) => false,
            Err(SocketError::Protocol(error)) => {
                tracing::debug!(connection = self.id, %error, "closed for breaking the protocol");
                self.state.metrics.ended("protocol");
                self.is_parting = true;
                false
            }
            Err(error) => {
                tracing::debug!(connection = self.id, %error, "the connection is lost");
                self.state.metrics.ended("lost");
                false
            }
        }
    }

    /// Answers a ping, once what was said before is stored; whether the connection goes on.
    pub(super) async fn on_ping(&mut self, answer: Answer) -> bool {
        if !self.pending.holds_answers() {
            self.reassured = Instant::now();
        }
        self.pending.ask(answer);
        self.answer_pings() && self.pay(cost::PING).await
    }

    /// Answers the pings before which nothing is left to be stored; whether the connection goes on.
    pub(super) fn answer_pings(&mut self) -> bool {
        while let Some(answer) = self.pending.due() {
            let queued = match answer {
                Answer::Pong(payload) => self.socket.queue_pong(&payload),
                Answer::Text => self.socket.queue(&Message::from("pong")),
            };
            if !queued {
                return false;
            }
        }
        true
    }
}
