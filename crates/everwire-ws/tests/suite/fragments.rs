//! Messages that go out in several frames, and what may pass between these.

use everwire_ws::{CloseCode, Compress, Connection, Incoming, Limits, Message, Role};
use proptest::prelude::*;

use crate::compression::{compressing, settings};
use crate::properties::{message, role};
use crate::support::*;

fn peer_of(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Everything that the peer of these bytes' sender makes of them.
fn received(sender: &mut Connection, peer: &mut Connection) -> Vec<Incoming> {
    peer.receive(&sender.outgoing().split());
    drain(peer).unwrap()
}

#[test]
fn a_message_in_fragments_starts_with_its_opcode_and_ends_with_the_final_bit() {
    for role in [Role::Client, Role::Server] {
        let mut sender = connection(role);
        let message = Message::text("ab\u{e4}cdef");
        let mut fragmented = sender.start_fragmented(b"m1:", &message).unwrap();
        assert_eq!(fragmented.remaining(), 3 + 8);
        let mut more = Vec::new();
        while !fragmented.is_done() {
            more.push(sender.send_fragment(&mut fragmented, 4));
        }
        assert_eq!(more, [true, true, false]);
        let expected: [(u8, &[u8]); 3] = [(TEXT, b"m1:a"), (CONTINUATION, b"b\xc3\xa4c"), (FIN | CONTINUATION, b"def")];
        assert_eq!(parse(&sender.outgoing().split()), expected.map(|(first, payload)| (first, payload.to_vec())));
        assert!(!sender.send_fragment(&mut fragmented, 4), "nothing is left");
        assert_eq!(sender.buffered(), 0);
    }
}

#[test]
fn pings_pongs_and_a_close_frame_pass_between_fragments_and_messages_do_not() {
    let (mut sender, mut peer) = (connection(Role::Client), connection(Role::Server));
    let mut fragmented = sender.start_fragmented(&[], &Message::binary(vec![7; 100])).unwrap();
    assert!(sender.send_fragment(&mut fragmented, 60));
    assert!(sender.ping(b"still there?"));
    sender.receive(&frame(FIN | PING, b"and you?", None));
    drain(&mut sender).unwrap();
    assert!(!sender.send(&Message::text("not now")), "no message may interrupt another");
    assert!(!sender.send_with(&Message::text("not now"), Compress::No));
    assert!(sender.start_fragmented(&[], &Message::text("not now")).is_none());
    let heard = received(&mut sender, &mut peer);
    assert_eq!(
        heard,
        [Incoming::Ping(bytes::Bytes::from_static(b"still there?")), Incoming::Pong("and you?".into())],
        "both are there before the message is"
    );
    assert!(!sender.send_fragment(&mut fragmented, 60));
    assert!(sender.send(&Message::text("now")));
    let heard = received(&mut sender, &mut peer);
    assert_eq!(heard, [Incoming::Message(Message::binary(vec![7; 100])), Incoming::Message(Message::text("now"))]);
}

#[test]
fn after_a_close_frame_the_rest_of_a_message_is_not_sent() {
    let (mut sender, mut peer) = (connection(Role::Client), connection(Role::Server));
    let mut fragmented = sender.start_fragmented(&[], &Message::binary(vec![7; 100])).unwrap();
    assert!(sender.send_fragment(&mut fragmented, 60));
    sender.close(CloseCode::NORMAL, "enough");
    assert!(!sender.send_fragment(&mut fragmented, 60));
    assert!(!fragmented.is_done(), "it was not sent to its end");
    assert!(sender.start_fragmented(&[], &Message::text("more")).is_none());
    let heard = received(&mut sender, &mut peer);
    assert!(matches!(&heard[..], [Incoming::Close(Some(frame))] if frame.reason == "enough"), "{heard:?}");
}

#[test]
fn a_servers_long_fragments_are_not_copied() {
    let payload = bytes::Bytes::from(vec![7; 100_000]);
    let mut server = connection(Role::Server);
    let mut fragmented = server.start_fragmented(&[], &Message::binary(payload.clone())).unwrap();
    assert!(server.send_fragment(&mut fragmented, 65_536));
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let count = bytes::Buf::chunks_vectored(server.outgoing_pieces(), &mut slices);
    assert_eq!(count, 2);
    assert_eq!(slices[1].as_ptr(), payload.as_ptr());
}

proptest! {
    #[test]
    fn the_peer_gets_the_message_whatever_the_fragments_and_the_compression(
        role in role(),
        messages in prop::collection::vec(message(), 1..4),
        prefix in prop::sample::select(vec!["", "m17:"]),
        most in 0_usize..300,
        compression in prop::option::of(any::<bool>()),
    ) {
        let connect = |role| match compression {
            None => connection(role),
            Some(context) => compressing(role, settings(context, 15), Limits::default()),
        };
        let (mut sender, mut peer) = (connect(role), connect(peer_of(role)));
        for message in messages {
            let mut fragmented = sender.start_fragmented(prefix.as_bytes(), &message).unwrap();
            while sender.send_fragment(&mut fragmented, most) {}
            let whole = [prefix.as_bytes(), message.payload()].concat();
            let expected = match &message {
                Message::Text(_) => Message::text(String::from_utf8(whole).unwrap()),
                Message::Binary(_) => Message::binary(whole),
            };
            prop_assert_eq!(received(&mut sender, &mut peer), [Incoming::Message(expected)]);
            // What follows is a message like any other.
            prop_assert!(sender.send(&message));
            prop_assert_eq!(received(&mut sender, &mut peer), [Incoming::Message(message)]);
        }
    }
}
