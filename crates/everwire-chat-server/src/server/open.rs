//! Which store and which accounts a server and the commands use: the only place that names them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::ChatServer;
use crate::access::{Access, AccessError, AccountStores, Accounts, Auth, RoomDirectory};
use crate::budget::{MailboxBudget, PageBudget};
use crate::config::ServerConfig;
use crate::domain::Rooms;
use crate::error::OpenError;
use crate::metrics::{Metrics, Watched};
use crate::state::{AppState, Parts};
#[cfg(feature = "cluster")]
use crate::store::cluster::{ClusterError, ClusterSettings, ClusterStore, open_accounts};
use crate::store::sqlite::{SqliteAccounts, SqliteStore, exists};
use crate::store::{Commits, MessageStore, StoreNumbers, StoreOpenError, StoreOptions};
use crate::tls::Tls;

impl ChatServer {
    /// Opens the history.
    ///
    /// # Errors
    /// If the data folder, an issuer's keys or a certificate can't be used, or another server uses the folder.
    pub fn open(config: ServerConfig) -> Result<Self, OpenError> {
        let folder = config.data.as_deref();
        let options =
            StoreOptions { kept_for: config.retention.time, auth: Some(config.auth.name()), is_replica: false };
        let rooms = Arc::new(Mutex::new(Rooms::new(matches!(config.auth, Auth::Guests))));
        let Opened { store, commits, numbers, accounts } = open_store(&config, options, &rooms)?;
        let tls = config.tls.clone().map(Tls::open).transpose().map_err(OpenError::Tls)?.map(Arc::new);
        let access = access(&config.auth, accounts)?;
        let directory = RoomDirectory::new(folder.map(|folder| SqliteAccounts::open(Some(folder))).transpose()?);
        let pages = Arc::new(PageBudget::new());
        let mailboxes = Arc::new(MailboxBudget::new(config.all_mailboxes_bytes));
        let watched = Watched {
            rooms: Arc::clone(&rooms),
            pages: Arc::clone(&pages),
            mailboxes: Arc::clone(&mailboxes),
            numbers,
        };
        let metrics = Arc::new(Metrics::new(watched, config.lost_log_lines));
        let parts = Parts { config, store, commits, access, directory, rooms, metrics, pages, mailboxes };
        Ok(Self { state: Arc::new(AppState::new(parts)), tls })
    }
}

/// The store of a server.
struct Opened {
    store: Arc<dyn MessageStore>,
    commits: Commits,
    /// Of its cluster, if it is a node of one.
    numbers: Option<StoreNumbers>,
    /// `None`: every user is a guest.
    accounts: Option<AccountStores>,
}

#[cfg_attr(not(feature = "cluster"), allow(unused_variables))]
fn open_store(config: &ServerConfig, options: StoreOptions, rooms: &Arc<Mutex<Rooms>>) -> Result<Opened, OpenError> {
    let folder = config.data.as_deref();
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &config.cluster {
        let folder = folder.ok_or(OpenError::Cluster(ClusterError::NoFolder))?;
        let options = StoreOptions { is_replica: true, ..options };
        let (store, commits) =
            ClusterStore::open(folder, cluster, options, config.max_message).map_err(OpenError::Cluster)?;
        store.share(Arc::clone(rooms), config.presence_grace);
        let status = store.status();
        let numbers: StoreNumbers = Arc::new(move || status.numbers());
        let accounts = match config.auth {
            Auth::Guests => None,
            Auth::Accounts | Auth::Issuer(_) => {
                store.hold_posts_of_strangers();
                Some(AccountStores::new(store.accounts()?, Some(store.accounts()?)))
            }
        };
        return Ok(Opened { store: Arc::new(store), commits, numbers: Some(numbers), accounts });
    }
    let (store, commits) = SqliteStore::open(folder, &options)?;
    let accounts = match config.auth {
        Auth::Guests => None,
        Auth::Accounts | Auth::Issuer(_) => {
            let writer = SqliteAccounts::open(folder)?;
            // In memory there is one alone.
            let reader = folder.map(|folder| SqliteAccounts::open(Some(folder))).transpose()?;
            Some(AccountStores::new(writer, reader))
        }
    };
    Ok(Opened { store: Arc::new(store), commits, numbers: None, accounts })
}

/// `None`: every user is a guest.
fn access(auth: &Auth, accounts: Option<AccountStores>) -> Result<Option<Access>, OpenError> {
    let Some(accounts) = accounts else { return Ok(None) };
    let access = Access::new(auth, accounts);
    access.map(Some).map_err(|error| match error {
        AccessError::Accounts(source) => OpenError::Accounts(source),
        AccessError::Keys(error) => OpenError::Keys(error),
    })
}

impl Accounts {
    /// Opens the database of a data folder, and makes it if there is none.
    ///
    /// # Errors
    /// If the folder can't be used.
    pub fn open(data: &Path) -> Result<Self, StoreOpenError> {
        let accounts = SqliteAccounts::open(Some(data))?;
        if accounts.is_of_cluster().unwrap_or(false) {
            return Err(StoreOpenError::OfCluster { folder: data.to_owned() });
        }
        Ok(Self::of(accounts))
    }

    /// Those of a cluster, from any machine: each node notices changes within a second. Blocks until the NATS servers have answered.
    ///
    /// # Errors
    /// If they can't be reached or don't accept the credentials, or no server has made this cluster yet.
    #[cfg(feature = "cluster")]
    pub fn open_cluster(settings: &ClusterSettings) -> Result<Self, ClusterError> {
        open_accounts(settings).map(Self::of)
    }

    /// Opens the database of a data folder that a server or [`open`](Self::open) has made, and makes none.
    ///
    /// # Errors
    /// [`StoreOpenError::NotThere`] if there is none; if the folder can't be used.
    pub fn open_existing(data: &Path) -> Result<Self, StoreOpenError> {
        if !exists(data) {
            return Err(StoreOpenError::NotThere { folder: data.to_owned() });
        }
        Self::open(data)
    }
}
