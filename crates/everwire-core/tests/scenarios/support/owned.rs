//! Messages whose payloads have an owner that sees when it is dropped.

use std::cell::Cell;

use bytes::Bytes;
use everwire_core::Message;

thread_local! {
    static MAY_DROP: Cell<bool> = const { Cell::new(false) };
    static ALIVE: Cell<usize> = const { Cell::new(0) };
    static DROPPED_WITHIN: Cell<usize> = const { Cell::new(0) };
}

struct Owner(String);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        if !MAY_DROP.get() {
            DROPPED_WITHIN.set(DROPPED_WITHIN.get() + 1);
        }
    }
}

pub(crate) fn owned(text: &str) -> Message {
    ALIVE.set(ALIVE.get() + 1);
    Message::binary(Bytes::from_owner(Owner(text.to_owned())))
}

/// Drops it where owners may be dropped; everywhere else they may not.
pub(crate) fn let_go<T>(value: T) {
    MAY_DROP.set(true);
    drop(value);
    MAY_DROP.set(false);
}

/// How many live, and how many were dropped where they may not be, since the last call.
pub(crate) fn counts() -> (usize, usize) {
    (ALIVE.get(), DROPPED_WITHIN.take())
}
