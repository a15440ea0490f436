//! What the driver needs of an open connection, on each platform.

use std::task::{Context, Poll};
use std::time::Duration;

use everwire_core::{Attempt, Moment, TransportEvent};
use everwire_ws::{CloseCode, Message};

use super::reading::Reading;
use crate::inbox::{Limit, Room};
use crate::shared::Inner;

/// Reading and writing in batches.
pub(super) trait OpenConnection {
    fn attempt(&self) -> Attempt;

    /// Gives the connection up when TCP has had no acknowledgement of our bytes for so long, where there is TCP to be asked.
    fn lean_on_tcp(&self, time: Duration);

    /// Reads what is there, as far as there is room for it within this limit, into `events`. `batch` is an empty vector to
    /// begin with.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        within: (Limit, Room),
        batch: Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading;

    /// How many more of the messages that were taken are wholly written, or may be.
    fn count_written(&mut self) -> usize;

    /// Whether there is anything to write, to take or to report.
    fn wants_to_write(&self) -> bool;

    /// The machine has something to take.
    fn set_ready(&mut self);

    /// There is something to take, and room for it.
    fn has_room(&self) -> bool;

    /// Takes messages out of the outbox, straight into the transport's buffer.
    fn take(&mut self, now: Moment, inner: &mut Inner);

    /// Encodes what `take` set aside because it is large, before anything else is queued. The mutex is free meanwhile.
    fn encode_large(&mut self);

    /// Whether nothing that was taken is still to be encoded.
    fn may_queue(&self) -> bool;

    /// Queues a frame of the session's own behind everything taken so far, unless it is a reply that has to wait.
    fn queue_control(&mut self, frame: Message);

    /// Queues a ping behind everything taken so far.
    fn queue_ping(&mut self, payload: &[u8]);

    /// Queues a ping as soon as may be.
    fn queue_probe(&mut self, payload: &[u8]);

    fn queue_close(&mut self, code: CloseCode, reason: &str);

    /// What the machine should know of a ping that does not leave at once. `written`: the transport has just been asked to
    /// take what it can.
    fn ping_progress(&mut self, written: bool) -> Option<TransportEvent>;

    /// Writes what the transport takes. Ready when all is written.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Writing has failed. The reading side says why.
    fn has_failed(&self) -> bool;
}
