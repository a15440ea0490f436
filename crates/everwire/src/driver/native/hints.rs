//! What the operating system reports of the network.

use std::sync::Arc;
use std::task::Context;

use everwire_core::Hint;

use super::dial::Plan;
use crate::network_hints::Listener;
use crate::shared::Shared;

/// The listener of the plan, if there is one.
pub(in crate::driver) struct Hints(Option<Listener>);

impl Hints {
    pub(in crate::driver) fn listen(plan: &mut Plan, _: &Arc<Shared>) -> Self {
        Self(plan.hints.take())
    }

    pub(in crate::driver) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Hint> {
        self.0.as_mut().and_then(|hints| hints.poll(cx))
    }
}
