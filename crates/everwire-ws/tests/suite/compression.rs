//! permessage-deflate (RFC 7692) on whole connections, against flate2 as the peer.

use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept_with, response_bytes};
use everwire_ws::{
    CloseCode, Compress, Config, Connection, Deflate, Extensions, Incoming, Limits, Message, ProtocolError, Role,
    WindowBits,
};
use flate2::{Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::properties::{message, role};
use crate::support::*;

const RSV1: u8 = 0x40;
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The extensions of both sides, client's first, as their handshakes agree on them.
pub(crate) fn negotiate(client: Deflate, server: Deflate) -> (Extensions, Extensions) {
    let request = http::Request::get("ws://example.org/").body(()).unwrap();
    let mut handshake = ClientHandshake::new(&request, &[], [1; 16]).unwrap().compression(client);
    let mut arrived = bytes::BytesMut::from(&handshake.request_bytes()[..]);
    let request = ServerHandshake::new().receive(&mut arrived).unwrap().unwrap();
    let servers = accept_with(&request, |_| None, Some(&server)).unwrap();
    let mut arrived = bytes::BytesMut::from(&response_bytes(&servers.response)[..]);
    let clients = handshake.receive(&mut arrived, false).unwrap().unwrap();
    (clients.extensions, servers.extensions)
}

pub(crate) fn settings(context: bool, bits: u8) -> Deflate {
    let mut settings = Deflate::default();
    settings.threshold = 0;
    settings.keep_own_context = context;
    settings.keep_peer_context = context;
    settings.own_window = WindowBits::new(bits).unwrap();
    settings.peer_window = settings.own_window;
    settings
}

pub(crate) fn compressing(role: Role, settings: Deflate, limits: Limits) -> Connection {
    let (client, server) = negotiate(settings, settings);
    let mut config = Config::default();
    config.limits = limits;
    config.extensions = if role == Role::Client { client } else { server };
    Connection::new(role, config, [42; 32])
}

fn with_deflate(role: Role) -> Connection {
    compressing(role, settings(false, 15), Limits::default())
}

/// A peer's compressor: another library's way to make what RFC 7692 section 7.2.1 describes.
fn compressed(state: &mut flate2::Compress, payload: &[u8]) -> Vec<u8> {
    if payload.is_empty() {
        return vec![0]; // section 7.2.3.6: with nothing new, a flush writes nothing
    }
    let mut out = Vec::with_capacity(payload.len() * 2 + 128);
    let before = state.total_in();
    while state.total_in() - before < payload.len() as u64 || !out.ends_with(&TAIL) {
        out.reserve(1024);
        let from = (state.total_in() - before) as usize;
        state.compress_vec(&payload[from..], &mut out, FlushCompress::Sync).unwrap();
    }
    out.truncate(out.len() - 4);
    out
}

fn inflated(state: &mut Decompress, payload: &[u8]) -> Vec<u8> {
    let input = [payload, &TAIL].concat();
    let mut out = Vec::with_capacity(1024);
    let before = state.total_in();
    loop {
        let from = (state.total_in() - before) as usize;
        state.decompress_vec(&input[from..], &mut out, FlushDecompress::Sync).unwrap();
        if from == input.len() && out.len() < out.capacity() {
            return out;
        }
        out.reserve(out.len().max(1024));
    }
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    compressed(&mut flate2::Compress::new(Compression::new(9), false), payload)
}

fn text(text: &str) -> Incoming {
    Incoming::Message(Message::text(text))
}

proptest! {
    #[test]
    fn what_zlib_compresses_comes_out_for_every_window_fragmentation_and_read(
        role in role(),
        bits in 9..=15_u8,
        context in any::<bool>(),
        level in 0..=9_u32,
        messages in prop::collection::vec((message(), prop::collection::vec(any::<Index>(), 0..5), any::<bool>()), 1..6),
        reads in prop::collection::vec(prop_oneof![1..20_usize, 1..5000_usize], 1..8),
    ) {
        let key = key_to(role);
        let mut state = flate2::Compress::new_with_window_bits(Compression::new(level), false, bits);
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for (message, cuts, plain) in messages {
            if !context {
                state.reset();
            }
            let (bit, payload) = if plain {
                (0, message.payload().to_vec())
            } else {
                (RSV1, compressed(&mut state, message.payload()))
            };
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            ends.push(payload.len());
            ends.sort_unstable();
            let mut first = bit | if message.as_text().is_some() { TEXT } else { BINARY };
            let mut start = 0;
            for (i, &end) in ends.iter().enumerate() {
                let fin = if i + 1 == ends.len() { FIN } else { 0 };
                wire.extend(frame(fin | first, &payload[start..end], key));
                if fin == 0 {
                    wire.extend(frame(FIN | PONG, b"between", key));
                    expected.push(Incoming::Pong("between".into()));
                }
                (first, start) = (CONTINUATION, end);
            }
            expected.push(Incoming::Message(message));
        }
        let mut connection = compressing(role, settings(context, bits), Limits::default());
        let mut received = Vec::new();
        let mut rest = &wire[..];
        for read in reads.iter().cycle() {
            let (now, later) = rest.split_at((*read).min(rest.len()));
            connection.receive(now);
            received.extend(drain(&mut connection).unwrap());
            connection.release_memory(); // harmless at any point
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn zlib_inflates_what_we_compress_with_a_window_of_the_agreed_size(
        role in role(),
        bits in 9..=15_u8,
        context in any::<bool>(),
        messages in prop::collection::vec((message(), any::<bool>()), 1..6),
    ) {
        let mut sender = compressing(role, settings(context, bits), Limits::default());
        let mut state = Decompress::new_with_window_bits(false, bits);
        for (message, release) in &messages {
            prop_assert!(sender.send(message));
            if *release {
                sender.release_memory();
            }
            let frames = parse(&sender.outgoing().split());
            prop_assert_eq!(frames.len(), 1);
            let (first, payload) = &frames[0];
            let payload = if first & RSV1 == 0 { payload.clone() } else { inflated(&mut state, payload) };
            prop_assert_eq!(&payload, message.payload());
            if !context {
                state.reset(false);
            }
        }
    }

    #[test]
    fn both_sides_understand_each_other_for_all_settings(
        client in (any::<bool>(), 9..=15_u8),
        server in (any::<bool>(), 9..=15_u8),
        messages in prop::collection::vec(message(), 1..6),
        pieces in 1..5000_usize,
    ) {
        let (clients, servers) = negotiate(settings(client.0, client.1), settings(server.0, server.1));
        let mut config = Config::default();
        config.extensions = clients;
        let mut client = Connection::new(Role::Client, config.clone(), [42; 32]);
        config.extensions = servers;
        let mut server = Connection::new(Role::Server, config, [0; 32]);
        let expected: Vec<_> = messages.iter().cloned().map(Incoming::Message).collect();
        for (from, to) in [(0, 1), (1, 0)] {
            let both = [&mut client, &mut server];
            for message in &messages {
                prop_assert!(both[from].send(message));
            }
            let wire = both[from].outgoing().split();
            prop_assert_eq!(receive_in(both[to], &wire, pieces).unwrap(), expected.clone());
        }
    }

    #[test]
    fn compressed_text_is_accepted_exactly_if_it_is_utf8(
        payload in (any::<String>(), prop::collection::vec(0x80_u8.., 0..4), any::<String>())
            .prop_map(|(a, b, c)| [a.as_bytes(), &b, c.as_bytes()].concat()),
        pieces in 1..40_usize,
    ) {
        let wire = frame(FIN | RSV1 | TEXT, &deflated(&payload), None);
        let received = receive_in(&mut with_deflate(Role::Client), &wire, pieces);
        match std::str::from_utf8(&payload) {
            Ok(valid) => prop_assert_eq!(received.unwrap(), [text(valid)]),
            Err(_) => prop_assert_eq!(received, Err(ProtocolError::InvalidUtf8)),
        }
    }

    #[test]
    fn garbage_as_compressed_data_neither_panics_nor_outgrows_the_limit(
        garbage in prop::collection::vec(any::<u8>(), 0..300),
        is_text in any::<bool>(),
        pieces in 1..100_usize,
    ) {
        let limits = Limits { max_message: 1000, ..Limits::default() };
        let opcode = if is_text { TEXT } else { BINARY };
        let wire = frame(FIN | RSV1 | opcode, &garbage, None);
        match receive_in(&mut compressing(Role::Client, settings(true, 15), limits), &wire, pieces) {
            Ok(received) => {
                for incoming in received {
                    prop_assert!(matches!(incoming, Incoming::Message(message) if message.len() <= 1000));
                }
            }
            Err(error) => prop_assert!(error.close_code().is_allowed_on_wire()),
        }
    }
}

#[test]
fn the_reserved_bit_stands_only_on_a_messages_first_frame_and_only_if_negotiated() {
    let hello = deflated(b"hello");
    let wire = frame(FIN | RSV1 | TEXT, &hello, None);
    assert_eq!(error(Role::Client, &wire), ProtocolError::ReservedBits);
    assert_eq!(receive_in(&mut with_deflate(Role::Client), &wire, 1).unwrap(), [text("hello")]);
    for bad in [
        frame(FIN | RSV1 | PING, b"", None),
        frame(FIN | 0x20 | TEXT, &hello, None),
        [frame(RSV1 | TEXT, &hello[..3], None), frame(FIN | RSV1 | CONTINUATION, &hello[3..], None)].concat(),
    ] {
        assert_eq!(receive_in(&mut with_deflate(Role::Client), &bad, 1), Err(ProtocolError::ReservedBits));
    }
}

#[test]
fn invalid_deflate_data_closes_with_1007_as_soon_as_it_shows() {
    let mut connection = with_deflate(Role::Client);
    // Block type 3 does not exist; the frame's end has not arrived.
    connection.receive(&[FIN | RSV1 | BINARY, 100, 0xff]);
    assert_eq!(connection.next_incoming(), Err(ProtocolError::InvalidDeflate));
    let sent = parse(connection.outgoing());
    assert_eq!((sent[0].0, &sent[0].1[..2]), (FIN | CLOSE, &CloseCode::INVALID_PAYLOAD.0.to_be_bytes()[..]));
}

#[test]
fn invalid_text_fails_before_its_message_is_complete() {
    let data = deflated(&[&b"x".repeat(5000)[..], b"\xff", &b"y".repeat(5000)].concat());
    let mut connection = with_deflate(Role::Client);
    connection.receive(&frame(RSV1 | TEXT, &data, None));
    assert_eq!(connection.next_incoming(), Err(ProtocolError::InvalidUtf8));
}

#[test]
fn a_bomb_closes_with_1009_by_size_and_by_ratio() {
    let bomb = frame(FIN | RSV1 | BINARY, &deflated(&vec![0; 32 << 20]), None);
    let small = Limits { max_message: 1 << 16, ..Limits::default() };
    for (limits, expected) in [
        (small, ProtocolError::InflatedTooLarge { limit: 1 << 16 }),
        (Limits::default(), ProtocolError::InflatedTooFar { limit: 256 }),
    ] {
        let mut connection = compressing(Role::Client, settings(false, 15), limits);
        let error = receive_in(&mut connection, &bomb, 1000).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.close_code(), CloseCode::MESSAGE_TOO_BIG);
        assert_eq!(&parse(connection.outgoing())[0].1[..2], 1009_u16.to_be_bytes());
    }
}

#[test]
fn t26_the_size_limit_is_on_the_inflated_size_over_all_fragments() {
    let limits = Limits { max_message: 1000, ..Limits::default() };
    for (size, fits) in [(1000, true), (1001, false)] {
        // Noise: its compressed form is longer than itself.
        let noise: Vec<u8> = (0..size as u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
        let data = deflated(&noise);
        let (a, b) = data.split_at(data.len() / 2);
        let wire = [frame(RSV1 | BINARY, a, None), frame(FIN | CONTINUATION, b, None)].concat();
        let received = receive_in(&mut compressing(Role::Client, settings(false, 15), limits), &wire, 7);
        assert_eq!(received.is_ok(), fits, "{size}: {received:?}");
    }
}

#[test]
fn a_message_goes_plain_under_the_threshold_and_when_its_sender_opts_out() {
    let mut settings = settings(false, 15);
    settings.threshold = 100;
    let mut sender = compressing(Role::Server, settings, Limits::default());
    let (short, long) = (Message::text("a".repeat(99)), Message::text("a".repeat(100)));
    assert!(sender.send(&short) && sender.send(&long) && sender.send_with(&long, Compress::No));
    let bits: Vec<u8> = parse(sender.outgoing()).iter().map(|(first, _)| first & RSV1).collect();
    assert_eq!(bits, [0, RSV1, 0]);
}

#[test]
fn a_kept_context_shrinks_what_repeats_until_it_is_released() {
    let mut sender = compressing(Role::Server, settings(true, 15), Limits::default());
    let message = Message::text(r#"{"type":"text","userId":"ana","userName":"Ana","text":"good morning, all of you"}"#);
    let mut size = |release: bool| {
        if release {
            sender.release_memory();
        }
        sender.release_buffers(); // never touches the context
        assert!(sender.send(&message));
        sender.outgoing().split().len()
    };
    let (first, second, released) = (size(false), size(false), size(true));
    assert!(second * 3 < first, "{second} after {first}");
    assert_eq!(released, first);
}

#[test]
fn nothing_is_sent_behind_a_close_frame() {
    let mut connection = compressing(Role::Server, settings(true, 15), Limits::default());
    connection.close(CloseCode::NORMAL, "");
    let queued = connection.queued_total();
    assert!(!connection.send(&Message::text("a".repeat(1000))));
    assert_eq!(connection.queued_total(), queued);
}
