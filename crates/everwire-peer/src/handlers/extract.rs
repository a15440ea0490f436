//! The arguments of handlers, taken from a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everwire_calls::{Call, Failure, Kind, codes};
use everwire_ws::Message;
use http::Extensions;
use serde::de::DeserializeOwned;

use crate::payload::from_json;
use crate::{Json, Peer};

/// A call that was received.
pub struct Incoming {
    pub(crate) call: Box<Call>,
    pub(crate) peer: Peer,
    pub(crate) extensions: Arc<Extensions>,
    pub(crate) watermark: Option<Watermark>,
}

/// A type that can be an argument of a handler.
pub trait FromCall: Sized {
    /// Makes the argument from the call.
    ///
    /// # Errors
    /// The error with which the caller is answered; the handler is not run then.
    fn from_call(incoming: &Incoming) -> Result<Self, Failure>;
}

/// The metadata of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The call's id, unique among the caller's calls.
    pub id: u64,
    /// A call or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The caller's own name for the call.
    pub key: Option<String>,
    /// The time that the call may take, from its arrival on.
    pub deadline: Option<Duration>,
}

/// The caller's W3C `traceparent`, if there is one. Pass it on with
/// [`CallOptions::traceparent`](crate::CallOptions::traceparent).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceParent(pub Option<String>);

/// An argument of a handler: the value of this type that was given to [`Calls::extension`](crate::Calls::extension).
/// Without one, the call fails.
#[derive(Clone, Copy, Debug)]
pub struct Extension<T>(pub T);

/// The position of a call in its session, at a server. With [`Calls::in_order`](crate::Calls::in_order), a handler
/// commits it in one transaction with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Watermark {
    /// The session's id.
    pub session: String,
    /// The principal to whom the session belongs.
    pub principal: String,
    /// The sequence number of the call's message; once it is committed, all messages up to it are processed.
    pub sequence: u64,
}

impl Incoming {
    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Message {
        &self.call.payload
    }

    /// The metadata of the call.
    #[must_use]
    pub fn info(&self) -> CallInfo {
        let Call { id, kind, name, key, deadline, .. } = &*self.call;
        let (name, key, deadline) = (name.clone(), key.clone(), deadline.map(Duration::from_millis));
        CallInfo { id: *id, kind: *kind, name, key, deadline }
    }

    /// The values that were given to [`Calls::extension`](crate::Calls::extension).
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

impl FromCall for Message {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        Ok(incoming.call.payload.clone())
    }
}

impl FromCall for Bytes {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        Ok(incoming.call.payload.clone().into_bytes())
    }
}

impl FromCall for String {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        let text = incoming.call.payload.as_text().map(str::to_owned);
        text.ok_or_else(|| Failure::new(codes::BAD_PAYLOAD, "the payload is binary, and the handler takes text"))
    }
}

impl<T: DeserializeOwned> FromCall for Json<T> {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        let read = from_json(&incoming.call.payload).map(Json);
        read.map_err(|error| {
            Failure::new(codes::BAD_PAYLOAD, format!("the payload is not what the handler takes: {error}"))
        })
    }
}

impl FromCall for CallInfo {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        Ok(incoming.info())
    }
}

impl FromCall for Peer {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        Ok(incoming.peer.clone())
    }
}

impl FromCall for TraceParent {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        Ok(Self(incoming.call.traceparent.clone()))
    }
}

impl<T: Clone + Send + Sync + 'static> FromCall for Extension<T> {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        incoming.extensions.get().cloned().map(Self).ok_or_else(|| {
            tracing::error!(target: "everwire::calls", wanted = std::any::type_name::<T>(), "a handler requires an extension that was not given to `Calls::extension`");
            Failure::new("calls.misconfigured", "the callee is not configured for this call")
        })
    }
}

impl FromCall for Watermark {
    fn from_call(incoming: &Incoming) -> Result<Self, Failure> {
        let words = "the handler requires a watermark, and only calls to a server have one";
        incoming.watermark.clone().ok_or_else(|| Failure::new("calls.misconfigured", words))
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("info", &self.info()).finish_non_exhaustive()
    }
}
