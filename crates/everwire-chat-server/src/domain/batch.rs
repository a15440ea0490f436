//! Several events in one text message, as a JSON array: a client pays for every message, a browser some 100 µs. Only for
//! clients with the extensions: others may not read arrays.

use std::borrow::Borrow;

/// Events in one array at most.
const MOST: usize = 256;

/// Bytes of one array at most. A single event may be larger; it goes out as the object that it is.
const BYTES: usize = 32 << 10;

/// Cuts events, in order, into pieces that fit one message each; `size` says how many bytes of JSON an event has.
pub(crate) fn split<T>(mut events: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let mut bytes = "[".len();
        let fit = events.iter().take(MOST).take_while(|event| {
            bytes += size(event) + ",".len();
            bytes <= BYTES
        });
        let count = fit.count().max(1);
        let (piece, rest) = events.split_at_checked(count)?;
        events = rest;
        Some(piece)
    })
}

/// The text of one message from the JSON of its events.
pub(crate) fn join<T: Borrow<str>>(events: &[T]) -> String {
    match events {
        [single] => single.borrow().to_owned(),
        several => format!("[{}]", several.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sizes: &[usize]) -> Vec<usize> {
        split(sizes, |size| *size).map(<[usize]>::len).collect()
    }

    #[test]
    fn a_batch_has_at_most_so_many_events_and_so_many_bytes() {
        assert_eq!(pieces(&[10; 600]), [256, 256, 88]);
        let half = (BYTES - "[,]".len()) / 2;
        assert_eq!(pieces(&[half, half, half]), [2, 1]);
        assert_eq!(pieces(&[half, half + 2, 1]), [1, 2], "a byte too many");
        assert_eq!(pieces(&[1, 2 * BYTES, 1]), [1, 1, 1], "what is too large goes alone");
        assert!(pieces(&[]).is_empty());
        let full = ["x".repeat(half), "y".repeat(half)];
        assert!(join(&full).len() <= BYTES);
    }

    #[test]
    fn a_single_event_is_an_object_and_several_are_an_array() {
        assert_eq!(join(&[r#"{"type":"a"}"#]), r#"{"type":"a"}"#);
        assert_eq!(join(&["{}".to_owned(), "{}".to_owned()]), "[{},{}]");
    }
}
