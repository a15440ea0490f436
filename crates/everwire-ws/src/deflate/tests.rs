use super::*;
use crate::ProtocolError;

const LIMIT: usize = 4 << 20;

fn agreement(context: bool, bits: u8) -> Agreement {
    Agreement {
        own_context: context,
        peer_context: context,
        own_window: WindowBits::new(bits),
        settings: Deflate { threshold: 0, ..Deflate::default() },
    }
}

fn text(number: usize) -> Vec<u8> {
    format!(r#"{{"type":"text","id":"{number}","userId":"ana","userName":"Ana","text":"good morning, all of you"}}"#)
        .repeat(1 + number * 7)
        .into_bytes()
}

#[test]
fn messages_come_back_with_and_without_context_for_every_window() {
    for bits in 9..=15 {
        for context in [false, true] {
            let agreement = agreement(context, bits);
            let (mut deflater, mut inflater) = (Deflater::new(&agreement), Inflater::new(&agreement));
            for number in 0..30 {
                let payload = text(number);
                let wire = deflater.deflate(&payload, <[u8]>::to_vec).expect("it shrinks");
                let mut out = Vec::new();
                // In pieces of three bytes: any split must do.
                for piece in wire.chunks(3) {
                    inflater.inflate(piece, &mut out, LIMIT).expect("valid");
                }
                inflater.finish(&mut out, LIMIT).expect("valid");
                assert_eq!(out, payload, "{bits} bits, context {context}, message {number}");
            }
        }
    }
}

#[test]
fn without_context_each_message_is_what_it_would_be_alone() {
    let agreement = agreement(false, 15);
    let alone = |payload: &[u8]| {
        // A thread of its own has states of its own.
        std::thread::scope(|scope| {
            let deflate = || Deflater::new(&agreement).deflate(payload, <[u8]>::to_vec);
            scope.spawn(deflate).join().expect("no panic").expect("it shrinks")
        })
    };
    let mut deflater = Deflater::new(&agreement);
    for number in [3, 3, 0, 100, 3, 40] {
        let payload = text(number);
        assert_eq!(deflater.deflate(&payload, <[u8]>::to_vec).expect("it shrinks"), alone(&payload), "{number}");
        assert!(deflater.deflate(&[number as u8; 1], <[u8]>::to_vec).is_none(), "does not shrink");
    }
}

#[test]
fn a_kept_context_makes_similar_messages_smaller_and_may_be_released_at_any_time() {
    let agreement = agreement(true, 15);
    let (mut deflater, mut inflater) = (Deflater::new(&agreement), Inflater::new(&agreement));
    let mut sizes = Vec::new();
    for number in 0..3 {
        if number == 2 {
            deflater.release();
        }
        let wire = deflater.deflate(&text(0), <[u8]>::to_vec).expect("it shrinks");
        let mut out = Vec::new();
        inflater.inflate(&wire, &mut out, LIMIT).expect("valid");
        inflater.finish(&mut out, LIMIT).expect("valid");
        assert_eq!(out, text(0));
        sizes.push(wire.len());
    }
    assert!(sizes[1] * 3 < sizes[0], "{sizes:?}");
    assert_eq!(sizes[2], sizes[0]);
}

#[test]
fn what_does_not_shrink_or_is_under_the_threshold_goes_plain_and_leaves_the_context_right() {
    let mut agreement = agreement(true, 15);
    agreement.settings.threshold = 20;
    let (mut deflater, mut inflater) = (Deflater::new(&agreement), Inflater::new(&agreement));
    let noise: Vec<u8> =
        std::iter::successors(Some(1_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
            .take(4096)
            .map(|n| n.to_be_bytes()[0])
            .collect();
    assert!(deflater.deflate(b"short", <[u8]>::to_vec).is_none());
    for _ in 0..2 {
        assert!(deflater.deflate(&noise, <[u8]>::to_vec).is_none());
        let wire = deflater.deflate(&text(1), <[u8]>::to_vec).expect("it shrinks");
        let mut out = Vec::new();
        inflater.inflate(&wire, &mut out, LIMIT).expect("valid");
        inflater.finish(&mut out, LIMIT).expect("valid");
        assert_eq!(out, text(1));
    }
}

#[test]
fn a_bomb_is_refused_before_it_has_cost_more_than_the_limit() {
    let mut agreement = agreement(false, 15);
    agreement.settings.level = 9;
    let zeros = vec![0; 64 << 20];
    let wire = Deflater::new(&agreement).deflate(&zeros, <[u8]>::to_vec).expect("it shrinks");
    let mut out = Vec::new();
    let refused = Inflater::new(&agreement).inflate(&wire, &mut out, 1 << 16);
    assert_eq!(refused, Err(ProtocolError::InflatedTooLarge { limit: 1 << 16 }));
    assert!(out.capacity() <= (1 << 16) + 1);
    out.clear();
    let refused = Inflater::new(&agreement).inflate(&wire, &mut out, usize::MAX - 1);
    assert_eq!(refused, Err(ProtocolError::InflatedTooFar { limit: 256 }));
    assert!(out.capacity() <= 4 << 20, "{}", out.capacity());
}

#[test]
fn garbage_is_refused_and_the_empty_message_is_one_byte() {
    let agreement = agreement(false, 15);
    let mut out = Vec::new();
    assert_eq!(Inflater::new(&agreement).inflate(&[0xff; 8], &mut out, LIMIT), Err(ProtocolError::InvalidDeflate));
    let mut inflater = Inflater::new(&agreement);
    inflater.inflate(&[0x00], &mut out, LIMIT).expect("valid");
    inflater.finish(&mut out, LIMIT).expect("valid");
    assert!(out.is_empty());
}

#[test]
fn a_block_marked_as_final_ends_a_stream_but_not_the_connection() {
    // RFC 7692 section 7.2.3.4: "Hello" with BFINAL set.
    let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let mut inflater = Inflater::new(&agreement(true, 15));
    for _ in 0..2 {
        let mut out = Vec::new();
        inflater.inflate(&hello, &mut out, LIMIT).expect("valid");
        inflater.finish(&mut out, LIMIT).expect("valid");
        assert_eq!(out, b"Hello");
    }
}
