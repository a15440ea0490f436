//! Where WebSocket messages end in a stream of bytes.

/// The longest HTTP head that is looked through. What has a longer one is taken for something else.
const MAX_HEAD: usize = 16 << 10;

/// Finds where WebSocket messages end (RFC 6455 section 5.2) in one direction of a connection, from the HTTP head on.
/// It reads headers only and judges nothing: in a stream that is no WebSocket, or encrypted, it finds nothing of use.
#[derive(Clone, Copy, Debug)]
pub struct MessageScanner {
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Within the HTTP head; `matched` bytes of its end have just been seen.
    Head { seen: usize, matched: usize },
    /// Within a frame's header.
    Header { bytes: [u8; 10], have: usize },
    /// Within a payload, or the masking key before it.
    Payload { left: u64, ends_message: bool },
    /// No WebSocket.
    Opaque,
}

const HEADER: State = State::Header { bytes: [0; 10], have: 0 };

impl Default for MessageScanner {
    fn default() -> Self {
        Self { state: State::Head { seen: 0, matched: 0 } }
    }
}

impl MessageScanner {
    /// A scanner of a stream without an HTTP head: the next byte begins a frame.
    pub fn after_head() -> Self {
        Self { state: HEADER }
    }

    /// The number of the next `bytes` up to the end of a message, if one ends within them.
    pub fn message_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut probe = *self;
        probe.run(bytes)
    }

    /// Goes past these bytes.
    pub fn advance(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = self.run(rest) {
            rest = &rest[end..];
        }
    }

    /// Reads up to the end of a message; how many bytes that took.
    fn run(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.state {
                State::Opaque => return None,
                State::Head { seen, matched } => {
                    *matched = next_matched(*matched, bytes[at]);
                    *seen += 1;
                    at += 1;
                    if *matched == 4 {
                        self.state = HEADER;
                    } else if *seen >= MAX_HEAD {
                        self.state = State::Opaque;
                    }
                }
                State::Header { bytes: header, have } => {
                    header[*have] = bytes[at];
                    *have += 1;
                    at += 1;
                    if let Some((left, ends_message)) = parse(&header[..*have]) {
                        if left == 0 {
                            self.state = HEADER;
                            if ends_message {
                                return Some(at);
                            }
                        } else {
                            self.state = State::Payload { left, ends_message };
                        }
                    }
                }
                State::Payload { left, ends_message } => {
                    let ends_message = *ends_message;
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= taken as u64;
                    at += taken;
                    if *left == 0 {
                        self.state = HEADER;
                        if ends_message {
                            return Some(at);
                        }
                    }
                }
            }
        }
        None
    }
}

/// How much of `\r\n\r\n` is there, one byte on.
fn next_matched(matched: usize, byte: u8) -> usize {
    match (matched, byte) {
        (0 | 2, b'\r') | (1 | 3, b'\n') => matched + 1,
        (_, b'\r') => 1,
        _ => 0,
    }
}

/// The bytes behind the length (masking key and payload), and whether they end a message; `None` while the header is
/// not whole.
fn parse(header: &[u8]) -> Option<(u64, bool)> {
    let (&first, &second) = (header.first()?, header.get(1)?);
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(header.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    let key = if second & 0x80 == 0 { 0 } else { 4 };
    let (last, control) = (first & 0x80 != 0, first & 0x08 != 0);
    Some((length.saturating_add(key), last && !control))
}

#[cfg(test)]
mod tests {
    use super::MessageScanner;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    /// Every end of a message in `bytes`.
    fn ends(mut scanner: MessageScanner, bytes: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut at = 0;
        while let Some(len) = scanner.message_end(&bytes[at..]) {
            scanner.advance(&bytes[at..at + len]);
            at += len;
            ends.push(at);
        }
        ends
    }

    fn stream() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = HEAD.to_vec();
        let mut expected = Vec::new();
        bytes.extend([0x81, 0x82, 1, 2, 3, 4, b'h', b'i']); // a masked text
        expected.push(bytes.len());
        bytes.extend([0x89, 0x01, b'p']); // a ping
        bytes.extend([0x01, 0x01, b'a', 0x89, 0x00, 0x80, 0x01, b'b']); // a text in two fragments around a ping
        expected.push(bytes.len());
        bytes.extend([0x82, 0x00]); // an empty binary
        expected.push(bytes.len());
        bytes.extend([0x82, 126, 0x01, 0x00]);
        bytes.extend([b'\r'; 256]);
        expected.push(bytes.len());
        bytes.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend([7; 65_536]);
        expected.push(bytes.len());
        bytes.extend([0x88, 0x00]);
        (bytes, expected)
    }

    #[test]
    fn ends_of_messages_are_found_and_frames_that_end_none_are_passed_over() {
        let (bytes, expected) = stream();
        assert_eq!(ends(MessageScanner::default(), &bytes), expected);
        let expected: Vec<usize> = expected.iter().map(|end| end - HEAD.len()).collect();
        assert_eq!(ends(MessageScanner::after_head(), &bytes[HEAD.len()..]), expected);
    }

    #[test]
    fn it_makes_no_difference_how_the_bytes_are_split() {
        let (bytes, expected) = stream();
        let mut scanner = MessageScanner::default();
        let mut found = Vec::new();
        for (index, byte) in bytes.iter().enumerate() {
            let one = std::slice::from_ref(byte);
            found.extend(scanner.message_end(one).map(|len| index + len));
            scanner.advance(one);
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_websocket_has_no_ends() {
        assert_eq!(ends(MessageScanner::default(), &vec![0x81; 100_000]), Vec::<usize>::new());
    }
}
