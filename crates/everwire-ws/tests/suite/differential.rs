//! The same streams through tungstenite and through us, both directions.

use std::io::{self, Read, Write};

use everwire_ws::{Connection, Incoming, Message, Role};
use proptest::prelude::*;
use tungstenite::protocol::{self, WebSocket};

use crate::properties::{message, role, sent};
use crate::support::*;

/// A stream in memory: reads what was put in, then would block.
#[derive(Default)]
struct Pipe {
    input: Vec<u8>,
    at: usize,
    output: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.input[self.at..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite(role: Role, input: Vec<u8>) -> WebSocket<Pipe> {
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    WebSocket::from_raw_socket(Pipe { input, ..Pipe::default() }, role, None)
}

/// What tungstenite makes of these bytes, in our words; whether it found them valid to their end.
fn by_tungstenite(role: Role, wire: Vec<u8>) -> (Vec<Incoming>, bool) {
    let mut socket = tungstenite(role, wire);
    let mut received = Vec::new();
    loop {
        received.push(match socket.read() {
            Ok(tungstenite::Message::Text(text)) => Incoming::Message(Message::text(text.as_str())),
            Ok(tungstenite::Message::Binary(data)) => Incoming::Message(Message::binary(data)),
            Ok(tungstenite::Message::Ping(data)) => Incoming::Ping(data),
            Ok(tungstenite::Message::Pong(data)) => Incoming::Pong(data),
            Ok(other) => panic!("not sent: {other:?}"),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (received, true);
            }
            Err(_) => return (received, false),
        });
    }
}

fn opposite(role: Role) -> Role {
    if role == Role::Client { Role::Server } else { Role::Client }
}

proptest! {
    #[test]
    fn fragmented_streams_decode_alike(role in role(), sent in prop::collection::vec(sent(), 1..6), pieces in 1..9000_usize) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.encode(key_to(role), &mut wire, &mut expected);
        }
        let ours = receive_in(&mut connection(role), &wire, pieces).unwrap();
        let (theirs, valid) = by_tungstenite(role, wire);
        prop_assert!(valid);
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(ours, expected);
    }

    #[test]
    fn what_tungstenite_finds_invalid_we_find_invalid(
        role in role(),
        sent in prop::collection::vec(sent(), 1..4),
        damage in (any::<prop::sample::Index>(), 0..8_u32),
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.encode(key_to(role), &mut wire, &mut expected);
        }
        let at = damage.0.index(wire.len());
        wire[at] ^= 1 << damage.1;
        let has_close = parse_opcodes(&wire).contains(&CLOSE);
        prop_assume!(!has_close);
        let mut connection = connection(role);
        connection.receive(&wire);
        let mut ours = Vec::new();
        let valid = loop {
            match connection.next_incoming() {
                Ok(Some(incoming)) => ours.push(incoming),
                Ok(None) if connection.is_failing() => {}
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let (theirs, theirs_valid) = by_tungstenite(role, wire);
        prop_assert!(!valid || theirs_valid, "we may be stricter, not laxer");
        if valid {
            prop_assert_eq!(ours, theirs);
        } else {
            prop_assert!(theirs.starts_with(&ours), "what came before the fault is the same");
        }
    }

    #[test]
    fn tungstenite_reads_what_we_write(role in role(), messages in prop::collection::vec(message(), 0..10)) {
        let mut connection = connection(role);
        for message in &messages {
            prop_assert!(connection.send(message));
            prop_assert!(connection.ping(b"between"));
        }
        let (theirs, valid) = by_tungstenite(opposite(role), connection.outgoing().to_vec());
        prop_assert!(valid);
        let expected: Vec<_> = messages
            .into_iter()
            .flat_map(|message| [Incoming::Message(message), Incoming::Ping("between".into())])
            .collect();
        prop_assert_eq!(theirs, expected);
    }

    #[test]
    fn we_read_what_tungstenite_writes(role in role(), messages in prop::collection::vec(message(), 0..10), pieces in 1..9000_usize) {
        let mut socket = tungstenite(opposite(role), Vec::new());
        for message in &messages {
            let message = match message {
                Message::Text(text) => tungstenite::Message::text(&**text),
                Message::Binary(data) => tungstenite::Message::binary(data.clone()),
            };
            socket.send(message).unwrap();
        }
        let mut connection: Connection = connection(role);
        let received = receive_in(&mut connection, &socket.get_ref().output, pieces).unwrap();
        let expected: Vec<_> = messages.into_iter().map(Incoming::Message).collect();
        prop_assert_eq!(received, expected);
    }
}

/// The opcodes along a stream, as far as its lengths lead.
fn parse_opcodes(mut wire: &[u8]) -> Vec<u8> {
    let mut opcodes = Vec::new();
    while let [first, second, ..] = *wire {
        opcodes.push(first & 0x0f);
        let (length, at) = match second & 0x7f {
            126 if wire.len() >= 4 => (u64::from(u16::from_be_bytes([wire[2], wire[3]])), 4),
            127 if wire.len() >= 10 => (u64::from_be_bytes(wire[2..10].try_into().unwrap()), 10),
            126 | 127 => break,
            n => (n.into(), 2),
        };
        let end = length.saturating_add(at + if second & 0x80 != 0 { 4 } else { 0 });
        let Some(next) = usize::try_from(end).ok().and_then(|end| wire.get(end..)) else { break };
        wire = next;
    }
    opcodes
}
