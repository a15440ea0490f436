//! Async functions as handlers.

use std::marker::PhantomData;
use std::sync::Arc;

use everwire_calls::Failure;
use everwire_ws::Message;
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};

use super::{FromCall, Incoming, Shareable};
use crate::{BoxFuture, BoxStream, IntoPayload, MaybeSend, MaybeSync};

/// A handler of calls: an async function of up to six arguments that implement [`FromCall`], with a result that
/// implements [`IntoPayload`].
pub trait Handler<Args>: MaybeSend + MaybeSync + 'static {
    /// Takes its arguments from the call, and runs.
    ///
    /// # Errors
    /// If an argument can't be taken; nothing has run then.
    fn handle(&self, incoming: &Incoming) -> Result<BoxFuture<'static, Result<Message, Failure>>, Failure>;
}

/// A handler of streams: an async function like a [`Handler`], whose result is a `Stream` of items that implement
/// [`IntoPayload`]. An item that is an error ends the stream with that error.
pub trait StreamHandler<Args>: MaybeSend + MaybeSync + 'static {
    /// Takes its arguments from the call, and runs.
    ///
    /// # Errors
    /// If an argument can't be taken; nothing has run then.
    fn handle(&self, incoming: &Incoming) -> Result<BoxStream<Result<Message, Failure>>, Failure>;
}

macro_rules! handlers {
    ($($arg:ident),*) => {
        impl<F, Fut, R, $($arg),*> Handler<(Fut, $($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut + MaybeSend + MaybeSync + 'static,
            Fut: Future<Output = R> + MaybeSend + 'static,
            R: IntoPayload + 'static,
            $($arg: FromCall,)*
        {
            #[allow(unused_variables, reason = "without arguments nothing is taken")]
            fn handle(&self, incoming: &Incoming) -> Result<BoxFuture<'static, Result<Message, Failure>>, Failure> {
                let future = self($($arg::from_call(incoming)?),*);
                Ok(Box::pin(future.map(IntoPayload::into_payload)))
            }
        }

        impl<F, Fut, S, $($arg),*> StreamHandler<(Fut, $($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut + MaybeSend + MaybeSync + 'static,
            Fut: Future<Output = S> + MaybeSend + 'static,
            S: Stream + MaybeSend + 'static,
            S::Item: IntoPayload,
            $($arg: FromCall,)*
        {
            #[allow(unused_variables, reason = "without arguments nothing is taken")]
            fn handle(&self, incoming: &Incoming) -> Result<BoxStream<Result<Message, Failure>>, Failure> {
                let future = self($($arg::from_call(incoming)?),*);
                Ok(Box::pin(future.flatten_stream().map(IntoPayload::into_payload)))
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A, B);
handlers!(A, B, C);
handlers!(A, B, C, D);
handlers!(A, B, C, D, E);
handlers!(A, B, C, D, E, G);

/// A handler whose arguments are not told any more.
#[derive(Clone)]
pub(crate) enum Erased {
    Call(Arc<dyn DynCall>),
    Stream(Arc<dyn DynStream>),
}

pub(crate) trait DynCall: Shareable {
    fn call(&self, incoming: &Incoming) -> Result<BoxFuture<'static, Result<Message, Failure>>, Failure>;
}

pub(crate) trait DynStream: Shareable {
    fn call(&self, incoming: &Incoming) -> Result<BoxStream<Result<Message, Failure>>, Failure>;
}

/// A handler, and the types of its arguments, of which it holds none.
pub(crate) struct ErasedCall<H, Args>(H, PhantomData<fn(Args)>);
pub(crate) struct ErasedStream<H, Args>(H, PhantomData<fn(Args)>);

impl<H: Handler<Args>, Args: 'static> ErasedCall<H, Args> {
    pub(crate) fn erase(handler: H) -> Arc<dyn DynCall> {
        Arc::new(Self(handler, PhantomData))
    }
}

impl<H: StreamHandler<Args>, Args: 'static> ErasedStream<H, Args> {
    pub(crate) fn erase(handler: H) -> Arc<dyn DynStream> {
        Arc::new(Self(handler, PhantomData))
    }
}

impl<H: Handler<Args>, Args: 'static> DynCall for ErasedCall<H, Args> {
    fn call(&self, incoming: &Incoming) -> Result<BoxFuture<'static, Result<Message, Failure>>, Failure> {
        self.0.handle(incoming)
    }
}

impl<H: StreamHandler<Args>, Args: 'static> DynStream for ErasedStream<H, Args> {
    fn call(&self, incoming: &Incoming) -> Result<BoxStream<Result<Message, Failure>>, Failure> {
        self.0.handle(incoming)
    }
}
