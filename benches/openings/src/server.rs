//! The accepting side, as a user would write it: a task for each connection reads it to its end.

use std::future::pending;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use everwire_server::{Server, Upgrade};
use everwire_ws::Config;
use futures_util::StreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::contender::{Contender, Transport};
use crate::{Done, tls};

/// Serves until it is killed. Its first line of output has its address and its certificate.
pub(crate) async fn run(contender: Contender, transport: Transport) -> Done<()> {
    let (acceptor, certificate) = tls::acceptor()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {certificate}", listener.local_addr()?);
    let acceptor = transport.is_encrypted().then_some(acceptor);
    match contender {
        Contender::Everwire => accept(listener, acceptor, Everwire).await,
        Contender::Tungstenite => accept(listener, acceptor, Tungstenite).await,
        Contender::EverwireServer => {
            let router = Router::new().route("/", get(everwire_upgrade));
            match acceptor {
                None => {
                    let _ = Server::new().serve_router(listener, router, pending()).await;
                }
                Some(tls) => {
                    let handshake = move |tcp| tls.accept(tcp);
                    let _ = Server::new().serve_router_with(listener, handshake, router, pending()).await;
                }
            }
            Ok(())
        }
        Contender::Axum => {
            let router = Router::new().route("/", get(axum_upgrade));
            match acceptor {
                None => {
                    let listener = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
                    Ok(axum::serve(listener, router).await?)
                }
                some => accept(listener, some, Axum(router)).await,
            }
        }
    }
}

/// Serves one connection.
trait Accepting: Clone + Send + 'static {
    fn serve<S>(self, stream: S) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

async fn accept<A: Accepting>(listener: TcpListener, tls: Option<TlsAcceptor>, accepting: A) -> Done<()> {
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let accepting = accepting.clone();
        match tls.clone() {
            None => drop(tokio::spawn(accepting.serve(tcp))),
            Some(tls) => drop(tokio::spawn(async move {
                if let Ok(stream) = tls.accept(tcp).await {
                    accepting.serve(stream).await;
                }
            })),
        }
    }
}

#[derive(Clone)]
struct Everwire;

impl Accepting for Everwire {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Ok((mut socket, _)) = everwire_tokio::server(stream, Config::default(), |_| None).await {
            while let Ok(Some(_)) = socket.recv().await {}
        }
    }
}

#[derive(Clone)]
struct Tungstenite;

impl Accepting for Tungstenite {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
            while let Some(Ok(_)) = socket.next().await {}
        }
    }
}

/// axum with TLS, as in axum's own example: hyper for each connection.
#[derive(Clone)]
struct Axum(Router);

impl Accepting for Axum {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.0);
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // An error of a connection does not matter here.
        let _ = connection.with_upgrades().await;
    }
}

async fn everwire_upgrade(upgrade: Upgrade) -> impl IntoResponse {
    upgrade.on_upgrade(async |mut socket| while let Ok(Some(_)) = socket.recv().await {})
}

async fn axum_upgrade(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(async |mut socket| while let Some(Ok(_)) = socket.recv().await {})
}
