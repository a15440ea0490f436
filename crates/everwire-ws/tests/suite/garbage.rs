//! Bytes that no peer should send: nothing panics, and memory stays bounded.

use everwire_ws::handshake::{ClientHandshake, MAX_HEAD, ServerHandshake};
use everwire_ws::{Limits, Role};
use proptest::prelude::*;

use crate::properties::{role, sent};
use crate::support::*;

const LIMITS: Limits = Limits { max_frame: 10_000, max_message: 20_000, max_fragments: 50 };

/// Feeds everything, whatever comes of it, and checks what is held on the way.
fn survive(role: Role, wire: &[u8], piece: usize) -> Result<(), TestCaseError> {
    let mut connection = limited(role, LIMITS);
    for piece in wire.chunks(piece) {
        connection.receive(piece);
        let failed = drain(&mut connection).is_err();
        prop_assert!(connection.outgoing().len() < 6 << 10);
        let held = connection.reserve(1).capacity();
        prop_assert!(held <= 4 * (LIMITS.max_frame + piece.len()) + 1024, "{held} bytes held");
        if failed {
            prop_assert_eq!(connection.next_incoming(), Ok(None));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        role in role(),
        wire in prop::collection::vec(any::<u8>(), 0..3000),
        piece in 1..300_usize,
    ) {
        survive(role, &wire, piece)?;
    }

    #[test]
    fn frame_like_bytes_never_panic(
        role in role(),
        frames in prop::collection::vec(
            (any::<u8>(), prop::sample::select(vec![0, 1, 2, 8, 9, 10, 3]), prop::collection::vec(any::<u8>(), 0..200)),
            0..40,
        ),
        piece in 1..300_usize,
    ) {
        let wire: Vec<u8> = frames
            .iter()
            .flat_map(|(flags, opcode, payload)| {
                let first = if flags % 4 == 0 { flags & 0xf0 } else { flags & 0x80 };
                frame(first | opcode, payload, if flags % 16 == 1 { None } else { key_to(role) })
            })
            .collect();
        survive(role, &wire, piece)?;
    }

    #[test]
    fn damaged_streams_never_panic(
        role in role(),
        sent in prop::collection::vec(sent(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        piece in 1..5000_usize,
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.encode(key_to(role), &mut wire, &mut expected);
        }
        for (at, byte) in damage {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        survive(role, &wire, piece)?;
    }

    #[test]
    fn an_opening_of_arbitrary_bytes_never_panics_and_ends(
        start in prop::sample::select(vec!["", "HTTP/1.1 ", "HTTP/1.1 101 x\r\n", "HTTP/1.1 503 x\r\n", "GET / HTTP/1.1\r\n"]),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b':')], 0..400),
        piece in 1..100_usize,
    ) {
        let wire = [start.as_bytes(), &bytes].concat();
        let request = http::Request::get("ws://example.org/").body(()).unwrap();
        let mut client = ClientHandshake::new(&request, &[], [0; 16]).unwrap();
        let mut server = ServerHandshake::new();
        let (mut to_client, mut to_server) = (bytes::BytesMut::new(), bytes::BytesMut::new());
        let (mut client_done, mut server_done) = (false, false);
        for piece in wire.chunks(piece) {
            to_client.extend_from_slice(piece);
            to_server.extend_from_slice(piece);
            client_done = client_done || !matches!(client.receive(&mut to_client, false), Ok(None));
            server_done = server_done || !matches!(server.receive(&mut to_server), Ok(None));
        }
        if !client_done {
            prop_assert!(!matches!(client.receive(&mut to_client, true), Ok(None)), "the stream's end is an end");
        }
    }
}

#[test]
fn a_head_that_never_ends_is_refused() {
    let request = http::Request::get("ws://example.org/").body(()).unwrap();
    let mut client = ClientHandshake::new(&request, &[], [0; 16]).unwrap();
    let mut server = ServerHandshake::new();
    let mut response = bytes::BytesMut::from("HTTP/1.1 101 Switching Protocols\r\nx: ");
    let mut upgrade = bytes::BytesMut::from("GET / HTTP/1.1\r\nx: ");
    while response.len() < MAX_HEAD - 10 {
        assert!(matches!(client.receive(&mut response, false), Ok(None)));
        assert!(matches!(server.receive(&mut upgrade), Ok(None)));
        response.extend_from_slice(b"abcdefghij");
        upgrade.extend_from_slice(b"abcdefghij");
    }
    response.extend_from_slice(&[b'x'; 1000]);
    upgrade.extend_from_slice(&[b'x'; 1000]);
    assert!(matches!(client.receive(&mut response, false), Err(everwire_ws::handshake::HandshakeError::TooLarge)));
    assert!(matches!(server.receive(&mut upgrade), Err(everwire_ws::handshake::RequestError::TooLarge)));
}
