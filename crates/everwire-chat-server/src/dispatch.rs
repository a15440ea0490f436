//! From a store's commits to the rooms: one task counts, groups and encodes what was committed, and fans it out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::domain::Appended;
use crate::domain::{CommitOutcome, FanOut, Rooms};
use crate::metrics::Metrics;
use crate::state::AppState;
use crate::store::{Append, Commit, Commits};
use crate::sync::lock;

/// Starts the task, once for a server: with its first connection, since a server may be made before there is a runtime. It ends with
/// the store.
pub(crate) fn start(state: &AppState) {
    if let Some(commits) = state.take_commits() {
        tokio::spawn(run(commits, state.rooms_of_all(), Arc::clone(&state.metrics)));
    }
}

async fn run(mut commits: Commits, rooms: Arc<Mutex<Rooms>>, metrics: Arc<Metrics>) {
    while let Some(commit) = commits.next().await {
        dispatch(&rooms, &metrics, commit);
    }
}

fn dispatch(rooms: &Mutex<Rooms>, metrics: &Metrics, commit: Commit) {
    match commit {
        Commit::Stored { appends, took } => {
            metrics.committed(appends.len(), took);
            for (_, appended) in &appends {
                match appended {
                    Appended::New(_) => metrics.stored.inc(),
                    Appended::Duplicate(_) => metrics.duplicates.inc(),
                    Appended::IdTaken => metrics.id_conflicts.inc(),
                };
            }
            tell(rooms, appends);
        }
        #[cfg(feature = "cluster")]
        Commit::Replicated { appends } => {
            metrics.replicated.inc_by(u64::try_from(appends.len()).unwrap_or(u64::MAX));
            tell(rooms, appends);
        }
        Commit::Failed(append) => {
            metrics.failed.inc();
            lock(rooms).on_failed(&append.room, append.producer.id());
        }
    }
}

fn tell(rooms: &Mutex<Rooms>, appends: Vec<(Append, Appended)>) {
    let mut by_room: BTreeMap<String, Vec<CommitOutcome>> = BTreeMap::new();
    for (Append { room, message, producer }, appended) in appends {
        by_room.entry(room).or_default().push(CommitOutcome::new(producer.id(), message, appended));
    }
    for (room, outcomes) in by_room {
        // Each text is encoded by now: the rooms are held no longer than it takes to tell.
        FanOut::cut(&outcomes).for_each(|fan_out| lock(rooms).on_committed(&room, &fan_out));
    }
}
