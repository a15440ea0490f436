//! From settings to a single connection.

use std::sync::Arc;

use everwire_core::Machine;

use super::{BuildError, Builder, build};
use crate::driver::once;
use crate::inbox::Reading;
use crate::shared::Shared;
use crate::target::Target;
use crate::{ConnectError, Opening, WebSocket};

impl Builder {
    /// Opens one connection and returns its socket, without a client around it; see [`connect`](crate::connect()). The
    /// settings of openings apply: headers, subprotocols, hooks, proxy, TLS, redirects, limits, compression,
    /// [`connect_timeout`](Self::connect_timeout). Those of retries, heartbeat, queues and delivery do not.
    ///
    /// Cancel-safe: dropping the future gives up the attempt and leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]. A session and a store are refused: both need a client.
    pub async fn connect_once(mut self) -> Result<(WebSocket, Opening), ConnectError> {
        for (given, setting) in [(self.config.session.is_some(), "session"), (self.store.is_some(), "store")] {
            if given {
                let problem = "can't be used for a single connection: build a client";
                return Err(ConnectError::Setting(super::setting(setting, problem)));
            }
        }
        let target = Target::parse(&self.url).map_err(BuildError::Url).map_err(ConnectError::Setting)?;
        let plan = self.plan(target).map_err(ConnectError::Setting)?;
        let seed = build::seed().map_err(ConnectError::Setting)?;
        let machine = Machine::new(self.config, seed).map_err(BuildError::Setting).map_err(ConnectError::Setting)?;
        let shared = Arc::new(Shared::new(machine, false, self.inbox, Reading::Plain, Vec::new()));
        once(plan, shared).await.map_err(ConnectError::Failed)
    }
}
