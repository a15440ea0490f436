//! `everwire backup` and `everwire restore`.

use std::path::Path;

use everwire_chat_server::{BackupError, RestoreError};

use super::{described, unusable};
use crate::args::NoCluster;
use crate::exit::{Exit, Failure};
use crate::term::complain;

pub(crate) fn backup(data: &Path, cluster: &NoCluster, file: &Path) -> Result<Exit, Failure> {
    check(
        cluster,
        "the history of a cluster is in its NATS servers: stop one of them, copy its store_dir and start it again (docs/cluster.md, Backup and \
         restore); --data DIR in the place of --cluster copies what one node has applied, for reading and for a server without a cluster",
    )?;
    let count = everwire_chat_server::backup(data, file).map_err(|error| match &error {
        BackupError::Open(error) => unusable(error),
        // The error is about the copy, not about the data folder.
        _ => Failure::new(Exit::Failed, described(&error)),
    })?;
    complain(&format!("{} in {}", messages(count), file.display()));
    Ok(Exit::Done)
}

pub(crate) fn restore(data: &Path, cluster: &NoCluster, file: &Path) -> Result<Exit, Failure> {
    check(
        cluster,
        "the history of a cluster is in its NATS servers: stop all nodes and servers, put the copy of a store_dir into the place of each one's, \
         and begin a new epoch by `everwire cluster renew` (docs/cluster.md, Backup and restore)",
    )?;
    let restored = everwire_chat_server::restore(file, data).map_err(|error| match &error {
        RestoreError::Open(error) => unusable(error),
        _ => Failure::new(Exit::Failed, described(&error)),
    })?;
    complain(&format!("{} restored; clients load them again, and users sign in again", messages(restored.messages)));
    if let Some(before) = restored.before {
        complain(&format!("the old database is in {}: remove it when you do not need it any more", before.display()));
    }
    Ok(Exit::Done)
}

fn check(cluster: &NoCluster, what_to_do: &str) -> Result<(), Failure> {
    if cluster.cluster.is_empty() { Ok(()) } else { Err(Failure::usage(what_to_do.to_owned())) }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message is".to_owned() } else { format!("{count} messages are") }
}
