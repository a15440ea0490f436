//! What goes on beside the members.

use std::sync::Arc;
use std::time::Duration;

use everwire_server::CloseCode;

use crate::access::{EXPIRED, REVOCATION_PERIOD};
use crate::dispatch;
use crate::state::AppState;
use crate::tls::Tls;

/// How often it is stored how far messages were delivered and read.
const POSITIONS_PERIOD: Duration = Duration::from_secs(1);

/// Read positions that are stored together: messages wait for it.
const POSITIONS_TOGETHER: usize = 1000;

/// How often old messages are looked for.
const RETENTION_PERIOD: Duration = Duration::from_secs(60);

/// Runs all of it; never returns. Cancel-safe.
pub(super) async fn run(state: &AppState, tls: Option<&Arc<Tls>>) {
    // What other nodes commit is told though nobody has come in yet.
    dispatch::start(state);
    tokio::join!(retain(state), keep_positions(state), revoke(state), renew_certificate(tls));
}

/// What a crash takes of them, members say again when they come back.
async fn keep_positions(state: &AppState) {
    let mut pace = tokio::time::interval(POSITIONS_PERIOD);
    loop {
        pace.tick().await;
        save_receipts(state).await;
        save_positions(state, POSITIONS_TOGETHER).await;
    }
}

/// Stores how far users have read: at most `most` positions.
pub(super) async fn save_positions(state: &AppState, most: usize) {
    let positions = state.rooms().unsaved_positions(most);
    if positions.is_empty() {
        return;
    }
    match state.store.save_read_positions(positions.clone()).await {
        Ok(()) => state.rooms().positions_saved(positions),
        Err(error) => tracing::error!(%error, "read positions can't be stored; it is tried again in a second"),
    }
}

pub(super) async fn save_receipts(state: &AppState) {
    let unsaved = state.rooms().unsaved_receipts();
    if unsaved.is_empty() {
        return;
    }
    match state.store.save_receipts(unsaved.clone()).await {
        Ok(()) => state.rooms().receipts_saved(&unsaved),
        Err(error) => tracing::error!(%error, "receipts can't be stored; it is tried again in a second"),
    }
}

/// Certificates change before they expire.
async fn renew_certificate(tls: Option<&Arc<Tls>>) {
    let Some(tls) = tls else { return std::future::pending().await };
    let mut pace = tokio::time::interval(REVOCATION_PERIOD);
    loop {
        pace.tick().await;
        let tls = Arc::clone(tls);
        let _ = tokio::task::spawn_blocking(move || tls.renew()).await;
    }
}

/// A ban that another node has told holds here within a second.
#[cfg(feature = "cluster")]
fn revocation_period(state: &AppState) -> Duration {
    if state.config.cluster.is_some() { Duration::from_millis(250) } else { REVOCATION_PERIOD }
}

#[cfg(not(feature = "cluster"))]
fn revocation_period(_: &AppState) -> Duration {
    REVOCATION_PERIOD
}

async fn revoke(state: &AppState) {
    let Some(access) = &state.access else { return std::future::pending().await };
    let mut pace = tokio::time::interval(revocation_period(state));
    loop {
        pace.tick().await;
        access.renew().await;
        for (id, admission, why) in access.revoked().await {
            tracing::info!(connection = id, room = admission.room(), %why, "sent away");
            state.rooms().expel(admission.room(), id, why.close_code(), why.reason());
        }
        for (id, admission) in access.expired() {
            tracing::debug!(connection = id, room = admission.room(), "its token has expired");
            state.rooms().expel(admission.room(), id, CloseCode::TRY_AGAIN_LATER, EXPIRED);
        }
        for (id, admission, seconds) in access.due() {
            state.rooms().ask_for_token(admission.room(), id, seconds);
        }
    }
}

async fn retain(state: &AppState) {
    let AppState { config, store, metrics, .. } = state;
    let mut pace = tokio::time::interval(RETENTION_PERIOD);
    loop {
        if config.retention.is_everything() {
            return std::future::pending().await;
        }
        pace.tick().await;
        match store.retain(config.retention).await {
            Ok(0) => {}
            Ok(removed) => {
                metrics.removed.inc_by(removed);
                tracing::info!(messages = removed, "old messages removed");
            }
            Err(error) => tracing::error!(%error, "old messages can't be removed"),
        }
    }
}
