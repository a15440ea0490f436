use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::BoxError;
use crate::clock::after;

/// The body of a request, bounded in size and in time. It implements hyper's `Body`, so it works with axum's
/// extractors.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    /// Bytes that may still come.
    left: usize,
    until: Instant,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The reason why a request's body could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It is larger than [`Server::max_body`](crate::Server::max_body).
    TooLarge,
    /// It took longer than [`Server::opening_timeout`](crate::Server::opening_timeout).
    TooSlow,
    /// The connection failed, or the body was not valid HTTP.
    Failed(hyper::Error),
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, most: usize, patience: Duration) -> Self {
        Self { inner, left: most, until: after(Instant::now(), patience), timer: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        // What is announced to be too large need not be waited for.
        if this.inner.size_hint().lower() > this.left as u64 {
            return Poll::Ready(Some(Err(BodyError::TooLarge.into())));
        }
        let Poll::Ready(frame) = pin!(&mut this.inner).poll_frame(cx) else {
            let until = this.until;
            let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(BodyError::TooSlow.into())));
        };
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(BodyError::Failed)?;
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            this.left = this.left.checked_sub(bytes).ok_or(BodyError::TooLarge)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the request's body is too large",
            Self::TooSlow => "the request's body took too long",
            Self::Failed(_) => "the request's body could not be read",
        })
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TooLarge | Self::TooSlow => None,
        }
    }
}
