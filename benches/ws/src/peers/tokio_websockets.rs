//! tokio-websockets: `feed` up to the flush threshold, and `flush`.

use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Config, Message, ServerBuilder, WebSocketStream};

use super::{BATCH, Compression, End, Peer, Tuned, sinks};
use crate::Done;
use crate::wire::Wire;

pub(crate) struct TokioWebSockets(WebSocketStream<Wire>);

impl Peer for TokioWebSockets {
    type Message = Message;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        if compression != Compression::Off {
            return None;
        }
        let mut config = Config::default();
        if tuned == Tuned::ForSpeed {
            config = config.flush_threshold(BATCH);
        }
        Some(Self(match end {
            End::Client => ClientBuilder::new().config(config).take_over(wire),
            End::Server => ServerBuilder::new().config(config).serve(wire),
        }))
    }

    fn text(text: &str) -> Message {
        Message::text(text.to_owned())
    }

    fn binary(data: &[u8]) -> Message {
        Message::binary(data.to_vec())
    }

    fn payload(message: &Message) -> &[u8] {
        message.as_payload()
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
