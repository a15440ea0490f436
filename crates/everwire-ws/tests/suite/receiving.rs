//! What a connection takes from its peer and what it refuses, rule by rule.

use crate::support::*;
use bytestring::ByteString;
use everwire_ws::{CloseCode, CloseFrame, Incoming, Message, MessageRef, Phase, ProtocolError, Role};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn text(text: &str) -> Incoming {
    Incoming::Message(Message::text(text))
}

#[test]
fn messages_of_every_length_class_arrive_whole_and_in_pieces() {
    for role in ROLES {
        for length in [0, 1, 7, 63, 64, 65, 125, 126, 1000, 4096, 65_535, 65_536, 200_000] {
            let payload: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            let wire = frame(FIN | BINARY, &payload, key_to(role));
            for piece in [1, 5, 4096, 70_000, usize::MAX] {
                if piece == 1 && length > 5000 {
                    continue;
                }
                let received = receive_in(&mut connection(role), &wire, piece).unwrap();
                assert_eq!(received, [Incoming::Message(Message::binary(payload.clone()))]);
            }
        }
    }
}

#[test]
fn text_of_every_length_class_arrives_whole_and_in_pieces() {
    for role in ROLES {
        for length in [0, 1, 21, 22, 42, 1000, 30_000] {
            let payload = "a€😀".repeat(length);
            let wire = frame(FIN | TEXT, payload.as_bytes(), key_to(role));
            for piece in [1, 3, 4096, usize::MAX] {
                let received = receive_in(&mut connection(role), &wire, piece).unwrap();
                assert_eq!(received, [text(&payload)]);
            }
        }
    }
}

#[test]
fn fragments_make_one_message_and_control_frames_may_stand_between_them() {
    for role in ROLES {
        let key = key_to(role);
        let wire = [
            frame(TEXT, b"one ", key),
            frame(FIN | PING, b"p", key),
            frame(CONTINUATION, b"", key),
            frame(CONTINUATION, b"two ", key),
            frame(FIN | PONG, b"q", key),
            frame(FIN | CONTINUATION, b"three", key),
            frame(FIN | TEXT, b"next", key),
        ]
        .concat();
        for piece in [1, 2, 3, 1000] {
            let received = receive_in(&mut connection(role), &wire, piece).unwrap();
            let expected =
                [Incoming::Ping("p".into()), Incoming::Pong("q".into()), text("one two three"), text("next")];
            assert_eq!(received, expected);
        }
    }
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let euro = "€".as_bytes();
    let wire = [
        frame(TEXT, &euro[..1], None),
        frame(CONTINUATION, &euro[1..2], None),
        frame(FIN | PING, b"", None),
        frame(FIN | CONTINUATION, &euro[2..], None),
    ]
    .concat();
    let received = receive_in(&mut connection(Role::Client), &wire, usize::MAX).unwrap();
    assert_eq!(received.last(), Some(&text("€")));
}

