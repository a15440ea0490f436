//! Messages encoded once for many connections.

use bytes::Buf;
use everwire_ws::{CloseCode, Connection, Incoming, Limits, Message, Prepared, Role};

use crate::compression::{compressing, settings};
use crate::support::*;

fn news(length: usize) -> Prepared {
    let text = r#"{"type":"text","userId":"ana","text":"good morning, all of you"}"#;
    Prepared::new(Message::text(text.repeat(length / text.len() + 1)))
}

/// What a client with the same settings makes of what a server has queued.
fn received(server: &mut Connection, client: &mut Connection) -> Vec<Incoming> {
    receive_in(client, &server.outgoing().split(), 100).unwrap()
}

#[test]
fn every_kind_of_connection_carries_a_prepared_message() {
    for length in [0, 50, 600, 40_000] {
        let news = news(length);
        let expected = [Incoming::Message(news.message().clone())];
        for context in [false, true] {
            for bits in [9, 12, 15] {
                let mut server = compressing(Role::Server, settings(context, bits), Limits::default());
                let mut client = compressing(Role::Client, settings(context, bits), Limits::default());
                for _ in 0..2 {
                    assert!(server.send_prepared(&news));
                    let before = server.queued_total();
                    assert!(
                        length < 600 || server.buffered() < length,
                        "{length} bytes, context {context}, {bits} bits"
                    );
                    assert_eq!(received(&mut server, &mut client), expected);
                    assert_eq!(server.queued_total(), before);
                    // Mixed with messages of its own.
                    assert!(server.send(news.message()));
                    assert_eq!(received(&mut server, &mut client), expected);
                }
            }
        }
        let mut plain = connection(Role::Server);
        assert!(plain.send_prepared(&news));
        assert_eq!(receive_in(&mut connection(Role::Client), plain.outgoing(), 100).unwrap(), expected);
    }
}

#[test]
fn a_prepared_frame_is_what_sending_the_message_would_have_queued() {
    let news = news(3000);
    for bits in [None, Some(9), Some(15)] {
        let make = || match bits {
            None => connection(Role::Server),
            Some(bits) => compressing(Role::Server, settings(false, bits), Limits::default()),
        };
        let (mut one, mut other) = (make(), make());
        assert!(one.send_prepared(&news) && other.send(news.message()));
        assert_eq!(one.outgoing(), other.outgoing());
    }
}

#[test]
fn a_large_prepared_frame_is_not_copied_for_each_connection() {
    let news = Prepared::new(Message::binary(vec![7; 40_000]));
    let place = |mut server: Connection| {
        assert!(server.send_prepared(&news));
        let place = server.outgoing_pieces().chunk().as_ptr();
        assert_eq!(parse(server.outgoing())[0].1, news.message().payload());
        place
    };
    assert_eq!(place(connection(Role::Server)), place(connection(Role::Server)));
}

#[test]
fn what_does_not_shrink_or_is_too_short_is_shared_uncompressed() {
    let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(n).wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
    for (prepared, threshold) in [(Prepared::new(Message::binary(noise)), 0), (news(500), 100_000)] {
        let mut settings = settings(false, 15);
        settings.threshold = threshold;
        let mut server = compressing(Role::Server, settings, Limits::default());
        assert!(server.send_prepared(&prepared));
        assert_eq!(parse(server.outgoing())[0].1, prepared.message().payload());
    }
}

#[test]
fn a_client_masks_a_prepared_message_for_itself() {
    let mut client = connection(Role::Client);
    assert!(client.send_prepared(&news(50)));
    let wire = client.outgoing().split();
    assert_eq!(wire[1] & 0x80, 0x80);
    assert_eq!(receive_in(&mut connection(Role::Server), &wire, 9).unwrap().len(), 1);
}

#[test]
fn a_prepared_message_is_refused_behind_a_close_frame() {
    for role in [Role::Client, Role::Server] {
        let mut connection = connection(role);
        connection.close(CloseCode::NORMAL, "");
        let queued = connection.queued_total();
        assert!(!connection.send_prepared(&news(10)));
        assert_eq!(connection.queued_total(), queued);
    }
}
