use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use http::{Request, Response};
use hyper::body::Body;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::connection::{Bond, Stage, Terms};
use super::places::Places;
use super::progress::Progress;
use super::refuse::Refusing;
use super::stream::Watched;
use super::{BoxError, RequestBody, Server, ShutdownReport};

/// What stands between TCP and HTTP.
pub(super) enum Below<H> {
    /// Nothing: HTTP can be spoken at once.
    Nothing(H),
    /// Something that has to be agreed on first.
    Handshake(H),
}

/// A failure to accept passes by itself or needs an operator: either way, trying again after this time is soon enough.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// How long what was cut may take to be gone. It is dropped when its task is next run.
const CUTTING: Duration = Duration::from_secs(1);

pub(super) async fn run<H, Fut, IO, S, B>(
    server: Server,
    listener: TcpListener,
    below: Below<H>,
    service: S,
    until: impl Future<Output = ()>,
) -> ShutdownReport
where
    H: Fn(TcpStream) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = io::Result<IO>> + Send,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
{
    let stats = server.stats();
    let places = Arc::new(Places::new(server.max_connections, server.max_per_address, stats.clone()));
    let (stage, watching) = watch::channel(Stage::Serving);
    let terms = Terms::new(&server, Bond::new(watching));
    let refusing = Refusing::new();
    let (handshake, speaks_http) = match below {
        Below::Nothing(handshake) => (handshake, true),
        Below::Handshake(handshake) => (handshake, false),
    };

    let mut until = pin!(until);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = &mut until => break,
            accepted = accept(&listener) => accepted,
        };
        let place = match places.take(peer.ip()) {
            Ok(place) => place,
            Err(why) => {
                tracing::debug!(%peer, ?why, "a connection is refused");
                stats.refuse();
                if speaks_http {
                    refusing.tell(stream, why);
                }
                continue;
            }
        };
        let (terms, service, handshake) = (terms.clone(), service.clone(), handshake.clone());
        let progress = Arc::new(Progress::new(stats.clone()));
        tokio::spawn(async move {
            let mut bond = terms.bond.clone();
            let opened = tokio::select! {
                opened = timeout(terms.opening_timeout, handshake(stream)) => opened,
                () = bond.reached(Stage::Draining) => return,
            };
            let stream = match opened {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "a handshake below HTTP failed"),
                Err(_) => {
                    progress.time_out();
                    return tracing::debug!(%peer, "a handshake below HTTP took too long");
                }
            };
            let stream = Watched::new(stream, place, Arc::clone(&progress), terms.opening_timeout);
            terms.serve(stream, progress, peer, service).await;
        });
    }
    drop(listener);
    stage.send_replace(Stage::Draining);
    let mut ended = ShutdownReport { cut: 0 };
    if timeout(server.grace, places.emptied()).await.is_err() {
        ended.cut = places.taken();
    }
    stage.send_replace(Stage::Cut);
    if timeout(CUTTING, places.emptied()).await.is_err() {
        tracing::warn!(
            connections = places.taken(),
            "the server has ended, and the application still holds connections of it"
        );
    }
    ended
}

/// The next connection, however long it takes. Cancel-safe.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // What is written is meant to go: merging small writes is the WebSocket's part.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            // The peer's failure, not ours.
            Err(error) if is_the_peer_s(&error) => {}
            Err(error) => {
                tracing::error!(%error, "accepting a connection failed; trying again in 1 s");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_the_peer_s(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
