//! Several items of a stream in one frame ([C-21]).

use std::collections::VecDeque;

use everwire_ws::Message;

use super::header::{FrameError, MAX_ID, id, number};
use crate::Room;

/// The most items in a frame that we send: their lengths fit its header.
const MOST: usize = 64;
/// The most bytes of payload in a frame that we send, so that an item that is kept holds no more than that in memory.
const MOST_BYTES: usize = 16 << 10;
/// What goes before the lengths, and what goes before each payload at most.
const HEADER: usize = 40;
const LENGTH: usize = 7;

/// How many of these, from the front, may share a frame of at most `max_frame` bytes. The last one may exceed the room's bytes.
pub(crate) fn fitting(items: &VecDeque<Message>, room: Room, max_frame: usize) -> usize {
    let is_text = items.front().is_some_and(|first| matches!(first, Message::Text(_)));
    let most = usize::try_from(room.items).unwrap_or(usize::MAX).min(MOST);
    let (mut count, mut bytes, mut frame) = (0, 0_usize, HEADER);
    for item in items.iter().take(most) {
        let (sum, next) = (bytes.saturating_add(item.len()), frame.saturating_add(item.len() + LENGTH));
        let is_same = matches!(item, Message::Text(_)) == is_text;
        if !is_same || sum > MOST_BYTES || next > max_frame || bytes >= room.bytes {
            break;
        }
        (count, bytes, frame) = (count + 1, sum, next);
    }
    count
}

/// The frame of items that all are text, or all binary.
pub(super) fn join(id: u64, first: u64, items: &[Message]) -> Message {
    let mut digits = itoa::Buffer::new();
    let mut header = String::with_capacity(HEADER.saturating_add(items.len().saturating_mul(LENGTH)));
    header.push_str("@j");
    header.push_str(digits.format(id));
    header.push(' ');
    header.push_str(digits.format(first));
    for item in items {
        header.push(' ');
        header.push_str(digits.format(item.len()));
    }
    header.push('\n');
    let length = items.iter().map(Message::len).sum::<usize>().saturating_add(header.len());
    if items.iter().all(|item| matches!(item, Message::Text(_))) {
        header.reserve_exact(length.saturating_sub(header.len()));
        items.iter().filter_map(Message::as_text).for_each(|text| header.push_str(text));
        return Message::text(header);
    }
    let mut data = header.into_bytes();
    data.reserve_exact(length.saturating_sub(data.len()));
    items.iter().for_each(|item| data.extend_from_slice(item.payload()));
    Message::binary(data)
}

/// The id and the first number of a header without its letter.
pub(super) fn read(header: &str) -> Result<(u64, u64, Vec<usize>), FrameError> {
    let mut words = header.split(' ');
    let mut next = || words.next().ok_or(FrameError::BadNumber);
    let (stream, first) = (id(next()?)?, id(next()?)?);
    let length = |word| number(word).and_then(|length| usize::try_from(length).map_err(|_| FrameError::BadNumber));
    let lengths: Vec<usize> = words.map(length).collect::<Result<_, _>>()?;
    let last = first.saturating_add(lengths.len() as u64).saturating_sub(1);
    if lengths.is_empty() || last > MAX_ID { Err(FrameError::BadNumber) } else { Ok((stream, first, lengths)) }
}

/// Cuts the payload into items of these lengths, which have to be all of it.
pub(super) fn split(payload: &Message, lengths: &[usize]) -> Result<Vec<Message>, FrameError> {
    let mut items = Vec::with_capacity(lengths.len());
    let mut start = 0_usize;
    for length in lengths {
        let end = start.saturating_add(*length);
        items.push(match payload {
            Message::Text(text) => Message::Text(text.slice_ref(text.get(start..end).ok_or(FrameError::BadBody)?)),
            Message::Binary(data) if end <= data.len() => Message::Binary(data.slice(start..end)),
            Message::Binary(_) => return Err(FrameError::BadBody),
        });
        start = end;
    }
    if start == payload.len() { Ok(items) } else { Err(FrameError::BadBody) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;

    fn queue(lengths: &[usize]) -> VecDeque<Message> {
        lengths.iter().map(|length| Message::text("x".repeat(*length))).collect()
    }

    fn room(items: u64, bytes: usize) -> Room {
        Room { items, bytes }
    }

    #[test]
    fn items_of_either_kind_come_back_as_they_were_sent() {
        let texts = vec![Message::text("ü"), Message::text(""), Message::text("\n7 1\n")];
        let binaries = vec![Message::binary(vec![0, 255]), Message::binary(vec![]), Message::binary(vec![b'\n'; 3000])];
        for items in [texts, binaries] {
            let frame = Frame::Items(MAX_ID, 5, items);
            assert_eq!(Frame::parse(frame.to_message()), Ok(frame));
        }
    }

    #[test]
    fn lengths_that_are_not_those_of_the_payload_or_cut_a_character_are_refused() {
        for bad in
            ["@j1 1\n", "@j1\n", "@j1 1 \n", "@j1 1 1\nab", "@j1 1 3\nab", "@j1 1 1 1\nü", "@j1 0 1\na", "@j1 1 01\na"]
        {
            assert!(Frame::parse(bad.into()).is_err(), "{bad:?}");
        }
        assert!(Frame::parse(Message::binary(b"@j1 1 3\nab".to_vec())).is_err());
        let beyond = format!("@j1 {MAX_ID} 1 1\nab");
        assert_eq!(Frame::parse(beyond.into()), Err(FrameError::BadNumber));
    }

    #[test]
    fn as_many_share_a_frame_as_the_credit_the_bytes_and_the_limits_of_a_frame_allow() {
        assert_eq!(fitting(&queue(&[1; 100]), room(1000, 1000), 1000), MOST);
        assert_eq!(fitting(&queue(&[1; 100]), room(3, 1000), 1000), 3);
        assert_eq!(fitting(&queue(&[10; 100]), room(1000, 25), 1000), 3, "the last one may exceed them");
        assert_eq!(fitting(&queue(&[10; 100]), room(1000, 1000), HEADER + 2 * (10 + LENGTH)), 2);
        assert_eq!(fitting(&queue(&[MOST_BYTES, 1]), room(1000, usize::MAX), usize::MAX), 1);
        assert_eq!(fitting(&queue(&[MOST_BYTES + 1]), room(1000, usize::MAX), usize::MAX), 0, "that one goes alone");
        let mut mixed = queue(&[1, 1]);
        mixed.push_back(Message::binary(vec![1]));
        assert_eq!(fitting(&mixed, room(1000, 1000), 1000), 2);
    }

    #[test]
    fn what_fits_is_within_the_frame_that_it_is_for() {
        for lengths in [vec![1; MOST], vec![250; MOST], vec![0; MOST]] {
            let items = queue(&lengths);
            for max in [100, 1_000, 20_000] {
                let count = fitting(&items, room(u64::MAX, usize::MAX), max);
                let frame = join(MAX_ID, MAX_ID - 100, &items.range(..count).cloned().collect::<Vec<_>>());
                assert!(frame.len() <= max.max(HEADER), "{} of {max}", frame.len());
                assert!(frame.payload().iter().position(|byte| *byte == b'\n') < Some(super::super::MAX_HEADER));
            }
        }
    }
}
