//! What a hostile peer can make a connection hold.

use crate::support::*;
use everwire_ws::{CloseCode, Incoming, Limits, Message, ProtocolError, Role};

#[test]
fn a_frame_over_the_limit_is_refused_from_its_header() {
    let limits = Limits { max_frame: 1000, ..Limits::default() };
    let mut connection = limited(Role::Client, limits);
    connection.receive(&frame(FIN | BINARY, &[0; 1000], None));
    assert_eq!(drain(&mut connection).unwrap().len(), 1);
    connection.end_batch();
    connection.receive(&frame(FIN | BINARY, &[0; 1001], None)[..4]);
    assert_eq!(connection.next_incoming(), Err(ProtocolError::FrameTooLarge { length: 1001, limit: 1000 }));

    let mut connection = crate::support::connection(Role::Client);
    connection.receive(&[FIN | BINARY, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(connection.next_incoming(), Err(ProtocolError::FrameTooLarge { .. })));
}

#[test]
fn a_message_over_the_limit_is_refused_from_the_header_that_exceeds_it() {
    let limits = Limits { max_message: 1000, ..Limits::default() };
    for opcode in [TEXT, BINARY] {
        let mut connection = limited(Role::Client, limits);
        connection.receive(&frame(opcode, &[b'x'; 600], None));
        connection.receive(&frame(CONTINUATION, &[b'x'; 400], None));
        assert_eq!(connection.next_incoming(), Ok(None));
        connection.receive(&frame(FIN | CONTINUATION, b"x", None)[..2]);
        assert_eq!(connection.next_incoming(), Err(ProtocolError::MessageTooLarge { limit: 1000 }));
    }
    let mut connection = limited(Role::Client, limits);
    connection.receive(&frame(FIN | TEXT, &[b'x'; 1001], None)[..4]);
    assert_eq!(connection.next_incoming(), Err(ProtocolError::MessageTooLarge { limit: 1000 }));
}

#[test]
fn the_number_of_fragments_is_limited_also_when_they_are_empty() {
    let limits = Limits { max_fragments: 10, ..Limits::default() };
    let mut connection = limited(Role::Client, limits);
    connection.receive(&frame(TEXT, b"", None));
    for _ in 0..9 {
        connection.receive(&frame(CONTINUATION, b"", None));
    }
    assert_eq!(connection.next_incoming(), Ok(None));
    connection.receive(&frame(FIN | CONTINUATION, b"", None));
    assert_eq!(connection.next_incoming(), Err(ProtocolError::TooManyFragments { limit: 10 }));

    let mut connection = limited(Role::Client, limits);
    for _ in 0..3 {
        connection.receive(&frame(TEXT, b"", None));
        for _ in 0..8 {
            connection.receive(&frame(CONTINUATION, b"", None));
        }
        connection.receive(&frame(FIN | CONTINUATION, b"", None));
        assert!(connection.next_incoming().unwrap().is_some(), "the count starts over with each message");
    }
}

#[test]
fn a_header_alone_makes_it_allocate_little() {
    for role in [Role::Client, Role::Server] {
        for opcode in [TEXT, BINARY] {
            let mut connection = connection(role);
            let wire = frame(FIN | opcode, &vec![b'x'; 16 << 20], key_to(role));
            connection.receive(&wire[..100]);
            assert_eq!(connection.next_incoming(), Ok(None));
            let capacity = connection.reserve(4096).capacity();
            assert!(capacity <= (64 << 10) + 14, "{capacity}");
        }
    }
}

#[test]
fn memory_follows_what_has_arrived() {
    let mut connection = connection(Role::Server);
    let wire = frame(FIN | BINARY, &vec![b'x'; 4 << 20], key_to(Role::Server));
    let mut arrived = 0;
    for piece in wire.chunks(50_000) {
        connection.receive(piece);
        arrived += piece.len();
        if let Some(incoming) = connection.next_incoming().unwrap() {
            assert_eq!(incoming, Incoming::Message(Message::binary(vec![b'x'; 4 << 20])));
            return;
        }
        let capacity = connection.reserve(4096).capacity();
        assert!(capacity <= 3 * arrived + (128 << 10), "{capacity} bytes for {arrived}");
    }
    panic!("the message must be complete");
}

#[test]
fn a_peer_that_pings_and_never_reads_does_not_fill_our_memory() {
    for payload in [&b""[..], &[1; 125]] {
        let mut server = connection(Role::Server);
        for _ in 0..100_000 {
            server.receive(&frame(FIN | PING, payload, key_to(Role::Server)));
            assert_eq!(drain(&mut server).unwrap().len(), 1);
        }
        assert!(server.outgoing().len() < 5 << 10);
        assert!(server.outgoing().capacity() < 16 << 10);
    }
}

#[test]
fn the_latest_ping_held_back_is_answered_once_the_earlier_pongs_are_written() {
    let mut server = connection(Role::Server);
    let key = key_to(Role::Server);
    for i in 0..2000_u32 {
        server.receive(&frame(FIN | PING, &i.to_be_bytes(), key));
    }
    assert_eq!(drain(&mut server).unwrap().len(), 2000);
    let first = parse(&server.outgoing().split());
    assert!((500..1000).contains(&first.len()));
    let then = parse(&server.outgoing().split());
    assert_eq!(then, [(FIN | PONG, 1999_u32.to_be_bytes().to_vec())]);
    server.receive(&frame(FIN | PING, b"again", key));
    assert_eq!(drain(&mut server).unwrap().len(), 1);
    assert_eq!(parse(server.outgoing()), [(FIN | PONG, b"again".to_vec())]);
}

#[test]
fn pings_that_are_left_to_the_caller_are_answered_when_it_says_so_and_within_the_same_bound() {
    let mut server = connection(Role::Server);
    server.leave_pings(true);
    for i in 0..2000_u32 {
        server.receive(&frame(FIN | PING, &i.to_be_bytes(), key_to(Role::Server)));
    }
    let pings = drain(&mut server).unwrap();
    assert_eq!((pings.len(), server.buffered()), (2000, 0), "nothing is answered yet");
    for ping in pings {
        let Incoming::Ping(payload) = ping else { panic!("a ping") };
        assert!(server.pong(&payload));
    }
    let first = parse(&server.outgoing().split());
    assert!((500..1000).contains(&first.len()));
    let then = parse(&server.outgoing().split());
    assert_eq!(then, [(FIN | PONG, 1999_u32.to_be_bytes().to_vec())]);
    server.close(CloseCode::NORMAL, "");
    assert!(!server.pong(&"late".into()));
    assert_eq!(parse(server.outgoing()).len(), 1, "nothing follows a close frame");
}

#[test]
fn a_full_queue_of_our_own_messages_does_not_hold_back_a_pong() {
    let mut server = connection(Role::Server);
    assert!(server.send(&Message::binary(vec![0; 1 << 20])));
    server.receive(&frame(FIN | PING, b"p", key_to(Role::Server)));
    assert_eq!(drain(&mut server).unwrap().len(), 1);
    assert_eq!(parse(server.outgoing()).last(), Some(&(FIN | PONG, b"p".to_vec())));
}

#[test]
fn an_idle_connection_holds_next_to_no_buffers_after_a_burst() {
    let mut server = connection(Role::Server);
    for _ in 0..1000 {
        server.receive(&frame(FIN | TEXT, &[b'x'; 500], key_to(Role::Server)));
        assert!(server.send(&Message::text("x".repeat(500))));
    }
    assert_eq!(drain(&mut server).unwrap().len(), 1000);
    let _ = server.outgoing().split();
    server.release_memory();
    assert!(server.read_buffer().capacity() <= 512);
    assert!(server.outgoing().capacity() <= 512);
}

#[test]
fn releasing_memory_loses_nothing_that_is_on_its_way() {
    let mut server = connection(Role::Server);
    let wire = frame(FIN | TEXT, &[b'x'; 5000], key_to(Role::Server));
    assert!(server.send(&Message::text("out")));
    let mut received = Vec::new();
    for piece in wire.chunks(700) {
        server.receive(piece);
        server.release_memory();
        received.extend(drain(&mut server).unwrap());
        server.release_memory();
    }
    assert_eq!(received, [Incoming::Message(Message::text("x".repeat(5000)))]);
    assert_eq!(parse(server.outgoing()).len(), 1);
}

#[test]
fn a_kept_message_pins_nothing_but_itself() {
    for role in [Role::Client, Role::Server] {
        for opcode in [TEXT, BINARY] {
            // One small message among 64 KiB read at once.
            let mut connection = connection(role);
            let others = frame(FIN | opcode, &[b'x'; 100], key_to(role)).repeat(600);
            let kept = frame(FIN | opcode, b"ten bytes.", key_to(role));
            connection.receive(&[others.clone(), kept, others].concat());
            let mut messages = drain(&mut connection).unwrap();
            let Incoming::Message(message) = messages.swap_remove(600) else { panic!("a message") };
            drop(messages);
            let kept = message.into_bytes().try_into_mut().expect("shared with nobody");
            assert_eq!((&kept[..], kept.capacity()), (&b"ten bytes."[..], 10));
        }
    }
}

#[test]
fn a_message_put_together_has_little_slack() {
    for opcode in [TEXT, BINARY] {
        for length in [100, 70_000, 2_200_000] {
            let mut server = connection(Role::Server);
            let (first, rest) = (vec![b'x'; length / 3], vec![b'x'; length - length / 3]);
            let key = key_to(Role::Server);
            let wire = [frame(opcode, &first, key), frame(FIN | CONTINUATION, &rest, key)].concat();
            let received = receive_in(&mut server, &wire, 30_000).unwrap();
            let Ok([Incoming::Message(message)]) = <[Incoming; 1]>::try_from(received) else { panic!("one message") };
            let capacity = message.into_bytes().try_into_mut().unwrap().capacity();
            assert!((length..=length + length / 4).contains(&capacity), "{capacity} for {length}");
        }
    }
}
