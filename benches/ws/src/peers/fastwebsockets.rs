//! fastwebsockets: on its own it writes each frame and reads 8 KiB at once, so it is used with buffered streams.
//!
//! Dropping a read loses data, so a pending read is kept while written frames are flushed, which requires the split halves.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::BytesMut;
use fastwebsockets::{
    FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead, WebSocketWrite,
    after_handshake_split,
};
use tokio::io::{BufReader, BufWriter, ReadHalf, WriteHalf};

use super::{BATCH, Compression, End, Peer, Tuned};
use crate::Done;
use crate::wire::Wire;

type Read = FragmentCollectorRead<BufReader<ReadHalf<Wire>>>;
type Write = WebSocketWrite<BufWriter<WriteHalf<Wire>>>;

pub(crate) struct FastWebSockets {
    read: Read,
    write: Write,
    /// Whether it is a client's end.
    masks: bool,
    /// A buffer in which a client masks messages, so that none allocates.
    scratch: Vec<u8>,
}

impl Peer for FastWebSockets {
    type Message = (OpCode, BytesMut);

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        if compression != Compression::Off {
            return None;
        }
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        // Longer writes and reads bypass the buffers, so with one byte there is no buffering.
        let buffer = if tuned == Tuned::ForSpeed { BATCH } else { 1 };
        let (read, write) = tokio::io::split(wire);
        let (read, write): (WebSocketRead<_>, _) = after_handshake_split(
            BufReader::with_capacity(buffer, read),
            BufWriter::with_capacity(buffer, write),
            role,
        );
        Some(Self { read: FragmentCollectorRead::new(read), write, masks: end == End::Client, scratch: Vec::new() })
    }

    fn text(text: &str) -> Self::Message {
        (OpCode::Text, BytesMut::from(text))
    }

    fn binary(data: &[u8]) -> Self::Message {
        (OpCode::Binary, BytesMut::from(data))
    }

    fn payload((_, data): &Self::Message) -> &[u8] {
        data
    }

    async fn feed(&mut self, (opcode, data): &Self::Message) -> Done<()> {
        if self.masks {
            self.scratch.clear();
            self.scratch.extend_from_slice(data);
            let payload = Payload::BorrowedMut(&mut self.scratch);
            return Ok(self.write.write_frame(Frame::new(true, *opcode, None, payload)).await?);
        }
        Ok(self.write.write_frame(Frame::new(true, *opcode, None, Payload::Borrowed(data))).await?)
    }

    async fn feed_back(&mut self, (opcode, data): Self::Message) -> Done<()> {
        Ok(self.write.write_frame(Frame::new(true, opcode, None, Payload::Bytes(data))).await?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(self.write.flush().await?)
    }

    async fn receive(&mut self) -> Done<Self::Message> {
        let frame = self.read.read_frame(&mut no_answer).await?;
        message(frame)
    }

    async fn flush_and_receive(&mut self) -> Done<Self::Message> {
        let mut answer = no_answer;
        let mut reading = pin!(self.read.read_frame(&mut answer));
        let frame = match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
            Poll::Ready(frame) => frame?,
            Poll::Pending => {
                self.write.flush().await?;
                reading.await?
            }
        };
        message(frame)
    }
}

/// Ignores control frames: there are no pings here, and the stream just ends.
async fn no_answer(_: Frame<'_>) -> Result<(), WebSocketError> {
    Ok(())
}

fn message(frame: Frame<'_>) -> Done<(OpCode, BytesMut)> {
    match (frame.opcode, frame.payload) {
        (opcode @ (OpCode::Text | OpCode::Binary), Payload::Bytes(payload)) => Ok((opcode, payload)),
        (opcode @ (OpCode::Text | OpCode::Binary), payload) => Ok((opcode, BytesMut::from(&payload[..]))),
        _ => Err("closed".into()),
    }
}
