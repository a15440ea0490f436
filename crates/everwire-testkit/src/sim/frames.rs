//! Frames of a session as they are on the wire.

use everwire_core::session::Frame;

/// The payload behind a reliable frame's header, and its number.
pub(crate) fn reliable(frame: &[u8]) -> Option<(u64, &[u8])> {
    let rest = frame.strip_prefix(b"m")?;
    let colon = rest.iter().take(18).position(|byte| *byte == b':')?;
    let seq = std::str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
    Some((seq, &rest[colon + 1..]))
}

/// The number of an acknowledgement.
pub(crate) fn ack(frame: &[u8]) -> Option<u64> {
    std::str::from_utf8(frame.strip_prefix(b"a")?).ok()?.parse().ok()
}

/// A frame with a JSON body, read.
pub(crate) fn control(frame: &[u8]) -> Option<Frame> {
    let text = std::str::from_utf8(frame).ok()?;
    Frame::parse(everwire_ws::Message::text(text.to_owned())).ok()
}
