//! fastwebsockets: it writes each frame and reads 8 KiB at once by itself, so it stands on buffered streams.
//!
//! A read that is dropped loses data, so one that waits is kept while what was written is flushed; that takes the split
//! halves.

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
    /// What a client masks in place, so that no message allocates.
    scratch: Vec<u8>,
}

impl Peer for FastWebSockets {
    type Message = BytesMut;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        if compression != Compression::Off {
            return None;
        }
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        // What is longer than a buffer goes past it: one of a byte is none.
        let buffer = if tuned == Tuned::ForSpeed { BATCH } else { 1 };
        let (read, write) = tokio::io::split(wire);
        let (read, write): (WebSocketRead<_>, _) = after_handshake_split(
            BufReader::with_capacity(buffer, read),
            BufWriter::with_capacity(buffer, write),
            role,
        );
        Some(Self { read: FragmentCollectorRead::new(read), write, scratch: Vec::new() })
    }

    fn text(text: &str) -> BytesMut {
        BytesMut::from(text)
    }

    fn payload(message: &BytesMut) -> &[u8] {
        message
    }

    async fn feed(&mut self, message: &BytesMut) -> Done<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(message);
        let payload = Payload::BorrowedMut(&mut self.scratch);
        Ok(self.write.write_frame(Frame::text(payload)).await?)
    }

    async fn feed_back(&mut self, message: BytesMut) -> Done<()> {
        Ok(self.write.write_frame(Frame::text(Payload::Bytes(message))).await?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(self.write.flush().await?)
    }

    async fn receive(&mut self) -> Done<BytesMut> {
        let frame = self.read.read_frame(&mut no_answer).await?;
        message(frame)
    }

    async fn flush_and_receive(&mut self) -> Done<BytesMut> {
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

/// There are no pings here, and the stream just ends.
async fn no_answer(_: Frame<'_>) -> Result<(), WebSocketError> {
    Ok(())
}

fn message(frame: Frame<'_>) -> Done<BytesMut> {
    match (frame.opcode, frame.payload) {
        (OpCode::Text, Payload::Bytes(payload)) => Ok(payload),
        (OpCode::Text, payload) => Ok(BytesMut::from(&payload[..])),
        _ => Err("closed".into()),
    }
}
