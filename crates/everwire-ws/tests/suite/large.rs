//! Large binary messages: how they are read.

use crate::support::*;
use everwire_ws::{Connection, Incoming, Message, Role};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// Reads as a transport does, as much as there is room for. Returns how much that was, and where the buffer stands.
fn read(connection: &mut Connection, wire: &mut &[u8]) -> (usize, *const u8) {
    let buffer = connection.reserve(64 << 10);
    let count = (buffer.capacity() - buffer.len()).min(wire.len());
    buffer.extend_from_slice(&wire[..count]);
    *wire = &wire[count..];
    (count, buffer.as_ptr())
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

#[test]
fn large_messages_in_a_row_are_read_where_they_stay_with_a_read_for_each() {
    for role in ROLES {
        for length in [40_000, 64 << 10] {
            let payload = payload(length);
            let wire = frame(FIN | BINARY, &payload, key_to(role)).repeat(50);
            let (mut connection, mut rest) = (connection(role), &wire[..]);
            let (mut reads, mut messages, mut in_place) = (0, 0, 0);
            let mut buffers = Vec::new();
            while !rest.is_empty() {
                buffers.push(read(&mut connection, &mut rest).1);
                reads += 1;
                for incoming in drain(&mut connection).unwrap() {
                    let Incoming::Message(message) = incoming else { panic!("a message") };
                    assert_eq!(message.payload(), payload);
                    in_place += usize::from(buffers.contains(&message.payload().as_ptr()));
                    messages += 1;
                }
                buffers.drain(..buffers.len().saturating_sub(2));
            }
            assert_eq!(messages, 50);
            assert!(reads <= 53, "{reads} reads for 50 messages of {length}");
            assert!(in_place >= 48, "{in_place} of 50 stand where they were read");
        }
    }
}

#[test]
fn a_large_message_that_comes_when_the_one_before_it_has_been_read_to_its_end_is_not_copied() {
    for role in ROLES {
        let wire = frame(FIN | BINARY, &payload(64 << 10), key_to(role));
        let mut connection = connection(role);
        for number in 0..10 {
            let mut rest = &wire[..];
            let mut buffer = None;
            while !rest.is_empty() {
                buffer = Some(read(&mut connection, &mut rest).1);
                if let Some(Incoming::Message(message)) = drain(&mut connection).unwrap().pop() {
                    assert!(number == 0 || buffer == Some(message.payload().as_ptr()), "message {number}");
                }
            }
            assert!(buffer.is_some());
        }
    }
}

#[test]
fn small_messages_behind_large_ones_are_read_many_at_a_time() {
    for role in ROLES {
        // As many of the small ones as fit exactly into what is read where a large one may begin.
        for small in [26, 122, 128, 200, 20_000] {
            let large = frame(FIN | BINARY, &payload(100_000), key_to(role));
            let message = frame(FIN | BINARY, &payload(small), key_to(role));
            let count = 400_000 / message.len();
            let wire = [large.repeat(3), message.repeat(count)].concat();
            let (mut connection, mut rest) = (connection(role), &wire[..]);
            let (mut reads, mut messages) = (0, 0);
            while !rest.is_empty() {
                read(&mut connection, &mut rest);
                messages += drain(&mut connection).unwrap().len();
                reads += 1;
            }
            assert_eq!(messages, 3 + count);
            assert!(reads < 10 + 2 * (wire.len() >> 16), "{reads} reads with messages of {small}");
        }
    }
}

#[test]
fn what_is_read_twice_before_it_is_taken_stays_in_order() {
    for role in ROLES {
        let wire = [
            frame(FIN | BINARY, &payload(50_000), key_to(role)),
            frame(FIN | TEXT, b"behind it", key_to(role)),
            frame(FIN | BINARY, &payload(50_000), key_to(role)),
        ]
        .concat();
        for first in [10, 49_990, 50_000, 50_013] {
            let mut connection = connection(role);
            connection.receive(&wire[..first]);
            let mut received = drain(&mut connection).unwrap();
            let mut rest = &wire[first..];
            while !rest.is_empty() {
                read(&mut connection, &mut rest);
                read(&mut connection, &mut rest);
                read(&mut connection, &mut rest);
                received.extend(drain(&mut connection).unwrap());
            }
            let expected =
                [Message::binary(payload(50_000)), Message::text("behind it"), Message::binary(payload(50_000))];
            assert_eq!(received, expected.map(Incoming::Message));
        }
    }
}
