use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use everwire_calls::{Failure, Room, codes};
use everwire_ws::Message;
use futures_util::StreamExt;
use tracing::Span;

use crate::BoxStream;

/// Items of a handler, or its error.
pub(super) type Items = BoxStream<Result<Message, Failure>>;

/// The next items of a stream: at least one or its end, and as many more as are there at once and may be sent. A panic is its end.
pub(super) struct NextItems {
    id: u64,
    room: Room,
    stream: Option<Items>,
    span: Span,
}

/// What a stream has given.
pub(super) struct Batch {
    pub(super) id: u64,
    pub(super) items: VecDeque<Message>,
    /// How it has ended behind them, if it has.
    pub(super) end: Option<Result<(), Failure>>,
    pub(super) stream: Items,
}

/// The largest number of items that one stream gives before others have their turn.
const AT_ONCE: usize = 32;
/// More than the header of an item's frame has.
const HEADER: usize = 40;

impl NextItems {
    pub(super) fn new(id: u64, room: Room, stream: Items, span: Span) -> Self {
        Self { id, room, stream: Some(stream), span }
    }
}

impl Future for NextItems {
    type Output = Batch;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Batch> {
        let (id, Room { items: count, bytes, .. }) = (self.id, self.room);
        let Some(mut stream) = self.stream.take() else { return Poll::Pending };
        let _in_span = self.span.clone().entered();
        let (mut items, mut size, mut end) = (VecDeque::new(), 0_usize, None);
        while end.is_none() && items.len() < AT_ONCE && (items.len() as u64) < count && size < bytes {
            match std::panic::catch_unwind(AssertUnwindSafe(|| stream.poll_next_unpin(cx))) {
                Ok(Poll::Ready(Some(Ok(item)))) => {
                    size = size.saturating_add(item.len()).saturating_add(HEADER);
                    items.push_back(item);
                }
                Ok(Poll::Ready(Some(Err(failure)))) => end = Some(Err(failure)),
                Ok(Poll::Ready(None)) => end = Some(Ok(())),
                Ok(Poll::Pending) if items.is_empty() => {
                    drop(_in_span);
                    self.stream = Some(stream);
                    return Poll::Pending;
                }
                Ok(Poll::Pending) => break,
                Err(_) => {
                    tracing::error!(target: "everwire::calls", id, "the handler of a stream panicked");
                    end = Some(Err(Failure::new(codes::PANICKED, "the handler panicked")));
                }
            }
        }
        Poll::Ready(Batch { id, items, end, stream })
    }
}
