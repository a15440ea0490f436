//! A member as a bare socket that counts the messages it receives.

use std::time::Duration;

use everwire_tokio::{Socket, client};
use everwire_ws::handshake::ClientHandshake;
use everwire_ws::{Config, Incoming, Message};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub(crate) type Done<T> = Result<T, Box<dyn std::error::Error>>;

pub(crate) struct Member {
    socket: Socket<TcpStream>,
    user: String,
    /// Messages that were received and not counted by [`hear`](Self::hear) yet.
    heard: usize,
}

/// How long nothing must come until everything counts as received.
const QUIET: Duration = Duration::from_millis(300);

/// The most bytes of posts that are buffered before they are written.
const BATCH: usize = 64 << 10;

impl Member {
    /// Joins as a member that receives one object per message.
    pub(crate) async fn join(address: &str, room: String, user: String) -> Done<Self> {
        let mut member = Self::open(address, &format!("room={room}&userId={user}"), user).await?;
        member.barrier().await?;
        Ok(member)
    }

    /// Joins as a member that accepts arrays.
    pub(crate) async fn join_extended(address: &str, room: String, user: String) -> Done<Self> {
        let mut member = Self::open(address, &format!("room={room}&userId={user}&after="), user).await?;
        member.barrier().await?;
        Ok(member)
    }

    /// The same with a tiny receive buffer, so that unread bytes stay at the server.
    pub(crate) async fn join_deaf(address: &str, room: String, user: String) -> Done<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4 << 10)?;
        let stream = socket.connect(address.parse()?).await?;
        let mut member = Self::open_on(stream, address, &format!("room={room}&userId={user}&after="), user).await?;
        member.barrier().await?;
        Ok(member)
    }

    /// Joins as a member that has seen nothing of this history, and catches up with all of it.
    pub(crate) async fn resume(address: &str, room: &str, epoch: &str) -> Done<Self> {
        Self::open(address, &format!("room={room}&userId=late&after={epoch}:0"), "late".to_owned()).await
    }

    /// Joins as a member that has seen everything up to an offset.
    pub(crate) async fn resume_after(address: &str, room: &str, epoch: &str, offset: usize) -> Done<Self> {
        Self::open(address, &format!("room={room}&userId=late&after={epoch}:{offset}"), "late".to_owned()).await
    }

    /// The epoch of the server's history.
    pub(crate) async fn epoch(address: &str, room: &str) -> Done<String> {
        let mut member = Self::open(address, &format!("room={room}&userId=asks&after="), "asks".to_owned()).await?;
        let Some(Incoming::Message(sync)) = member.socket.recv().await? else { return Err("no sync".into()) };
        let text = sync.as_text().unwrap_or_default();
        let epoch = text.split("\"epoch\":\"").nth(1).and_then(|rest| rest.split('"').next());
        Ok(epoch.ok_or("no epoch")?.to_owned())
    }

    async fn open(address: &str, query: &str, user: String) -> Done<Self> {
        Self::open_on(TcpStream::connect(address).await?, address, query, user).await
    }

    async fn open_on(stream: TcpStream, address: &str, query: &str, user: String) -> Done<Self> {
        stream.set_nodelay(true)?;
        let request = http::Request::get(format!("ws://{address}/ws?{query}")).body(())?;
        // A measurement needs no secrets.
        let handshake = ClientHandshake::new(&request, &[], [1; 16])?;
        let (socket, _) = client(stream, handshake, Config::default(), [2; 32]).await?;
        Ok(Self { socket, user, heard: 0 })
    }

    pub(crate) async fn post(&mut self, line: &str) -> Done<()> {
        let line = line.replace("@", &self.user);
        let _ = self.socket.queue(&Message::from(line));
        if self.socket.buffered() >= BATCH {
            self.socket.flush().await?;
        }
        Ok(())
    }

    /// Queues a text that is written with the next [`flush`](Self::flush).
    pub(crate) fn say(&mut self, event: &str) {
        let _ = self.socket.queue(&Message::from(event.to_owned()));
    }

    pub(crate) async fn flush(&mut self) -> Done<()> {
        Ok(self.socket.flush().await?)
    }

    /// Waits until everything that was posted before is committed.
    pub(crate) async fn barrier(&mut self) -> Done<()> {
        self.socket.send(&Message::from("ping")).await?;
        loop {
            match self.socket.recv().await? {
                Some(Incoming::Message(message)) if message.as_text() == Some("pong") => return Ok(()),
                Some(Incoming::Message(message)) => self.count(&message),
                Some(_) => {}
                None => return Err("the server has gone".into()),
            }
        }
    }

    /// Waits for this many messages.
    pub(crate) async fn hear(&mut self, lines: usize) -> Done<()> {
        self.socket.flush().await?;
        while self.heard < lines {
            match self.socket.recv().await? {
                Some(Incoming::Message(message)) => self.count(&message),
                Some(_) => {}
                None => return Err("the server has gone".into()),
            }
            while let Some(message) = self.socket.try_recv_ref() {
                self.heard += lines_in(message.payload());
            }
        }
        self.heard -= lines;
        Ok(())
    }

    /// Waits until nothing comes any more, and does not count it.
    pub(crate) async fn quiet(&mut self) {
        while let Ok(Ok(Some(_))) = timeout(QUIET, self.socket.recv()).await {}
        self.heard = 0;
    }

    fn count(&mut self, message: &Message) {
        self.heard += lines_in(message.payload());
    }
}

/// The number of chat messages in a WebSocket message. No text can look like the beginning of one, because JSON escapes quotes.
fn lines_in(payload: &[u8]) -> usize {
    match payload.strip_prefix(b"[") {
        Some(array) => array.split(|byte| *byte == b'{').filter(|event| event.starts_with(LINE)).count(),
        None => usize::from(payload.strip_prefix(b"{").is_some_and(|event| event.starts_with(LINE))),
    }
}

const LINE: &[u8] = b"\"type\":\"text\"";

/// A chat message as JSON; `@` stands for the user.
pub(crate) fn line(id: &str) -> String {
    format!(
        "{{\"type\":\"text\",\"id\":\"@-{id}\",\"userId\":\"@\",\"userName\":\"@\",\"text\":\"the build is green again, \
         and the tests have passed\",\"timestamp\":1795444241651,\"status\":\"SENDING\"}}"
    )
}
