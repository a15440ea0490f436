//! A server with sessions, and a network in front of it that is cut on demand.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use everwire::{Builder, Client, SessionMode};
use everwire_server::{Session, Sessions, SessionsConfig, Upgrade};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};

pub(crate) struct Server {
    pub(crate) sessions: Sessions,
    /// Without the network in front of it.
    pub(crate) address: SocketAddr,
    pub(crate) network: Network,
}

#[derive(serde::Deserialize)]
struct Who {
    user: Option<String>,
}

impl Server {
    /// A server whose every new session is given to `application`.
    pub(crate) async fn start<F, Fut>(sessions: Sessions, application: F) -> Self
    where
        F: Fn(Session) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let accept = async move |State(sessions): State<Sessions>, Query(who): Query<Who>, upgrade: Upgrade| {
            sessions.accept(upgrade, who.user.unwrap_or_default(), application)
        };
        let app = Router::new().route("/", get(accept)).with_state(sessions.clone());
        let socket = TcpSocket::new_v4().unwrap();
        // Accepted sockets inherit it.
        socket.set_send_buffer_size(16 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { sessions, address, network: Network::to(address).await }
    }

    pub(crate) async fn echo() -> Self {
        let sessions = Sessions::new(SessionsConfig::default()).unwrap();
        Self::start(sessions, async |mut session: Session| {
            while let Some(received) = session.recv().await {
                session.sender().send_wait(received.message).await.ok();
            }
        })
        .await
    }

    pub(crate) fn client(&self) -> Client {
        self.network.client("")
    }
}

/// Waits until something becomes true.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(tokio::time::Instant::now() < patience, "it never came to that");
        tokio::task::yield_now().await;
    }
}

/// Carries bytes, until it is cut.
#[derive(Clone)]
pub(crate) struct Network {
    address: SocketAddr,
    cut: Arc<Notify>,
    upstream: watch::Sender<SocketAddr>,
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Network {
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let network = Self {
            address: listener.local_addr().unwrap(),
            cut: Arc::new(Notify::new()),
            upstream: watch::Sender::new(upstream),
            connections: Arc::default(),
        };
        let this = network.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                *this.connections.lock().unwrap() += 1;
                let (cut, upstream) = (Arc::clone(&this.cut), *this.upstream.borrow());
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(upstream).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        network
    }

    /// All connections are gone, with what is on its way.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// From the next connection on, this is where they lead.
    pub(crate) fn lead_to(&self, other: &Network) {
        self.upstream.send_replace(*other.upstream.borrow());
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    pub(crate) fn client(&self, query: &str) -> Client {
        self.builder(query).build().unwrap()
    }

    pub(crate) fn builder(&self, query: &str) -> Builder {
        Client::builder(format!("ws://{}/{query}", self.address))
            .session(SessionMode::Require)
            .initial_delay(Duration::from_millis(5))
            .max_delay(Duration::from_millis(20))
    }
}
