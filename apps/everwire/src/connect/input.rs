//! Reads stdin or the screen's input line, and turns stdin into messages no faster than they can be sent.

use std::io;

use everwire::{Client, Delivery, Message, SendError};
use tokio::io::{AsyncRead, BufReader, stdin};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::term::{BadInput, Console, Lines, Typed, chunk};

/// How stdin is split into messages of at most `limit` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum SplitBy {
    Lines { limit: usize },
    Chunks { limit: usize },
}

/// The source of the messages to send.
pub(super) enum Input {
    Pump(Pump),
    /// Typed on the console's screen.
    Screen,
    None,
}

/// What the input does when the outbox has no room and drops nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    Wait,
    Refuse,
}

/// What the source yields.
pub(super) enum InputLine {
    Read(Read),
    Typed(io::Result<Typed>),
}

/// The result of reading a line or a chunk of stdin.
#[derive(Debug)]
pub(super) enum Read {
    /// The next line or chunk was accepted.
    Sent(Delivery),
    /// The next line or chunk was not accepted.
    Unsent(SendError),
    /// Nothing more will come.
    End,
    Bad(BadInput),
}

/// Reads stdin in the background until it ends or this is dropped. Bounded: only one message waits for room in the outbox,
/// and stdin is not read meanwhile.
#[derive(Debug)]
pub(super) struct Pump {
    reads: mpsc::Receiver<Read>,
    task: JoinHandle<()>,
}

impl Input {
    /// Cancel-safe.
    pub(super) async fn next(&mut self, console: &mut Console) -> InputLine {
        match (self, console) {
            (Self::Pump(pump), _) => InputLine::Read(pump.next().await),
            (Self::Screen, Console::Screen(screen)) => InputLine::Typed(screen.next().await),
            (Self::Screen, Console::Plain(_)) | (Self::None, _) => std::future::pending().await,
        }
    }

    /// The next result that is there already.
    pub(super) fn ready(&mut self) -> Option<Read> {
        if let Self::Pump(pump) = self { pump.ready() } else { None }
    }

    /// Stops reading, and returns the results that were not taken yet; a screen still handles Ctrl-C.
    pub(super) async fn end(&mut self) -> Vec<Read> {
        match self {
            Self::Pump(pump) => {
                let rest = pump.end().await;
                *self = Self::None;
                rest
            }
            Self::Screen | Self::None => Vec::new(),
        }
    }
}

impl Pump {
    pub(super) fn start(client: Client, split_by: SplitBy, when_full: WhenFull) -> Self {
        Self::reading(client, Source::new(split_by, Box::new(stdin())), when_full)
    }

    fn reading(client: Client, source: Source, when_full: WhenFull) -> Self {
        let (sender, reads) = mpsc::channel(1024);
        Self { reads, task: tokio::spawn(pump(client, source, when_full, sender)) }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Read {
        self.reads.recv().await.unwrap_or(Read::End)
    }

    /// The next result that is there already.
    pub(super) fn ready(&mut self) -> Option<Read> {
        self.reads.try_recv().ok()
    }

    /// Stops reading, and returns the results that were not taken yet, so that every sent message is accounted for.
    async fn end(&mut self) -> Vec<Read> {
        self.task.abort();
        self.reads.close();
        let mut rest = Vec::new();
        while let Some(read) = self.reads.recv().await {
            rest.push(read);
        }
        rest
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pump(client: Client, mut source: Source, when_full: WhenFull, reads: mpsc::Sender<Read>) {
    // The place in the channel is reserved first, so that every message that is sent is also reported.
    while let Ok(place) = reads.reserve().await {
        let read = match source.next().await {
            Ok(None) => Read::End,
            Ok(Some(message)) => {
                let sent = match when_full {
                    WhenFull::Wait => client.send_wait(message).await,
                    WhenFull::Refuse => client.send(message),
                };
                sent.map_or_else(Read::Unsent, Read::Sent)
            }
            Err(bad) => Read::Bad(bad),
        };
        let last = matches!(read, Read::End | Read::Bad(_) | Read::Unsent(SendError::Closed(..)));
        place.send(read);
        if last {
            return;
        }
    }
}

/// Stdin, or a test's bytes.
type Bytes = Box<dyn AsyncRead + Send + Unpin>;

enum Source {
    Lines(Lines<BufReader<Bytes>>),
    Chunks(BufReader<Bytes>, usize),
}

impl Source {
    fn new(split_by: SplitBy, bytes: Bytes) -> Self {
        let input = BufReader::with_capacity(64 << 10, bytes);
        match split_by {
            SplitBy::Lines { limit } => Self::Lines(Lines::new(input, limit)),
            SplitBy::Chunks { limit } => Self::Chunks(input, limit),
        }
    }

    async fn next(&mut self) -> Result<Option<Message>, BadInput> {
        match self {
            Self::Lines(lines) => Ok(lines.next().await?.map(Message::from)),
            Self::Chunks(input, limit) => {
                let chunk = chunk(input, *limit).await?;
                Ok((!chunk.is_empty()).then(|| Message::from(chunk)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_end_of_reading_returns_every_message_that_was_sent() {
        for (turns, when_full) in (0..40).flat_map(|turns| [(turns, WhenFull::Wait), (turns, WhenFull::Refuse)]) {
            let client = Client::builder("ws://127.0.0.1:9/").connect_on_build(false).build().expect("good settings");
            let endless = Box::new(tokio::io::repeat(b'x'));
            let mut pump = Pump::reading(client.clone(), Source::new(SplitBy::Chunks { limit: 1 }, endless), when_full);
            while client.stats().machine.queued_messages < turns {
                tokio::task::yield_now().await;
            }
            let rest = pump.end().await;
            let given = rest.iter().filter(|read| matches!(read, Read::Sent(_))).count();
            assert_eq!(given, client.stats().machine.queued_messages, "{when_full:?}");
        }
    }
}
