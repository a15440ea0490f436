//! Bursts of JSON texts as one frame: `[a,b,c]`.
//!
//! - [`config`](Batching): window and byte bound
//! - [`window`](Window): which of the latest messages are still held back

mod config;
mod window;

use bytestring::ByteString;
use everwire_ws::Message;

pub use config::Batching;
pub(crate) use window::Window;

/// How the next frame is made from the front of the queue.
#[derive(Debug)]
pub(crate) enum Frame {
    /// From the first message as it is.
    Single,
    /// From as many messages, merged.
    Merged { message: Message, messages: usize },
}

impl Frame {
    pub(crate) fn messages(&self) -> usize {
        match self {
            Self::Single => 1,
            Self::Merged { messages, .. } => *messages,
        }
    }
}

/// The next frame: as many JSON texts from the front as fit into `max_bytes` together. A lone one is sent as it is.
pub(crate) fn frame<'a>(queue: impl Iterator<Item = &'a Message>, max_bytes: usize) -> Frame {
    let mut merged = String::new();
    let mut messages = 0;
    for text in queue.map_while(json_text) {
        // The comma or opening bracket in front of it, and at last the closing bracket.
        if merged.len() + 1 + text.len() + 1 > max_bytes {
            break;
        }
        merged.push(if messages == 0 { '[' } else { ',' });
        merged.push_str(text);
        messages += 1;
    }
    if messages < 2 {
        return Frame::Single;
    }
    merged.push(']');
    Frame::Merged { message: Message::Text(ByteString::from(merged)), messages }
}

/// The text, if it looks like a JSON object. Looking at both ends is cheap and enough: it is the sender's own data.
pub(crate) fn json_text(message: &Message) -> Option<&str> {
    let text = message.as_text()?;
    let trimmed = text.trim_ascii();
    (trimmed.starts_with('{') && trimmed.ends_with('}')).then_some(text)
}
