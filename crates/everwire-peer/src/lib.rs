//! The application's side of calls ([`everwire_calls`]): what the client and the server of Everwire have in common.
//!
//! Use it through `everwire` (feature `calls`) or `everwire-server` (feature `calls`), which bring the session.
//!
//! | module | what |
//! |---|---|
//! | `peer` | [`Peer`]: makes calls to the other end, from anywhere |
//! | `call` | [`Call`] and [`CallStream`]: what becomes of them |
//! | `error` | [`CallError`] and [`Execution`]: how a call can end without a reply |
//! | `handlers` | [`Calls`]: handlers by name, as async functions with typed arguments |
//! | `payload` | [`Json`] and other payloads |
//! | `json_rpc` | [`JsonRpc`]: tables of JSON-RPC 2.0 methods as a handler |
//! | `carrier` | [`Link`] and [`Carrier`]: what the two ends bring |
//! | `hub` | what handles and the task share; `task` runs it |

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "a page has one thread"))]

mod call;
mod carrier;
mod error;
mod handlers;
mod hub;
mod json_rpc;
mod maybe_send;
mod options;
mod payload;
mod peer;
mod task;

pub use everwire_calls::{Config as CallsConfig, Failure, Kind, OpenError, codes};

pub use call::{Call, CallStream, Resumed, ResumedHandle};
pub use carrier::{Arrived, Carrier, Fate, Link, SendFailed, Ticket};
pub use error::{CallError, Execution};
pub use handlers::{
    CallInfo, Calls, Extension, Extensions, FromCall, Handler, Incoming, StreamHandler, TraceParent, Watermark,
};
pub use json_rpc::{JsonRpc, RpcCall, RpcError};
pub use maybe_send::{BoxFuture, BoxStream, MaybeSend, MaybeSync};
pub use options::CallOptions;
pub use payload::{IntoPayload, Json, own_message};
pub use peer::{Peer, PlainMessages};
pub use task::{SessionName, Setup};
