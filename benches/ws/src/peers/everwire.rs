//! everwire-tokio: `queue` and `flush`, and `recv` followed by `try_recv`.

use bytes::BytesMut;
use everwire_tokio::Socket;
use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept_with, response_bytes};
use everwire_ws::{Config, Connection, Deflate, Extensions, Incoming, Message, MessageRef, Prepared, Role};

use super::{BATCH, Compression, End, Peer, Tuned};
use crate::Done;
use crate::wire::Wire;

pub(crate) struct Everwire(Socket<Wire>);

impl Peer for Everwire {
    type Message = Message;

    fn open(wire: Wire, end: End, _: Tuned, compression: Compression) -> Option<Self> {
        let mut config = Config::default();
        if compression != Compression::Off {
            config.extensions = agreed(end, compression == Compression::WithContext)?;
        }
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        Some(Self(Socket::new(wire, Connection::new(role, config, [7; 32]))))
    }

    fn text(text: &str) -> Message {
        Message::text(text)
    }

    fn binary(data: &[u8]) -> Message {
        Message::from(data)
    }

    fn payload(message: &Message) -> &[u8] {
        message.payload()
    }

    async fn feed(&mut self, message: &Message) -> Done<()> {
        if !self.0.queue(message) {
            return Err("closing".into());
        }
        if self.0.buffered() >= BATCH {
            self.0.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Done<()> {
        Ok(self.0.flush().await?)
    }

    async fn send(&mut self, message: &Message) -> Done<()> {
        Ok(self.0.send(message).await?)
    }

    async fn receive(&mut self) -> Done<Message> {
        loop {
            let next = match self.0.try_recv()? {
                Some(next) => next,
                None => self.0.recv().await?.ok_or("closed")?,
            };
            if let Incoming::Message(message) = next {
                return Ok(message);
            }
        }
    }

    /// `recv` writes what is queued before it waits.
    async fn flush_and_receive(&mut self) -> Done<Message> {
        self.receive().await
    }
}

/// Everwire with a receiver that borrows messages from the read buffer.
pub(crate) struct EverwireInPlace(Everwire);

impl Peer for EverwireInPlace {
    type Message = Message;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        Everwire::open(wire, end, tuned, compression).map(Self)
    }

    fn text(text: &str) -> Message {
        Everwire::text(text)
    }

    fn binary(data: &[u8]) -> Message {
        Everwire::binary(data)
    }

    fn payload(message: &Message) -> &[u8] {
        Everwire::payload(message)
    }

    async fn feed(&mut self, message: &Message) -> Done<()> {
        self.0.feed(message).await
    }

    async fn flush(&mut self) -> Done<()> {
        self.0.flush().await
    }

    fn next_in_place(&mut self) -> Option<&[u8]> {
        match self.0.0.try_recv_ref()? {
            MessageRef::Text(text) => Some(text.as_bytes()),
            MessageRef::Binary(data) => Some(data),
        }
    }

    async fn receive(&mut self) -> Done<Message> {
        self.0.receive().await
    }

    async fn flush_and_receive(&mut self) -> Done<Message> {
        self.receive().await
    }
}

/// Everwire with messages that are prepared once for all connections.
pub(crate) struct EverwirePrepared(Everwire);

impl Peer for EverwirePrepared {
    type Message = Prepared;

    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self> {
        Everwire::open(wire, end, tuned, compression).map(Self)
    }

    fn text(text: &str) -> Prepared {
        Prepared::new(Message::text(text))
    }

    fn binary(data: &[u8]) -> Prepared {
        Prepared::new(Message::from(data))
    }

    fn payload(message: &Prepared) -> &[u8] {
        message.message().payload()
    }

    async fn feed(&mut self, message: &Prepared) -> Done<()> {
        if self.0.0.queue_prepared(message) { Ok(()) } else { Err("closing".into()) }
    }

    async fn flush(&mut self) -> Done<()> {
        self.0.flush().await
    }

    async fn receive(&mut self) -> Done<Prepared> {
        self.0.receive().await.map(Prepared::new)
    }

    async fn flush_and_receive(&mut self) -> Done<Prepared> {
        self.receive().await
    }
}

/// The extensions that an opening handshake agrees on.
fn agreed(end: End, context: bool) -> Option<Extensions> {
    let mut settings = Deflate::default();
    settings.keep_own_context = context;
    settings.keep_peer_context = context;
    let request = http::Request::get("ws://localhost/").body(()).ok()?;
    let mut handshake = ClientHandshake::new(&request, &[], [1; 16]).ok()?.compression(settings);
    let mut arrived = BytesMut::from(&handshake.request_bytes()[..]);
    let request = ServerHandshake::new().receive(&mut arrived).ok()??;
    let accepted = accept_with(&request, |_| None, Some(&settings)).ok()?;
    if end == End::Server {
        return Some(accepted.extensions);
    }
    let mut arrived = BytesMut::from(&response_bytes(&accepted.response)[..]);
    Some(handshake.receive(&mut arrived, false).ok()??.extensions)
}
