use std::sync::Arc;

use everwire_core::session::Gone;
use everwire_core::{MessageId, Moment, Outcome};
use everwire_ws::CloseCode;

#[derive(Debug, Default)]
pub(crate) struct ConnectionsMeter {}

impl ConnectionsMeter {
    pub(crate) fn opened(&self) {}
    pub(crate) fn ended(&self) {}
    pub(crate) fn refused(&self) {}
    pub(crate) fn timed_out(&self) {}
}

pub(crate) struct SessionsMeter {}

impl SessionsMeter {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) fn opened(&self) {}
    pub(crate) fn resumed(&self) {}
    pub(crate) fn fenced(&self) {}
    pub(crate) fn ended(&self, _: Gone) {}
    pub(crate) fn refused(&self, _: CloseCode) {}
}

#[derive(Debug, Default)]
pub(crate) struct Tally {}

impl Tally {
    pub(crate) const WANTED: bool = false;

    pub(crate) fn fetch(&mut self) -> Self {
        Self {}
    }

    #[inline]
    pub(crate) fn sent(&self, _: usize) {}

    #[inline]
    pub(crate) fn written(&self, _: MessageId, _: impl FnOnce() -> Moment) {}

    #[inline]
    pub(crate) fn ended(&self, _: MessageId, _: MessageId, _: Outcome, _: impl FnOnce() -> Moment) {}
}

/// Nobody looks.
#[allow(dead_code, reason = "the fields are those that the feature reads")]
pub(crate) struct Look {
    pub(crate) delivered: u64,
    pub(crate) processed: u64,
    pub(crate) held: usize,
    pub(crate) held_bytes: usize,
}

pub(crate) struct SessionMeter {}

impl SessionMeter {
    pub(crate) fn new(_: Arc<SessionsMeter>) -> Self {
        Self {}
    }

    pub(crate) fn connected(&self, _: bool) {}

    #[inline]
    pub(crate) fn tell(&self, _: impl FnOnce() -> (Look, Tally)) {}
}
