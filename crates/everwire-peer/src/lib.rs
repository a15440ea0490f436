//! The application's side of calls ([`everwire_calls`]): what the client and the server of Everwire have in common.
//!
//! Use it through `everwire` (feature `calls`) or `everwire-server` (feature `calls`), which bring the session.
//!
//! | module | what |
//! |---|---|
//! | `peer` | [`Peer`]: makes calls to the other end, from anywhere |
//! | `call` | [`Call`] and [`CallStream`]: their results |
//! | `error` | [`CallError`] and [`Execution`]: how a call can end without a reply |
//! | `handlers` | [`Calls`]: handlers by name, as async functions with typed arguments |
//! | `payload` | [`Json`] and other payloads |
//! | `json_rpc` | [`JsonRpc`]: tables of JSON-RPC 2.0 methods as a handler |
//! | `carrier` | [`Link`] and [`Carrier`]: what the two ends bring |
//! | `own` | [`PlainMessages`]: the application's messages between the frames of calls |
//! | `setup` | [`Setup`]: an end of a session, put together |
//! | `hub` | what handles and the task share; `task` runs it |
//! | `metrics` | [`CallsMeter`]: what is counted, with the feature `metrics` |

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "a page has one thread"))]

mod boxed;
mod call;
mod carrier;
mod error;
mod handlers;
mod hub;
mod json_rpc;
mod metrics;
mod options;
mod own;
mod payload;
mod peer;
mod session_name;
mod setup;
mod task;

pub use everwire_calls::{Config as CallsConfig, Failure, Kind, OpenError, codes};
pub use everwire_core::{MaybeSend, MaybeSync};

pub use boxed::{BoxFuture, BoxStream};
pub use call::{Call, CallStream, Resumed, ResumedHandle};
pub use carrier::{Arrived, Carrier, Fate, Link, SendFailed, Ticket};
pub use error::{CallError, Execution};
pub use handlers::{
    CallInfo, Calls, Extension, Extensions, FromCall, Handler, Incoming, StreamHandler, TraceParent, Watermark,
};
pub use json_rpc::{JsonRpc, RpcCall, RpcError};
pub use metrics::CallsMeter;
pub use options::CallOptions;
pub use own::PlainMessages;
pub use payload::{IntoPayload, Json, own_message};
pub use peer::Peer;
pub use session_name::SessionName;
pub use setup::Setup;
