use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Buf;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::progress::Progress;
use super::stream::Watched;
use super::{BoxError, PeerAddress, RequestBody, Server};

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// It ends; connections may end by themselves.
    Draining,
    /// It has ended: nothing of it may be left.
    Cut,
}

/// What ties a connection to its server, before and after the upgrade.
#[derive(Clone, Debug)]
pub(crate) struct Bond(watch::Receiver<Stage>);

/// What each connection is given of its server.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) bond: Bond,
    builder: http1::Builder,
    pub(super) opening_timeout: Duration,
    max_body: usize,
}

/// Adds to each request what its connection knows.
struct Introduced<S> {
    service: S,
    peer: SocketAddr,
    progress: Arc<Progress>,
    bond: Bond,
    max_body: usize,
    patience: Duration,
}

/// What hyper takes as its smallest buffer.
const SMALLEST_BUFFER: usize = 8 << 10;

impl Bond {
    pub(super) fn new(stage: watch::Receiver<Stage>) -> Self {
        Self(stage)
    }

    /// Resolves when the server has ended; never without a server. Cancel-safe.
    pub(crate) async fn cut(bond: Option<Self>) {
        match bond {
            Some(mut bond) => bond.reached(Stage::Cut).await,
            None => std::future::pending().await,
        }
    }

    pub(super) async fn reached(&mut self, stage: Stage) {
        // A server that was dropped has ended as well.
        let _ = self.0.wait_for(|now| *now >= stage).await;
    }
}

impl Terms {
    pub(super) fn new(server: &Server, bond: Bond) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(server.opening_timeout)
            .max_header_size(server.max_head)
            .max_buf_size(server.max_head.max(SMALLEST_BUFFER));
        Self { bond, builder, opening_timeout: server.opening_timeout, max_body: server.max_body }
    }

    /// Serves a connection until it has ended, has been upgraded, or the server ends.
    pub(super) async fn serve<IO, S, B>(
        self,
        stream: Watched<IO>,
        progress: Arc<Progress>,
        peer: SocketAddr,
        service: S,
    ) where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
    {
        let Self { mut bond, builder, opening_timeout, max_body } = self;
        let service = Introduced {
            service,
            peer,
            progress: Arc::clone(&progress),
            bond: bond.clone(),
            max_body,
            patience: opening_timeout,
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = bond.reached(Stage::Draining) => {
                if !progress.asked.load(Ordering::Relaxed) {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection.as_mut() => ended,
                    () = bond.reached(Stage::Cut) => return,
                }
            }
        };
        match ended {
            // The code that has the stream now decides how long it may take.
            Ok(()) => progress.upgraded.store(true, Ordering::Relaxed),
            Err(error) => {
                if error.is_timeout() {
                    progress.time_out();
                }
                tracing::debug!(%peer, %error, "a connection ended with an error");
            }
        }
    }
}

impl<S> Service<Request<Incoming>> for Introduced<S>
where
    S: Service<Request<RequestBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.progress.asked.store(true, Ordering::Relaxed);
        let mut request = request.map(|body| RequestBody::new(body, self.max_body, self.patience));
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddress(self.peer));
        extensions.insert(self.bond.clone());
        #[cfg(feature = "axum")]
        extensions.insert(axum::extract::ConnectInfo(self.peer));
        self.service.call(request)
    }
}
