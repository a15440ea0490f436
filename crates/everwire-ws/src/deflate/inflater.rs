//! The peer's direction: compressed payloads inflated, within limits.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Agreement, TAIL};
use crate::ProtocolError;

/// Below this inflated size no ratio is too high.
const RATIO_FREE: usize = 1 << 20;

/// Spare room for output: with little of it left, the library takes a slower way.
const AMPLE: usize = 1 << 10;

/// Inflates the messages of one connection. Between messages it owns nothing, unless the peer keeps its context.
#[derive(Debug)]
pub(crate) struct Inflater {
    state: Option<Decompress>,
    keep: bool,
    max_ratio: u32,
    /// Compressed bytes of the message under way that have been inflated.
    consumed: u64,
}

impl Inflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self { state: None, keep: agreement.peer_context, max_ratio: agreement.settings.max_ratio.max(1), consumed: 0 }
    }

    /// Inflates a piece of the current message to the end of `out`, which holds what came out so far and is never let grow
    /// beyond `limit`. To be called with whatever has arrived, so that an invalid message is noticed early.
    pub(crate) fn inflate(&mut self, piece: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), ProtocolError> {
        self.run(piece, out, limit)
    }

    /// The last piece has come: what is left comes out, and the state is ready for the next message.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), ProtocolError> {
        self.run(&TAIL, out, limit)?;
        self.consumed = 0;
        if !self.keep
            && let Some(state) = self.state.take()
        {
            give_back(state);
        }
        Ok(())
    }

    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), ProtocolError> {
        let state = self.state.get_or_insert_with(take);
        loop {
            if out.capacity() == out.len() {
                // One byte more than allowed, so that going over the limit shows.
                let room = limit.saturating_add(1).saturating_sub(out.len());
                out.reserve_exact(out.len().max(input.len() * 4 + AMPLE).min(room.max(1)));
            }
            let before = (state.total_in(), out.len());
            let status =
                state.decompress_vec(input, out, FlushDecompress::Sync).map_err(|_| ProtocolError::InvalidDeflate)?;
            let consumed = state.total_in() - before.0;
            input = usize::try_from(consumed).ok().and_then(|consumed| input.get(consumed..)).unwrap_or_default();
            self.consumed = self.consumed.saturating_add(consumed);
            if out.len() > limit {
                return Err(ProtocolError::InflatedTooLarge { limit });
            }
            if out.len() > RATIO_FREE && out.len() as u64 / u64::from(self.max_ratio) > self.consumed {
                return Err(ProtocolError::InflatedTooFar { limit: self.max_ratio });
            }
            if status == Status::StreamEnd {
                // A block marked as final ends a stream, not the message (section 7.2.3.4).
                state.reset(false);
            }
            let room_to_spare = out.len() < out.capacity();
            if input.is_empty() && room_to_spare {
                return Ok(());
            }
            if consumed == 0 && out.len() == before.1 && room_to_spare && status != Status::StreamEnd {
                return Err(ProtocolError::InvalidDeflate);
            }
        }
    }
}

thread_local! {
    /// The states of connections without context, between messages.
    static IDLE: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

/// The largest number of idle states that a thread keeps: this many messages can be under way in fragments on it
/// without a new state.
const POOLED: usize = 4;

fn take() -> Decompress {
    IDLE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Decompress::new(false))
}

fn give_back(mut state: Decompress) {
    IDLE.with_borrow_mut(|idle| {
        if idle.len() < POOLED {
            state.reset(false);
            idle.push(state);
        }
    });
}
