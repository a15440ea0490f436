//! The hot paths.
//!
//! - [`frames`]: the protocol: small frames, large ones, compression
//! - [`outbox`]: the client's machine: a batch of messages up to its outcomes, and 100,000 queued messages
//! - [`session`]: both ends of a session
//! - [`client`]: the methods that an application calls
//! - [`calls`]: calls and items of streams
//! - [`chat`]: fan-out of a chat message to 1,000 members, decoding of messages, a long timeline

mod calls;
mod chat;
mod client;
mod frames;
mod outbox;
mod session;

/// The number of measured operations.
pub(crate) type Operations = Result<u64, Box<dyn std::error::Error>>;

/// A hot path: work that is done for each message, or nearly so.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Operations,
}

pub(crate) const PATHS: &[Path] = &[
    Path { name: "frame-encode-32", run: frames::encode_small },
    Path { name: "frame-decode-32", run: frames::decode_small },
    Path { name: "frame-64-kib", run: frames::large },
    Path { name: "frame-deflate-1-kib", run: frames::deflate },
    Path { name: "machine-batch-128", run: outbox::batches },
    Path { name: "outbox-100k-waiting", run: outbox::waiting },
    Path { name: "session-there-and-back", run: session::there_and_back },
    Path { name: "session-one-way", run: session::one_way },
    Path { name: "client-send-128", run: client::send },
    Path { name: "client-send-many-128", run: client::send_many },
    Path { name: "call-there-and-back", run: calls::there_and_back },
    Path { name: "stream-items", run: calls::items },
    Path { name: "chat-fan-out-1000", run: chat::fan_out },
    Path { name: "chat-decode", run: chat::decode },
    Path { name: "chat-timeline-20k", run: chat::timeline },
];
