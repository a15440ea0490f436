//! Calls with exactly one reply, and streams of items with credit, over the reliable messages of an Everwire session.
//!
//! The protocol is `docs/calls.md`; its rules have numbers (`[C-1]`) that the code and the tests cite. This crate has
//! the envelope and the state machine of an end. It is sans-IO: there is no clock, socket, task or randomness in it.
//! Times are arguments, as [`Moment`](everwire_core::Moment)s; unique ids and names follow from a seed.
//!
//! | module | what |
//! |---|---|
//! | `frame` | the envelope: [`Frame`], read from a message and written to one |
//! | `endpoint` | [`Endpoint`]: one end of a session, caller and callee at once; it routes |
//! | `caller` | calls that this end has made |
//! | `callee` | calls that this end runs |
//! | `config` | [`Config`]: limits |
//!
//! The application's side of an endpoint is in `everwire-peer`, which the client and the server share.
//!
//! ```
//! use everwire_calls::{Config, Endpoint, Output, Request, Role};
//! use everwire_core::Moment;
//!
//! let now = Moment::ZERO;
//! let mut client = Endpoint::new(Config::default(), Role::Client, 1);
//! let mut server = Endpoint::new(Config::default(), Role::Server, 2);
//!
//! // The session between them carries messages exactly once and in order.
//! let pump = |from: &mut Endpoint, to: &mut Endpoint| {
//!     let mut told = Vec::new();
//!     while let Some(output) = from.poll_output() {
//!         match output {
//!             Output::Send(message) | Output::SendHello(_, message) | Output::SendAnswer(message) => {
//!                 to.receive(now, message);
//!             }
//!             other => told.push(other),
//!         }
//!     }
//!     told
//! };
//!
//! client.hello();
//! pump(&mut client, &mut server);
//! let (id, message) = client.open(now, &Request::call("sum", "[1,2]"))?;
//! server.receive(now, message.expect("a client's calls are sent at once"));
//! let Some(Output::Start(call)) = pump(&mut server, &mut client).pop() else { panic!("the call starts") };
//! assert_eq!((call.name.as_str(), &call.payload), ("sum", &"[1,2]".into()));
//! server.reply(call.id, Ok(&"3".into()));
//! pump(&mut server, &mut client);
//! let told = pump(&mut client, &mut server);
//! assert_eq!(told.last(), Some(&Output::Replied { id, result: Ok("3".into()) }));
//! # Ok::<(), everwire_calls::OpenError>(())
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod callee;
mod caller;
mod config;
mod endpoint;
mod failure;
mod frame;
mod id_map;
mod output;
mod ranges;
mod reading;
mod request;
mod role;
mod room;
mod sending;

pub use everwire_ws::Message;

pub use config::Config;
pub use endpoint::Endpoint;
pub use failure::{Failure, codes};
pub use frame::{Answer, Breach, Call, Frame, FrameError, Hello, Kind, Limits, MAX_ID, OpenCall, is_frame};
pub use output::{DropReason, EndReason, Output, Resumed, Rule};
pub use request::{OpenError, Request};
pub use role::Role;
pub use room::Room;
