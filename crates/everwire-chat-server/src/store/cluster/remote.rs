//! A cluster's accounts for a program that is not a node.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

use super::access::AccessLink;
use super::accounts::ClusterAccounts;
use super::broker::Broker;
use super::error::ClusterError;
use super::settings::ClusterSettings;
use super::status::ClusterStatus;
use crate::store::accounts::AccountStore;
use crate::store::sqlite::SqliteAccounts;

/// The thread of the connection; ends when this is dropped.
struct Connection {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Connects, and reads who may come in. Blocks until the servers have answered.
pub(crate) fn open_accounts(settings: &ClusterSettings) -> Result<ClusterAccounts, ClusterError> {
    let settings = settings.clone();
    let (connected, wait) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("everwire-cluster".into()).spawn(move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = connected.send(Err(ClusterError::Unreachable { cause: error.to_string() }));
                return;
            }
        };
        runtime.block_on(async {
            let found = Broker::find(&settings).await;
            let found = found.map(|broker| AccessLink {
                broker,
                status: Arc::new(ClusterStatus::new()),
                runtime: Handle::current(),
            });
            let is_found = found.is_ok();
            if connected.send(found).is_ok() && is_found {
                let _ = stopped.await;
            }
        });
    });
    let unreachable = |cause: String| ClusterError::Unreachable { cause };
    let thread = thread.map_err(|error| unreachable(error.to_string()))?;
    let connection = Connection { stop: Some(stop), thread: Some(thread) };
    let link = wait.recv().map_err(|error| unreachable(error.to_string()))??;
    let local = SqliteAccounts::open(None).map_err(ClusterError::Folder)?;
    local.prepare_replica().map_err(ClusterError::Access)?;
    let mut accounts = ClusterAccounts::of(local, link, Some(Box::new(connection))).map_err(ClusterError::Folder)?;
    accounts.catch_up().map_err(ClusterError::Access)?;
    Ok(accounts)
}
