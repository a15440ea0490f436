//! The state machines of a client, and of a server's sessions, without a clock, socket, thread or randomness of the operating
//! system.
//!
//! [`Machine`] decides everything that keeps a WebSocket connection alive, and reports the outcome of each message. A driver
//! around it performs its outputs and tells it what happened:
//!
//! - the driver calls [`Machine::send`], [`Machine::handle`] and [`Machine::take`], each with the present [`Moment`];
//! - after each call it drains [`Machine::poll_output`] and performs each output;
//! - it sleeps until [`Machine::deadline`], reads what is in the socket, and then passes [`Input::Timer`].
//!
//! The same inputs give the same outputs on every machine. A call that does not fit the present state is harmless.
//!
//! The parts:
//!
//! | module | role |
//! |---|---|
//! | [`retry`] | decides whether and when to try again |
//! | `heartbeat` | decides when to ping, when to probe a silent peer, and when to declare it dead |
//! | `outbox` | decides what is kept, dropped and sent again, and with which outcome each message ends |
//! | `keepalive` | learns the heartbeat's interval from connections that were lost while idle |
//! | `silence` | records how idle a connection was when it was lost |
//! | `barrier` | decides what a pong proves |
//! | `patience` | decides how long to wait for a peer that answers pings late, or never |
//! | [`session`] | numbers, acknowledges and resumes messages over several connections |
//! | [`store`] | defines what a client keeps so that its outbox outlives its process |
//! | `batching` | decides which JSON texts share a frame |
//! | `address` | records how an opening fared at each address |
//! | `send_rate` | decides how fast messages go out |
//! | `lifecycle` | holds the connection's states |
//! | `post_mortem` | collects what is known of a connection when it has ended |
//! | `ping_watch` | tells a driver whether the latest ping has left |
//! | `timers` | holds the one table of what is due when |
//! | `machine` | routes between them |
//!
//! ```
//! use everwire_core::{Attempt, Config, Input, Machine, Message, Moment, Outcome, Output, TransportEvent};
//!
//! let now = Moment::ZERO;
//! let mut machine = Machine::new(Config::default(), [7; 32])?;
//! let id = machine.send(now, Message::text("hello")).unwrap();
//! machine.handle(now, Input::Connect);
//!
//! // The driver opens the connection it is asked for …
//! let attempt = Attempt(1);
//! machine.handle(now, Input::Transport(attempt, TransportEvent::Opened { subprotocol: None }));
//! // … encodes what waits, and sends the ping that the machine puts behind it.
//! let taken = machine.take(now, attempt, &mut |outgoing| outgoing.message.as_text() == Some("hello"));
//! machine.handle(now, Input::Transport(attempt, TransportEvent::Written(taken)));
//! let ping = std::iter::from_fn(|| machine.poll_output())
//!     .find_map(|output| if let Output::Ping(_, payload) = output { Some(payload) } else { None })
//!     .unwrap();
//!
//! // The pong proves that the peer has read the message.
//! machine.handle(now, Input::Transport(attempt, TransportEvent::Pong(ping)));
//! let outcome = std::iter::from_fn(|| machine.poll_output())
//!     .find_map(|output| if let Output::Outcome { outcome, .. } = output { Some(outcome) } else { None });
//! assert_eq!(outcome, Some(Outcome::Received));
//! # let _ = id;
//! # Ok::<(), everwire_core::ConfigError>(())
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod address;
mod barrier;
mod batching;
mod cause;
mod config;
mod heartbeat;
mod input;
#[doc(hidden)]
pub mod json;
mod keepalive;
mod lifecycle;
mod machine;
mod maybe_send;
mod moment;
mod open_failure;
mod outbox;
mod outcome;
mod output;
mod outputs;
mod patience;
mod ping_watch;
mod post_mortem;
mod random;
pub mod retry;
mod seconds;
mod send_rate;
pub mod session;
mod silence;
mod state;
mod stats;
pub mod store;
mod timers;

pub use everwire_ws::{CloseCode, CloseFrame, Message};

pub use address::{AddressResult, TriedAddress};
pub use cause::{Cause, Loss};
pub use config::{
    AdviceOverride, Batching, CauseMatch, Config, ConfigError, Guarantee, HeartbeatConfig, Jitter, OnNormalClose,
    OpenConfig, OutboxConfig, Overflow, RetryConfig, SendRate,
};
pub use input::{Attempt, Hint, Input, TransportEvent};
pub use keepalive::LearnedInterval;
pub use machine::{Machine, SendError};
pub use maybe_send::{MaybeSend, MaybeSync};
pub use moment::Moment;
pub use open_failure::{CertificateProblem, OpenFailure, OpenFailureKind, Phase, ReachProblem, RefusalReason};
pub use outbox::{CancelError, Priority, ReplaceError, SendOptions};
pub use outcome::{DropPolicy, MessageId, Outcome, Rejection, Stage};
pub use output::{Event, Outgoing, Output, Undelivered};
pub use ping_watch::{PingProgress, PingWatch};
pub use post_mortem::{Answers, EndedBy, Next, PostMortem, RoundTrips};
pub use seconds::{Milliseconds, Seconds};
pub use silence::Silence;
pub use state::{Closed, State};
pub use stats::MachineStats;
pub use timers::Timer;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
