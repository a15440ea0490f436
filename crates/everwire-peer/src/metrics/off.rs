use everwire_calls::{EndReason, Kind};
use everwire_core::Moment;
use everwire_ws::Message;

use super::HandlerOutcome;

/// The counters of calls with the feature `metrics`; without the feature it counts nothing.
#[derive(Clone, Debug)]
pub struct CallsMeter;

#[allow(clippy::unused_self, reason = "as with the feature")]
impl CallsMeter {
    /// The counters of a client; `server` is the value of their label `server`.
    #[must_use]
    pub fn client(_server: &str) -> Self {
        Self
    }

    /// The counters of a server's sessions.
    #[must_use]
    pub fn server() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn items_sent(&self, _: usize) {}

    #[inline]
    pub(crate) fn handled(&self, _: Option<&str>, _: Kind, _: impl FnOnce() -> Moment) -> Handled {
        Handled
    }
}

/// What has happened while something was locked.
#[derive(Default)]
pub(crate) struct Notes(());

/// When a call was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp;

#[allow(clippy::unused_self, reason = "as with the feature")]
impl Notes {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    #[inline]
    pub(crate) fn made(&mut self, _: Kind, _: Moment) -> Stamp {
        Stamp
    }

    #[inline]
    pub(crate) fn found(&mut self) -> Stamp {
        Stamp
    }

    #[inline]
    pub(crate) fn ended(&mut self, _: Stamp, _: &Result<Option<Message>, EndReason>) {}

    #[inline]
    pub(crate) fn cancelled(&mut self) {}

    #[inline]
    pub(crate) fn item_received(&mut self) {}

    #[inline]
    pub(crate) fn refused(&mut self) {}

    #[inline]
    pub(crate) fn tell(self, _: &CallsMeter, _: impl Fn() -> Moment) {}
}

pub(crate) struct Handled;

#[allow(clippy::unused_self, reason = "as with the feature")]
impl Handled {
    #[inline]
    pub(crate) fn ended(self, _: HandlerOutcome, _: impl FnOnce() -> Moment) {}
}
