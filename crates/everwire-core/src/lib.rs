//! The state machines of a client, and of a server's sessions, without a clock, socket, thread or randomness of the operating
//! system.
//!
//! [`Machine`] decides everything that keeps a WebSocket connection alive and says what became of each message. A driver
//! around it does what it asks and tells it what happened:
//!
//! - the driver calls [`Machine::send`], [`Machine::handle`] and [`Machine::take`], each with the present [`Moment`];
//! - after each call it drains [`Machine::poll_output`] and does what it says;
//! - it sleeps until [`Machine::deadline`], reads what lies in the socket, and then says [`Input::Timer`].
//!
//! The same inputs give the same outputs, whatever the machine. Calls that make no sense at the moment are harmless.
//!
//! The parts:
//!
//! | module | decides |
//! |---|---|
//! | [`retry`] | whether and when to try again |
//! | `heartbeat` | when to ping, when to probe a silent peer, and when to call it dead |
//! | `outbox` | what is kept, dropped, sent again, and with which outcome each message ends |
//! | `keepalive` | the interval of the heartbeat, learned from connections that were lost while idle |
//! | `silence` | nothing: how idle a connection was when it was lost |
//! | `barrier` | what a pong proves |
//! | `patience` | how long a peer that answers pings late, or never, is waited for |
//! | [`session`] | what lives on over several connections, and what that takes: numbers, acknowledgements, resumption |
//! | [`store`] | what a client keeps so that its outbox outlives its process |
//! | `batching` | which JSON texts share a frame |
//! | `address` | nothing: how the addresses did that an opening tried |
//! | `send_rate` | how fast messages go out |
//! | `lifecycle` | the connection's states |
//! | `post_mortem` | nothing: what is known of a connection when it has ended |
//! | `ping_watch` | nothing: whether the latest ping has left, as a driver sees it |
//! | `timers` | the one table of what is due when |
//! | `machine` | nothing: it routes |
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
pub use cause::{Cause, Loss, OpenFailure, OpenFailureKind, Phase};
pub use config::{
    AdviceOverride, Batching, CauseMatch, Config, ConfigError, Guarantee, HeartbeatConfig, Jitter, OnNormalClose,
    OpenConfig, OutboxConfig, Overflow, RetryConfig, SendRate,
};
pub use input::{Attempt, Hint, Input, TransportEvent};
pub use keepalive::LearnedInterval;
pub use machine::{Machine, SendError};
pub use maybe_send::{MaybeSend, MaybeSync};
pub use moment::Moment;
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
