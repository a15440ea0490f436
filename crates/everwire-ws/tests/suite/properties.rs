//! Random messages, cut into random fragments, mixed with control frames, arriving in random pieces, decode alike.

use everwire_ws::{Incoming, Message, Role};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::*;

/// A message and where its fragments end, with the pings between them.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) message: Message,
    pub(crate) cuts: Vec<Index>,
    pub(crate) ping_after: Option<(Index, Vec<u8>)>,
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let sizes =
        prop_oneof![4 => 0..200_usize, 2 => 100..2000_usize, 1 => 31_000..35_000_usize, 1 => 65_000..70_000_usize];
    prop_oneof![
        any::<String>().prop_map(Message::from),
        ("\\PC{0,8}", 0..400_usize).prop_map(|(text, times)| Message::from(text.repeat(times))),
        (sizes, any::<u8>()).prop_map(|(size, seed)| Message::from(
            (0..size).map(|i| (i as u8).wrapping_mul(seed)).collect::<Vec<_>>()
        )),
    ]
}

pub(crate) fn sent() -> impl Strategy<Value = Sent> {
    let cuts = prop_oneof![Just(vec![]), prop::collection::vec(any::<Index>(), 0..6)];
    let ping = prop::option::of((any::<Index>(), prop::collection::vec(any::<u8>(), 0..=125)));
    (message(), cuts, ping).prop_map(|(message, cuts, ping_after)| Sent { message, cuts, ping_after })
}

impl Sent {
    /// The frames, and what should come out.
    pub(crate) fn encode(&self, key: Option<[u8; 4]>, wire: &mut Vec<u8>, expected: &mut Vec<Incoming>) {
        let payload = self.message.payload();
        let mut ends: Vec<usize> = self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        ends.push(payload.len());
        ends.sort_unstable();
        let mut opcode = if self.message.as_text().is_some() { TEXT } else { BINARY };
        let mut start = 0;
        for (i, &end) in ends.iter().enumerate() {
            let fin = if i + 1 == ends.len() { FIN } else { 0 };
            wire.extend(frame(fin | opcode, &payload[start..end], key));
            opcode = CONTINUATION;
            start = end;
            if let Some((after, ping)) = &self.ping_after
                && after.index(ends.len()) == i
                && fin == 0
            {
                wire.extend(frame(FIN | PING, ping, key));
                expected.push(Incoming::Ping(ping.clone().into()));
            }
        }
        expected.push(Incoming::Message(self.message.clone()));
    }
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

proptest! {
    #[test]
    fn any_fragmentation_and_any_reads_give_the_same_messages(
        role in role(),
        sent in prop::collection::vec(sent(), 1..6),
        reads in prop::collection::vec(prop_oneof![1..20_usize, 1..5000_usize, 50_000..100_000_usize], 1..8),
        by_reserve in any::<bool>(),
        in_place in any::<bool>(),
        reads_between in 1..4_usize,
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.encode(key_to(role), &mut wire, &mut expected);
        }
        let mut connection = connection(role);
        let mut received = Vec::new();
        let mut rest = &wire[..];
        for (number, read) in reads.iter().cycle().enumerate() {
            let (now, later) = rest.split_at((*read).min(rest.len()));
            if by_reserve {
                // As a transport reads: no more than there is room for.
                let buffer = connection.reserve(*read);
                let room = (buffer.capacity() - buffer.len()).min(now.len());
                buffer.extend_from_slice(&now[..room]);
                rest = &rest[room..];
            } else {
                connection.receive(now);
                rest = later;
            }
            if number % reads_between == 0 || rest.is_empty() {
                let drain = if in_place { drain_in_place } else { drain };
                received.extend(drain(&mut connection).unwrap());
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn what_one_side_sends_the_other_receives(
        sender in role(),
        messages in prop::collection::vec(message(), 0..20),
        pieces in 1..100_000_usize,
    ) {
        let receiver = if sender == Role::Client { Role::Server } else { Role::Client };
        let mut sender = connection(sender);
        for message in &messages {
            prop_assert!(sender.send(message));
        }
        let wire = sender.outgoing().split();
        let received = receive_in(&mut connection(receiver), &wire, pieces).unwrap();
        let expected: Vec<_> = messages.into_iter().map(Incoming::Message).collect();
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn a_peers_text_is_accepted_exactly_if_it_is_utf8(
        role in role(),
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20),
            (any::<String>(), 0..300_usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
            (any::<String>(), prop::collection::vec(0x80_u8.., 0..4), any::<String>())
                .prop_map(|(a, b, c)| [a.as_bytes(), &b, c.as_bytes()].concat()),
        ],
        cut in any::<Index>(),
        fragmented in any::<bool>(),
        pieces in 1..40_usize,
    ) {
        let key = key_to(role);
        let wire = if fragmented {
            let (first, rest) = payload.split_at(cut.index(payload.len() + 1));
            [frame(TEXT, first, key), frame(FIN | CONTINUATION, rest, key)].concat()
        } else {
            frame(FIN | TEXT, &payload, key)
        };
        let mut lending = connection(role);
        lending.receive(&wire);
        for received in [receive_in(&mut connection(role), &wire, pieces), drain_in_place(&mut lending)] {
            match std::str::from_utf8(&payload) {
                Ok(text) => prop_assert_eq!(received.unwrap(), [Incoming::Message(Message::text(text))]),
                Err(_) => prop_assert_eq!(received, Err(everwire_ws::ProtocolError::InvalidUtf8)),
            }
        }
    }
}
