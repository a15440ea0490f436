//! A server with calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Calls, Sessions, SessionsConfig, Upgrade};
use tokio::net::TcpListener;

use crate::support::Network;

/// A server of these calls, and the network to it.
pub(crate) async fn serve(calls: Calls) -> Network {
    serve_in(Sessions::new(SessionsConfig::default()).unwrap(), calls).await
}

pub(crate) async fn serve_in(sessions: Sessions, calls: Calls) -> Network {
    let accept = async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "ana", calls)
    };
    let app = Router::new().route("/", get(accept)).with_state((sessions, calls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Network::to(address).await
}

/// Counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts when it is dropped.
    pub(crate) fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

pub(crate) struct OnDrop(Count);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}
