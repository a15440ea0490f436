//! sockudo-ws: `feed` up to the high-water mark, and `flush`. Its heartbeat timers are off, because the others have none.

use futures_util::{SinkExt, StreamExt};
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::protocol::{Message, Role};
use sockudo_ws::{CompressedWebSocketStream, Config, WebSocketStream};

use super::{BATCH, Compression, End, Peer, SMALL_BUFFER, Tuned, sinks};
use crate::Done;
use crate::wire::Wire;

#[expect(clippy::large_enum_variant, reason = "the plain one is not to cost a detour")]
pub(crate) enum Sockudo {
    Plain(WebSocketStream<Wire>),
    Compressed(Box<CompressedWebSocketStream<Wire>>),
}

macro_rules! either {
    ($self:expr, $stream:ident => $do:expr) => {
        match $self {
            Sockudo::Plain($stream) => $do,
            Sockudo::Compressed($stream) => $do,
        }
    };
}

impl Peer for Sockudo {
    type Message = Message;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        let mut config = Config { auto_ping: false, idle_timeout: 0, ..Config::default() };
        if tuned == Tuned::ForMemory {
            config.write_buffer_size = SMALL_BUFFER;
        }
        let alone = match compression {
            Compression::Off => {
                let role = match end {
                    End::Client => Role::Client,
                    End::Server => Role::Server,
                };
                let mut stream = WebSocketStream::from_raw(wire, role, config);
                if tuned == Tuned::ForSpeed {
                    stream.set_high_water_mark(BATCH);
                }
                return Some(Self::Plain(stream));
            }
            Compression::EachAlone => true,
            Compression::WithContext => false,
        };
        let deflate = DeflateConfig {
            server_no_context_takeover: alone,
            client_no_context_takeover: alone,
            ..DeflateConfig::default()
        };
        Some(Self::Compressed(Box::new(match end {
            End::Client => CompressedWebSocketStream::client(wire, config, deflate),
            End::Server => CompressedWebSocketStream::server(wire, config, deflate),
        })))
    }

    fn text(text: &str) -> Message {
        Message::Text(text.to_owned().into())
    }

    fn binary(data: &[u8]) -> Message {
        Message::Binary(data.to_vec().into())
    }

    fn payload(message: &Message) -> &[u8] {
        message.as_bytes()
    }

    async fn feed(&mut self, message: &Message) -> Done<()> {
        Ok(either!(self, stream => stream.feed(message.clone()).await)?)
    }

    async fn feed_back(&mut self, message: Message) -> Done<()> {
        Ok(either!(self, stream => stream.feed(message).await)?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(either!(self, stream => stream.flush().await)?)
    }

    async fn send(&mut self, message: &Message) -> Done<()> {
        Ok(either!(self, stream => stream.send(message.clone()).await)?)
    }

    async fn receive(&mut self) -> Done<Message> {
        Ok(either!(self, stream => stream.next().await).ok_or("closed")??)
    }

    async fn flush_and_receive(&mut self) -> Done<Message> {
        Ok(match self {
            Self::Plain(stream) => sinks::flush_and_next::<_, Message, _>(stream).await??,
            Self::Compressed(stream) => sinks::flush_and_next::<_, Message, _>(&mut **stream).await??,
        })
    }
}
