//! The server: its parts, its start and its end.
//!
//! - `open`: which store and which accounts it uses
//! - `maintenance`: what goes on beside the members
//! - `drain`: the end, spread over a time

mod drain;
mod maintenance;
mod open;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use everwire_server::Server;
use tokio::net::TcpListener;

use crate::error::ListenError;
use crate::http;
use crate::state::AppState;
use crate::tls::Tls;

/// How long members may take to part when the server ends.
const PARTING: Duration = Duration::from_secs(5);

/// Connections beyond those of members, so that a full server still answers who asks how it is.
const FOR_QUESTIONS: usize = 100;

/// A chat server: its rooms and its history.
#[derive(Debug)]
pub struct ChatServer {
    state: Arc<AppState>,
    tls: Option<Arc<Tls>>,
}

/// Listens on an address; port 0 takes any free one.
///
/// # Errors
/// If the port is in use, not allowed, or the address not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

impl ChatServer {
    /// The routes, for an application that has others beside them: `/ws`, `/api/…`, `/healthz`, `/readyz`, `/metrics`,
    /// the start page at `/`, and the page's files, which take every other path of one segment (`/{file}`). With a
    /// [`base_path`](crate::ServerConfig::base_path) all but `/healthz`, `/readyz` and `/metrics` are below it. Such an
    /// application runs [`run_maintenance`](Self::run_maintenance) beside them, and [`close`](Self::close) at its end.
    ///
    /// What concerns the connections below HTTP is its accept loop's: TLS, how many there may be, slow openers. Limits by
    /// address, and metrics that only this machine may see, need to know where a request comes from
    /// ([`PeerAddress`](everwire_server::PeerAddress)): serve them by [`everwire_server::Server`], or add it yourself.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.state))
    }

    /// The health routes, for a listener of its own that only those who may ask reach: `/healthz`, `/readyz`, `/metrics`.
    pub fn admin_router(&self) -> Router {
        http::admin_router(Arc::clone(&self.state))
    }

    /// Serves until `until` completes; then `/readyz` says so, members are disconnected with 1012, spread over
    /// [`drain`](crate::ServerConfig::drain), and the history is closed. Clients that connect meanwhile are told when to
    /// come back. Connections that have not closed 5 s later are cut. On an address that only this machine reaches,
    /// requests for foreign host names are answered with 421: those of web pages whose name leads here. Dropping the future
    /// cuts all connections at once; what was stored stays.
    pub async fn serve(self, listener: TcpListener, until: impl Future<Output = ()> + Send) {
        let config = &self.state.config;
        let server = Server::new()
            .max_connections(config.max_connections.saturating_add(FOR_QUESTIONS))
            .max_per_address(config.max_per_address)
            .opening_timeout(config.opening_timeout)
            .grace(PARTING);
        self.state.metrics.watch(server.stats());
        let until = async {
            tokio::select! {
                () = until => {}
                () = self.run_maintenance() => {}
            }
            tokio::select! {
                () = drain::run(&self.state, self.state.config.drain) => {}
                () = self.run_maintenance() => {}
            }
            self.state.end();
        };
        let mut router = http::alone(self.router(), &self.state.config.base_path);
        if let Ok(address) = listener.local_addr() {
            let _ = self.state.listening.set(address);
            if address.ip().is_loopback() {
                router = http::for_this_machine(router, &self.state);
            }
        }
        let ended = match &self.tls {
            None => server.serve_router(listener, router, until).await,
            Some(tls) => {
                let tls = Arc::clone(tls);
                let handshake = move |stream| {
                    let tls = Arc::clone(&tls);
                    async move { tls.accept(stream).await }
                };
                server.serve_router_with(listener, handshake, router, until).await
            }
        };
        if ended.cut > 0 {
            tracing::warn!(
                connections = ended.cut,
                "some connections were cut: their clients did not close them in time"
            );
        }
        self.close().await;
    }

    /// Runs the maintenance beside the members, and never returns: stores how far messages were delivered and users
    /// have read, once a second; removes messages from the history as they come to be too many or too old, once a
    /// minute; ends connections that may not stay, within two seconds; and reads changed certificates.
    /// [`serve`](Self::serve) runs it. Cancel-safe.
    pub async fn run_maintenance(&self) {
        maintenance::run(&self.state, self.tls.as_ref()).await;
    }

    /// Sends the members away with 1012 (they come back), and commits what they have sent. Given up, it may be called again.
    pub async fn close(&self) {
        self.state.end();
        if tokio::time::timeout(PARTING, self.state.all_gone()).await.is_err() {
            tracing::warn!("some members are still there: they did not close their connections in time");
        }
        self.state.close_slots();
        maintenance::save_receipts(&self.state).await;
        maintenance::save_positions(&self.state, usize::MAX).await;
        let state = Arc::clone(&self.state);
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || state.store.close()).await;
    }
}

#[cfg(test)]
mod tests;
