//! What of a client's process is checked after each turn.

use everwire_core::session::Replies;
use everwire_core::{Moment, State};

use super::link::{Link, LinkState};
use super::process::Process;
use super::trace::place;
use crate::sim::stage::Stage;

/// Volatile messages that the machine holds at most.
const MAX_VOLATILE: usize = 1024;
impl Process {
    /// The peer hears from us once per interval, whatever we hear from it, from when the machine is connected on.
    pub(super) fn check_keepalive(&mut self, index: u32, stage: &mut Stage, now: Moment) {
        let Some(interval) = self.plan.config.heartbeat.interval else { return };
        let alone = self.links.len() == 1 && *self.machine.state() == State::Connected;
        let greets = self.plan.config.session.is_some();
        for up in self.links.iter_mut().filter_map(Link::up) {
            let written = up.socket.written_total();
            // One that the peer has closed is only waited for.
            let alone = alone && up.socket.is_open() && (up.greeted || !greets);
            match up.said.filter(|(before, _)| alone && *before == written && up.socket.buffered() == 0) {
                // Bytes that wait for the network are no silence of ours.
                None => up.said = alone.then_some((written, now)),
                Some((_, at)) if now.since(at) > interval => {
                    stage.fail(place(index), format_args!("silent for {:?}", now.since(at)));
                }
                Some(_) => {}
            }
        }
    }

    /// A move that has failed is tried again when it was said, if the connection still stands.
    pub(super) fn check_move(&mut self, index: u32, stage: &mut Stage, now: Moment) {
        let stands = self.links.iter_mut().filter_map(Link::up).any(|up| up.socket.is_open());
        if *self.machine.state() != State::Connected || !stands {
            self.moves_at = None;
        } else if self.moves_at.is_some_and(|at| now > at) {
            stage.fail(place(index), "a move that failed was not tried again when it was said");
        }
    }

    /// Who closes is through by its deadline, whatever the peer does.
    pub(super) fn check_close(&self, index: u32, stage: &mut Stage, now: Moment) {
        if !self.finished
            && let Some(by) = self.close_by.filter(|by| now > *by)
        {
            stage.fail(place(index), format_args!("not closed {:?} after the deadline", now.since(by)));
        }
    }

    /// Every queue keeps its bound.
    pub(super) fn check_bounds(&self, index: u32, stage: &mut Stage) {
        let stats = self.machine.stats();
        let (messages, bytes) =
            (stats.queued_messages + stats.unproven_messages, stats.queued_bytes + stats.unproven_bytes);
        let outbox = &self.plan.config.outbox;
        if messages > outbox.max_messages || bytes > outbox.max_bytes {
            stage.fail(place(index), format_args!("the outbox holds {messages} messages of {bytes} bytes"));
        }
        let told = self.plan.told.messages as usize;
        let waiting = (self.delivered - self.handled.max(self.session_from)) as usize;
        if self.plan.config.session.is_some() && waiting > told.saturating_add(MAX_VOLATILE) {
            stage.fail(
                place(index),
                format_args!("{waiting} messages of a session wait, and the server was told {told}"),
            );
        }
        // Volatile messages are held apart, in a small queue.
        let open = self.ledger.open();
        if messages > open || open > messages + MAX_VOLATILE {
            stage.fail(place(index), format_args!("{open} messages have no outcome, {messages} are held"));
        }
        let buffered = self.links.iter().filter_map(|link| match &link.state {
            LinkState::Up(up) => Some(up.socket.buffered()),
            _ => None,
        });
        let frame = self.plan.config.batching.as_ref().map_or(0, |batching| batching.max_bytes);
        let replies = if stage.flooded { Replies::BUFFER } else { 0 };
        let room = self.plan.write_buffer.max(replies) + self.ledger.largest.max(frame) + 8192;
        if let Some(buffered) = buffered.max().filter(|buffered| *buffered > room) {
            stage.fail(place(index), format_args!("a write buffer of {buffered} bytes"));
        }
    }
}
