use std::fmt;
use std::sync::Mutex;

use everwire_peer::{Calls, CallsMeter, Peer};
#[cfg(not(target_arch = "wasm32"))]
use tokio::runtime::Handle;

use crate::sync::lock;

/// Where a client's calls are, once there are some.
#[derive(Default)]
pub(crate) struct CallsSlot(pub(super) Mutex<Settings>);

#[derive(Default)]
pub(super) struct Settings {
    pub(super) peer: Option<Peer>,
    pub(super) handlers: Calls,
    pub(super) seed: u64,
    pub(super) has_session: bool,
    pub(super) meter: Option<CallsMeter>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) runtime: Option<Handle>,
}

impl CallsSlot {
    /// `max_sent`: the largest message that there is ever room for; `max_message`: the largest that the server may send;
    /// `server`: the label of its metrics.
    pub(crate) fn prepare(
        &self,
        mut handlers: Calls,
        seed: u64,
        has_session: bool,
        max_sent: usize,
        max_message: usize,
        server: &str,
    ) {
        let config = handlers.config_mut();
        config.max_sent = config.max_sent.min(max_sent);
        config.max_message = max_message;
        let meter = CallsMeter::client(server);
        let mut settings = lock(&self.0);
        settings.meter = Some(meter);
        (settings.handlers, settings.seed, settings.has_session) = (handlers, seed, has_session);
        #[cfg(not(target_arch = "wasm32"))]
        {
            settings.runtime = Handle::try_current().ok();
        }
    }
}

impl fmt::Debug for CallsSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallsSlot").field("peer", &lock(&self.0).peer).finish_non_exhaustive()
    }
}
