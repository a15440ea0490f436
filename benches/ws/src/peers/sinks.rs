//! Code for all contenders that are a `Sink` and a `Stream`.

use std::future::poll_fn;
use std::task::Poll;

use futures_util::{Sink, SinkExt, Stream, StreamExt};

use crate::Done;

/// The next item. If it has not been read yet, queued messages are flushed before the wait.
pub(super) async fn flush_and_next<S, M, I>(stream: &mut S) -> Done<I>
where
    S: Stream<Item = I> + Sink<M> + Unpin,
    S::Error: std::error::Error + Send + Sync + 'static,
{
    let ready = poll_fn(|cx| Poll::Ready(stream.poll_next_unpin(cx))).await;
    let next = match ready {
        Poll::Ready(next) => next,
        Poll::Pending => {
            stream.flush().await?;
            stream.next().await
        }
    };
    next.ok_or_else(|| "closed".into())
}
