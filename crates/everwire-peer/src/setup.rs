use std::sync::Arc;

use everwire_calls::Role;
use tokio::sync::mpsc;

use crate::hub::Hub;
use crate::own::CAPACITY;
use crate::task::Task;
use crate::{Calls, CallsConfig, CallsMeter, Carrier, Link, Peer, SessionName};

/// The parts that an end of a session needs for calls.
#[derive(Debug)]
pub struct Setup {
    /// Handlers and limits.
    pub calls: Calls,
    /// The end of the session: client or server.
    pub role: Role,
    /// A random number, different in each run and session.
    pub seed: u64,
    /// The session's name at a server; `None` at a client.
    pub session: Option<SessionName>,
    /// The counters of calls.
    pub meter: CallsMeter,
}

impl Setup {
    /// A handle for an end without a session: every call ends with
    /// [`OpenError::NotSupported`](crate::OpenError::NotSupported).
    #[must_use]
    pub fn without_session(carrier: Arc<dyn Carrier>, meter: CallsMeter) -> Peer {
        let hub = Hub::new(CallsConfig::default(), Role::Client, 0, carrier, mpsc::channel(1).1, meter);
        hub.refuse();
        Peer::new(Arc::new(hub))
    }

    /// Returns the handle, and the task to run, which ends with the link. Nothing is received until the task runs;
    /// dropping the task ends all calls.
    pub fn start<L: Link>(self, link: L, carrier: Arc<dyn Carrier>) -> (Peer, impl Future<Output = ()> + use<L>) {
        let (own, messages) = mpsc::channel(CAPACITY);
        let shared = self.calls.share();
        let hub = Arc::new(Hub::new(shared.config.clone(), self.role, self.seed, carrier, messages, self.meter));
        // Before any call.
        hub.hello();
        let peer = Peer::new(Arc::clone(&hub));
        let task = Task::new(hub, link, shared, self.session, own);
        (peer, task.run())
    }
}