#[test]
fn invalid_text_fails_in_the_middle_of_a_frame() {
    for role in ROLES {
        let mut payload = "κόσμε".as_bytes().to_vec();
        payload.extend(b"\xf4\x90");
        let bad_at = payload.len();
        payload.extend([b'x'; 100]);
        let wire = frame(FIN | TEXT, &payload, key_to(role));
        let header = wire.len() - payload.len();
        let mut connection = connection(role);
        assert_eq!(receive_in(&mut connection, &wire[..header + bad_at - 1], 1).unwrap(), []);
        connection.receive(&wire[header + bad_at - 1..header + bad_at]);
        assert_eq!(connection.next_incoming(), Err(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn invalid_text_fails_at_the_fragment_that_makes_it_so() {
    for role in ROLES {
        let key = key_to(role);
        let mut connection = connection(role);
        assert_eq!(receive_in(&mut connection, &frame(TEXT, b"a\xed", key), 100).unwrap(), []);
        let next = frame(CONTINUATION, b"\xa0", key);
        assert_eq!(receive_in(&mut connection, &next, 100), Err(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn invalid_or_unfinished_text_in_one_frame_is_refused() {
    for role in ROLES {
        for bad in [&b"\xff"[..], b"ab\xe2\x82", &[b"x".repeat(100), b"\xc3".to_vec()].concat(), b"\xed\xa0\x80"] {
            assert_eq!(error(role, &frame(FIN | TEXT, bad, key_to(role))), ProtocolError::InvalidUtf8);
        }
    }
}

#[test]
fn what_came_before_an_error_is_delivered_first_and_can_be_answered_before_the_close_frame() {
    let key = key_to(Role::Server);
    for bad in [frame(FIN | TEXT, b"\xff", key), vec![FIN | 3], frame(FIN | CONTINUATION, b"x", key)] {
        // What follows the violation is never looked at.
        let wire = [frame(FIN | TEXT, b"good", key), bad, frame(FIN | TEXT, b"late", key)].concat();
        let mut connection = connection(Role::Server);
        connection.receive(&wire);
        assert_eq!(connection.next_incoming(), Ok(Some(text("good"))));
        assert!(!connection.is_failing());
        assert_eq!(connection.next_incoming(), Ok(None));
        assert!(connection.is_failing());
        assert!(connection.send(&Message::text("answer")));
        connection.receive(&frame(FIN | TEXT, b"later", key));
        assert!(connection.next_incoming().is_err());
        assert_eq!((connection.next_incoming(), connection.is_failing()), (Ok(None), false));
        let sent = parse(connection.outgoing());
        assert_eq!(sent[0], (FIN | TEXT, b"answer".to_vec()));
        assert_eq!((sent.len(), sent[1].0), (2, FIN | CLOSE));
    }
}

#[test]
fn whole_messages_can_be_taken_in_place_and_all_else_is_left_in_its_order() {
    for role in ROLES {
        let key = key_to(role);
        let long = "é".repeat(50_000);
        let wire = [
            frame(FIN | TEXT, b"one", key),
            frame(FIN | BINARY, &[0xff; 300], key),
            frame(FIN | PING, b"p", key),
            frame(FIN | TEXT, long.as_bytes(), key),
            frame(TEXT, b"in two ", key),
            frame(FIN | CONTINUATION, b"pieces", key),
            frame(FIN | BINARY, b"", key),
            frame(FIN | TEXT, b"cut", key),
        ]
        .concat();
        let mut connection = connection(role);
        connection.receive(&wire[..wire.len() - 1]);
        assert_eq!(connection.next_ref(), Some(MessageRef::Text("one")));
        assert_eq!(connection.next_ref(), Some(MessageRef::Binary(&[0xff; 300])));
        assert_eq!(connection.next_ref(), None);
        assert_eq!(connection.next_incoming(), Ok(Some(Incoming::Ping("p".into()))));
        assert_eq!(connection.next_ref(), Some(MessageRef::Text(&long)));
        assert_eq!(connection.next_ref(), None);
        assert_eq!(connection.next_incoming(), Ok(Some(text("in two pieces"))));
        assert_eq!(connection.next_ref(), Some(MessageRef::Binary(b"")));
        assert_eq!(connection.next_ref(), None);
        assert_eq!(connection.next_incoming(), Ok(None));
        connection.receive(&wire[wire.len() - 1..]);
        assert_eq!(connection.next_incoming(), Ok(Some(text("cut"))));
    }
}

#[test]
fn invalid_text_is_never_shown_in_place_and_nothing_behind_it() {
    for role in ROLES {
        for bad in [&b"\xff"[..], &[b"x".repeat(100), b"\xc3".to_vec()].concat()] {
            let key = key_to(role);
            let mut connection = connection(role);
            connection.receive(&[frame(FIN | TEXT, bad, key), frame(FIN | TEXT, b"late", key)].concat());
            assert_eq!(connection.next_ref(), None);
            assert!(connection.is_failing());
            assert_eq!(connection.next_ref(), None);
            assert_eq!(connection.next_incoming(), Err(ProtocolError::InvalidUtf8));
            assert_eq!(connection.next_ref(), None);
            assert_eq!(connection.phase(), Phase::Closed);
        }
    }
}

#[test]
fn a_violation_behind_messages_taken_in_place_waits_for_their_answers() {
    let key = key_to(Role::Server);
    let mut connection = connection(Role::Server);
    connection.receive(&[frame(FIN | TEXT, b"good", key), frame(FIN | CONTINUATION, b"", key)].concat());
    assert_eq!(connection.next_ref(), Some(MessageRef::Text("good")));
    assert_eq!(connection.next_ref(), None);
    assert_eq!((connection.next_incoming(), connection.is_failing()), (Ok(None), true));
    assert!(connection.send(&Message::text("answer")));
    assert_eq!(connection.next_incoming(), Err(ProtocolError::ContinuationUnexpected));
    assert_eq!(parse(connection.outgoing())[0], (FIN | TEXT, b"answer".to_vec()));
}

#[test]
fn frames_out_of_order_are_refused() {
    for role in ROLES {
        let key = key_to(role);
        let lone = frame(FIN | CONTINUATION, b"x", key);
        assert_eq!(error(role, &lone), ProtocolError::ContinuationUnexpected);
        let after_whole = [frame(FIN | TEXT, b"x", key), frame(CONTINUATION, b"x", key)].concat();
        assert_eq!(error(role, &after_whole), ProtocolError::ContinuationUnexpected);
        for opcode in [TEXT, BINARY] {
            let interleaved = [frame(TEXT, b"x", key), frame(FIN | opcode, b"x", key)].concat();
            assert_eq!(error(role, &interleaved), ProtocolError::ContinuationMissing);
        }
    }
}

#[test]
fn a_rule_broken_in_the_header_is_refused_before_the_payload_comes() {
    let cases: [(Role, &[u8], ProtocolError); 9] = [
        (Role::Server, &[FIN | TEXT, 5], ProtocolError::MaskMissing),
        (Role::Client, &[FIN | TEXT, 0x85], ProtocolError::MaskUnexpected),
        (Role::Client, &[FIN | 0x40 | TEXT], ProtocolError::ReservedBits),
        (Role::Client, &[FIN | 3], ProtocolError::ReservedOpcode(3)),
        (Role::Client, &[FIN | 0xb], ProtocolError::ReservedOpcode(11)),
        (Role::Client, &[PING], ProtocolError::ControlFragmented),
        (Role::Client, &[FIN | PING, 126], ProtocolError::ControlTooLong),
        (Role::Client, &[FIN | BINARY, 126, 0, 125], ProtocolError::LengthNotMinimal),
        (Role::Client, &[FIN | BINARY, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], ProtocolError::LengthOverflow),
    ];
    for (role, bytes, expected) in cases {
        assert_eq!(error(role, bytes), expected);
    }
}

#[test]
fn a_close_frames_payload_is_judged() {
    for role in ROLES {
        let close = |payload: &[u8]| frame(FIN | CLOSE, payload, key_to(role));
        assert_eq!(error(role, &close(b"\x03")), ProtocolError::CloseTooShort);
        let said = |code, reason: &str| CloseFrame { code: CloseCode(code), reason: reason.to_owned().into() };
        let cut = error(role, &close(&close_payload(4401, b"Token l\xc3")));
        assert_eq!(cut, ProtocolError::CloseReasonInvalid(said(4401, "Token l\u{fffd}")));
        assert_eq!(cut.to_string(), "close reason is not UTF-8; with code 4401: Token l\u{fffd}");
        let invalid = error(role, &close(&close_payload(1006, b"token expired")));
        assert_eq!(invalid.to_string(), "close code 1006 is not allowed on the wire; its reason: token expired");
        let reason = format!("Token läuft ab {}", "ä".repeat(60));
        let long = error(role, &close(&close_payload(4401, reason.as_bytes())));
        assert!(
            long.to_string().starts_with("close frame longer than 125 bytes; with code 4401: Token läuft ab ä"),
            "{long}"
        );
        assert!(!long.to_string().contains('\u{fffd}'), "{long}");
        assert_eq!(error(role, &close(&[b'x'; 70_000])), ProtocolError::CloseTooLong(said(0x7878, &"x".repeat(123))));
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert_eq!(error(role, &close(&close_payload(code, b""))), ProtocolError::CloseCodeInvalid(said(code, "")));
        }
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            let received = receive_in(&mut connection(role), &close(&close_payload(code, b"why")), 1).unwrap();
            let frame = CloseFrame { code: CloseCode(code), reason: ByteString::from_static("why") };
            assert_eq!(received, [Incoming::Close(Some(frame))]);
        }
        assert_eq!(receive_in(&mut connection(role), &close(b""), 1).unwrap(), [Incoming::Close(None)]);
    }
}

#[test]
fn after_an_error_nothing_more_comes_and_the_peer_is_told_why() {
    let cases: [(&[u8], u16); 3] = [
        (&frame(FIN | TEXT, b"\xff", None), 1007),
        (&[FIN | 3, 0], 1002),
        (&[FIN | BINARY, 127, 0, 0, 1, 0, 0, 0, 0, 0], 1009),
    ];
    for (bytes, code) in cases {
        let mut connection = connection(Role::Client);
        connection.receive(bytes);
        let error = connection.next_incoming().unwrap_err();
        assert_eq!(error.close_code(), CloseCode(code));
        assert_eq!(connection.phase(), Phase::Closed);
        connection.receive(&frame(FIN | TEXT, b"more", None));
        assert_eq!(connection.next_incoming(), Ok(None));
        let sent = parse(&connection.outgoing().split());
        assert_eq!(sent, [(FIN | CLOSE, close_payload(code, error.to_string().as_bytes()))]);
    }
}

#[test]
fn a_message_that_is_kept_pins_nothing_of_the_buffer_it_came_in() {
    let mut connection = connection(Role::Client);
    let wire: Vec<u8> = (0..100).flat_map(|_| frame(FIN | BINARY, &[1; 100], None)).collect();
    let before = connection.reserve(wire.len()).as_ptr_range().start;
    connection.receive(&wire);
    let buffer = before..before.wrapping_add(wire.len());
    for incoming in drain(&mut connection).unwrap() {
        let Incoming::Message(message) = incoming else { panic!("a message") };
        assert!(!buffer.contains(&message.payload().as_ptr()));
    }
}
