//! The settings of a proxy.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;

use super::door::Door;
use super::shared::{Settings, Shared};
use super::{Proxy, StartError, accept};
use crate::faults::{FaultPlan, Schedule};

/// The settings of a [`Proxy`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    listen: String,
    schedule: Schedule,
    settings: Settings,
}

impl Builder {
    fn new(upstream: String) -> Self {
        let settings = Settings {
            upstream,
            room: 256 << 10,
            max_connections: 1024,
            dial_timeout: Duration::from_secs(10),
            log: 4096,
        };
        Self { listen: "127.0.0.1:0".to_owned(), schedule: Schedule::default(), settings }
    }

    /// The address that clients connect to, `host:port`; port 0 is any that is free. Default: `127.0.0.1:0`.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// The schedule of faults. Default: nothing.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// The number of bytes the proxy holds in each direction of a connection before it stops reading from the sender.
    /// At least 1. Default: 256 KiB.
    pub fn room(mut self, bytes: usize) -> Self {
        self.settings.room = bytes.max(1);
        self
    }

    /// The number of connections that may be open at once; more are reset. Default: 1024.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = connections;
        self
    }

    /// The time that the server may take to accept a connection. Default: 10 s.
    pub fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.settings.dial_timeout = timeout;
        self
    }

    /// The number of events that [`Proxy::events`] can look back on. At least 1. Default: 4096.
    pub fn log(mut self, events: usize) -> Self {
        self.settings.log = events.max(1);
        self
    }

    /// Starts it: when this returns, clients can connect. Not cancel-safe in that a proxy may start and stop at once.
    ///
    /// # Errors
    /// If an address or the schedule is not valid, or the address can't be listened on. Whether the server is there is not
    /// asked: that it is not may be the point.
    pub async fn start(self) -> Result<Proxy, StartError> {
        check_upstream(&self.settings.upstream)?;
        let plan = FaultPlan::new(self.schedule).map_err(StartError::Schedule)?;
        let failed = |source| StartError::Listen { address: self.listen.clone(), source };
        let addresses: Vec<SocketAddr> = lookup_host(&self.listen).await.map_err(failed)?.collect();
        let mut opened = Err(std::io::ErrorKind::AddrNotAvailable.into());
        for address in addresses {
            opened = Door::open(address);
            if opened.is_ok() {
                break;
            }
        }
        let (door, listener) = opened.map_err(failed)?;
        let shared = Shared::new(self.settings, plan);
        Ok(Proxy::run(door.address(), shared.clone(), accept::run(shared, door, listener)))
    }
}

impl Proxy {
    /// A proxy in front of the server at `upstream`, `host:port`.
    pub fn builder(upstream: impl Into<String>) -> Builder {
        Builder::new(upstream.into())
    }
}

fn check_upstream(address: &str) -> Result<(), StartError> {
    let parts = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
    match parts {
        Some((host, Ok(1..))) if !host.is_empty() && !host.contains(['/', ' ']) => Ok(()),
        _ => Err(StartError::Upstream { address: address.to_owned() }),
    }
}
