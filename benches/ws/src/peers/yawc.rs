//! yawc: `feed` up to the back-pressure boundary, and `flush`; with its UTF-8 check on, as in all others.

use futures_util::{SinkExt, StreamExt};
use yawc::{CompressionLevel, DeflateOptions, Frame, Options, Role, WebSocket};

use super::{BATCH, Compression, End, Peer, SMALL_BUFFER, Tuned, sinks};
use crate::Done;
use crate::wire::Wire;

/// The longest accepted message, in bytes, as for everwire.
const LIMIT: usize = 64 << 20;

pub(crate) struct Yawc(WebSocket<Wire>);

impl Peer for Yawc {
    type Message = Frame;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        // Its default limit is below 1 MiB.
        let mut options = Options::default().with_utf8().with_limits(LIMIT, 2 * LIMIT);
        options = match tuned {
            Tuned::ForSpeed => options
                .with_backpressure_boundary(BATCH)
                .with_read_buffer_capacity(BATCH)
                .with_write_buffer_capacity(BATCH),
            Tuned::ForMemory => {
                options.with_read_buffer_capacity(SMALL_BUFFER).with_write_buffer_capacity(SMALL_BUFFER)
            }
        };
        let agreed = match compression {
            Compression::Off => None,
            Compression::EachAlone => {
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
            }
            Compression::WithContext => Some("permessage-deflate"),
        };
        if agreed.is_some() {
            let alone = compression == Compression::EachAlone;
            options.compression = Some(DeflateOptions {
                level: CompressionLevel::default(),
                server_no_context_takeover: alone,
                client_no_context_takeover: alone,
                ..DeflateOptions::default()
            });
        }
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        WebSocket::from_stream_with_extensions(wire, role, agreed, options).ok().map(Self)
    }

    fn text(text: &str) -> Frame {
        Frame::text(text.to_owned())
    }

    fn binary(data: &[u8]) -> Frame {
        Frame::binary(data.to_vec())
    }

    fn payload(message: &Frame) -> &[u8] {
        message.payload()
    }

    async fn feed(&mut self, message: &Frame) -> Done<()> {
        Ok(self.0.feed(message.clone()).await?)
    }

    async fn feed_back(&mut self, message: Frame) -> Done<()> {
        Ok(self.0.feed(message).await?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(SinkExt::<Frame>::flush(&mut self.0).await?)
    }

    async fn send(&mut self, message: &Frame) -> Done<()> {
        Ok(self.0.send(message.clone()).await?)
    }

    async fn receive(&mut self) -> Done<Frame> {
        Ok(self.0.next().await.ok_or("closed")?)
    }

    async fn flush_and_receive(&mut self) -> Done<Frame> {
        sinks::flush_and_next::<_, Frame, _>(&mut self.0).await
    }
}
