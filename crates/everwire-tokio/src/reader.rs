//! The reading half of a socket's state.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use everwire_ws::Connection;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// How much to read at once: little on a quiet connection, and without a buffer of its own; much under load.
#[derive(Debug)]
pub(crate) struct Reader {
    read_size: usize,
}

/// What a quiet connection reads at once, on the stack.
const QUIET: usize = 4 << 10;

const MOST: usize = 64 << 10;

/// The number of reads in a row that discard bytes before other tasks have their turn.
const DISCARDED_IN_A_ROW: usize = 32;

impl Reader {
    pub(crate) fn new() -> Self {
        Self { read_size: QUIET }
    }

    /// Reads once; the number of bytes, 0 at the end of the stream.
    pub(crate) fn poll<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        connection: &mut Connection,
    ) -> Poll<io::Result<usize>> {
        let (read, room) = if self.read_size <= QUIET {
            (ready!(poll_on_stack(cx, stream, |bytes| connection.receive(bytes)))?, QUIET)
        } else {
            let buffer = connection.reserve(self.read_size);
            let room = buffer.capacity() - buffer.len();
            (ready!(pin!(stream.read_buf(buffer)).poll(cx))?, room)
        };
        if read >= room.min(self.read_size) {
            self.read_size = (self.read_size * 4).min(MOST);
        } else if read < self.read_size / 4 && room >= self.read_size {
            self.read_size = (self.read_size / 2).max(QUIET);
        }
        Poll::Ready(Ok(read))
    }

    /// Reads to the end of the stream and forgets what comes. A failure is an end as well.
    pub(crate) fn poll_discard<S: AsyncRead + Unpin>(cx: &mut Context<'_>, stream: &mut S) -> Poll<()> {
        for _ in 0..DISCARDED_IN_A_ROW {
            if let Ok(0) | Err(_) = ready!(poll_on_stack(cx, stream, |_| {})) {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn poll_on_stack<S: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); QUIET];
    let mut buffer = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    take(buffer.filled());
    Poll::Ready(Ok(buffer.filled().len()))
}
