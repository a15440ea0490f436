//! What a connection gives its transport.

use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::support::*;
use everwire_ws::{CloseCode, Connection, Incoming, Message, Phase, Role};

#[test]
fn many_messages_make_one_buffer_in_order() {
    for role in [Role::Client, Role::Server] {
        let mut connection = connection(role);
        let mut expected = Vec::new();
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            assert!(connection.send(&Message::text(text.clone())));
            assert!(connection.send(&Message::binary(text.clone().into_bytes())));
            expected.push((FIN | TEXT, text.clone().into_bytes()));
            expected.push((FIN | BINARY, text.into_bytes()));
        }
        assert_eq!(parse(&connection.outgoing().split()), expected);
    }
}

#[test]
fn a_client_masks_every_frame_with_another_key_and_a_server_none() {
    let mut client = connection(Role::Client);
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..100 {
        assert!(client.send(&Message::text("hello")));
        let wire = client.outgoing().split();
        assert_eq!(wire[1], 0x85);
        keys.insert(wire[2..6].to_vec());
    }
    assert_eq!(keys.len(), 100);

    let mut server = connection(Role::Server);
    assert!(server.send(&Message::text("hello")));
    assert_eq!(server.outgoing()[..], *b"\x81\x05hello");
}

#[test]
fn lengths_have_their_shortest_form() {
    let mut server = connection(Role::Server);
    for (length, header) in [
        (125, &[0x82, 125][..]),
        (126, &[0x82, 126, 0, 126]),
        (65_535, &[0x82, 126, 0xff, 0xff]),
        (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        assert!(server.send(&Message::binary(vec![0; length])));
        let wire = server.outgoing().split();
        assert_eq!(wire[..header.len()], *header);
        assert_eq!(wire.len(), header.len() + length);
    }
}

#[test]
fn the_total_counts_every_queued_byte_whatever_was_written() {
    let mut server = connection(Role::Server);
    assert!(server.send(&Message::text("hello")));
    assert_eq!((server.queued_total(), server.buffered()), (7, 7));
    bytes::Buf::advance(server.outgoing(), 3);
    assert_eq!((server.queued_total(), server.buffered()), (7, 4));
    assert!(server.ping(b"abc"));
    assert_eq!((server.queued_total(), server.buffered()), (12, 9));
    let _ = server.outgoing().split();
    server.close(CloseCode::NORMAL, "");
    assert_eq!((server.queued_total(), server.buffered()), (16, 4));
}

/// The outgoing pieces, by content and by where they stand.
fn pieces(connection: &mut Connection) -> Vec<(Vec<u8>, *const u8)> {
    let outgoing = connection.outgoing_pieces();
    let mut slices = [IoSlice::new(&[]); 16];
    let count = outgoing.chunks_vectored(&mut slices);
    slices[..count].iter().map(|slice| (slice.to_vec(), slice.as_ptr())).collect()
}

#[test]
fn a_servers_large_payload_goes_out_from_where_it_stands_and_in_its_place() {
    let picture = Bytes::from(vec![7; 20_000]);
    let expected = [
        (FIN | TEXT, b"before".to_vec()),
        (FIN | BINARY, picture.to_vec()),
        (FIN | TEXT, [&b"m1:"[..], &[b'x'; 16 << 10]].concat()),
        (FIN | PING, b"p".to_vec()),
    ];
    let queue = |server: &mut Connection| {
        assert!(server.send(&Message::text("before")));
        assert!(server.send(&Message::from(picture.clone())));
        assert!(server.send_prefixed(b"m1:", &Message::text("x".repeat(16 << 10))));
        assert!(server.ping(b"p"));
    };
    let mut server = connection(Role::Server);
    queue(&mut server);
    let total = server.queued_total();
    let pieces = pieces(&mut server);
    assert_eq!(pieces.len(), 5, "copied, shared, copied, shared, copied");
    assert_eq!(pieces[1].1, picture.as_ptr());
    let wire: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
    assert_eq!((server.buffered(), total), (wire.len(), wire.len() as u64));
    assert_eq!(parse(&wire), expected);
    assert_eq!(server.outgoing()[..], wire, "the same in one buffer");

    let mut server = connection(Role::Server);
    queue(&mut server);
    let mut written = Vec::new();
    while server.buffered() > 0 {
        let outgoing = server.outgoing_pieces();
        let most = outgoing.chunk().len().min(7000);
        written.extend_from_slice(&outgoing.chunk()[..most]);
        outgoing.advance(most);
    }
    assert_eq!(written, wire, "bit by bit");
    assert_eq!(server.queued_total(), total);
}

#[test]
fn a_small_payload_and_a_clients_are_copied() {
    let small = Bytes::from(vec![7; (16 << 10) - 1]);
    let large = Bytes::from(vec![7; 16 << 10]);
    for (role, payload) in [(Role::Server, &small), (Role::Client, &large)] {
        let mut connection = connection(role);
        assert!(connection.send(&Message::from(payload.clone())));
        assert_eq!(pieces(&mut connection).len(), 1);
        assert_eq!(parse(connection.outgoing()), [(FIN | BINARY, payload.to_vec())]);
    }
}

#[test]
fn a_pong_that_was_held_back_is_among_the_pieces() {
    let mut server = connection(Role::Server);
    for i in 0..2000_u32 {
        server.receive(&frame(FIN | PING, &i.to_be_bytes(), key_to(Role::Server)));
    }
    assert_eq!(drain(&mut server).unwrap().len(), 2000);
    let first: usize = pieces(&mut server).iter().map(|(piece, _)| piece.len()).sum();
    server.outgoing_pieces().advance(first);
    let (last, _) = pieces(&mut server).remove(0);
    assert_eq!(parse(&last), [(FIN | PONG, 1999_u32.to_be_bytes().to_vec())]);
}

#[test]
fn nothing_follows_our_close_frame_and_it_is_sent_once() {
    let mut server = connection(Role::Server);
    server.close(CloseCode::GOING_AWAY, "restart");
    assert_eq!(server.phase(), Phase::CloseSent);
    assert!(!server.send(&Message::text("late")));
    assert!(!server.ping(b"late"));
    server.close(CloseCode::NORMAL, "again");
    assert_eq!(parse(server.outgoing()), [(FIN | CLOSE, close_payload(1001, b"restart"))]);
}

#[test]
fn after_our_close_frame_the_peers_messages_still_arrive_but_pings_are_not_answered() {
    let mut server = connection(Role::Server);
    server.close(CloseCode::NORMAL, "");
    let _ = server.outgoing().split();
    let key = key_to(Role::Server);
    server.receive(&frame(FIN | TEXT, b"on its way", key));
    server.receive(&frame(FIN | PING, b"p", key));
    server.receive(&frame(FIN | CLOSE, &close_payload(1000, b""), key));
    let received = drain(&mut server).unwrap();
    assert_eq!(received[0], Incoming::Message(Message::text("on its way")));
    assert_eq!(received[1], Incoming::Ping("p".into()));
    assert!(matches!(received[2], Incoming::Close(Some(_))));
    assert_eq!(server.phase(), Phase::Closed);
    assert!(server.outgoing().is_empty());
}

#[test]
fn the_peers_close_is_answered_with_its_own_code() {
    for (payload, answer) in [
        (close_payload(4001, b"bye"), close_payload(4001, b"")),
        (close_payload(1000, b""), close_payload(1000, b"")),
        (vec![], vec![]),
    ] {
        let mut client = connection(Role::Client);
        client.receive(&frame(FIN | CLOSE, &payload, None));
        assert!(matches!(client.next_incoming(), Ok(Some(Incoming::Close(_)))));
        assert_eq!(client.phase(), Phase::Closed);
        assert!(!client.send(&Message::text("late")));
        assert_eq!(parse(client.outgoing()), [(FIN | CLOSE, answer)]);
    }
}

#[test]
fn bytes_behind_the_peers_close_frame_are_ignored() {
    let mut client = connection(Role::Client);
    client.receive(&[frame(FIN | CLOSE, b"", None), frame(FIN | TEXT, b"late", None), vec![0xff; 10]].concat());
    assert_eq!(drain(&mut client).unwrap(), [Incoming::Close(None)]);
    client.receive(b"garbage");
    assert_eq!(client.next_incoming(), Ok(None));
}

#[test]
fn a_long_reason_is_cut_and_an_impossible_code_left_out() {
    let mut server = connection(Role::Server);
    server.close(CloseCode(4000), &"é".repeat(70));
    let sent = parse(&server.outgoing().split());
    assert_eq!(sent, [(FIN | CLOSE, close_payload(4000, "é".repeat(61).as_bytes()))]);

    for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::TLS_HANDSHAKE, CloseCode(0)] {
        let mut server = connection(Role::Server);
        server.close(code, "never sent");
        assert_eq!(parse(server.outgoing()), [(FIN | CLOSE, vec![])]);
    }
}

#[test]
fn a_ping_is_answered_at_once_with_its_payload() {
    let mut client = connection(Role::Client);
    client.receive(&[frame(FIN | PING, b"", None), frame(FIN | PING, &[7; 125], None)].concat());
    assert_eq!(drain(&mut client).unwrap().len(), 2);
    assert_eq!(parse(client.outgoing()), [(FIN | PONG, vec![]), (FIN | PONG, vec![7; 125])]);
}
