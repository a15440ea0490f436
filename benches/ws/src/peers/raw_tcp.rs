//! No WebSocket at all: the time of the kernel and tokio for a message of known size.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Compression, End, Peer, Tuned};
use crate::Done;
use crate::wire::Wire;

pub(crate) struct RawTcp {
    wire: Wire,
    buffer: Vec<u8>,
}

impl Peer for RawTcp {
    type Message = Vec<u8>;

    fn open(wire: Wire, _: End, _: Tuned, compression: Compression) -> Option<Self> {
        (compression == Compression::Off).then(|| Self { wire, buffer: vec![0; 4 << 10] })
    }

    fn text(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    fn binary(data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }

    fn payload(message: &Vec<u8>) -> &[u8] {
        message
    }

    async fn feed(&mut self, message: &Vec<u8>) -> Done<()> {
        Ok(self.wire.write_all(message).await?)
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(())
    }

    /// With one message in flight, a read returns a message.
    async fn receive(&mut self) -> Done<Vec<u8>> {
        match self.wire.read(&mut self.buffer).await? {
            0 => Err("closed".into()),
            length => Ok(self.buffer[..length].to_vec()),
        }
    }

    async fn flush_and_receive(&mut self) -> Done<Vec<u8>> {
        self.receive().await
    }
}
