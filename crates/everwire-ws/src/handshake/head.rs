//! The head of an HTTP/1.1 message: when it is complete, and how large it may be.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The most bytes in the head of a request or response, first line included: 16 KiB.
pub const MAX_HEAD: usize = 16 << 10;

/// The most header fields in a head: 100.
pub const MAX_HEADERS: usize = 100;

/// Decides when a growing head is worth parsing, so that one that drips in costs no more than twice its length.
#[derive(Debug, Default)]
pub(super) struct Pace {
    scanned: usize,
    parsed: usize,
}

impl Pace {
    /// Whether the head may be complete in `input`, or has grown enough to look for what is wrong with it.
    pub(super) fn is_due(&mut self, input: &[u8]) -> bool {
        let from = self.scanned.min(input.len()).saturating_sub(3);
        self.scanned = input.len();
        let due = has_empty_line(&input[from..]) || input.len() >= 2 * self.parsed.max(8);
        if due {
            self.parsed = input.len();
        }
        due
    }

    /// Starts over for the next head.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

/// Whether a line ends that nothing stands in.
fn has_empty_line(mut input: &[u8]) -> bool {
    while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
        input = &input[end + 1..];
        if input.starts_with(b"\n") || input.starts_with(b"\r\n") {
            return true;
        }
    }
    false
}

/// The parsed fields as a map; `None` for a name or value that can't be (httparse has checked most of it).
pub(super) fn header_map(parsed: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(field.value).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dripping_head_is_looked_at_only_a_few_times() {
        let head = format!("HTTP/1.1 101 Switching\r\nx: {}\r\n\r\n", "y".repeat(8000));
        let mut pace = Pace::default();
        let looks = (1..=head.len()).filter(|&len| pace.is_due(&head.as_bytes()[..len])).count();
        assert!(looks < 20, "{looks}");
        let mut pace = Pace::default();
        for len in 1..head.len() {
            pace.is_due(&head.as_bytes()[..len]);
        }
        assert!(pace.is_due(head.as_bytes()), "the last byte makes it due");
    }
}
