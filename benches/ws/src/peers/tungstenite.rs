//! tokio-tungstenite: `feed`, which writes by itself at 128 KiB, and `flush`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Compression, End, Peer, SMALL_BUFFER, Tuned, sinks};
use crate::Done;
use crate::wire::Wire;

pub(crate) struct Tungstenite(WebSocketStream<Wire>);

impl Peer for Tungstenite {
    type Message = Message;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        if compression != Compression::Off {
            return None;
        }
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        let mut config = WebSocketConfig::default();
        if tuned == Tuned::ForMemory {
            config = config.read_buffer_size(SMALL_BUFFER).write_buffer_size(SMALL_BUFFER);
        }
        // It is `async` but has nothing to wait for.
        let opening = pin!(WebSocketStream::from_raw_socket(wire, role, Some(config)));
        match opening.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(opened) => Some(Self(opened)),
            Poll::Pending => None,
        }
    }

    fn text(text: &str) -> Message {
        Message::text(text)
    }

    fn binary(data: &[u8]) -> Message {
        Message::binary(data.to_vec())
    }

    fn payload(message: &Message) -> &[u8] {
        match message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data,
            Message::Close(_) | Message::Frame(_) => &[],
        }
    }

    async fn feed(&mut self, message: &Message) -> Done<()> {
        Ok(self.0.feed(message.clone()).await?)
    }

    async fn feed_back(&mut self, message: Message) -> Done<()> {
        Ok(self.0.feed(message).await?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(self.0.flush().await?)
    }

    async fn send(&mut self, message: &Message) -> Done<()> {
        Ok(self.0.send(message.clone()).await?)
    }

    async fn receive(&mut self) -> Done<Message> {
        Ok(self.0.next().await.ok_or("closed")??)
    }

    async fn flush_and_receive(&mut self) -> Done<Message> {
        Ok(sinks::flush_and_next::<_, Message, _>(&mut self.0).await??)
    }
}
