//! Pings that ask the peer for a sign of life, or for the evidence of what it has read.

use bytes::Bytes;

use super::Machine;
use crate::{Moment, Output};

impl Machine {
    /// A ping behind what is unproven, one at a time.
    pub(in crate::machine) fn seek_proof(&mut self, now: Moment) {
        if self.lifecycle.is_open() && self.outbox.wants_proof() && !self.barrier.is_outstanding() {
            self.ping(now);
        }
    }

    pub(in crate::machine) fn ping(&mut self, now: Moment) {
        let payload = self.barrier.ping(now, self.outbox.provable());
        self.push_ping(now, payload);
    }

    /// A ping behind what is unproven, after a pong: of several that it has read at once, the peer may have answered
    /// only one.
    pub(in crate::machine) fn seek_proof_again(&mut self, now: Moment) {
        if !self.barrier.is_outstanding() {
            self.seek_proof(now);
        } else if self.lifecycle.is_open() && self.outbox.wants_proof() && self.barrier.is_worth_another() {
            let payload = self.barrier.ping_again(now, self.outbox.provable());
            self.push_ping(now, payload);
        }
    }

    pub(in crate::machine) fn push_ping(&mut self, now: Moment, payload: Bytes) {
        let Some(attempt) = self.lifecycle.attempt() else { return };
        self.note_ping(now);
        self.outputs.push(Output::Ping(attempt, payload));
    }

    /// A ping that passes whatever it may. It proves what is wholly written, and no more.
    pub(in crate::machine) fn ask(&mut self, now: Moment) {
        let Some(attempt) = self.lifecycle.attempt() else { return };
        let payload = self.barrier.ping(now, self.outbox.provable_now());
        self.note_ping(now);
        self.outputs.push(Output::Probe(attempt, payload));
    }

    pub(in crate::machine) fn note_ping(&mut self, now: Moment) {
        self.notes.last_sent = Some(now);
        self.notes.pings += 1;
        self.heartbeat.pinged(now);
        if self.outbox.has_plain_evidence()
            && let Some(bucket) = &mut self.bucket
        {
            bucket.ping(now);
        }
    }
}
