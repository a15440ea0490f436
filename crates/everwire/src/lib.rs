//! A WebSocket client that stays connected and reports exactly one delivery outcome per message.
//!
//! - It reconnects automatically, with jitter that prevents a thundering herd, sensible advice per cause, and limits if wanted; many
//!   clients of one process can share a [`RetryBudget`].
//! - It logs in and subscribes again on every connection, by a [hook](Builder::on_open).
//! - It detects a dead peer within a stated time, sooner if it is told of [changes of the network](Builder::network_hints),
//!   and never mistakes a stall of its own for a dead peer.
//! - Every message that [`Client::send`] accepts ends in exactly one [`Outcome`], which its [`Delivery`] reports. It works with
//!   any standard server: pings and messages share one order, so the pong to a ping proves that the peer has received what was
//!   sent before.
//! - With a server that speaks `everwire.v1` (the crate `everwire-server` does), a [session](Builder::session) has each
//!   message processed exactly once and in order, in both directions, across any number of connections.
//! - Everything is bounded: the outbox, the inbox, the size of what the peer sends, and the time for opening and
//!   closing.
//!
//! Start at [`Client`]; its settings are those of [`Builder`]. The [`guide`] has long-form chapters on reconnecting,
//! delivery, sessions, browsers and testing. For a single connection without all of this there is the function
//! `connect`.
//!
//! # Runtime
//!
//! A client is one task on the tokio runtime in which it is built; with a [`store`] it also has a thread. The runtime
//! needs its I/O and time drivers (`enable_all`). The client's methods that are not `async` may be called from any
//! thread.
//!
//! # In a page
//!
//! Compiled for `wasm32-unknown-unknown` the client drives the browser's own WebSocket, as a task on the page's (or
//! worker's) event loop; it needs no runtime. The API is the same except for what a browser does not allow: headers,
//! proxies, redirects, TLS settings and compression are up to the browser. A page can't send pings either. In a
//! [session](Builder::session) the session's own pings take their place; with a plain server, text messages that it
//! answers do ([`Builder::text_pings`]). Without either nothing is proven: there is no heartbeat, and the guarantee is
//! [`Guarantee::Unproven`]. A message counts as written when the browser has it, since a browser never gives one back.
//! The client listens to the browser's events about the network, and about a page that was frozen or left;
//! `store::WebStore` keeps the outbox in the browser; hooks need not be `Send` ([`MaybeSend`]).
//! `Builder::socket_factory` brings other sockets than the browser's, such as npm's `ws` in Node.js; where these can
//! ping, pongs are evidence as they are natively.
//!
//! # Features
//!
//! | feature | what | default |
//! |---|---|---|
//! | `session` | [sessions](Builder::session) | on |
//! | `calls` | [`Client::call`], [`Client::stream`] and handlers for the server's calls, in a session (`docs/calls.md`) | off |
//! | `sqlite` | `store::SqliteStore`, an outbox in a file; needs Rust 1.89 | off |
//! | `metrics` | see below | off |
//! | `aws-lc-rs` | `TlsProvider::AwsLcRs`: TLS with a post-quantum key exchange, for clients that choose it; compiles C | off |
//! | `network-hints` | `NetworkHints::of_the_system`: changes of the network, as the operating system reports them | off |
//!
//! # Logging
//!
//! Log records go to `tracing` under the target `everwire`, those of calls under `everwire::calls`. URLs are logged
//! without user, password and query; payloads and headers are not logged.
//!
//! # Metrics
//!
//! With the feature `metrics` (off by default) clients count for the facade
//! [`metrics`](https://docs.rs/metrics), behind which any exporter can stand. Install the recorder before the first client
//! is built. The names are in `docs/metrics.md`.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync, reason = "a page has one thread"))]

#[cfg(all(target_arch = "wasm32", not(target_os = "unknown")))]
compile_error!(
    "everwire runs natively and in browsers (wasm32-unknown-unknown); under WASI there is neither the browser's WebSocket \
     nor all that the native driver needs"
);

mod budget;
mod builder;
#[cfg(feature = "calls")]
mod calls;
mod client;
mod clock;
#[cfg(not(target_arch = "wasm32"))]
mod connect;
mod delivery;
mod driver;
mod events;
pub mod guide;
mod hook_error;
mod inbox;
mod learned;
mod metrics;
#[cfg(not(target_arch = "wasm32"))]
mod network_hints;
mod on_open;
mod opening;
mod outcomes;
#[cfg(not(target_arch = "wasm32"))]
mod proxy;
mod request;
mod shared;
mod state;
mod stats;
pub mod store;
mod sync;
mod target;
mod wakeup;

#[doc(hidden)]
pub use everwire_core::json;
pub use everwire_core::retry::{Advice, RETRY_AFTER_LIMIT, advice};
pub use everwire_core::session::{Gone, Limits as SessionLimits, SessionConfig, SessionMode};
pub use everwire_core::{
    AddressResult, AdviceOverride, Answers, Batching, CancelError, Cause, CauseMatch, CertificateProblem, Closed,
    Config, ConfigError, DropPolicy, EndedBy, Event, Guarantee, HeartbeatConfig, Hint, Jitter, LearnedInterval, Loss,
    MachineStats, MaybeSend, MaybeSync, MessageId, Next, OnNormalClose, OpenConfig, OpenFailure, OpenFailureKind,
    OutboxConfig, Outcome, Overflow, Phase, PostMortem, Priority, ReachProblem, RefusalReason, Rejection, ReplaceError,
    RetryConfig, RoundTrips, SendError, SendOptions, SendRate, Silence, Stage, TriedAddress, Undelivered,
};
#[cfg(feature = "calls")]
pub use everwire_peer::{
    Call, CallError, CallInfo, CallOptions, CallStream, Calls, CallsConfig, Execution, Extension, Failure, FromCall,
    Handler, IntoPayload, Json, JsonRpc, OpenError as CallOpenError, Peer, PlainMessages, Resumed, ResumedHandle,
    RpcError, StreamHandler, TraceParent, codes as call_codes, own_message,
};
/// For sockets without a client.
#[cfg(not(target_arch = "wasm32"))]
pub use everwire_tokio::SocketError;
#[cfg(not(target_arch = "wasm32"))]
pub use everwire_ws::Incoming;
pub use everwire_ws::{CloseCode, CloseFrame, Deflate, Limits, Message, WindowBits};
/// The types of [`AttemptRequest`].
pub use http;
/// The TLS library, for [`Builder::tls_config`].
#[cfg(not(target_arch = "wasm32"))]
pub use rustls;

pub use crate::budget::RetryBudget;
pub use crate::builder::{BuildError, Builder};
#[cfg(not(target_arch = "wasm32"))]
pub use crate::builder::{ServerStream, StreamError};
pub use crate::client::Client;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::connect::{ConnectError, WebSocket, connect};
pub use crate::delivery::{Deliveries, Delivery, Progress};
#[cfg(target_arch = "wasm32")]
pub use crate::driver::browser::SocketFactory;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::driver::{TlsProvider, Transport};
pub use crate::events::{EventItem, Events};
pub use crate::hook_error::{ConnectionEnded, PermanentError};
pub use crate::inbox::Inbox;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::network_hints::{NetworkChange, NetworkHints};
pub use crate::on_open::NewConnection;
pub use crate::opening::Opening;
pub use crate::outcomes::{OutcomeRange, Outcomes};
pub use crate::request::AttemptRequest;
pub use crate::state::State;
pub use crate::stats::Stats;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
