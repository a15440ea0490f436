//! Our direction: payloads compressed.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{Agreement, TAIL, WindowBits};

/// Compresses the messages of one connection. Without context it owns nothing: the state, some 260 KiB, is borrowed from
/// the thread's pool for the length of one message.
#[derive(Debug)]
pub(crate) struct Deflater {
    kept: Option<Compress>,
    keep: bool,
    /// `None`: nothing can be compressed.
    window_bits: Option<WindowBits>,
    level: u8,
    threshold: usize,
}

/// The form of a shared message that a connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// Uncompressed.
    Plain,
    /// Compressed without context.
    Compressed { level: u8, window: WindowBits },
    /// None: it has to compress for itself.
    Not,
}

impl Deflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self {
            kept: None,
            keep: agreement.own_context,
            window_bits: agreement.own_window,
            level: agreement.settings.level.min(9),
            threshold: agreement.settings.threshold,
        }
    }

    /// In which form a payload of this length may be sent here if it is encoded once for many connections.
    pub(crate) fn takes_shared(&self, length: usize) -> Shared {
        match self.window_bits {
            Some(_) if length < self.threshold.max(1) => Shared::Plain,
            None => Shared::Plain,
            // In a context of our own, the foreign message would be missing.
            Some(_) if self.keep => Shared::Not,
            // No distance is longer than the payload: a short one is within every window.
            Some(bits) if length <= 1 << bits.bits() => {
                Shared::Compressed { level: self.level, window: WindowBits::MAX }
            }
            Some(bits) => Shared::Compressed { level: self.level, window: bits },
        }
    }

    /// Calls `with` with the payload's compressed form, as it goes on the wire. `None`: it is to be sent as it is, because
    /// it is under the threshold or would not shrink.
    pub(crate) fn deflate<T>(&mut self, payload: &[u8], with: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let window_bits = self.window_bits?;
        if payload.len() < self.threshold.max(1) {
            return None;
        }
        let kept = self.kept.take();
        POOL.with_borrow_mut(|pool| {
            let mut state = match kept {
                Some(state) => state,
                None => pool.take(self.level, window_bits),
            };
            pool.scratch.clear();
            let flush = if self.keep { FlushCompress::Sync } else { FORGETTING };
            let done = run(&mut state, payload, flush, &mut pool.scratch);
            let result = (done && pool.scratch.len() < payload.len()).then(|| with(&pool.scratch));
            if self.keep && result.is_some() {
                self.kept = Some(state);
            } else {
                // What was not sent must not be referred to later.
                if self.keep || !done {
                    state.reset();
                }
                pool.give_back(state, self.level, window_bits);
            }
            pool.trim();
            result
        })
    }

    /// Gives the kept context back. Compression goes on with an empty one, as a sender may at any time.
    pub(crate) fn release(&mut self) {
        if let (Some(mut state), Some(window_bits)) = (self.kept.take(), self.window_bits) {
            state.reset();
            POOL.with_borrow_mut(|pool| pool.give_back(state, self.level, window_bits));
        }
    }
}

/// A payload compressed without context. `None` if it does not shrink.
pub(super) fn deflate_alone(payload: &[u8], level: u8, window_bits: WindowBits) -> Option<Vec<u8>> {
    POOL.with_borrow_mut(|pool| {
        let mut state = pool.take(level, window_bits);
        let mut out = Vec::new();
        let done = run(&mut state, payload, FORGETTING, &mut out);
        if !done {
            state.reset();
        }
        pool.give_back(state, level, window_bits);
        (done && out.len() < payload.len()).then_some(out)
    })
}

/// Ends a message so that none refers to it, at less cost than a reset of the state.
const FORGETTING: FlushCompress = FlushCompress::Full;

/// One message into `out`, without the tail. False if the library failed, which it has no reason to.
fn run(state: &mut Compress, payload: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> bool {
    let start = state.total_in();
    out.reserve(payload.len() / 2 + 64);
    loop {
        let consumed = usize::try_from(state.total_in() - start).unwrap_or(usize::MAX);
        let rest = payload.get(consumed..).unwrap_or_default();
        match state.compress_vec(rest, out, flush) {
            Ok(Status::Ok | Status::BufError) => {}
            Ok(Status::StreamEnd) | Err(_) => return false,
        }
        // The flush is complete only once there was room to spare behind it.
        if out.len() < out.capacity() {
            break;
        }
        out.reserve(out.len().max(64));
    }
    if !out.ends_with(&TAIL) {
        return false;
    }
    out.truncate(out.len() - TAIL.len());
    true
}

/// Compression states between messages, and the buffer that output is made in: one of each kind per thread.
struct Pool {
    idle: Vec<(u8, WindowBits, Compress)>,
    scratch: Vec<u8>,
}

/// The largest number of idle states that a thread keeps, of all levels and windows together.
const POOLED: usize = 2;
/// A larger scratch buffer is not kept.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { idle: Vec::new(), scratch: Vec::new() }) };
}

impl Pool {
    fn take(&mut self, level: u8, window_bits: WindowBits) -> Compress {
        match self.idle.iter().position(|(l, w, _)| (*l, *w) == (level, window_bits)) {
            Some(found) => self.idle.swap_remove(found).2,
            None => Compress::new_with_window_bits(Compression::new(level.into()), false, window_bits.bits()),
        }
    }

    /// Keeps a state that refers to nothing.
    fn give_back(&mut self, state: Compress, level: u8, window_bits: WindowBits) {
        if self.idle.len() < POOLED {
            self.idle.push((level, window_bits, state));
        }
    }

    fn trim(&mut self) {
        if self.scratch.capacity() > SCRATCH {
            self.scratch = Vec::new();
        }
    }
}
